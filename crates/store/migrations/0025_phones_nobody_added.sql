-- Ours. The last list of each kind that a phone fetched that nobody added, when it has fetched a config from the same address
-- behind it. `tvs`: whether that config is known to name TVS for it: its own does, XMLDefault.cnf.xml may not be heard.
CREATE TABLE strangerlist (
    devicename TEXT NOT NULL,
    kind TEXT NOT NULL,
    digest TEXT NOT NULL,
    servername TEXT NOT NULL,
    address TEXT NOT NULL,
    fetchedat BIGINT NOT NULL,
    tvs TEXT NOT NULL,
    PRIMARY KEY (devicename, kind)
);

-- A phone that was a stranger when it fetched its list, and has not come for a config of its own yet, has 'f'.
ALTER TABLE fetchedlist ADD COLUMN tvs TEXT NOT NULL DEFAULT 't';
