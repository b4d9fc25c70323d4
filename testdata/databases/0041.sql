INSERT INTO failedlogin VALUES ('ccmadmin', '192.0.2.60', 2, 32, 0, 0, 0);
