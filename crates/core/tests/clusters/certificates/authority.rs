//! CAs made and run by OpenSSL.

use std::path::Path;

use pki::{Certificate, SoftKey};
use testbed::openssl;

/// A CA in files of its own.
pub struct Authority {
    folder: tempfile::TempDir,
    pub certificate: Certificate,
}

impl Authority {
    /// A root of this name, valid for 20 years.
    pub fn root(common_name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let subject = format!("/O=Company/CN={common_name}");
        openssl(&[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "7300",
            "-subj",
            &subject,
            "-addext",
            "keyUsage=critical,digitalSignature,keyCertSign,cRLSign",
            "-keyout",
            &path("ca.key"),
            "-out",
            &path("ca.pem"),
        ]);
        Self { certificate: read(&folder.path().join("ca.pem")), folder }
    }
}

impl Authority {
    /// Its key.
    pub fn key(&self) -> SoftKey {
        SoftKey::from_pem(&std::fs::read(self.folder.path().join("ca.key")).unwrap()).unwrap()
    }

    /// A CA below this one.
    pub fn below(&self, common_name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let subject = format!("/O=Company/CN={common_name}");
        let (key, request) = (path("ca.key"), path("ca.csr"));
        openssl(&["req", "-newkey", "rsa:2048", "-nodes", "-subj", &subject, "-keyout", &key, "-out", &request]);
        let request = std::fs::read_to_string(request).unwrap();
        let made = self.sign(&request, "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n");
        std::fs::write(path("ca.pem"), made.to_pem()).unwrap();
        Self { certificate: made, folder }
    }

    /// Signs a request as it is, with these extensions besides.
    pub fn sign(&self, request: &str, extensions: &str) -> Certificate {
        self.run(request, extensions, &["-copy_extensions", "copyall", "-days", "730"])
    }

    /// Signs the key and name of a request, with these extensions only.
    pub fn sign_with(&self, request: &str, extensions: &str) -> Certificate {
        self.run(request, extensions, &["-days", "730"])
    }

    /// Signs a request with another hash or padding.
    pub fn sign_as(&self, request: &str, extensions: &str, how: &[&str]) -> Certificate {
        self.run(request, extensions, &[&["-copy_extensions", "copyall", "-days", "730"], how].concat())
    }

    fn run(&self, request: &str, extensions: &str, how: &[&str]) -> Certificate {
        let path = |name: &str| self.folder.path().join(name).to_str().unwrap().to_owned();
        let (csr, config, out) = (path("in.csr"), path("extensions.cnf"), path("out.pem"));
        std::fs::write(&csr, request).unwrap();
        // An empty file would make a certificate of version 1.
        std::fs::write(&config, format!("authorityKeyIdentifier=keyid\n{extensions}")).unwrap();
        let (ca, key) = (path("ca.pem"), path("ca.key"));
        let mut arguments = vec!["x509", "-req", "-in", &csr, "-CA", &ca, "-CAkey", &key, "-sha256", "-out", &out];
        arguments.extend(["-CAcreateserial", "-extfile", &config]);
        arguments.extend(how);
        openssl(&arguments);
        read(Path::new(&out))
    }

    /// A PKCS#7 bundle of certificates, `DER` or `PEM`.
    pub fn bundle(&self, certificates: &[&Certificate], form: &str) -> Vec<u8> {
        let all: String = certificates.iter().map(|certificate| certificate.to_pem()).collect();
        let path = self.folder.path().join("all.pem");
        std::fs::write(&path, all).unwrap();
        openssl(&["crl2pkcs7", "-nocrl", "-certfile", path.to_str().unwrap(), "-outform", form])
    }

    /// A key and a request for it that OpenSSL makes, as somebody would outside.
    pub fn outside(&self, subject: &str, kind: &str, names: &str) -> (SoftKey, String) {
        let path = |name: &str| self.folder.path().join(name).to_str().unwrap().to_owned();
        let (key, request) = (path("outside.key"), path("outside.csr"));
        let names = format!("subjectAltName={names}");
        let mut arguments = vec!["req", "-newkey", kind, "-nodes", "-subj", subject, "-keyout", &key, "-out", &request];
        arguments.extend(["-addext", &names]);
        openssl(&arguments);
        (SoftKey::from_pem(&std::fs::read(key).unwrap()).unwrap(), std::fs::read_to_string(request).unwrap())
    }
}

fn read(path: &Path) -> Certificate {
    Certificate::from_pem(&std::fs::read(path).unwrap()).unwrap()
}
