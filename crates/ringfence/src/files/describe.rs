//! A file as JSON: the names and values of `expect` in the golden vectors.

use pki::Certificate;
use pki::certificate::KeyKind;
use pki::hash::{hex, sha256};
use pki::verify::{Verdict, check, check_against_itself};
use serde_json::{Map, Value, json};
use wire::header::{self, HeaderView};
use wire::signed_file::SignedFile;
use wire::tlv::untext;
use wire::trust_list::{self, RecordView, TrustList};

use crate::exit::Failure;
use crate::files::input::Input;
use crate::files::kind;

/// What a file of each kind has, `null` where there is nothing to say: a reader finds the same names whatever the file is like.
const OF_ALL: &[&str] = &[
    "parse",
    "kind",
    "size",
    "reason",
    "header_length",
    "header",
    "padding_bytes",
    "signature_offset",
    "signature_length",
    "digest",
    "signature_verdict",
];
const OF_A_LIST: &[&str] = &["covered_length", "signer_record", "record_count", "records"];
const OF_A_SIGNED_FILE: &[&str] = &["payload_offset", "payload_length", "payload_sha256"];
const OF_AN_ENCRYPTED_FILE: &[&str] =
    &["iv", "plain_length", "hash", "decrypt", "decrypt_reason", "aes_key", "plain_sha256", "cert_hash_md5", "stub"];

/// The same with the names that its kind has and it has not.
pub fn shaped(mut out: Map<String, Value>) -> Map<String, Value> {
    let more: &[&[&str]] = match out.get("kind").and_then(Value::as_str) {
        Some("trustlist") => &[OF_ALL, OF_A_LIST],
        Some("encrypted") => &[OF_ALL, OF_A_SIGNED_FILE, OF_AN_ENCRYPTED_FILE],
        Some(_) => &[OF_ALL, OF_A_SIGNED_FILE],
        None => &[OF_ALL],
    };
    for name in more.iter().copied().flatten() {
        out.entry(*name).or_insert(Value::Null);
    }
    out
}

/// A file that cannot be read: its kind, and the reason.
pub fn broken(input: &Input, failure: &Failure) -> Map<String, Value> {
    let mut out = Map::new();
    let reason = failure.to_string();
    let reason = reason.strip_prefix(&format!("{}: ", input.name)).unwrap_or(&reason);
    out.insert("parse".to_owned(), json!("error"));
    out.insert("kind".to_owned(), json!(kind::label(input)));
    out.insert("size".to_owned(), json!(input.bytes.len()));
    out.insert("reason".to_owned(), json!(reason));
    out.insert("signature_verdict".to_owned(), json!("malformed"));
    shaped(out)
}

/// Every field of a trust list, and its signature held against its own SAST record.
pub fn trust_list(list: &TrustList) -> Map<String, Value> {
    let file = list.bytes();
    let mut out = header_part(list.header(), file);
    let check = check_against_itself(list);
    out.insert("kind".to_owned(), json!("trustlist"));
    out.insert("record_count".to_owned(), json!(list.record_count()));
    let covered = list.header().covered();
    let covered = covered.map(|parts| parts.iter().map(|part| part.len()).sum::<usize>());
    out.insert("covered_length".to_owned(), json!(covered));
    out.insert("signer_record".to_owned(), json!(check.signer_record));
    insert_verdict(&mut out, &check.verdict);
    out.insert("records".to_owned(), list.records().map(record).collect());
    out
}

/// Every field of a signed or encrypted file; the signature held against `signer` when there is one.
pub fn signed_file(file: &SignedFile, signer: Option<&Certificate>) -> Map<String, Value> {
    let bytes = file.bytes();
    let mut out = header_part(file.header(), bytes);
    let kind = if file.is_encrypted() { "encrypted" } else { "signed" };
    out.insert("kind".to_owned(), json!(kind));
    out.insert("payload_offset".to_owned(), json!(file.header().length()));
    out.insert("payload_length".to_owned(), json!(file.payload().len()));
    out.insert("payload_sha256".to_owned(), json!(hex(&sha256(file.payload()))));
    match signer {
        Some(signer) => insert_verdict(&mut out, &check(file.header(), signer)),
        None => {
            out.insert("signature_verdict".to_owned(), Value::Null);
        }
    }
    out
}

fn header_part(header: HeaderView<'_>, file: &[u8]) -> Map<String, Value> {
    let signature = header.field(header::SIGNATURE);
    let digest = header.digest().and_then(wire::digest::DigestId::name);
    let fields: Vec<Value> = header.fields().map(|(field, bytes)| header_field(field, bytes)).collect();
    let all = json!({
        "parse": "ok",
        "size": file.len(),
        "header_length": header.length(),
        "header": fields,
        "padding_bytes": header.padding(),
        "signature_offset": signature.map(|field| field.offset),
        "signature_length": signature.map(|field| field.length),
        "digest": digest,
    });
    match all {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn insert_verdict(out: &mut Map<String, Value>, verdict: &Verdict) {
    out.insert("signature_verdict".to_owned(), json!(verdict.label()));
    if let Verdict::Malformed(field, reason) = verdict {
        out.insert("reason".to_owned(), json!(format!("{field}: {reason}")));
    }
}

fn header_field(field: &wire::tlv::Field, bytes: &[u8]) -> Value {
    let mut out = Map::new();
    out.insert("offset".to_owned(), json!(field.offset));
    out.insert("tag".to_owned(), json!(field.tag));
    out.insert("name".to_owned(), json!(header::tag_name(field.tag)));
    out.insert("length".to_owned(), json!(field.length));
    match field.tag {
        tag if header::is_container(tag) => {}
        tag if header::is_text(tag) => {
            let (text, terminated) = untext(bytes);
            out.insert("value".to_owned(), json!(String::from_utf8_lossy(text)));
            out.insert("nul_terminated".to_owned(), json!(terminated));
        }
        header::SIGNATURE | header::ENCRYPTIONKEY => {
            out.insert("sha256_of_value".to_owned(), json!(hex(&sha256(bytes))));
        }
        header::VERSION | header::SIGNERVERSION => {
            let text = match bytes {
                [major, minor] => format!("{major}.{minor}"),
                other => hex(other),
            };
            out.insert("value".to_owned(), json!(text));
        }
        header::SERIALNUMBER | header::ENCRYPTIONIV | header::ENCRYPTIONHASH => {
            out.insert("value".to_owned(), json!(hex(bytes)));
        }
        tag => {
            let known = (header::VERSION..=header::SIGNERVERSION).contains(&tag);
            out.insert("value".to_owned(), number_or_hex(bytes, known));
        }
    }
    Value::Object(out)
}

/// A number for a known field of at most four bytes, else hexadecimal digits.
fn number_or_hex(bytes: &[u8], known: bool) -> Value {
    if known && (1..=4).contains(&bytes.len()) {
        json!(bytes.iter().fold(0_u32, |number, byte| (number << 8) | u32::from(*byte)))
    } else {
        json!(hex(bytes))
    }
}

fn record(record: RecordView<'_>) -> Value {
    let fields: Vec<Value> = record.fields().map(|(field, bytes)| record_field(field, bytes)).collect();
    let mut out = Map::new();
    out.insert("offset".to_owned(), json!(record.offset()));
    out.insert("length".to_owned(), json!(record.length()));
    out.insert("fields".to_owned(), Value::Array(fields));
    out.insert("role".to_owned(), json!(record.role().map(|role| role.to_string())));
    let Some(der) = record.certificate() else {
        return Value::Object(out);
    };
    out.insert("certificate_sha1".to_owned(), json!(hex(&pki::hash::sha1(der))));
    out.insert("certificate_sha256".to_owned(), json!(hex(&sha256(der))));
    match Certificate::from_der(der) {
        Ok(certificate) => copies(&mut out, record, &certificate),
        Err(error) => {
            out.insert("certificate_error".to_owned(), json!(error.to_string()));
        }
    }
    Value::Object(out)
}

/// Whether the copies in the record are those of the certificate.
fn copies(out: &mut Map<String, Value>, record: RecordView<'_>, certificate: &Certificate) {
    let kind = certificate.key_kind();
    out.insert("key".to_owned(), json!(kind.to_string()));
    if let Some(key) = record.value(trust_list::PUBLICKEY) {
        let name = match kind {
            KeyKind::Ec(_) => "public_key_is_x962_point_of_certificate",
            _ => "public_key_is_pkcs1_of_certificate",
        };
        out.insert(name.to_owned(), json!(key == certificate.public_key_bits()));
    }
    if let Some(signature) = record.value(trust_list::SIGNATURE) {
        out.insert("signature_is_certificate_signature".to_owned(), json!(signature == certificate.signature_bits()));
    }
}

fn record_field(field: &wire::tlv::Field, bytes: &[u8]) -> Value {
    let mut out = Map::new();
    out.insert("tag".to_owned(), json!(field.tag));
    out.insert("name".to_owned(), json!(trust_list::tag_name(field.tag)));
    out.insert("length".to_owned(), json!(field.length));
    let value = match (field.tag, bytes) {
        (trust_list::DNSNAME | trust_list::SUBJECTNAME | trust_list::ISSUERNAME, bytes) => {
            Some(json!(String::from_utf8_lossy(untext(bytes).0)))
        }
        (trust_list::FUNCTION | trust_list::HASHALGORITHM, bytes) => Some(number_or_hex(bytes, true)),
        (trust_list::IPADDRESS, [a, b, c, d]) => Some(json!(format!("{a}.{b}.{c}.{d}"))),
        (trust_list::PUBLICKEY | trust_list::SIGNATURE | trust_list::CERTIFICATE, _) => None,
        (_, bytes) => Some(json!(hex(bytes))),
    };
    out.extend(value.map(|value| ("value".to_owned(), value)));
    Value::Object(out)
}
