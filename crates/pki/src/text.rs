//! The text layout of `show cert own` and of the page *Certificate File Data* [sources/listings#certificate-text].

use std::fmt::Write;

use der::Decode;
use der::asn1::OctetString;
use jiff::tz::TimeZone;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage};

use crate::certificate::{Certificate, KeyKind};
use crate::date::day_and_time;
use crate::extensions::{DNS_NAME, EMAIL, GeneralName, IP_ADDRESS, URI, general_names, usage_names};
use crate::hash::{hex, spell};
use crate::name::NameForm;
use crate::x509::Extension;
use wire::printable::one_line;

/// The text layout, then the PEM directly behind its closing bracket, as the original prints it.
#[must_use]
pub fn certificate_text(certificate: &Certificate, zone: &TimeZone) -> String {
    let mut out = Text(String::with_capacity(4096));
    let parts = certificate.parts();
    let (from, to) = certificate.dates();
    let algorithm = parts.signature_algorithm.to_string();
    out.line("[");
    out.line("  Version: V3");
    out.line(&format!("  Serial Number: {}", certificate.serial_text("", true)));
    out.line(&format!("  SignatureAlgorithm: {} ({algorithm})", signature_algorithm(&algorithm)));
    out.line(&format!("  Issuer Name: {}", certificate.issuer(NameForm::Text)));
    out.line(&format!("  Validity From: {}", day_and_time(from, zone)));
    out.line(&format!("           To:   {}", day_and_time(to, zone)));
    out.line(&format!("  Subject Name: {}", certificate.subject(NameForm::Text)));
    let (kind, oid) = match certificate.key_kind() {
        KeyKind::Rsa(_) | KeyKind::Unsound(..) => ("RSA".to_owned(), "1.2.840.113549.1.1.1".to_owned()),
        KeyKind::Ec(_) => ("EC".to_owned(), "1.2.840.10045.2.1".to_owned()),
        KeyKind::Other(oid) => ("Unknown".to_owned(), oid.clone()),
    };
    out.line(&format!("  Key: {kind} ({oid})"));
    out.line(&format!("    Key value: {}", hex(certificate.public_key_bits())));
    out.line(&format!("  Extensions: {} present", parts.extensions.len()));
    for extension in &parts.extensions {
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
        self.0.push_str(&one_line(text));
        self.0.push('\n');
    }

    fn extension(&mut self, extension: &Extension) {
        let oid = extension.oid.to_string();
        let (name, lines) = describe(&oid, &extension.value);
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
            let lines = general_names(value).map(|names| {
                let mut lines = vec![format!("altNames: {} names", names.len())];
                lines.extend((1..).zip(&names).map(|(number, name)| format!("{number}) {}", alt_name(*name))));
                lines
            });
            ("SubjectAltName", lines.unwrap_or_else(raw))
        }
        _ => ("Unknown", raw()),
    }
}

fn usages(usage: &KeyUsage) -> String {
    let set: String = usage_names(usage).map(|name| format!("{name}, ")).collect();
    format!("Usages: {}", set.trim_end())
}

fn alt_name(name: GeneralName<'_>) -> String {
    match (name.tag, name.bytes) {
        (DNS_NAME, _) => format!("{} (dNSName)", name.text()),
        (EMAIL, _) => format!("{} (rfc822Name)", name.text()),
        (URI, _) => format!("{} (uniformResourceIdentifier)", name.text()),
        (IP_ADDRESS, [a, b, c, d]) => format!("{a}.{b}.{c}.{d} (iPAddress)"),
        (IP_ADDRESS, other) => format!("{} (iPAddress)", hex(other)),
        _ => "(otherName)".to_owned(),
    }
}
