-- Ours: the hash of an entry covers the one before it, so that none can be altered or taken out unseen. Empty in entries that
-- were written before there was a chain: they are chained when the database is opened first.
ALTER TABLE audit ADD COLUMN hash TEXT NOT NULL DEFAULT '';

-- Ours: what was changed on a node and wants restarts: the name of a unit, or CTL. The restarts themselves are a table of facts.
CREATE TABLE restartcause (
    fkprocessnode TEXT NOT NULL REFERENCES processnode (pkid),
    cause TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (fkprocessnode, cause)
);

-- Ours: steps that an administrator has done, other than the start of a service.
CREATE TABLE restartdone (
    fkprocessnode TEXT NOT NULL REFERENCES processnode (pkid),
    step TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (fkprocessnode, step)
);

-- Pages of the inventory go by these.
CREATE INDEX lsc_page ON lsc (devicename, pkid);
