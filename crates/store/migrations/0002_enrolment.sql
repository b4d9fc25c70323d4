-- Enrolment: what CAPF does for a device, the certificates it has issued, waves. Names of columns as the original has them
-- where they are known [cucm-behaviour.md 4.2, 4.4, seed 004].

ALTER TABLE typecertificatestatus ADD COLUMN moniker TEXT NOT NULL DEFAULT '';
UPDATE typecertificatestatus SET moniker = 'CERT_STATUS_NONE' WHERE enum = 1;
UPDATE typecertificatestatus SET moniker = 'CERT_STATUS_SCHEDULE' WHERE enum = 2;
UPDATE typecertificatestatus SET moniker = 'CERT_STATUS_UPGRADE_SUCCESS' WHERE enum = 3;
UPDATE typecertificatestatus SET moniker = 'CERT_STATUS_DELETE_SUCCESS' WHERE enum = 4;
UPDATE typecertificatestatus SET moniker = 'CERT_STATUS_TROUBLESHOOT_SUCCESS' WHERE enum = 5;
UPDATE typecertificatestatus SET moniker = 'CERT_STATUS_UPGRADE_FAIL' WHERE enum = 6;
UPDATE typecertificatestatus SET moniker = 'CERT_STATUS_DELETE_FAIL' WHERE enum = 7;
UPDATE typecertificatestatus SET moniker = 'CERT_STATUS_TROUBLESHOOT_FAIL' WHERE enum = 8;
UPDATE typecertificatestatus SET moniker = 'CERT_STATUS_UPGRADE_FAIL_INVALID_LSC' WHERE enum = 9;
UPDATE typecertificatestatus SET moniker = 'CERT_STATUS_UPGRADE_FAIL_INVALID_AUTH_STR' WHERE enum = 10;
UPDATE typecertificatestatus SET moniker = 'CERT_STATUS_UPGRADE_FAIL_INVALID_MIC' WHERE enum = 11;
UPDATE typecertificatestatus SET moniker = 'CERT_STATUS_UPGRADE_FAIL_INVALID_CREDENTIALS' WHERE enum = 12;
UPDATE typecertificatestatus SET moniker = 'CERT_STATUS_UPGRADE_FAIL_PHONE_COMM_ERROR' WHERE enum = 13;
UPDATE typecertificatestatus SET moniker = 'CERT_STATUS_UPGRADE_FAIL_OP_TIMED_OUT' WHERE enum = 14;
UPDATE typecertificatestatus SET moniker = 'CERT_STATUS_UPGRADE_FAIL_CA_COMM_ERROR' WHERE enum = 15;
UPDATE typecertificatestatus SET moniker = 'CERT_STATUS_UPGRADE_FAIL_CA_REJECT' WHERE enum = 16;
UPDATE typecertificatestatus SET moniker = 'CERT_STATUS_UPGRADE_FAIL_LATE_REQUEST' WHERE enum = 17;
UPDATE typecertificatestatus SET moniker = 'CERT_STATUS_DELETE_FAIL_INVALID_LSC' WHERE enum = 18;
UPDATE typecertificatestatus SET moniker = 'CERT_STATUS_DELETE_FAIL_INVALID_AUTH_STR' WHERE enum = 19;
UPDATE typecertificatestatus SET moniker = 'CERT_STATUS_DELETE_FAIL_INVALID_MIC' WHERE enum = 20;
UPDATE typecertificatestatus SET moniker = 'CERT_STATUS_DELETE_FAIL_INVALID_CREDENTIALS' WHERE enum = 21;
UPDATE typecertificatestatus SET moniker = 'CERT_STATUS_DELETE_FAIL_PHONE_COMM_ERROR' WHERE enum = 22;
UPDATE typecertificatestatus SET moniker = 'CERT_STATUS_DELETE_FAIL_OP_TIMED_OUT' WHERE enum = 23;
UPDATE typecertificatestatus SET moniker = 'CERT_STATUS_DELETE_FAIL_CA_COMM_ERROR' WHERE enum = 24;
UPDATE typecertificatestatus SET moniker = 'CERT_STATUS_DELETE_FAIL_CA_REJECT' WHERE enum = 25;
UPDATE typecertificatestatus SET moniker = 'CERT_STATUS_DELETE_FAIL_LATE_REQUEST' WHERE enum = 26;
UPDATE typecertificatestatus SET moniker = 'CERT_STATUS_TROUBLESHOOT_FAIL_INVALID_LSC' WHERE enum = 27;
UPDATE typecertificatestatus SET moniker = 'CERT_STATUS_TROUBLESHOOT_FAIL_INVALID_AUTH_STR' WHERE enum = 28;
UPDATE typecertificatestatus SET moniker = 'CERT_STATUS_TROUBLESHOOT_FAIL_INVALID_MIC' WHERE enum = 29;
UPDATE typecertificatestatus SET moniker = 'CERT_STATUS_TROUBLESHOOT_FAIL_INVALID_CREDENTIALS' WHERE enum = 30;
UPDATE typecertificatestatus SET moniker = 'CERT_STATUS_TROUBLESHOOT_FAIL_PHONE_COMM_ERROR' WHERE enum = 31;
UPDATE typecertificatestatus SET moniker = 'CERT_STATUS_TROUBLESHOOT_FAIL_OP_TIMED_OUT' WHERE enum = 32;
UPDATE typecertificatestatus SET moniker = 'CERT_STATUS_TROUBLESHOOT_FAIL_LATE_REQUEST' WHERE enum = 33;

CREATE TABLE typecertificateoperation (
    enum SMALLINT PRIMARY KEY,
    name TEXT NOT NULL
);
INSERT INTO typecertificateoperation VALUES
    (1, 'No Pending Operation'), (2, 'Install/Upgrade'), (3, 'Delete'), (4, 'Troubleshoot');

-- The numbers are those of capfAuthMode in a config.
CREATE TABLE typeauthenticationmode (
    enum SMALLINT PRIMARY KEY,
    name TEXT NOT NULL
);
INSERT INTO typeauthenticationmode VALUES
    (1, 'By Authentication String'), (2, 'By Null String'), (3, 'By Existing Certificate (Precedence to LSC)'),
    (4, 'By Existing Certificate (Precedence to MIC)');

CREATE TABLE typekeyorder (
    enum SMALLINT PRIMARY KEY,
    name TEXT NOT NULL
);
INSERT INTO typekeyorder VALUES (1, 'RSA Only'), (2, 'EC Only'), (3, 'EC Preferred, RSA Backup');

-- The CAPF block of a phone. SQLite adds no column with a default and a reference, so the three types have none.
ALTER TABLE device ADD COLUMN tkcertificateoperation SMALLINT NOT NULL DEFAULT 1;
ALTER TABLE device ADD COLUMN tkauthenticationmode SMALLINT NOT NULL DEFAULT 2;
-- sealed with a key that is not in the database; NULL when there is none
ALTER TABLE device ADD COLUMN authenticationstring TEXT;
ALTER TABLE device ADD COLUMN tkkeyorder SMALLINT NOT NULL DEFAULT 1;
-- bits
ALTER TABLE device ADD COLUMN tkkeysize SMALLINT NOT NULL DEFAULT 2048;
ALTER TABLE device ADD COLUMN tkeckeysize SMALLINT NOT NULL DEFAULT 384;
-- Operation Completes By
ALTER TABLE device ADD COLUMN upgradefinishtime BIGINT;
-- ours: which schedule this is (when it was made); sessions that began to issue under it; no strings are taken before
-- `lockeduntil`; whether the phone failed to make an EC key under this schedule, so that RSA comes next; TFTP Encrypted Config
ALTER TABLE device ADD COLUMN scheduledat BIGINT NOT NULL DEFAULT 0;
ALTER TABLE device ADD COLUMN attempts BIGINT NOT NULL DEFAULT 0;
ALTER TABLE device ADD COLUMN lockeduntil BIGINT NOT NULL DEFAULT 0;
ALTER TABLE device ADD COLUMN ecfailed TEXT NOT NULL DEFAULT 'f';
ALTER TABLE device ADD COLUMN encryptedconfig TEXT NOT NULL DEFAULT 'f';

CREATE TABLE typelscstate (
    enum SMALLINT PRIMARY KEY,
    name TEXT NOT NULL
);
INSERT INTO typelscstate VALUES
    (1, 'Intended'), (2, 'Signed'), (3, 'Confirmed'), (4, 'Superseded'), (5, 'Deleted');

-- Ours: every LSC that was ever to be signed. It names its device and does not refer to it: what was issued stays known
-- when the device is removed.
CREATE TABLE lsc (
    pkid TEXT PRIMARY KEY,
    devicename TEXT NOT NULL,
    serialnumber TEXT NOT NULL,
    subjectname TEXT NOT NULL,
    issuername TEXT NOT NULL,
    -- SHA-256 of the CAPF certificate that issued it
    issuerfingerprint TEXT NOT NULL,
    -- seconds since 1970 UTC
    notbefore BIGINT NOT NULL,
    notafter BIGINT NOT NULL,
    -- TBSCertificate, base64 of the DER: on record before it is signed
    tobesigned TEXT NOT NULL,
    -- PEM; NULL until it was signed
    certificate TEXT,
    fingerprint TEXT,
    tklscstate SMALLINT NOT NULL REFERENCES typelscstate (enum),
    createdat BIGINT NOT NULL,
    changedat BIGINT NOT NULL,
    UNIQUE (issuerfingerprint, serialnumber)
);
CREATE INDEX lsc_device ON lsc (devicename, tklscstate);
CREATE INDEX lsc_issuer ON lsc (issuerfingerprint, tklscstate);
CREATE INDEX lsc_fingerprint ON lsc (fingerprint);
-- Whatever the program does: one certificate is current for a device.
CREATE UNIQUE INDEX lsc_current ON lsc (devicename) WHERE tklscstate = 3;

-- Ours: certificates that phones have shown. MIC: with a proof of its key. FETCHED: by a troubleshoot operation, without.
CREATE TABLE devicecertificate (
    devicename TEXT NOT NULL,
    kind TEXT NOT NULL,
    certificate TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    notafter BIGINT NOT NULL,
    seenat BIGINT NOT NULL,
    PRIMARY KEY (devicename, kind)
);

-- Ours: an operation for many devices, in batches.
CREATE TABLE wave (
    number BIGINT PRIMARY KEY,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    batchsize BIGINT NOT NULL,
    -- per cent of the finished devices
    stopat BIGINT NOT NULL,
    tkauthenticationmode SMALLINT NOT NULL,
    -- milliseconds that a device has, from the start of its batch
    timeallowed BIGINT NOT NULL,
    startedat BIGINT NOT NULL
);
CREATE TABLE wavedevice (
    fkwave BIGINT NOT NULL REFERENCES wave (number) ON DELETE CASCADE,
    devicename TEXT NOT NULL,
    batch BIGINT NOT NULL,
    state TEXT NOT NULL,
    scheduledat BIGINT NOT NULL,
    PRIMARY KEY (fkwave, devicename)
);

-- Ours: requests that wait for the certificate of an external CA, one per node and unit.
CREATE TABLE certificatesigningrequest (
    fkprocessnode TEXT NOT NULL REFERENCES processnode (pkid),
    tkcertificateservice SMALLINT NOT NULL REFERENCES typecertificateservice (enum),
    request TEXT NOT NULL,
    -- name of the key in the key store of the node
    keyid TEXT NOT NULL,
    createdat BIGINT NOT NULL,
    PRIMARY KEY (fkprocessnode, tkcertificateservice)
);
