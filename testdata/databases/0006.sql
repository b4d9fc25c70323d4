INSERT INTO bulkserver VALUES (1, 'sftp.example', 22, 'backup', 'sealed:0815', '/srv', 'SHA256:abc');
INSERT INTO certificatenotice VALUES ('aa03', 'CertValidfor7days', 17);
INSERT INTO certificateacknowledgement VALUES ('aa03', 'admin', 'goes anyway', 18);
INSERT INTO certificaterevocation VALUES ('aa03', 'good', 'http://192.0.2.8/', '', 19);
