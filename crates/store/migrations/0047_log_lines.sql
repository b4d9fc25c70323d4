-- Ours: lines of alarms.log, CertMgmt.log, certCN.log and messages. Each is written with the change that it tells of, and stays until it
-- stands in its log.
CREATE TABLE logline (
    seq BIGINT PRIMARY KEY,
    -- the log, below the data directory
    path TEXT NOT NULL,
    -- one or more lines
    text TEXT NOT NULL
);

-- How long a log was when the lines before had been forgotten here. What stands behind that was written by a process that was killed
-- before it could say so.
CREATE TABLE logfile (
    path TEXT PRIMARY KEY,
    length BIGINT NOT NULL
);

-- Ours: when a start of this cluster had chosen the ports of TVS and CAPF, milliseconds since 1970 UTC. No later one chooses them.
CREATE TABLE portschosen (
    at BIGINT PRIMARY KEY
);
-- A cluster that was made before there was this table was served.
INSERT INTO portschosen (at) SELECT 0 WHERE EXISTS (SELECT 1 FROM processnodeservice);
