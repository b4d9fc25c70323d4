-- Units and stores of later releases and of IM&P nodes; own certificates by node and unit; file names that stay; requests
-- that are kept; subjects by node.

-- The numbers of the original are not known above 16, so these stand far from its row of numbers [cucm-behaviour.md 1.8, 5.1].
INSERT INTO typecertificateservice VALUES
    (101, 'tomcat-ECDSA', 'CERTIFICATE_SERVICE_TOMCAT_ECDSA', 'f'),
    (102, 'CallManager-ECDSA', 'CERTIFICATE_SERVICE_CALLMANAGER_ECDSA', 'f'),
    (103, 'cup', 'CERTIFICATE_SERVICE_CUP', 'f'),
    (104, 'cup-ECDSA', 'CERTIFICATE_SERVICE_CUP_ECDSA', 'f'),
    (105, 'cup-xmpp', 'CERTIFICATE_SERVICE_CUP_XMPP', 'f'),
    (106, 'cup-xmpp-ECDSA', 'CERTIFICATE_SERVICE_CUP_XMPP_ECDSA', 'f'),
    (107, 'cup-xmpp-s2s', 'CERTIFICATE_SERVICE_CUP_XMPP_S2S', 'f'),
    (108, 'cup-xmpp-s2s-ECDSA', 'CERTIFICATE_SERVICE_CUP_XMPP_S2S_ECDSA', 'f'),
    (109, 'cup-trust', 'CERTIFICATE_SERVICE_CUP_TRUST', 't'),
    (110, 'cup-xmpp-trust', 'CERTIFICATE_SERVICE_CUP_XMPP_TRUST', 't'),
    (111, 'Phone-Edge-trust', 'CERTIFICATE_SERVICE_PHONE_EDGE_TRUST', 't');

-- Ours: which certificate is the own one of a unit of a node. One of many nodes, or of two units, stands here more than once.
CREATE TABLE owncertificate (
    fkprocessnode TEXT NOT NULL REFERENCES processnode (pkid),
    tkcertificateservice SMALLINT NOT NULL REFERENCES typecertificateservice (enum),
    fkcertificate TEXT NOT NULL REFERENCES certificate (pkid) ON DELETE CASCADE,
    PRIMARY KEY (fkprocessnode, tkcertificateservice)
);
INSERT INTO owncertificate (fkprocessnode, tkcertificateservice, fkcertificate)
    SELECT node.fkprocessnode, unit.tkcertificateservice, node.fkcertificate
    FROM certificateprocessnodemap AS node
    JOIN certificateservicecertificatemap AS unit ON unit.fkcertificate = node.fkcertificate
    JOIN typecertificateservice AS type ON type.enum = unit.tkcertificateservice
    WHERE type.usestruststore = 'f';

-- Ours: the name under which a trust store lists an entry. Given once, so that no other entry of the same CN takes it over.
ALTER TABLE certificateservicecertificatemap ADD COLUMN filename TEXT;
CREATE UNIQUE INDEX certificateservice_filename ON certificateservicecertificatemap (tkcertificateservice, filename);

-- Ours: requests to external CAs. One waits per node and unit; those before it are kept with the names of their keys.
CREATE TABLE certificaterequest (
    pkid TEXT PRIMARY KEY,
    fkprocessnode TEXT NOT NULL REFERENCES processnode (pkid),
    tkcertificateservice SMALLINT NOT NULL REFERENCES typecertificateservice (enum),
    request TEXT NOT NULL,
    -- SHA-256 of its public key: name of the key in the key store of the node
    keyid TEXT NOT NULL,
    -- the certificate is for this unit of all nodes
    multiserver TEXT NOT NULL,
    -- waiting, replaced, used
    state TEXT NOT NULL,
    createdat BIGINT NOT NULL
);
CREATE UNIQUE INDEX certificaterequest_waiting ON certificaterequest (fkprocessnode, tkcertificateservice)
    WHERE state = 'waiting';
INSERT INTO certificaterequest (pkid, fkprocessnode, tkcertificateservice, request, keyid, multiserver, state, createdat)
    SELECT keyid, fkprocessnode, tkcertificateservice, request, keyid, 'f', 'waiting', createdat
    FROM certificatesigningrequest;
DROP TABLE certificatesigningrequest;

-- Ours: what `set web-security` has set for a node; without a row the parts of the cluster count.
CREATE TABLE websecurity (
    fkprocessnode TEXT PRIMARY KEY REFERENCES processnode (pkid),
    orgunit TEXT NOT NULL,
    orgname TEXT NOT NULL,
    locality TEXT NOT NULL,
    state TEXT NOT NULL,
    country TEXT NOT NULL,
    alternatehostname TEXT NOT NULL
);

-- Ours: certificates of the default CA list that an administrator has switched off, by SHA-256.
CREATE TABLE disableddefaultca (
    fingerprint TEXT PRIMARY KEY,
    commonname TEXT NOT NULL,
    disabledat BIGINT NOT NULL
);
