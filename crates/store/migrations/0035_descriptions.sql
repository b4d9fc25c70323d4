-- What an administrator calls a certificate in a unit or trust store (Description(friendly name) of the original's page). A row outlasts a
-- deletion from the store, so that what is put back has its name again.
CREATE TABLE certificatedescription (
    fingerprint TEXT NOT NULL,
    tkcertificateservice BIGINT NOT NULL,
    description TEXT NOT NULL,
    PRIMARY KEY (fingerprint, tkcertificateservice)
);
