//! CAs made and run by OpenSSL.

use std::path::Path;
use std::process::Command;

use pki::Certificate;

/// Runs `openssl`, which has to end well.
pub fn openssl(arguments: &[&str]) -> Vec<u8> {
    let run = Command::new("openssl").args(arguments).output().expect("openssl(1) is installed");
    assert!(run.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
    run.stdout
}

/// A CA in files of its own.
pub struct Authority {
    _folder: tempfile::TempDir,
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
        Self { certificate: read(&folder.path().join("ca.pem")), _folder: folder }
    }
}

fn read(path: &Path) -> Certificate {
    Certificate::from_pem(&std::fs::read(path).unwrap()).unwrap()
}
