//! Which sort of file it is: by its name where the name says so, else by its content.

use pki::file_kind::FileKind;
use wire::Malformed;
use wire::header::{CTL_FILE_NAME, Header, ITL_FILE_NAME, Version};
use wire::signed_file::{SignedFile, is_plain_xml};
use wire::trust_list::TrustList;

use crate::exit::Failure;
use crate::files::input::Input;
use crate::files::names;

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
        let decoded = match by_name(input) {
            Some(Sort::List) => TrustList::decode(input.bytes.clone()).map(Self::List),
            Some(Sort::Signed) => SignedFile::decode(input.bytes.clone()).map(Self::Signed),
            None => by_content(&input.bytes),
        };
        decoded.map_err(|error| match FileKind::of(&input.bytes) {
            // One that is called so is a damaged one.
            FileKind::Empty | FileKind::Unknown | FileKind::Der if by_name(input).is_some() => input.malformed(&error),
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
    pub fn header(&self) -> &Header {
        match self {
            Self::List(list) => list.header(),
            Self::Signed(file) => file.header(),
        }
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::List(list) => list.bytes(),
            Self::Signed(file) => file.bytes(),
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

enum Sort {
    List,
    Signed,
}

/// The word for machines, by the name of the file alone.
pub fn named(input: &Input) -> Option<&'static str> {
    Some(match by_name(input)? {
        Sort::List => "trustlist",
        Sort::Signed if names::without(input.base_name()?, names::ENCRYPTED).is_some() => "encrypted",
        Sort::Signed => "signed",
    })
}

fn by_name(input: &Input) -> Option<Sort> {
    let name = input.base_name()?.to_ascii_lowercase();
    match name.rsplit_once('.')?.1 {
        "tlv" => Some(Sort::List),
        "sgn" => Some(Sort::Signed),
        _ => None,
    }
}

/// FILENAME says it; where it does not, a version 1.2 file whose body is records is a list.
fn by_content(bytes: &[u8]) -> Result<Decoded, Malformed> {
    let signed = SignedFile::decode(bytes)?;
    let header = signed.header();
    let name = header.file_name(bytes).unwrap_or_default();
    let is_list_name = [CTL_FILE_NAME, ITL_FILE_NAME].iter().any(|list| name.eq_ignore_ascii_case(list.as_bytes()));
    if is_list_name {
        return TrustList::decode(bytes).map(Decoded::List);
    }
    if header.version(bytes) == Version::TRUST_LIST && !name.ends_with(b".sgn") {
        match TrustList::decode(bytes) {
            Ok(list) if list.record_count() > 0 => return Ok(Decoded::List(list)),
            // Firmware has version 1.2 too; its payload is no record.
            _ => {}
        }
    }
    Ok(Decoded::Signed(signed))
}
