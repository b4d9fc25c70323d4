-- What the cluster remembers about changes of its certificates: entries of trust stores that were deleted, who renewed what in
-- which order, which phone holds which list, resets that are owed, keys that are no longer used. All ours; the original keeps
-- none of it. Times are milliseconds since 1970 UTC.

-- A tombstone: the certificate does not come back into this trust store by itself. All that is needed to put it back is here.
CREATE TABLE deletedcertificate (
    fingerprint TEXT NOT NULL,
    tkcertificateservice SMALLINT NOT NULL REFERENCES typecertificateservice (enum),
    certificate TEXT NOT NULL,
    filename TEXT NOT NULL,
    description TEXT NOT NULL,
    servername TEXT NOT NULL,
    ipv4address TEXT,
    timetolive BIGINT NOT NULL,
    deletedat BIGINT NOT NULL,
    deletedby TEXT NOT NULL,
    PRIMARY KEY (fingerprint, tkcertificateservice)
);

-- An own certificate took the place of another one. The order counts, not the clock.
CREATE TABLE renewal (
    seq BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    servername TEXT NOT NULL,
    tkcertificateservice SMALLINT NOT NULL REFERENCES typecertificateservice (enum),
    fingerprint TEXT NOT NULL
);

-- A list that a node gives or gave out, known by the SHA-256 of its bytes, and the last renewal that it tells of.
CREATE TABLE publishedlist (
    digest TEXT NOT NULL,
    kind TEXT NOT NULL,
    servername TEXT NOT NULL,
    renewal BIGINT NOT NULL,
    iscurrent TEXT NOT NULL,
    PRIMARY KEY (digest, kind, servername)
);

-- The last list of each kind that a phone fetched to its end.
CREATE TABLE fetchedlist (
    devicename TEXT NOT NULL REFERENCES device (name) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    digest TEXT NOT NULL,
    servername TEXT NOT NULL,
    address TEXT NOT NULL,
    fetchedat BIGINT NOT NULL,
    PRIMARY KEY (devicename, kind)
);

-- Phones have to be reset because of this change; taken together with others before it is done.
CREATE TABLE pendingreset (
    seq BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    servername TEXT NOT NULL,
    tkcertificateservice SMALLINT NOT NULL REFERENCES typecertificateservice (enum),
    fingerprint TEXT NOT NULL,
    oldserialnumber TEXT NOT NULL,
    UNIQUE (servername, tkcertificateservice, fingerprint)
);

-- A key whose certificate was replaced, by the name of its file in `keys/`.
CREATE TABLE formerkey (
    keyid TEXT NOT NULL,
    servername TEXT NOT NULL,
    tkcertificateservice SMALLINT NOT NULL REFERENCES typecertificateservice (enum),
    subjectname TEXT NOT NULL,
    serialnumber TEXT NOT NULL,
    replacedat BIGINT NOT NULL,
    PRIMARY KEY (keyid, servername)
);
