INSERT INTO logline VALUES (1, 'log/CertMgmt.log', 'a line');
INSERT INTO logfile VALUES ('log/CertMgmt.log', 7);
