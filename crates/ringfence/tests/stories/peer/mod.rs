//! Databases, CAs and LSCs as usecallmanager's tools make them [sources/open-tools#lscs],
//! [sources/open-tools#data-bases].

use std::path::Path;

use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::x509::extension::{BasicConstraints, KeyUsage};
use openssl::x509::{X509Builder, X509NameBuilder};
use pki::lsc::{LscRequest, SubjectForm};
use pki::signer::Signer;
use pki::{Certificate, NameForm, SoftKey};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};
use wire::digest::DigestId;

pub const FIRST: &str = "SEP885A92D977CA";
pub const SECOND: &str = "SEPB83861583B73";
pub const THIRD: &str = "SEPB83861583B74";

/// A self-signed CA.
pub struct Ca {
    pub pem: String,
    pub key: SoftKey,
    certificate: Certificate,
}

impl Ca {
    pub fn new(name: &str) -> Self {
        Self::with(name, true, 2_500_000_000)
    }

    /// One that need be no CA, valid until a second since 1970 UTC.
    pub fn with(name: &str, is_ca: bool, not_after: i64) -> Self {
        let key = SoftKey::generate_rsa(2048).unwrap();
        let mut subject = X509NameBuilder::new().unwrap();
        subject.append_entry_by_text("CN", name).unwrap();
        let subject = subject.build();
        let mut builder = X509Builder::new().unwrap();
        builder.set_version(2).unwrap();
        builder.set_subject_name(&subject).unwrap();
        builder.set_issuer_name(&subject).unwrap();
        builder.set_pubkey(key.openssl()).unwrap();
        let serial = BigNum::from_u32(0x0123_4567).and_then(|number| Asn1Integer::from_bn(&number)).unwrap();
        builder.set_serial_number(&serial).unwrap();
        builder.set_not_before(&Asn1Time::from_unix(1_700_000_000).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::from_unix(not_after).unwrap()).unwrap();
        let mut constraints = BasicConstraints::new();
        constraints.critical();
        if is_ca {
            constraints.ca();
            builder.append_extension(KeyUsage::new().critical().key_cert_sign().build().unwrap()).unwrap();
        }
        builder.append_extension(constraints.build().unwrap()).unwrap();
        builder.sign(key.openssl(), MessageDigest::sha256()).unwrap();
        let pem = String::from_utf8(builder.build().to_pem().unwrap()).unwrap();
        let certificate = Certificate::from_pem(pem.as_bytes()).unwrap();
        Self { pem, key, certificate }
    }

    /// An LSC of a device, PEM. The key is that of the CA: nobody needs it here, and making one takes its time.
    pub fn lsc(&self, device: &str, serial: u8) -> String {
        let request = LscRequest {
            device_name: device,
            model: "8861",
            mic: None,
            issuer: &self.certificate,
            public_key: self.key.spki(),
            serial: &[0x40 | serial; 16],
            not_before: 1_700_000_000,
            not_after: 2_400_000_000,
            form: SubjectForm::CommonNameFirst,
            digest: DigestId::SHA256,
        };
        request.lay_out().unwrap().sign(&self.key).unwrap().to_pem()
    }
}

/// The serial number of a certificate as a column has it.
pub fn serial_of(pem: &str) -> String {
    pki::hash::hex(Certificate::from_pem(pem.as_bytes()).unwrap().serial())
}

/// Makes a database anew.
pub fn database(path: &Path, statements: &[String]) {
    drop(std::fs::remove_file(path));
    change(path, &format!("BEGIN;\n{};\nCOMMIT", statements.join(";\n")));
}

/// Runs statements on a database.
pub fn change(path: &Path, statements: &str) {
    let work = async {
        let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
        let mut connection = options.connect().await.unwrap();
        connection.execute(AssertSqlSafe(statements.to_owned())).await.unwrap();
        connection.close().await.unwrap();
    };
    tokio::runtime::Runtime::new().unwrap().block_on(work);
}

/// The table of devices; `more` are the columns that came or changed with the versions.
pub fn devices(more: &str) -> String {
    let comma = if more.is_empty() { "" } else { ", " };
    format!(
        "CREATE TABLE devices (device_name TEXT PRIMARY KEY, operation TEXT, password TEXT, key_size INTEGER, \
         certificate TEXT, serial_number TEXT, not_valid_before DATETIME, not_valid_after DATETIME{comma}{more})"
    )
}

/// Inserts a device; what follows changes its columns: `, key_size = 2048`.
pub fn capf_row(name: &str, operation: &str, lsc: Option<&str>) -> String {
    let columns = match lsc.map(|pem| (pem, Certificate::from_pem(pem.as_bytes()))) {
        None => "NULL, NULL, NULL, NULL".to_owned(),
        Some((pem, Err(_))) => format!("'{pem}', NULL, NULL, NULL"),
        // 1700000000 and 2400000000
        Some((pem, Ok(lsc))) => {
            let serial = pki::hash::hex(lsc.serial());
            format!("'{pem}', '{serial}', '2023-11-14 22:13:20', '2046-01-19 18:40:00'")
        }
    };
    format!(
        "INSERT INTO devices (device_name, operation, certificate, serial_number, not_valid_before, not_valid_after) \
         VALUES ('{name}', '{operation}', {columns}); \
         INSERT INTO devices (device_name) VALUES ('{name}') ON CONFLICT (device_name) DO UPDATE SET operation = operation"
    )
}

/// A database of TVS; its first version had no column `ttl`.
pub struct Tvs {
    pub ttl: bool,
}

impl Tvs {
    /// Certificates with their roles and seconds.
    pub fn write(&self, path: &Path, rows: &[(&str, &str, Option<i64>)]) {
        let mut statements = vec![format!(
            "CREATE TABLE certificates (certificate_hash TEXT PRIMARY KEY, serial_number TEXT, subject_name TEXT, \
             issuer_name TEXT, certificate TEXT, roles TEXT{})",
            if self.ttl { ", ttl INTEGER" } else { "" }
        )];
        for (pem, roles, ttl) in rows {
            let certificate = Certificate::from_pem(pem.as_bytes()).unwrap();
            let hash = pki::hash::hex(&certificate.sha256());
            let serial = pki::hash::hex(certificate.serial());
            let (subject, issuer) = (certificate.subject(NameForm::Peer), certificate.issuer(NameForm::Peer));
            let ttl = match ttl {
                _ if !self.ttl => String::new(),
                None => ", NULL".to_owned(),
                Some(seconds) => format!(", {seconds}"),
            };
            statements.push(format!(
                "INSERT INTO certificates VALUES ('{hash}', '{serial}', '{subject}', '{issuer}', '{pem}', '{roles}'{ttl})"
            ));
        }
        database(path, &statements);
    }
}
