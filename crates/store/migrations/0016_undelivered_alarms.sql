-- Ours: alarms that a receiver (syslog, mail) has not taken yet. They outlast a restart.
CREATE TABLE undeliveredalarm (
    seq BIGINT PRIMARY KEY,
    receiver TEXT NOT NULL,
    -- UC_CERT-2-CertValidfor7days, and its severity of syslog
    alarm TEXT NOT NULL,
    severity SMALLINT NOT NULL,
    -- the line of alarms.log
    text TEXT NOT NULL,
    -- milliseconds since 1970 UTC
    at BIGINT NOT NULL
);
CREATE INDEX undeliveredalarm_receiver ON undeliveredalarm (receiver, severity, seq);

-- The number in front of the last line of a node's alarms.log.
CREATE TABLE alarmnumber (
    fkprocessnode TEXT PRIMARY KEY REFERENCES processnode (pkid),
    last BIGINT NOT NULL
);

-- The certificate monitor goes through the current LSCs by their end, and stops where none is near.
CREATE INDEX lsc_end ON lsc (notafter, pkid) WHERE tklscstate = 3;
