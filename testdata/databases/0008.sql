INSERT INTO restartcause VALUES ('node-2', 'CallManager of pub', 22);
INSERT INTO restartdone VALUES ('node-2', 'tftp', 23);
