-- Offline CA: keys of phones that wait for a certificate which is signed elsewhere. Ours: the original's table is not known.

CREATE TABLE devicerequest (
    devicename TEXT PRIMARY KEY REFERENCES device (name) ON DELETE CASCADE,
    -- PKCS#10, PEM
    request TEXT NOT NULL,
    -- SubjectPublicKeyInfo, PEM, and SHA-256 of its DER
    publickey TEXT NOT NULL,
    keyid TEXT NOT NULL,
    -- the schedule under which the phone made it: under another one it counts no more
    scheduledat BIGINT NOT NULL,
    createdat BIGINT NOT NULL
);
