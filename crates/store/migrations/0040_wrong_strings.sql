-- Ours. Wrong authentication strings of the last day, by device and address, so that a restart does not help who guesses. Rows of
-- another schedule than that of the device count for nothing.
CREATE TABLE wrongstrings (
    devicename TEXT NOT NULL,
    address TEXT NOT NULL,
    scheduledat BIGINT NOT NULL,
    wrong BIGINT NOT NULL,
    lastat BIGINT NOT NULL,
    lockeduntil BIGINT NOT NULL,
    PRIMARY KEY (devicename, address)
);
