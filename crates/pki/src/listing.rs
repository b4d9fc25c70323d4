//! The words and columns of `show ctl` and `show itl` [sources/listings#trust-list], [sources/listings#no-list].
//! Scripts read them: misspellings stay.

use std::fmt::Write;

use jiff::tz::TimeZone;
use wire::digest::DigestId;
use wire::header::{self, HeaderView};
use wire::printable::one_line;
use wire::role::Role;
use wire::trust_list::{self, RecordView, TrustList};

use crate::date::date;
use crate::hash::{md5, sha1, spell};
use crate::verify::check_against_itself;

/// Which list it is: only the words differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListKind {
    /// Certificate Trust List.
    Ctl,
    /// Identity Trust List.
    Itl,
}

impl ListKind {
    /// `CTL` or `ITL`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ctl => "CTL",
            Self::Itl => "ITL",
        }
    }

    /// The kind that FILENAME says; CTL when it says something else.
    #[must_use]
    pub fn of(list: &TrustList) -> Self {
        match list.header().file_name() {
            Some(name) if name.eq_ignore_ascii_case(header::ITL_FILE_NAME.as_bytes()) => Self::Itl,
            _ => Self::Ctl,
        }
    }
}

/// What `show ctl` says when there is no file.
#[must_use]
pub fn missing(kind: ListKind) -> String {
    match kind {
        ListKind::Ctl => "Length of CTL file: 0\n\
             CTL File not found. Please run CTLClient plugin or run the CLI - utils ctl.. to generate the CTL file.\n\
             Error parsing the CTL File.\n"
            .to_owned(),
        ListKind::Itl => "Length of ITL file: 0\n\
             ITL File not found. Please restart Cisco Tftp: utils service restart Cisco Tftp builds the ITL file.\n\
             Error parsing the ITL File.\n"
            .to_owned(),
    }
}

/// The whole listing. `modified` is the time of the file, seconds since 1970 UTC.
#[must_use]
pub fn list(list: &TrustList, kind: ListKind, modified: u64, zone: &TimeZone) -> String {
    let mut out = Listing(String::with_capacity(8192));
    let word = kind.word();
    let file = list.bytes();
    out.line(&format!("The checksum value of the {word} file:"));
    out.line(&format!("{}(MD5)", spell(&md5(file), "", false)));
    out.line(&format!("{}(SHA1)", spell(&sha1(file), "", false)));
    out.line("");
    out.line(&format!("Length of {word} file: {}", file.len()));
    out.line(&format!("The {word} File was last modified on {}", date(modified, zone)));
    out.line("");
    out.line(&format!("Parse {word} File"));
    out.line("----------------");
    out.line("");
    out.header(list.header());
    let check = check_against_itself(list);
    for (index, record) in list.records().enumerate() {
        out.record(word, index + 1, record);
        if record.role() == Some(Role::SAST) {
            let used = if check.signer_record == Some(index) { "was" } else { "was not" };
            out.line(&format!("This etoken {used} used to sign the {word} file."));
        }
        out.line("");
    }
    if check.verdict.is_valid() {
        out.line(&format!("The {word} file was verified successfully."));
    } else {
        out.line(&format!("The {word} file could not be verified: {}.", check.verdict.label()));
    }
    out.0
}

struct Listing(String);

impl Listing {
    fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    /// A row: one tab after the position, two after a short tag, one after the length; nothing behind an empty value.
    fn row(&mut self, tag: u8, name: &str, length: usize, value: &str) {
        let gap = if name.len() < 8 { "\t\t" } else { "\t" };
        let tail = if value.is_empty() { String::new() } else { format!("\t{}", one_line(value)) };
        self.line(&format!("{tag}\t{name}{gap}{length}{tail}"));
    }

    fn titles(&mut self) {
        self.line("BYTEPOS\tTAG\t\tLENGTH\tVALUE");
        self.line("-------\t---\t\t------\t-----");
    }

    fn header(&mut self, header: HeaderView<'_>) {
        self.line(&format!("Version:\t{}", header.version()));
        self.line(&format!("HeaderLength:\t{} (BYTES)", header.length()));
        self.line("");
        self.titles();
        for (field, bytes) in header.fields() {
            match field.tag {
                header::VERSION | header::HEADERLENGTH => {}
                tag if header::is_container(tag) => {
                    self.row(tag, header::tag_name(tag), 2, &field.length.to_string());
                }
                header::DIGESTALGORITHM => self.row(field.tag, "DIGESTALGORTITHM", field.length, ""),
                header::SIGNATUREALGORITHM => self.row(field.tag, "SIGNATUREALGORTITHM", field.length, ""),
                header::SIGNERNAME | header::CANAME => {
                    self.row(field.tag, header::tag_name(field.tag), field.length, &text(bytes));
                }
                header::SERIALNUMBER => {
                    self.row(field.tag, "SERIALNUMBER", field.length, &spell(bytes, ":", true));
                }
                header::SIGNATURE => {
                    self.row(field.tag, "SIGNATURE", field.length, "");
                    self.octets(bytes);
                }
                header::SIGNERVERSION => {
                    let version = header.signer_version().map(|version| version.to_string());
                    self.row(field.tag, "SIGNERVERSION", field.length, &version.unwrap_or_default());
                }
                header::FILENAME | header::TIMESTAMP | header::SIGNATUREMODULUS => {
                    self.row(field.tag, header::tag_name(field.tag), field.length, "");
                }
                tag => self.row(tag, "UNKNOWN", field.length, &spell(bytes, " ", true)),
            }
        }
        self.line("");
    }

    /// Eight bytes a line, two blanks between, lower case, not padded with zeros.
    fn octets(&mut self, bytes: &[u8]) {
        for row in bytes.chunks(8) {
            let mut line = String::from("\t");
            for (index, byte) in row.iter().enumerate() {
                let gap = if index > 0 { "  " } else { "" };
                let written = write!(line, "{gap}{byte:x}");
                debug_assert!(written.is_ok(), "a String takes everything");
            }
            self.line(&line);
        }
    }

    fn record(&mut self, word: &str, number: usize, record: RecordView<'_>) {
        self.line(&format!("\t{word} Record #:{number}"));
        self.line("\t\t  ----");
        self.titles();
        self.row(trust_list::RECORDLENGTH, "RECORDLENGTH", 2, &record.length().to_string());
        for (field, bytes) in record.fields() {
            let name = trust_list::tag_name(field.tag);
            let value = match field.tag {
                trust_list::DNSNAME | trust_list::SUBJECTNAME | trust_list::ISSUERNAME => text(bytes),
                trust_list::FUNCTION => record.role().map(Role::function_text).unwrap_or_default(),
                trust_list::SERIALNUMBER => spell(bytes, ":", true),
                trust_list::CERTIFICATE => {
                    format!("{} (SHA1 Hash HEX)", spell(&sha1(bytes), " ", true))
                }
                trust_list::CERTHASH => spell(bytes, " ", true),
                trust_list::HASHALGORITHM => match bytes {
                    [id] if DigestId(*id) == DigestId::SHA1 => "SHA-1".to_owned(),
                    [id] => DigestId(*id).to_string(),
                    _ => String::new(),
                },
                trust_list::PUBLICKEY | trust_list::SIGNATURE | trust_list::IPADDRESS => String::new(),
                _ => spell(bytes, " ", true),
            };
            let name = match field.tag {
                trust_list::HASHALGORITHM => "HASH ALGORITHM",
                _ if name.starts_with("unknown") => "UNKNOWN",
                _ => name,
            };
            self.row(field.tag, name, field.length, &value);
        }
    }
}

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(wire::tlv::untext(value).0).into_owned()
}
