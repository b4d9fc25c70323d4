INSERT INTO processnode VALUES
    ('node-1', 'pub', NULL, 't', '', 't', 2, 1, NULL, NULL, 1, 0, '192.0.2.1', 'example.org'),
    ('node-2', 'sub', NULL, 'f', 'Second', 't', 3, 1, NULL, NULL, 2, 0, '192.0.2.2', 'example.org');
INSERT INTO processconfig VALUES ('config-1', 'ClusterSecurityMode', '1'), ('config-2', 'TVSPort', '2446');
INSERT INTO certificate VALUES
    ('certificate-1', 'pub', 'CN=pub', 'CN=pub', '70ca', '-----BEGIN', '192.0.2.1', NULL, 86400, 1, 'aa01', 'Self-signed', 1425675879000),
    ('certificate-2', 'sub', 'CN=sub', 'CN=sub', '6beb', '-----BEGIN', '192.0.2.2', NULL, 86400, 1, 'aa02', '', NULL),
    ('certificate-3', 'other', 'CN=it''s', 'CN=root', '01', '-----BEGIN', NULL, NULL, 60, 2, 'aa03', 'Given', NULL);
INSERT INTO certificateservicecertificatemap (pkid, fkcertificate, tkcertificateservice) VALUES
    ('service-1', 'certificate-1', 3), ('service-2', 'certificate-1', 14), ('service-3', 'certificate-2', 11), ('service-4', 'certificate-3', 6);
INSERT INTO certificateprocessnodemap VALUES
    ('place-1', 'certificate-1', 'node-1', 'pub', '192.0.2.1', NULL), ('place-2', 'certificate-2', 'node-2', 'sub', '192.0.2.2', NULL);
INSERT INTO certificatetrustrolemap VALUES ('role-1', 'certificate-1', 0), ('role-2', 'certificate-1', 2), ('role-3', 'certificate-3', 7);
INSERT INTO certificatehashmap VALUES ('hash-1', 'certificate-1', 'abcdef');
INSERT INTO callmanagergroup VALUES ('group-1', 'Default'), ('group-2', 'sub,pub');
INSERT INTO callmanagergroupmember VALUES
    ('member-1', 'group-1', 'node-1', 0), ('member-2', 'group-2', 'node-2', 0), ('member-3', 'group-2', 'node-1', 1);
INSERT INTO device (pkid, name, description, model, tkdeviceprotocol, tkdevicesecuritymode, tkcertificatestatus, publickey, fkcallmanagergroup, versionstamp)
VALUES
    ('device-1', 'SEP001122334455', 'Hall', '8861', 11, 1, 1, NULL, 'group-1', '1-1'),
    ('device-2', 'SEP0011223344AA', 'Küche', '7965', 0, 3, 3, '-----BEGIN PUBLIC KEY', 'group-2', '2-9');
INSERT INTO processnodeservice VALUES ('running-1', 'node-1', 'Cisco Tftp', 't', 't', 1425675879000), ('running-2', 'node-2', 'Cisco Tftp', 't', 'f', 0);
INSERT INTO unknowndevice VALUES ('SEP00AABBCCDDEE', 'SEP00AABBCCDDEE.cnf.xml.sgn', '192.0.2.77', 1, 2, 3);
INSERT INTO change VALUES (1, 1425675879000, 'certificate', 'aa01'), (2, 1425675880000, 'parameter', 'TVSPort');
INSERT INTO audit (seq, at, actor, command, result) VALUES
    (1, 1425675879000, 'admin', 'set parameter TVSPort', '2445'),
    (2, 1425675880000, 'admin', 'utils system switch-version 10.5', 'release 9.1 before');
