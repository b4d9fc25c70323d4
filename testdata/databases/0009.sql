INSERT INTO deletedcertificate VALUES ('aa04', 6, '-----BEGIN', 'old.pem', '', 'old', NULL, 60, 24, 'admin');
INSERT INTO renewal VALUES (1, 25, 'pub', 3, 'aa01');
INSERT INTO publishedlist VALUES ('ff01', 'ITL', 'pub', 1, 't');
INSERT INTO fetchedlist (devicename, kind, digest, servername, address, fetchedat) VALUES ('SEP0011223344AA', 'ITL', 'ff01', 'pub', '192.0.2.50', 26);
INSERT INTO pendingreset VALUES (1, 27, 'pub', 3, 'aa01', '70ca');
INSERT INTO formerkey VALUES ('dd04', 'pub', 3, 'CN=pub', '6b1d', 28);
