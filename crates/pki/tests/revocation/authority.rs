//! A CA that revokes, made and run by OpenSSL: `openssl ca`, `openssl ocsp`.

use std::path::{Path, PathBuf};
use std::process::Command;

use pki::Certificate;
use tempfile::TempDir;

const CONFIG: &str = "[ca]\ndefault_ca=here\n[here]\ndatabase=index.txt\nserial=serial\ncrlnumber=crlnumber\nnew_certs_dir=.\n\
    certificate=ca.pem\nprivate_key=ca.key\ndefault_md=sha256\ndefault_days=730\ndefault_crl_days=30\npolicy=any\n\
    unique_subject=no\ncopy_extensions=copyall\n[any]\ncountryName=optional\nstateOrProvinceName=optional\nlocalityName=optional\n\
    organizationName=optional\norganizationalUnitName=optional\ncommonName=supplied\n\
    [second]\nauthorityKeyIdentifier=keyid\n[users]\nissuingDistributionPoint=critical,@point\n\
    [point]\nonlyuser=TRUE\n[cas]\nissuingDistributionPoint=critical,@capoint\n[capoint]\nonlyCA=TRUE\n\
    [part]\nissuingDistributionPoint=critical,@partpoint\n[partpoint]\nfullname=URI:http://127.0.0.1/part.crl\n\
    [strange]\n1.2.3.4=critical,ASN1:NULL\n";

/// A CA in files of its own.
pub struct Authority {
    folder: TempDir,
    pub certificate: Certificate,
}

impl Authority {
    /// A root of this name.
    pub fn root(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.cnf"), CONFIG).unwrap();
        std::fs::write(folder.path().join("index.txt"), "").unwrap();
        std::fs::write(folder.path().join("serial"), "1001\n").unwrap();
        std::fs::write(folder.path().join("crlnumber"), "01\n").unwrap();
        let subject = format!("/O=Company/CN={name}");
        let make =
            ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "7300", "-keyout", "ca.key", "-out", "ca.pem"];
        let usage = ["-addext", "keyUsage=critical,digitalSignature,keyCertSign,cRLSign", "-subj", &subject];
        openssl(folder.path(), &[&make[..], &usage[..]].concat());
        Self { certificate: read(&folder.path().join("ca.pem")), folder }
    }

    /// A certificate of this CA with these extensions; the file of its key is `NAME.key`.
    pub fn issue(&self, name: &str, extensions: &str) -> Certificate {
        let [key, csr] = ["key", "csr"].map(|end| format!("{name}.{end}"));
        let subject = format!("/CN={name}");
        openssl(
            self.path(),
            &["req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", &subject, "-keyout", &key, "-out", &csr],
        );
        let csr = std::fs::read_to_string(self.path().join(csr)).unwrap();
        self.sign(name, &csr, extensions)
    }

    /// Signs a request (PEM) with its names and these extensions; the file is `NAME.pem`.
    pub fn sign(&self, name: &str, request: &str, extensions: &str) -> Certificate {
        let [csr, pem, text] = ["csr", "pem", "ext"].map(|end| format!("{name}.{end}"));
        std::fs::write(self.path().join(&csr), request).unwrap();
        std::fs::write(self.path().join(&text), format!("authorityKeyIdentifier=keyid\n{extensions}\n")).unwrap();
        let config = ["-batch", "-notext", "-preserveDN", "-config", "ca.cnf"];
        openssl(self.path(), &[&["ca"], &config[..], &["-in", &csr, "-out", &pem, "-extfile", &text]].concat());
        read(&self.path().join(pem))
    }

    /// Revokes a certificate that this CA has made.
    pub fn revoke(&self, name: &str, reason: &str) {
        let pem = format!("{name}.pem");
        openssl(self.path(), &["ca", "-config", "ca.cnf", "-revoke", &pem, "-crl_reason", reason]);
    }

    /// The list of this CA, PEM, with the extensions of a section of its configuration; none makes version 1.
    pub fn list(&self, section: Option<&str>) -> Vec<u8> {
        let mut arguments = vec!["ca", "-config", "ca.cnf", "-gencrl"];
        arguments.extend(section.iter().flat_map(|section| ["-crlexts", *section]));
        openssl(self.path(), &arguments)
    }

    /// Where its files are.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Runs `openssl` in a folder; it has to end well.
pub fn openssl(folder: &Path, arguments: &[&str]) -> Vec<u8> {
    let run = Command::new("openssl").args(arguments).current_dir(folder).output().expect("openssl(1) is installed");
    assert!(run.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
    run.stdout
}

fn read(path: &PathBuf) -> Certificate {
    Certificate::from_pem(&std::fs::read(path).unwrap()).unwrap()
}
