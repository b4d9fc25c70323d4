//! The CA of a company, in files, run by OpenSSL.

use std::process::Command;

/// A root CA.
pub struct Company {
    folder: tempfile::TempDir,
}

impl Company {
    /// A root of this name.
    pub fn new(common_name: &str) -> Self {
        let company = Self { folder: tempfile::tempdir().unwrap() };
        let subject = format!("/CN={common_name}");
        company.openssl(&["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", &subject], "ca");
        company
    }

    /// Its certificate, PEM.
    pub fn pem(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("ca.pem")).unwrap()
    }

    /// Signs a request, PEM, with all that it asks for, for this many days.
    pub fn sign(&self, request: &str, days: u32) -> String {
        std::fs::write(self.folder.path().join("in.csr"), request).unwrap();
        let sign = ["x509", "-req", "-in", "in.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"];
        let days = days.to_string();
        self.openssl(&[&sign[..], &["-copy_extensions", "copyall", "-days", &days]].concat(), "out");
        std::fs::read_to_string(self.folder.path().join("out.pem")).unwrap()
    }

    /// A self-signed certificate that is good for this many days, PEM.
    pub fn self_signed(&self, common_name: &str, days: u32) -> String {
        let (subject, days) = (format!("/CN={common_name}"), days.to_string());
        self.openssl(&["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", &days, "-subj", &subject], "other");
        std::fs::read_to_string(self.folder.path().join("other.pem")).unwrap()
    }

    fn openssl(&self, arguments: &[&str], name: &str) {
        let (certificate, key) = (format!("{name}.pem"), format!("{name}.key"));
        let mut command = Command::new("openssl");
        command.args(arguments).args(["-out", &certificate]).current_dir(self.folder.path());
        if arguments.first() == Some(&"req") {
            command.args(["-keyout", &key]);
        }
        let made = command.output().expect("openssl; install the Debian package openssl (cargo xtask test does)");
        assert!(made.status.success(), "{arguments:?}: {made:?}");
    }
}
