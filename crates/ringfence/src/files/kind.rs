//! Which sort of file it is: by what stands in it, so that it is the same whatever the file is called; by its name where too little
//! stands in it.

use pki::file_kind::FileKind;
use wire::header::{ENCRYPTIONINFO, HeaderView, Version};
use wire::signed_file::{SignedFile, is_plain_xml};
use wire::trust_list::{RECORDLENGTH, TrustList};

use crate::exit::Failure;
use crate::files::input::Input;
use crate::files::names;

/// RECORDLENGTH and its length, as every record of a list begins.
const RECORD_START: [u8; 3] = [RECORDLENGTH, 0, 2];

/// A decoded file. Its signature was not looked at.
pub enum Decoded {
    /// CTL or ITL.
    List(TrustList),
    /// `.sgn` or `.enc.sgn`.
    Signed(SignedFile),
}

impl Decoded {
    /// Reads a file.
    pub fn of(input: &Input) -> Result<Self, Failure> {
        if is_plain_xml(&input.bytes) {
            return Err(Failure::of(
                &input.name,
                "offset 0: VERSION: is plain XML, which carries no signature; `ringfence sign` makes a signed file of it",
            ));
        }
        let sort = sort(input);
        let decoded = match sort {
            Some(Sort::List) => TrustList::decode(input.bytes.clone()).map(Self::List),
            _ => SignedFile::decode(input.bytes.clone()).map(Self::Signed),
        };
        decoded.map_err(|error| match FileKind::of(&input.bytes) {
            // One that is called so, or begins so, is a damaged one.
            FileKind::Empty | FileKind::Unknown | FileKind::Der if sort.is_some() => input.malformed(&error),
            kind @ (FileKind::Unknown | FileKind::Der) => Failure::of(
                &input.name,
                format!("is no trust list or signed file ({error}), but {}{}", kind.name(), next(&kind)),
            ),
            kind => {
                Failure::of(&input.name, format!("is {}, and no trust list or signed file{}", kind.name(), next(&kind)))
            }
        })
    }

    /// The header.
    pub fn header(&self) -> HeaderView<'_> {
        match self {
            Self::List(list) => list.header(),
            Self::Signed(file) => file.header(),
        }
    }

    /// The word for machines.
    pub fn label(&self) -> &'static str {
        match self {
            Self::List(_) => "trustlist",
            Self::Signed(file) if file.is_encrypted() => "encrypted",
            Self::Signed(_) => "signed",
        }
    }
}

/// What somebody can do with a file of another kind.
fn next(kind: &FileKind) -> &'static str {
    match kind {
        FileKind::Pem(label) if label.ends_with("CERTIFICATE") => "; `openssl x509 -text -in FILE` shows it",
        FileKind::Certificate => "; `openssl x509 -inform DER -text -in FILE` shows it",
        FileKind::Firmware => ", so there is nothing to check here: the phone checks it by itself",
        FileKind::Gzip | FileKind::Zip => "; unpack it first",
        _ => "; give a .tlv or .sgn file",
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    List,
    Signed,
    Encrypted,
}

/// The word for machines, also of a file that cannot be read.
pub fn label(input: &Input) -> Option<&'static str> {
    Some(match sort(input)? {
        Sort::List => "trustlist",
        Sort::Signed => "signed",
        Sort::Encrypted => "encrypted",
    })
}

fn sort(input: &Input) -> Option<Sort> {
    by_content(&input.bytes).or_else(|| by_name(input))
}

/// FILENAME says it; where it does not, records behind the header do, and at last VERSION, which firmware shares with lists.
fn by_content(bytes: &[u8]) -> Option<Sort> {
    let begun = SignedFile::begun(bytes)?;
    let header = begun.header();
    let name = header.file_name().unwrap_or_default().to_ascii_lowercase();
    let version = header.version();
    let encrypted = version == Version::ENCRYPTED || header.field(ENCRYPTIONINFO).is_some();
    let body = bytes.get(header.length()..);
    let has_records = body.is_some_and(|body| body.starts_with(&RECORD_START));
    match version {
        _ if name.ends_with(b".tlv") => Some(Sort::List),
        _ if encrypted => Some(Sort::Encrypted),
        _ if name.ends_with(b".sgn") => Some(Sort::Signed),
        Version::TRUST_LIST if has_records => Some(Sort::List),
        // The header is whole, and no list goes on like this: firmware.
        Version::TRUST_LIST if body.is_some_and(|body| body.len() >= RECORD_START.len()) => None,
        Version::TRUST_LIST => Some(Sort::List),
        Version::SIGNED => Some(Sort::Signed),
        _ => None,
    }
}

fn by_name(input: &Input) -> Option<Sort> {
    let name = input.base_name()?;
    if names::without(name, names::ENCRYPTED).is_some() {
        return Some(Sort::Encrypted);
    }
    match name.to_ascii_lowercase().rsplit_once('.')?.1 {
        "tlv" | "itl" | "ctl" => Some(Sort::List),
        "sgn" => Some(Sort::Signed),
        _ => None,
    }
}
