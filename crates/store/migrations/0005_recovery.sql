-- Alarms that stand, ITLs that were reset, ITLRecovery keys that were backed up. All ours.

-- Alarms that stand until something is done about them.
CREATE TABLE standingalarm (
    name TEXT NOT NULL,
    -- what it is about, such as the fingerprint of a certificate; empty when there is one thing only
    subject TEXT NOT NULL,
    text TEXT NOT NULL,
    raisedat BIGINT NOT NULL,
    PRIMARY KEY (name, subject)
);

-- The ITL that `utils itl reset` has written for a node, by the SHA-256 of the file: it stays until Cisco Tftp restarts.
CREATE TABLE itlreset (
    fkprocessnode TEXT PRIMARY KEY REFERENCES processnode (pkid),
    fingerprint TEXT NOT NULL,
    resetat BIGINT NOT NULL
);

-- ITLRecovery certificates whose key was taken away in a file, by the SHA-256 of the certificate.
CREATE TABLE recoverybackup (
    fingerprint TEXT PRIMARY KEY,
    takenat BIGINT NOT NULL
);
