UPDATE device SET tkcertificateoperation = 2, tkauthenticationmode = 1, authenticationstring = '12345', upgradefinishtime = 1425700000,
    scheduledat = 7, attempts = 1 WHERE pkid = 'device-1';
INSERT INTO lsc VALUES
    ('lsc-1', 'SEP0011223344AA', '01', 'CN=SEP0011223344AA', 'CN=CAPF', 'aa09', 1425675879, 1583442279, '', '-----BEGIN', 'bb01', 3, 5, 6),
    ('lsc-2', 'SEP001122334455', '02', 'CN=SEP001122334455', 'CN=CAPF', 'aa09', 1425675879, 1583442279, 'tbs', NULL, NULL, 1, 7, 7);
INSERT INTO devicecertificate VALUES ('SEP0011223344AA', 'MIC', '-----BEGIN', 'cc01', 1583442279, 8);
INSERT INTO wave VALUES (1, 'running', '', 10, 2, 2, 3600, 9);
INSERT INTO wavedevice VALUES (1, 'SEP001122334455', 1, 'scheduled', 7);
INSERT INTO certificatesigningrequest VALUES ('node-1', 9, '-----BEGIN CERTIFICATE REQUEST', 'dd01', 10);
