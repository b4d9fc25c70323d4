INSERT INTO undeliveredalarm VALUES (1, 'syslog', 'CertValidfor7days', 2, 'Certificate expiration Notification', 29);
INSERT INTO alarmnumber VALUES ('node-1', 864);
