-- The tables of a cluster. Names and columns follow the original, because `run sql` shows them [cucm-behaviour.md 1.8];
-- columns that are ours stand last and are marked. Flags are 't' and 'f' as there. Types are those that SQLite and
-- PostgreSQL share: TEXT, SMALLINT, BIGINT (times: milliseconds since 1970 UTC).

CREATE TABLE processnode (
    pkid TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    mac TEXT,
    systemnode TEXT NOT NULL,
    description TEXT NOT NULL,
    isactive TEXT NOT NULL,
    nodeid BIGINT NOT NULL UNIQUE,
    tknodeusage SMALLINT NOT NULL,
    ipv6name TEXT,
    fklbmhubgroup TEXT,
    tkprocessnoderole SMALLINT NOT NULL,
    tkssomode SMALLINT NOT NULL,
    -- ours: the address of the node, which the original keeps in `name` or in DNS; the domain behind the host name
    ipv4address TEXT NOT NULL,
    domain TEXT NOT NULL
);

CREATE TABLE processconfig (
    pkid TEXT PRIMARY KEY,
    paramname TEXT NOT NULL UNIQUE,
    paramvalue TEXT NOT NULL
);

CREATE TABLE typecertificateservice (
    enum SMALLINT PRIMARY KEY,
    name TEXT NOT NULL,
    moniker TEXT NOT NULL,
    usestruststore TEXT NOT NULL
);
INSERT INTO typecertificateservice VALUES
    (1, 'Phone-trust', 'CERTIFICATE_SERVICE_PHONE_TRUST', 't'),
    (2, 'Phone-VPN-trust', 'CERTIFICATE_SERVICE_PHONE_VPN_TRUST', 't'),
    (3, 'CallManager', 'CERTIFICATE_SERVICE_CALLMANAGER', 'f'),
    (4, 'CallManager-trust', 'CERTIFICATE_SERVICE_CALLMANAGER_TRUST', 't'),
    (5, 'tomcat', 'CERTIFICATE_SERVICE_TOMCAT', 'f'),
    (6, 'tomcat-trust', 'CERTIFICATE_SERVICE_TOMCAT_TRUST', 't'),
    (7, 'ipsec', 'CERTIFICATE_SERVICE_IPSEC', 'f'),
    (8, 'ipsec-trust', 'CERTIFICATE_SERVICE_IPSEC_TRUST', 't'),
    (9, 'CAPF', 'CERTIFICATE_SERVICE_CAPF', 'f'),
    (10, 'CAPF-trust', 'CERTIFICATE_SERVICE_CAPF_TRUST', 't'),
    (11, 'TVS', 'CERTIFICATE_SERVICE_TVS', 'f'),
    (12, 'TVS-trust', 'CERTIFICATE_SERVICE_TVS_TRUST', 't'),
    (13, 'directory-trust', 'CERTIFICATE_SERVICE_DIRECTORY_TRUST', 't'),
    (14, 'Phone-SAST-trust', 'CERTIFICATE_SERVICE_PHONE_SAST_TRUST', 't'),
    (15, 'Phone-CTL-trust', 'CERTIFICATE_SERVICE_PHONE_CTL_TRUST', 't'),
    (16, 'userlicensing-trust', 'CERTIFICATE_SERVICE_USERLICENSING_TRUST', 't'),
    -- ours: the number of the original is not known, so it stands far from its row of numbers
    (100, 'ITLRecovery', 'CERTIFICATE_SERVICE_ITLRECOVERY', 'f');

CREATE TABLE typetrustrole (
    enum SMALLINT PRIMARY KEY,
    name TEXT NOT NULL
);
INSERT INTO typetrustrole VALUES
    (0, 'SAST'), (1, 'CALLMANAGER'), (2, 'CALLMANAGER_TFTP'), (3, 'TFTP'), (4, 'CAPF'), (5, 'SRST'), (6, 'FIREWALL'),
    (7, 'APPLICATION_SERVER'), (20, 'CERTIFICATE_AUTHORITY'), (21, 'AUTHENTICATION_AUTHORIZATION'),
    (22, 'SIGNALING_CALL_CONTROL'), (23, 'PROVISIONING'), (24, 'DATA_SERVICE'), (25, 'NETWORK_ELEMENT'), (26, 'VPN'),
    (27, 'SERVICEABILITY'), (255, 'UNKNOWN');

CREATE TABLE certificate (
    pkid TEXT PRIMARY KEY,
    servername TEXT NOT NULL,
    subjectname TEXT NOT NULL,
    issuername TEXT NOT NULL,
    serialnumber TEXT NOT NULL,
    certificate TEXT NOT NULL,
    ipv4address TEXT,
    ipv6address TEXT,
    timetolive BIGINT NOT NULL,
    tkcertificatedistribution SMALLINT NOT NULL,
    -- ours: SHA-256 of the DER in hexadecimal, by which a certificate is known; the friendly name; when it replaced
    -- another one (NULL for a first one)
    fingerprint TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    regeneratedat BIGINT
);

CREATE TABLE certificateservicecertificatemap (
    pkid TEXT PRIMARY KEY,
    fkcertificate TEXT NOT NULL REFERENCES certificate (pkid) ON DELETE CASCADE,
    tkcertificateservice SMALLINT NOT NULL REFERENCES typecertificateservice (enum),
    UNIQUE (fkcertificate, tkcertificateservice)
);

CREATE TABLE certificateprocessnodemap (
    pkid TEXT PRIMARY KEY,
    fkcertificate TEXT NOT NULL REFERENCES certificate (pkid) ON DELETE CASCADE,
    fkprocessnode TEXT NOT NULL REFERENCES processnode (pkid),
    servername TEXT NOT NULL,
    ipv4address TEXT,
    ipv6address TEXT,
    UNIQUE (fkcertificate, fkprocessnode)
);

CREATE TABLE certificatetrustrolemap (
    pkid TEXT PRIMARY KEY,
    fkcertificate TEXT NOT NULL REFERENCES certificate (pkid) ON DELETE CASCADE,
    tktrustrole SMALLINT NOT NULL REFERENCES typetrustrole (enum),
    UNIQUE (fkcertificate, tktrustrole)
);

CREATE TABLE certificatehashmap (
    pkid TEXT PRIMARY KEY,
    fkcertificate TEXT NOT NULL UNIQUE REFERENCES certificate (pkid) ON DELETE CASCADE,
    hash TEXT NOT NULL
);

CREATE TABLE callmanagergroup (
    pkid TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);

CREATE TABLE callmanagergroupmember (
    pkid TEXT PRIMARY KEY,
    fkcallmanagergroup TEXT NOT NULL REFERENCES callmanagergroup (pkid) ON DELETE CASCADE,
    fkprocessnode TEXT NOT NULL REFERENCES processnode (pkid),
    priority SMALLINT NOT NULL,
    UNIQUE (fkcallmanagergroup, priority)
);

CREATE TABLE typecertificatestatus (
    enum SMALLINT PRIMARY KEY,
    name TEXT NOT NULL
);
INSERT INTO typecertificatestatus VALUES
    (1, 'None'), (2, 'Operation Pending'), (3, 'Upgrade Success'), (4, 'Delete Success'), (5, 'Troubleshoot Success'),
    (6, 'Upgrade Failed'), (7, 'Delete Failed'), (8, 'Troubleshoot Failed'),
    (9, 'Upgrade Failed: Invalid LSC'), (10, 'Upgrade Failed: Invalid Authentication String'),
    (11, 'Upgrade Failed: Invalid MIC'), (12, 'Upgrade Failed: Invalid Credentials'),
    (13, 'Upgrade Failed: Phone Communication Failure'), (14, 'Upgrade Failed: Key Generation Failed/Timeout'),
    (15, 'Upgrade Failed: CA Communication Failure'), (16, 'Upgrade Failed: CA Rejected Connection'),
    (17, 'Upgrade Failed: User Initiated Request Late/Timeout'),
    (18, 'Delete Failed: Invalid LSC'), (19, 'Delete Failed: Invalid Authentication String'),
    (20, 'Delete Failed: Invalid MIC'), (21, 'Delete Failed: Invalid Credentials'),
    (22, 'Delete Failed: Phone Communication Failure'), (23, 'Delete Failed: Key Generation Failed/Timeout'),
    (24, 'Delete Failed: CA Communication Failure'), (25, 'Delete Failed: CA Rejected Connection'),
    (26, 'Delete Failed: User Initiated Request Late/Timeout'),
    (27, 'Troubleshoot Failed: Invalid LSC'), (28, 'Troubleshoot Failed: Invalid Authentication String'),
    (29, 'Troubleshoot Failed: Invalid MIC'), (30, 'Troubleshoot Failed: Invalid Credentials'),
    (31, 'Troubleshoot Failed: Phone Communication Failure'), (32, 'Troubleshoot Failed: Key Generation Failed/Timeout'),
    (33, 'Troubleshoot Failed: User Initiated Request Late/Timeout');

CREATE TABLE device (
    pkid TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    -- ours: the original points to typemodel, typedeviceprotocol and a device pool
    model TEXT NOT NULL,
    tkdeviceprotocol SMALLINT NOT NULL,
    tkdevicesecuritymode SMALLINT NOT NULL,
    tkcertificatestatus SMALLINT NOT NULL REFERENCES typecertificatestatus (enum),
    publickey TEXT,
    fkcallmanagergroup TEXT NOT NULL REFERENCES callmanagergroup (pkid),
    versionstamp TEXT NOT NULL
);

CREATE TABLE processnodeservice (
    pkid TEXT PRIMARY KEY,
    fkprocessnode TEXT NOT NULL REFERENCES processnode (pkid),
    servername TEXT NOT NULL,
    enable TEXT NOT NULL,
    isactive TEXT NOT NULL,
    -- ours: when the service was last started
    startedat BIGINT NOT NULL,
    UNIQUE (fkprocessnode, servername)
);

-- Ours: phones that asked for a config and are not in `device`.
CREATE TABLE unknowndevice (
    name TEXT PRIMARY KEY,
    lastfile TEXT NOT NULL,
    lastaddress TEXT NOT NULL,
    firstseen BIGINT NOT NULL,
    lastseen BIGINT NOT NULL,
    requests BIGINT NOT NULL
);
CREATE INDEX unknowndevice_lastseen ON unknowndevice (lastseen, name);

-- Ours: what changed, for whoever listens. Readers remember the last `seq` they have seen.
CREATE TABLE change (
    seq BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL
);

-- Ours: who did what. A change and its entry are one transaction.
CREATE TABLE audit (
    seq BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    command TEXT NOT NULL,
    result TEXT NOT NULL
);
