-- Ours: who may log in from elsewhere, with a password.
CREATE TABLE applicationuser (
    pkid TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    -- 0, 1 or 4, as in the platform shell
    privilegelevel SMALLINT NOT NULL,
    -- milliseconds since 1970 UTC
    createdat BIGINT NOT NULL
);

-- Their passwords. `run sql` does not show this table.
CREATE TABLE credential (
    fkapplicationuser TEXT PRIMARY KEY REFERENCES applicationuser (pkid) ON DELETE CASCADE,
    -- argon2id, in the PHC string form
    credentials TEXT NOT NULL
);

-- Ours: the CTL that a CTL client signed and the provider took; one at most. It stays until a node builds a CTL itself.
CREATE TABLE ctlfile (
    number SMALLINT PRIMARY KEY CHECK (number = 1),
    file BLOB NOT NULL,
    -- the value that ClusterSecurityMode gets with it
    clustersecuritymode TEXT NOT NULL,
    takenfrom TEXT NOT NULL,
    takenat BIGINT NOT NULL,
    -- t when every node has it
    onallnodes TEXT NOT NULL
);
