-- Where this cluster exchanges certificates with others; one row at most. The password is sealed under a key of the key store.
CREATE TABLE bulkserver (
    id SMALLINT PRIMARY KEY CHECK (id = 1),
    -- Empty: a directory of this machine.
    server TEXT NOT NULL,
    port INTEGER NOT NULL,
    username TEXT NOT NULL,
    password TEXT NOT NULL,
    path TEXT NOT NULL,
    -- SHA-256 of the host key as OpenSSH prints it, from the first connection on.
    hostkey TEXT NOT NULL
);

-- The certificate monitor: what it said last about a certificate, and since when nobody needs to hear it again.
CREATE TABLE certificatenotice (
    fingerprint TEXT PRIMARY KEY,
    alarm TEXT NOT NULL,
    saidat BIGINT NOT NULL
);

CREATE TABLE certificateacknowledgement (
    fingerprint TEXT PRIMARY KEY,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    at BIGINT NOT NULL
);

-- What a CRL or an OCSP responder said last about a certificate: good, revoked, unknown.
CREATE TABLE certificaterevocation (
    fingerprint TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    source TEXT NOT NULL,
    detail TEXT NOT NULL,
    checkedat BIGINT NOT NULL
);
