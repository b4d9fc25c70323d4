//! What the config of a phone says about enrolment, and the stub that stands before an encrypted config
//! [signed-config.md 3, phone-files.md 3].
//!
//! `capfAuthMode`, `certHash` and `encrConfig` are made from one [`EnrolmentPart`], which is read from the rows at once: they
//! change together or not at all.

use pki::Certificate;
use quick_xml::Reader;
use quick_xml::events::Event;
use store::rows::{EnrolmentRow, NO_OPERATION};

use crate::merge::CONFIG_LIMIT;

/// Elements nested in a config at most: real ones have about ten.
const DEPTH_LIMIT: usize = 64;

/// Children of `<device>` that a phone needs before it can open its config.
const COPIED: [&str; 4] = ["ipAddressMode", "loadInformation", "capfAuthMode", "capfList"];

/// The elements that are ours when something is pending or the config is encrypted.
const OURS: [&str; 3] = ["capfAuthMode", "certHash", "encrConfig"];

/// What is different for each device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EnrolmentPart {
    /// 0 when nothing is pending, else the number of the authentication mode.
    pub capf_auth_mode: i64,
    /// Whether the config is given out encrypted only.
    pub encrypted: bool,
    /// The certificate it is encrypted for. `None`: it is not encrypted, or the device has none yet.
    pub certificate: Option<Certificate>,
}

impl EnrolmentPart {
    /// From the row of a device and the certificate that it can open configs with.
    pub fn new(row: &EnrolmentRow, certificate: Option<Certificate>) -> Self {
        let capf_auth_mode = if row.operation == NO_OPERATION { 0 } else { row.mode };
        Self { capf_auth_mode, encrypted: row.encrypted, certificate: certificate.filter(|_| row.encrypted) }
    }

    /// `certHash`: MD5 of the certificate in lower-case hexadecimal; empty without one.
    pub fn cert_hash(&self) -> String {
        self.certificate.as_ref().map(|certificate| pki::hash::hex(&certificate.md5())).unwrap_or_default()
    }

    /// `encrConfig`.
    pub const fn encr_config(&self) -> &'static str {
        if self.encrypted { "true" } else { "false" }
    }

    /// The three elements, in the order of configs.
    fn elements(&self) -> String {
        format!(
            "<capfAuthMode>{}</capfAuthMode>\n<certHash>{}</certHash>\n<encrConfig>{}</encrConfig>\n",
            self.capf_auth_mode,
            self.cert_hash(),
            self.encr_config()
        )
    }
}

/// Why there is no stub, or a config cannot be changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("byte {offset}: {reason}")]
pub struct StubError {
    offset: u64,
    reason: String,
}

/// A child of `<device>`: its name and where it stands.
struct Child {
    name: String,
    start: usize,
    end: usize,
}

struct Children {
    all: Vec<Child>,
    /// Offset of `</device>`.
    end: usize,
}

/// A config that somebody wrote by hand, with the elements of [`EnrolmentPart`] in place of its own.
///
/// # Errors
/// [`StubError`]: not a well-formed `<device>`.
pub fn adjusted(config: &[u8], part: &EnrolmentPart) -> Result<Vec<u8>, StubError> {
    let children = children(config)?;
    let mut out = Vec::with_capacity(config.len() + 256);
    let mut from = 0;
    for child in children.all.iter().filter(|child| OURS.contains(&child.name.as_str())) {
        out.extend_from_slice(config.get(from..child.start).unwrap_or_default());
        from = child.end;
    }
    out.extend_from_slice(config.get(from..children.end).unwrap_or_default());
    out.extend_from_slice(part.elements().as_bytes());
    out.extend_from_slice(config.get(children.end..).unwrap_or_default());
    Ok(out)
}

/// The stub of a whole config.
///
/// # Errors
/// [`StubError`]: not a well-formed `<device>`.
pub fn stub(config: &[u8], part: &EnrolmentPart) -> Result<Vec<u8>, StubError> {
    let mut out = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<device>\n  <fullConfig>false</fullConfig>\n".to_vec();
    for child in children(config)?.all.iter().filter(|child| COPIED.contains(&child.name.as_str())) {
        out.extend_from_slice(b"  ");
        out.extend_from_slice(config.get(child.start..child.end).unwrap_or_default());
        out.push(b'\n');
    }
    let (hash, encrypted) = (part.cert_hash(), part.encr_config());
    out.extend_from_slice(format!("  <certHash>{hash}</certHash>\n").as_bytes());
    out.extend_from_slice(format!("  <encrConfig>{encrypted}</encrConfig>\n</device>\n").as_bytes());
    Ok(out)
}

/// Reads the whole config: what is not well-formed is refused here and not by the phone.
fn children(config: &[u8]) -> Result<Children, StubError> {
    if config.len() > CONFIG_LIMIT {
        let reason = format!("{} bytes are above the limit of {CONFIG_LIMIT} for a config", config.len());
        return Err(StubError { offset: 0, reason });
    }
    let mut reader = Reader::from_reader(config);
    reader.config_mut().check_end_names = true;
    let mut depth = 0_usize;
    let mut open: Option<(String, usize)> = None;
    let mut found = Children { all: Vec::new(), end: 0 };
    let mut ended = false;
    loop {
        let start = offset(&reader);
        let event = reader.read_event();
        let at = |reason: &str| StubError { offset: start as u64, reason: reason.to_owned() };
        let event = event.map_err(|error| StubError {
            offset: reader.error_position(),
            reason: format!("not well-formed: {error}"),
        })?;
        let end = offset(&reader);
        match event {
            Event::Start(tag) => {
                if depth == 0 && (ended || tag.name().as_ref() != "device") {
                    return Err(at("a phone config has one root element, `device`"));
                }
                if depth == 1 {
                    open = Some((tag.name().as_ref().to_owned(), start));
                }
                depth += 1;
                if depth > DEPTH_LIMIT {
                    return Err(at("elements are nested deeper than 64 levels"));
                }
            }
            Event::Empty(tag) => match depth {
                0 => return Err(at("a phone config has one root element, `device`, and something in it")),
                1 => found.all.push(Child { name: tag.name().as_ref().to_owned(), start, end }),
                _ => {}
            },
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                if depth == 1
                    && let Some((name, start)) = open.take()
                {
                    found.all.push(Child { name, start, end });
                }
                if depth == 0 {
                    found.end = start;
                    ended = true;
                }
            }
            // The stub does not take over a document type, so what it defines would be missing there.
            Event::GeneralRef(reference) => {
                let name: &str = reference.as_ref();
                if !name.starts_with('#') && !matches!(name, "amp" | "lt" | "gt" | "quot" | "apos") {
                    return Err(at("holds an entity that phones do not know"));
                }
            }
            Event::Eof if ended => return Ok(found),
            Event::Eof => return Err(at("the file ends too early")),
            _ => {}
        }
    }
}

fn offset(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(mode: i64, encrypted: bool) -> EnrolmentPart {
        EnrolmentPart { capf_auth_mode: mode, encrypted, certificate: None }
    }

    #[test]
    fn a_stub_holds_what_a_phone_needs_first() {
        let config = b"<?xml version='1.0'?><device a='1'><fullConfig>true</fullConfig><capfAuthMode>2</capfAuthMode>\
            <secret>x</secret><a><capfList>no</capfList></a><capfList><capf><phonePort>3804</phonePort></capf></capfList>\
            <ipAddressMode/><certHash>old</certHash></device>";
        let stub = String::from_utf8(stub(config, &part(2, true)).unwrap()).unwrap();
        assert_eq!(
            stub,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<device>\n  <fullConfig>false</fullConfig>\n  \
             <capfAuthMode>2</capfAuthMode>\n  <capfList><capf><phonePort>3804</phonePort></capf></capfList>\n  \
             <ipAddressMode/>\n  <certHash></certHash>\n  <encrConfig>true</encrConfig>\n</device>\n"
        );
    }

    #[test]
    fn only_the_three_elements_change() {
        let config = b"<device >\r\n<capfAuthMode>0</capfAuthMode><x>&amp;</x><encrConfig/><y><certHash/></y></device>";
        let adjusted = String::from_utf8(adjusted(config, &part(1, false)).unwrap()).unwrap();
        assert_eq!(
            adjusted,
            "<device >\r\n<x>&amp;</x><y><certHash/></y><capfAuthMode>1</capfAuthMode>\n<certHash></certHash>\n\
             <encrConfig>false</encrConfig>\n</device>"
        );
    }

    #[test]
    fn what_is_no_config_is_refused() {
        let deep = format!("<device>{}", "<a>".repeat(100));
        for (config, reason) in [
            ("", "ends too early"),
            ("<device>", "ends too early"),
            ("<Default/>", "one root element"),
            ("<device></device><device></device>", "one root element"),
            ("<device><a></device>", "not well-formed"),
            ("<device>&bomb;</device>", "an entity that phones do not know"),
            (deep.as_str(), "deeper than 64"),
        ] {
            let error = stub(config.as_bytes(), &part(0, true)).unwrap_err().to_string();
            assert!(error.contains(reason), "{config}: {error}");
        }
    }
}
