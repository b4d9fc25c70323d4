//! `ringfence diff A B`.

use std::path::PathBuf;

use pki::hash::{hex, sha1, sha256, spell};
use serde_json::{Map, Value, json};
use wire::header::{self, HeaderView};
use wire::tlv::untext;
use wire::trust_list::{self, RecordView, TrustList};

use crate::exit::{Answer, Failure};
use crate::files::input::Input;
use crate::files::kind::Decoded;
use crate::terminal::{self, BAD, GOOD, NOTICE, field_text, paint};

/// Compare two trust lists or two signed files, field by field and record by record
///
/// Records are paired by role, serial number and certificate hash, then by role and subject name. Ends with 0 when the
/// files are the same, 1 when they differ.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: ringfence diff CTLFile.tlv.before CTLFile.tlv")]
pub struct Args {
    /// The older file
    a: PathBuf,
    /// The newer file
    b: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A header field or record field whose values differ; `None` where a side has none.
struct Change {
    field: String,
    a: Option<String>,
    b: Option<String>,
}

/// A record for people and machines.
struct Row {
    number: usize,
    role: String,
    subject: String,
    serial: String,
    sha1: String,
}

enum RecordChange {
    Added(Row),
    Removed(Row),
    Changed { a: Row, b: Row, fields: Vec<Change> },
}

#[derive(Default)]
struct Difference {
    header: Vec<Change>,
    records: Vec<RecordChange>,
    reordered: bool,
    payload: Vec<Change>,
}

impl Difference {
    fn is_empty(&self) -> bool {
        self.header.is_empty() && self.records.is_empty() && !self.reordered && self.payload.is_empty()
    }
}

impl Args {
    /// Compares and prints.
    pub fn run(self) -> Result<Answer, Failure> {
        if self.a == self.b && self.a.as_os_str() == "-" {
            return Err(Failure::WrongUsage("only one of the two files can be standard input".to_owned()));
        }
        let (a, b) = (Input::read(&self.a)?, Input::read(&self.b)?);
        let (in_a, in_b) = (Decoded::of(&a)?, Decoded::of(&b)?);
        let same = a.bytes == b.bytes;
        let mut difference = if same { Difference::default() } else { compare(&in_a, &in_b) };
        if !same && difference.is_empty() {
            // Nothing that has a name: padding, or fields in another order.
            let at = a.bytes.iter().zip(&b.bytes).take_while(|(x, y)| x == y).count();
            difference.header.push(Change {
                field: "first differing byte".to_owned(),
                a: Some(at.to_string()),
                b: Some(at.to_string()),
            });
        }
        let text = if self.json {
            terminal::json(&machine(&a, &b, same, &difference))
        } else {
            terminal::screen(&human(&a, &b, same, &difference))
        };
        terminal::print(&text)?;
        Ok(if same { Answer::Yes } else { Answer::No })
    }
}

fn compare(a: &Decoded, b: &Decoded) -> Difference {
    let mut out = Difference::default();
    if a.label() != b.label() {
        out.header.push(Change {
            field: "kind".to_owned(),
            a: Some(a.label().to_owned()),
            b: Some(b.label().to_owned()),
        });
    }
    out.header.extend(headers(a.header(), b.header()));
    match (a, b) {
        (Decoded::List(a), Decoded::List(b)) => records(&mut out, a, b),
        (Decoded::Signed(a), Decoded::Signed(b)) => payloads(&mut out, a.payload(), b.payload()),
        _ => {}
    }
    out
}

/// Fields by tag and how often the tag came before, so that a repeated field is compared with its like.
fn headers(a: HeaderView<'_>, b: HeaderView<'_>) -> Vec<Change> {
    let list = |header: HeaderView<'_>| {
        let fields = header.fields().filter(|(field, _)| !header::is_container(field.tag));
        named(fields.map(|(field, bytes)| (header_name(field.tag), header_value(field.tag, bytes))))
    };
    changes(&list(a), &list(b))
}

fn header_name(tag: u8) -> String {
    name_of(tag, header::tag_name(tag))
}

fn name_of(tag: u8, name: &str) -> String {
    if name.starts_with("unknown") { format!("UNKNOWN {tag}") } else { name.to_owned() }
}

/// Names made unique: the second SIGNATURE is `SIGNATURE (2)`.
fn named(fields: impl Iterator<Item = (String, String)>) -> Vec<(String, String)> {
    let mut out: Vec<(String, String)> = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    for (name, value) in fields {
        let times = seen.iter().filter(|other| **other == name).count();
        seen.push(name.clone());
        let unique = if times == 0 { name } else { format!("{name} ({})", times + 1) };
        out.push((unique, value));
    }
    out
}

fn changes(a: &[(String, String)], b: &[(String, String)]) -> Vec<Change> {
    let value = |side: &[(String, String)], name: &str| {
        side.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone())
    };
    let only_b = b.iter().filter(|(name, _)| value(a, name).is_none());
    a.iter()
        .chain(only_b)
        .filter_map(|(name, _)| {
            let (a, b) = (value(a, name), value(b, name));
            (a != b).then(|| Change { field: name.clone(), a, b })
        })
        .collect()
}

fn header_value(tag: u8, bytes: &[u8]) -> String {
    let number = || bytes.iter().fold(0_u32, |number, byte| (number << 8) | u32::from(*byte)).to_string();
    match tag {
        tag if header::is_text(tag) => field_text(untext(bytes).0),
        header::VERSION | header::SIGNERVERSION => match bytes {
            [major, minor] => format!("{major}.{minor}"),
            other => hex(other),
        },
        header::SERIALNUMBER => spell(bytes, ":", true),
        header::SIGNATURE | header::ENCRYPTIONKEY => abridged(bytes),
        header::HEADERLENGTH | header::TIMESTAMP | header::ENCRYPTIONPADDING | header::ENCRYPTIONKEYSIZE => number(),
        _ if bytes.len() == 1 => number(),
        _ => hex(bytes),
    }
}

fn record_value(tag: u8, bytes: &[u8]) -> String {
    match (tag, bytes) {
        (trust_list::DNSNAME | trust_list::SUBJECTNAME | trust_list::ISSUERNAME, bytes) => field_text(untext(bytes).0),
        (trust_list::SERIALNUMBER, bytes) => spell(bytes, ":", true),
        (trust_list::PUBLICKEY | trust_list::SIGNATURE | trust_list::CERTIFICATE, bytes) => abridged(bytes),
        (trust_list::FUNCTION, [high, low]) => wire::role::Role(u16::from_be_bytes([*high, *low])).to_string(),
        (trust_list::IPADDRESS, [a, b, c, d]) => format!("{a}.{b}.{c}.{d}"),
        (_, bytes) => hex(bytes),
    }
}

/// Length and hash of a value that nobody reads.
fn abridged(bytes: &[u8]) -> String {
    format!("{} bytes, SHA-1 {}", bytes.len(), hex(&sha1(bytes)))
}

fn fields_of(record: RecordView<'_>) -> Vec<(String, String)> {
    let fields = record.fields();
    named(
        fields.map(|(field, bytes)| {
            (name_of(field.tag, trust_list::tag_name(field.tag)), record_value(field.tag, bytes))
        }),
    )
}

/// SHA-1 of the certificate, from the certificate or from the hash that stands in its place.
fn certificate_sha1(record: RecordView<'_>) -> Option<Vec<u8>> {
    record.certificate().map(sha1).or_else(|| record.certificate_hash().map(|(_, hash)| hash.to_vec()))
}

fn row(index: usize, record: RecordView<'_>) -> Row {
    let subject = record.subject().or_else(|| record.dns_name()).map(field_text);
    Row {
        number: index + 1,
        role: record.role().map_or_else(|| "none".to_owned(), |role| role.to_string()),
        subject: subject.unwrap_or_default(),
        serial: record.serial().map(|serial| spell(serial, ":", true)).unwrap_or_default(),
        sha1: certificate_sha1(record).map(|hash| hex(&hash)).unwrap_or_default(),
    }
}

fn whole(record: RecordView<'_>) -> Vec<(u8, Vec<u8>)> {
    record.fields().map(|(field, bytes)| (field.tag, bytes.to_vec())).collect()
}

/// Pairs of indices into the two lists, found in rounds from the strictest likeness to the loosest.
fn records(out: &mut Difference, a: &TrustList, b: &TrustList) {
    let in_a: Vec<RecordView<'_>> = a.records().collect();
    let in_b: Vec<RecordView<'_>> = b.records().collect();
    let mut left_a: Vec<usize> = (0..in_a.len()).collect();
    let mut left_b: Vec<usize> = (0..in_b.len()).collect();
    let mut pairs = Vec::new();
    let likenesses: [fn(RecordView<'_>, RecordView<'_>) -> bool; 3] = [
        |a, b| whole(a) == whole(b),
        |a, b| a.role() == b.role() && a.serial() == b.serial() && certificate_sha1(a) == certificate_sha1(b),
        |a, b| a.role() == b.role() && a.subject().is_some() && a.subject() == b.subject(),
    ];
    let alike = |like: fn(RecordView<'_>, RecordView<'_>) -> bool, x: usize, y: usize| {
        in_a.get(x).zip(in_b.get(y)).is_some_and(|(x, y)| like(*x, *y))
    };
    for like in likenesses {
        left_a.retain(|&x| {
            let Some(place) = left_b.iter().position(|&y| alike(like, x, y)) else {
                return true;
            };
            pairs.push((x, left_b.remove(place)));
            false
        });
    }
    pairs.sort_unstable();
    out.reordered = pairs.windows(2).any(|two| matches!(two, [(_, first), (_, second)] if first > second));
    for (x, y) in pairs {
        let Some((one, other)) = in_a.get(x).zip(in_b.get(y)) else {
            continue;
        };
        let mut fields = changes(&fields_of(*one), &fields_of(*other));
        if fields.is_empty() && whole(*one) != whole(*other) {
            fields.push(Change { field: "order of fields".to_owned(), a: None, b: None });
        }
        if !fields.is_empty() {
            out.records.push(RecordChange::Changed { a: row(x, *one), b: row(y, *other), fields });
        }
    }
    let rows = |left: &[usize], side: &[RecordView<'_>]| -> Vec<Row> {
        left.iter().filter_map(|&index| Some(row(index, *side.get(index)?))).collect()
    };
    out.records.extend(rows(&left_a, &in_a).into_iter().map(RecordChange::Removed));
    out.records.extend(rows(&left_b, &in_b).into_iter().map(RecordChange::Added));
}

fn payloads(out: &mut Difference, a: &[u8], b: &[u8]) {
    if a == b {
        return;
    }
    let mut push = |field: &str, a: String, b: String| {
        if a != b {
            out.payload.push(Change { field: field.to_owned(), a: Some(a), b: Some(b) });
        }
    };
    push("payload length", a.len().to_string(), b.len().to_string());
    push("payload SHA-256", hex(&sha256(a)), hex(&sha256(b)));
    let same = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let line = 1 + a.iter().take(same).filter(|byte| **byte == b'\n').count();
    let at = |side: &[u8]| {
        let rest = side.get(same..).unwrap_or_default();
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()).min(40);
        format!("offset {same}, line {line}: {}", field_text(rest.get(..end).unwrap_or_default()))
    };
    push("payload differs from", at(a), at(b));
}

fn human(a: &Input, b: &Input, same: bool, difference: &Difference) -> String {
    let names = (terminal::one_line(&a.name), terminal::one_line(&b.name));
    if same {
        return format!("{} and {} are the same, {} bytes\n", names.0, names.1, a.bytes.len());
    }
    let mut out = format!("--- {}, {} bytes\n+++ {}, {} bytes\n", names.0, a.bytes.len(), names.1, b.bytes.len());
    if !difference.header.is_empty() {
        out.push_str("header\n");
        table(&mut out, &difference.header);
    }
    for change in &difference.records {
        match change {
            RecordChange::Added(row) => out.push_str(&format!("{} {}\n", paint(GOOD, "+ record"), spoken(row))),
            RecordChange::Removed(row) => out.push_str(&format!("{} {}\n", paint(BAD, "- record"), spoken(row))),
            RecordChange::Changed { a, b, fields } => {
                let moved = if a.number == b.number { String::new() } else { format!(", now record {}", b.number) };
                out.push_str(&format!("{} {}{moved}\n", paint(NOTICE, "~ record"), spoken(a)));
                table(&mut out, fields);
            }
        }
    }
    if difference.reordered {
        out.push_str("records stand in another order\n");
    }
    if !difference.payload.is_empty() {
        out.push_str("payload\n");
        table(&mut out, &difference.payload);
    }
    out
}

fn spoken(row: &Row) -> String {
    let mut text = format!("{} {} {}", row.number, row.role, row.subject);
    if !row.serial.is_empty() {
        text.push_str(&format!(", serial {}", row.serial));
    }
    if !row.sha1.is_empty() {
        text.push_str(&format!(", SHA-1 {}", row.sha1));
    }
    text
}

fn table(out: &mut String, changes: &[Change]) {
    let side = |value: &Option<String>| value.clone().unwrap_or_else(|| "(none)".to_owned());
    let row = |change: &Change| vec![format!("  {}", change.field), side(&change.a), "->".to_owned(), side(&change.b)];
    let rows: Vec<Vec<String>> = changes.iter().map(row).collect();
    out.push_str(&terminal::table(&["", "", "", ""], &rows));
}

fn machine(a: &Input, b: &Input, same: bool, difference: &Difference) -> Value {
    let row = |row: &Row| json!({ "number": row.number, "role": row.role, "subject": row.subject, "serial": row.serial, "certificate_sha1": row.sha1 });
    let fields = |changes: &[Change]| -> Value {
        changes.iter().map(|change| json!({ "field": change.field, "a": change.a, "b": change.b })).collect()
    };
    let mut lists: [Vec<Value>; 3] = Default::default();
    let [added, removed, changed] = &mut lists;
    for change in &difference.records {
        match change {
            RecordChange::Added(new) => added.push(row(new)),
            RecordChange::Removed(old) => removed.push(row(old)),
            RecordChange::Changed { a, b, fields: list } => {
                changed.push(json!({ "a": row(a), "b": row(b), "fields": fields(list) }));
            }
        }
    }
    let [added, removed, changed] = lists;
    let mut out = Map::new();
    out.insert("a".to_owned(), json!(a.name));
    out.insert("b".to_owned(), json!(b.name));
    out.insert("same".to_owned(), json!(same));
    out.insert("header".to_owned(), fields(&difference.header));
    out.insert(
        "records".to_owned(),
        json!({ "added": added, "removed": removed, "changed": changed, "reordered": difference.reordered }),
    );
    out.insert("payload".to_owned(), fields(&difference.payload));
    Value::Object(out)
}
