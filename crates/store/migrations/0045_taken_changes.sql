-- Ours: the last row of `change` that a node has taken over. What all nodes have taken is forgotten after a while.
CREATE TABLE takenchange (
    fkprocessnode TEXT PRIMARY KEY REFERENCES processnode (pkid),
    seq BIGINT NOT NULL
);
