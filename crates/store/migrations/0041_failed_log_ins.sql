-- Ours. Wrong passwords of late, by account and address: one counter for all that ask for a password. `unnoted`: those that the audit
-- log does not tell of yet. A name that is no account stands there as a hash, because people type passwords into the wrong line.
CREATE TABLE failedlogin (
    account TEXT NOT NULL,
    address TEXT NOT NULL,
    wrong BIGINT NOT NULL,
    lastat BIGINT NOT NULL,
    lockeduntil BIGINT NOT NULL,
    unnoted BIGINT NOT NULL,
    notedat BIGINT NOT NULL,
    PRIMARY KEY (account, address)
);
