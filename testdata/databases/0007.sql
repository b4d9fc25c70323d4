INSERT INTO certificaterequest VALUES ('request-1', 'node-2', 11, '-----BEGIN CERTIFICATE REQUEST', 'dd03', 'f', 'waiting', 20);
INSERT INTO websecurity VALUES ('node-1', 'TAC', 'Cisco', 'Krakow', 'Malopolska', 'PL', '');
INSERT INTO disableddefaultca (fingerprint, commonname, disabledat) VALUES ('ee01', 'Cisco Manufacturing CA', 21);
UPDATE certificateservicecertificatemap SET filename = 'pub.pem' WHERE pkid = 'service-2';
