INSERT INTO toldalarm VALUES ('CtlNotDistributed', 'sub', 'node-1', 'sub does not have the CTL file');
