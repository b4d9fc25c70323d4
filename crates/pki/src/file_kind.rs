//! What a file is, when it is not what was asked for: so that an error names what somebody holds and says what to do with it.

use crate::pem;
use crate::tlv::{INTEGER, OBJECT, OCTET_STRING, Reader, SEQUENCE, Value};

/// Dashes, as every PEM text begins.
const BEGIN: &[u8] = b"-----BEGIN ";

/// Firmware of the 7800 and 8800 series behind its own header.
const FIRMWARE: [u8; 4] = [0xcd, 0x34, 0x12, 0xab];

/// Bytes that are looked at to tell a text.
const LOOK: usize = 4096;

/// pkcs7-data to pkcs7-encryptedData begin with this (RFC 2315 14).
const PKCS7: &str = "1.2.840.113549.1.7.";

/// A sort of file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileKind {
    /// No bytes.
    Empty,
    /// PEM: its first label.
    Pem(String),
    /// A certificate, DER.
    Certificate,
    /// PKCS#12.
    Pkcs12,
    /// PKCS#7 or CMS, DER.
    Pkcs7,
    /// A private key, DER.
    Key,
    /// A request for a certificate, DER.
    Request,
    /// A revocation list, DER.
    RevocationList,
    /// Something else in DER.
    Der,
    /// Base64 of DER without the lines around it.
    Base64,
    /// Text of two bytes a letter.
    Utf16,
    /// Firmware of 78xx and 88xx phones.
    Firmware,
    /// gzip.
    Gzip,
    /// A ZIP container.
    Zip,
    /// A program, such as one of Linux.
    Program,
    /// A document or picture.
    Document,
    /// Readable text.
    Text,
    /// Bytes that nothing is known of.
    Unknown,
}

impl FileKind {
    /// What bytes are.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let looked = bytes.get(..LOOK).unwrap_or(bytes);
        let dash = |low: usize| {
            looked.chunks_exact(2).take(8).all(|pair| pair.get(1 - low) == Some(&0) && pair.get(low) != Some(&0))
        };
        match looked {
            [] => Self::Empty,
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Self::Utf16,
            _ if is_der(looked) => der(bytes),
            _ if looked.starts_with(&FIRMWARE) => Self::Firmware,
            [0x1f, 0x8b, ..] => Self::Gzip,
            [b'P', b'K', 3, 4, ..] => Self::Zip,
            [0x7f, b'E', b'L', b'F', ..] => Self::Program,
            [b'%', b'P', b'D', b'F', b'-', ..] | [0x89, b'P', b'N', b'G', ..] | [0xff, 0xd8, 0xff, ..] => {
                Self::Document
            }
            _ if looked.len() >= 16 && (dash(0) || dash(1)) => Self::Utf16,
            _ if pem::is_bare_base64(bytes) => Self::Base64,
            _ => text(bytes, looked),
        }
    }

    /// Whether it holds a private key.
    fn is_key(&self) -> bool {
        match self {
            Self::Pem(label) => label.ends_with("PRIVATE KEY"),
            other => *other == Self::Key,
        }
    }

    /// Its name, to be read behind `is`.
    #[must_use]
    pub fn name(&self) -> String {
        let fixed = match self {
            Self::Pem(label) => match label.as_str() {
                "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => "a certificate (PEM)",
                "PKCS7" | "CMS" => "a PKCS#7 chain as PEM",
                "PKCS12" => "PKCS#12 as PEM",
                "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => "a request for a certificate (PEM)",
                "X509 CRL" => "a revocation list (PEM)",
                "PUBLIC KEY" | "RSA PUBLIC KEY" => "a public key (PEM)",
                _ if self.is_key() => "a private key (PEM)",
                _ => return format!("PEM of another kind ({})", label.escape_debug()),
            },
            Self::Empty => "empty",
            Self::Certificate => "a certificate (DER)",
            Self::Pkcs12 => "PKCS#12",
            Self::Pkcs7 => "a PKCS#7 chain (DER)",
            Self::Key => "a private key (DER)",
            Self::Request => "a request for a certificate (DER)",
            Self::RevocationList => "a revocation list (DER)",
            Self::Der => "DER of another kind",
            Self::Base64 => "base64 without its first and last line",
            Self::Utf16 => "UTF-16",
            Self::Firmware => "firmware of 78xx and 88xx phones in its container (CD 34 12 AB)",
            Self::Gzip => "packed with gzip",
            Self::Zip => "a ZIP container",
            Self::Program => "a program (ELF)",
            Self::Document => "a document or picture",
            Self::Text => "a text",
            Self::Unknown => "nothing that is known here",
        };
        fixed.to_owned()
    }
}

impl std::fmt::Display for FileKind {
    /// What it is instead of a certificate, and the next step.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.name();
        match self {
            Self::Pem(label) if matches!(label.as_str(), "PKCS7" | "CMS") => {
                write!(out, "is {name}. {}", crate::bundle::PKCS7_IN_PEM)
            }
            Self::Pkcs12 | Self::Pem(_) if *self == Self::Pkcs12 || name.starts_with("PKCS#12") => write!(
                out,
                "is {name}, which has certificate and key behind a password: take them out with `openssl pkcs12 -in FILE -nokeys -clcerts \
                 -out cert.pem` and `openssl pkcs12 -in FILE -nocerts -nodes -out key.pem`"
            ),
            Self::Pkcs7 => write!(
                out,
                "is {name}: take its certificates out with `openssl pkcs7 -inform DER -print_certs -in FILE`"
            ),
            Self::Base64 => write!(
                out,
                "is {name}: put -----BEGIN CERTIFICATE----- before it and -----END CERTIFICATE----- after it, on lines of their own"
            ),
            Self::Utf16 => {
                write!(out, "is {name}: save it as ASCII or UTF-8 (PowerShell: `Set-Content -Encoding ascii`)")
            }
            Self::Gzip | Self::Zip => write!(out, "is {name}: unpack it first"),
            _ if self.is_key() => {
                write!(out, "is {name} and holds no certificate; give the certificate, as PEM or DER")
            }
            _ => write!(out, "is {name} and no certificate; give PEM with -----BEGIN CERTIFICATE-----, or DER"),
        }
    }
}

fn text(bytes: &[u8], looked: &[u8]) -> FileKind {
    // A broken block is a matter of its lines.
    match pem::blocks(bytes).next() {
        Some(Ok(block)) => return FileKind::Pem(block.label.to_owned()),
        Some(Err(_)) => return FileKind::Text,
        None => {}
    }
    let start = looked.strip_prefix(b"\xef\xbb\xbf").unwrap_or(looked);
    let readable = |byte: &u8| !byte.is_ascii_control() || byte.is_ascii_whitespace();
    if start.starts_with(BEGIN) || start.iter().all(readable) { FileKind::Text } else { FileKind::Unknown }
}

/// Whether bytes begin as DER of more than 127 bytes does; a text may begin with `0` too.
pub(crate) fn is_der(bytes: &[u8]) -> bool {
    matches!(bytes, [SEQUENCE, 0x80..=0xff, ..])
}

/// By the first values of the outer SEQUENCE.
fn der(bytes: &[u8]) -> FileKind {
    let outer = |bytes| Reader(bytes).take(SEQUENCE, "").ok();
    let Some(all) = outer(bytes) else { return FileKind::Der };
    let values = first_values(all);
    let tags: Vec<u8> = values.iter().map(|value| value.tag).collect();
    let names_pkcs7 =
        |value: &Value<'_>| Reader(value.whole).oid("").is_ok_and(|oid| oid.to_string().starts_with(PKCS7));
    match (tags.as_slice(), values.as_slice()) {
        ([OBJECT, ..], [first, ..]) if names_pkcs7(first) => FileKind::Pkcs7,
        ([INTEGER, SEQUENCE, ..], [_, second, ..]) if first_values(*second).first().is_some_and(names_pkcs7) => {
            FileKind::Pkcs12
        }
        // PKCS#8, PKCS#1, SEC 1, and PKCS#8 behind a pass phrase.
        (
            [INTEGER, SEQUENCE | INTEGER, OCTET_STRING | INTEGER, ..]
            | [INTEGER, OCTET_STRING, ..]
            | [SEQUENCE, OCTET_STRING],
            _,
        ) => FileKind::Key,
        ([SEQUENCE, SEQUENCE, 0x03], [signed, ..]) => {
            let inside: Vec<u8> = first_values(*signed).iter().map(|value| value.tag).collect();
            match inside.as_slice() {
                [INTEGER, SEQUENCE, SEQUENCE, 0xa0, ..] => FileKind::Request,
                [INTEGER, SEQUENCE, SEQUENCE, 0x17 | 0x18, ..] | [SEQUENCE, SEQUENCE, 0x17 | 0x18, ..] => {
                    FileKind::RevocationList
                }
                _ => FileKind::Certificate,
            }
        }
        _ => FileKind::Der,
    }
}

/// The first values in a SEQUENCE, as many as tell kinds apart.
fn first_values(of: Value<'_>) -> Vec<Value<'_>> {
    let mut inside = Reader(of.inside);
    std::iter::from_fn(|| inside.any("").ok()).take(4).collect()
}
