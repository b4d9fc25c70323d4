INSERT INTO standingalarm VALUES ('CtlNotDistributed', 'sub', 'sub does not have the CTL file', 14);
INSERT INTO itlreset VALUES ('node-1', 'aa01', 15);
INSERT INTO recoverybackup VALUES ('aa01', 16);
