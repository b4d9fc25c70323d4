//! The text layout of `show cert own` and of the page *Certificate File Data* [cucm-behaviour.md 1.3].

use std::fmt::Write;

use der::Decode;
use der::asn1::OctetString;
use jiff::tz::TimeZone;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAltName};

use crate::certificate::{Certificate, KeyKind};
use crate::date::date;
use crate::extensions::usage_names;
use crate::hash::{hex, spell};
use crate::listing::printable;
use crate::name::NameForm;

/// The text layout, then the PEM directly behind its closing bracket, as the original prints it.
#[must_use]
pub fn certificate_text(certificate: &Certificate, zone: &TimeZone) -> String {
    let mut out = Text(String::with_capacity(4096));
    let x509 = certificate.x509();
    let (from, to) = certificate.validity();
    let algorithm = x509.signature_algorithm().oid.to_string();
    out.line("[");
    out.line("  Version: V3");
    out.line(&format!("  Serial Number: {}", spell(certificate.serial(), "", true)));
    out.line(&format!("  SignatureAlgorithm: {} ({algorithm})", signature_algorithm(&algorithm)));
    out.line(&format!("  Issuer Name: {}", certificate.issuer(NameForm::Text)));
    out.line(&format!("  Validity From: {}", date(from, zone)));
    out.line(&format!("           To:   {}", date(to, zone)));
    out.line(&format!("  Subject Name: {}", certificate.subject(NameForm::Text)));
    let (kind, oid) = match certificate.key_kind() {
        KeyKind::Rsa(_) => ("RSA".to_owned(), "1.2.840.113549.1.1.1".to_owned()),
        KeyKind::Ec(_) => ("EC".to_owned(), "1.2.840.10045.2.1".to_owned()),
        KeyKind::Other(oid) => ("Unknown".to_owned(), oid.clone()),
    };
    out.line(&format!("  Key: {kind} ({oid})"));
    out.line(&format!("    Key value: {}", hex(certificate.public_key_bits())));
    let extensions = x509.tbs_certificate().extensions().cloned().unwrap_or_default();
    out.line(&format!("  Extensions: {} present", extensions.len()));
    for extension in &extensions {
        out.extension(extension);
    }
    out.line("");
    out.line("  Signature:");
    out.dump(certificate.signature_bits());
    out.0.push(']');
    out.0.push_str(&certificate.to_pem());
    out.0
}

fn signature_algorithm(oid: &str) -> &'static str {
    match oid {
        "1.2.840.113549.1.1.4" => "MD5withRSA",
        "1.2.840.113549.1.1.5" => "SHA1withRSA",
        "1.2.840.113549.1.1.11" => "SHA256withRSA",
        "1.2.840.113549.1.1.12" => "SHA384withRSA",
        "1.2.840.113549.1.1.13" => "SHA512withRSA",
        "1.2.840.10045.4.3.2" => "SHA256withECDSA",
        "1.2.840.10045.4.3.3" => "SHA384withECDSA",
        "1.2.840.10045.4.3.4" => "SHA512withECDSA",
        _ => "Unknown",
    }
}

struct Text(String);

impl Text {
    fn line(&mut self, text: &str) {
        self.0.push_str(&printable(text));
        self.0.push('\n');
    }

    fn extension(&mut self, extension: &Extension) {
        let oid = extension.extn_id.to_string();
        let value = extension.extn_value.as_bytes();
        let (name, lines) = describe(&oid, value);
        self.line("  [");
        self.line(&format!("     Extension: {name} (OID.{oid})"));
        self.line(&format!("     Critical: {}", extension.critical));
        for line in lines {
            self.line(&format!("     {line}"));
        }
        self.line("  ]");
    }

    /// Sixteen bytes a line with their offset and their printable characters.
    fn dump(&mut self, bytes: &[u8]) {
        for (index, row) in bytes.chunks(16).enumerate() {
            let text: String =
                row.iter().map(|byte| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '.' }).collect();
            let written = writeln!(self.0, "  {:04x}: {} [{text}]", index * 16, spell(row, " ", false));
            debug_assert!(written.is_ok(), "a String takes everything");
        }
    }
}

/// The name of an extension and its lines; the bytes in hexadecimal when they do not parse.
fn describe(oid: &str, value: &[u8]) -> (&'static str, Vec<String>) {
    let raw = || vec![format!("Value: {}", hex(value))];
    match oid {
        "2.5.29.15" => ("KeyUsage", KeyUsage::from_der(value).map_or_else(|_| raw(), |usage| vec![usages(&usage)])),
        "2.5.29.37" => {
            let lines = ExtendedKeyUsage::from_der(value).map(|usage| {
                let oids: String = usage.0.iter().map(|oid| format!("{oid}, ")).collect();
                vec![format!("Usage oids: {}", oids.trim_end())]
            });
            ("ExtKeyUsageSyntax", lines.unwrap_or_else(|_| raw()))
        }
        "2.5.29.14" => {
            let lines = OctetString::from_der(value).map(|id| vec![format!("keyID: {}", hex(id.as_bytes()))]);
            ("SubjectKeyIdentifier", lines.unwrap_or_else(|_| raw()))
        }
        "2.5.29.35" => {
            let id = AuthorityKeyIdentifier::from_der(value).ok().and_then(|id| id.key_identifier);
            ("AuthorityKeyIdentifier", id.map_or_else(raw, |id| vec![format!("keyID: {}", hex(id.as_bytes()))]))
        }
        "2.5.29.19" => {
            let lines = BasicConstraints::from_der(value).map(|constraints| {
                let mut lines = vec![format!("CA: {}", constraints.ca)];
                lines.extend(constraints.path_len_constraint.map(|length| format!("pathLenConstraint: {length}")));
                lines
            });
            ("BasicConstraints", lines.unwrap_or_else(|_| raw()))
        }
        "2.5.29.17" => {
            let lines = SubjectAltName::from_der(value).map(|names| {
                let mut lines = vec![format!("altNames: {} names", names.0.len())];
                lines.extend(
                    names.0.iter().enumerate().map(|(index, name)| format!("{}) {}", index + 1, alt_name(name))),
                );
                lines
            });
            ("SubjectAltName", lines.unwrap_or_else(|_| raw()))
        }
        _ => ("Unknown", raw()),
    }
}

fn usages(usage: &KeyUsage) -> String {
    let set: String = usage_names(usage).map(|name| format!("{name}, ")).collect();
    format!("Usages: {}", set.trim_end())
}

fn alt_name(name: &GeneralName) -> String {
    match name {
        GeneralName::DnsName(name) => format!("{} (dNSName)", name.as_str()),
        GeneralName::Rfc822Name(name) => format!("{} (rfc822Name)", name.as_str()),
        GeneralName::UniformResourceIdentifier(name) => {
            format!("{} (uniformResourceIdentifier)", name.as_str())
        }
        GeneralName::IpAddress(bytes) => match bytes.as_bytes() {
            [a, b, c, d] => format!("{a}.{b}.{c}.{d} (iPAddress)"),
            other => format!("{} (iPAddress)", hex(other)),
        },
        _ => "(otherName)".to_owned(),
    }
}
