-- Ours: the folder of files that a node serves, so that others can look what the configs in it say.
CREATE TABLE servedfolder (
    fkprocessnode TEXT NOT NULL PRIMARY KEY REFERENCES processnode (pkid),
    path TEXT NOT NULL,
    merge TEXT NOT NULL
);
