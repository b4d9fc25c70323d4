//! The header of a signed file for people, in the columns of `show ctl`, with all values.

use jiff::tz::TimeZone;
use pki::hash::spell;
use wire::digest::DigestId;
use wire::header::{self, HeaderView};
use wire::tlv::untext;

use crate::terminal::field_text;

/// Position, tag, length and value of each header field.
pub fn header(header: HeaderView<'_>, zone: &TimeZone) -> String {
    let mut out = format!(
        "Version:\t{}\nHeaderLength:\t{} (BYTES)\n\nBYTEPOS\tTAG\t\tLENGTH\tVALUE\n-------\t---\t\t------\t-----\n",
        header.version(),
        header.length(),
    );
    for (field, bytes) in header.fields() {
        if matches!(field.tag, header::VERSION | header::HEADERLENGTH) {
            continue;
        }
        let name = header::tag_name(field.tag);
        let name = if name.starts_with("unknown") { "UNKNOWN" } else { name };
        let container = header::is_container(field.tag);
        let value = if container { field.length.to_string() } else { value(field.tag, bytes, zone) };
        let length = if container { 2 } else { field.length };
        let gap = if name.len() < 8 { "\t\t" } else { "\t" };
        let line = format!("{}\t{name}{gap}{length}\t{value}", field.tag);
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn value(tag: u8, bytes: &[u8], zone: &TimeZone) -> String {
    let number = bytes.iter().take(4).fold(0_u32, |number, byte| (number << 8) | u32::from(*byte));
    match (tag, bytes.len()) {
        (tag, _) if header::is_text(tag) => field_text(untext(bytes).0),
        (header::SERIALNUMBER, _) => spell(bytes, ":", true),
        (header::DIGESTALGORITHM | header::ENCRYPTIONHASHALGORITHM, 1) => {
            DigestId(u8::try_from(number).unwrap_or_default()).to_string()
        }
        (header::SIGNATUREALGORITHM, 1) if number == 0 => "RSA".to_owned(),
        (header::SIGNATUREMODULUS, 1) if number < 4 => (512_u32 << number).to_string(),
        (header::TIMESTAMP, 4) => pki::date::date(u64::from(number), zone),
        (header::SIGNERVERSION, 2) => format!("{}.{}", number >> 8, number & 0xff),
        (header::ENCRYPTIONPADDING | header::ENCRYPTIONKEYSIZE, 2) => number.to_string(),
        // Too long to read, and in the file anyway.
        (header::SIGNATURE | header::ENCRYPTIONKEY, _) => String::new(),
        _ => spell(bytes, " ", true),
    }
}
