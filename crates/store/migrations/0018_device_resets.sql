-- Ours: the phones of a reset by name. `changeseq` is the row of kind `reset` in `change`.
CREATE TABLE devicereset (
    changeseq BIGINT NOT NULL,
    devicename TEXT NOT NULL,
    PRIMARY KEY (changeseq, devicename)
);
