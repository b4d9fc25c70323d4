//! What the config of a phone says about enrolment, and the stub that stands before an encrypted config
//! [signed-config.md 3, phone-files.md 3].
//!
//! `capfAuthMode`, `certHash` and `encrConfig` are made from one [`EnrolmentPart`], which is read from the rows at once: they
//! change together or not at all.

use pki::Certificate;
use store::rows::{EnrolmentRow, NO_OPERATION};

use crate::config::ClusterPart;
use crate::merge::{MergeError, read};

/// Children of `<device>` that a phone needs before it can open its config.
const COPIED: [&str; 4] = ["ipAddressMode", "loadInformation", "capfAuthMode", "capfList"];

/// The elements that are ours in the config of a device that is known.
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

    /// The same for a config of this cluster: a phone is not sent to a service that does not run.
    #[must_use]
    pub fn announced_by(&self, cluster: &ClusterPart) -> Self {
        let capf_auth_mode = if cluster.capf.is_empty() { 0 } else { self.capf_auth_mode };
        Self { capf_auth_mode, ..self.clone() }
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

/// A config that somebody wrote by hand, with the elements of [`EnrolmentPart`] in place of its own. One that has none of them
/// stays as it is while there is nothing to say.
///
/// # Errors
/// [`MergeError`]: not a well-formed `<device>`.
pub fn adjusted(config: &[u8], part: &EnrolmentPart) -> Result<Vec<u8>, MergeError> {
    let written = read(config)?;
    if part.capf_auth_mode == 0 && !part.encrypted && !written.has(&OURS) {
        return Ok(config.to_vec());
    }
    written.replaced(&OURS, part.elements().as_bytes())
}

/// The stub of a whole config.
///
/// # Errors
/// [`MergeError`]: not a well-formed `<device>`.
pub fn stub(config: &[u8], part: &EnrolmentPart) -> Result<Vec<u8>, MergeError> {
    let mut out = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<device>\n  <fullConfig>false</fullConfig>\n".to_vec();
    for child in read(config)?.taken_out(&COPIED)? {
        out.extend_from_slice(b"  ");
        out.extend_from_slice(child);
        out.push(b'\n');
    }
    let (hash, encrypted) = (part.cert_hash(), part.encr_config());
    out.extend_from_slice(format!("  <certHash>{hash}</certHash>\n").as_bytes());
    out.extend_from_slice(format!("  <encrConfig>{encrypted}</encrConfig>\n</device>\n").as_bytes());
    // As every file that is signed: it must be read by a phone.
    read(&out)?;
    Ok(out)
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
    fn a_byte_order_mark_moves_nothing() {
        let config = "\u{feff}<?xml version=\"1.0\"?>\n<device><capfAuthMode>0</capfAuthMode><name>B</name></device>\n";
        let adjusted = String::from_utf8(adjusted(config.as_bytes(), &part(2, false)).unwrap()).unwrap();
        assert_eq!(
            adjusted,
            "\u{feff}<?xml version=\"1.0\"?>\n<device><name>B</name><capfAuthMode>2</capfAuthMode>\n<certHash></certHash>\n\
             <encrConfig>false</encrConfig>\n</device>\n"
        );
        let stub = String::from_utf8(stub(adjusted.as_bytes(), &part(2, true)).unwrap()).unwrap();
        assert_eq!(
            stub,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<device>\n  <fullConfig>false</fullConfig>\n  \
             <capfAuthMode>2</capfAuthMode>\n  <certHash></certHash>\n  <encrConfig>true</encrConfig>\n</device>\n"
        );
    }

    #[test]
    fn without_anything_to_say_only_what_says_otherwise_changes() {
        let config = b"<device><fullConfig>true</fullConfig></device>";
        assert_eq!(adjusted(config, &part(0, false)).unwrap(), config);
        let config = b"<device><capfAuthMode>2</capfAuthMode><encrConfig>true</encrConfig></device>";
        let adjusted = String::from_utf8(adjusted(config, &part(0, false)).unwrap()).unwrap();
        assert_eq!(
            adjusted,
            "<device><capfAuthMode>0</capfAuthMode>\n<certHash></certHash>\n<encrConfig>false</encrConfig>\n</device>"
        );
    }

    #[test]
    fn what_is_no_config_is_refused() {
        let deep = format!("<device>{}", "<a>".repeat(100));
        for (config, reason) in [
            ("", "ends too early"),
            ("<device>", "ends too early"),
            ("<Default/>", "a phone config has `device`"),
            ("<device></device><device></device>", "a second root element"),
            ("<device><a></device>", "not well-formed"),
            ("<device>&bomb;</device>", "an entity that phones do not know"),
            (deep.as_str(), "more than 64 elements"),
        ] {
            let error = stub(config.as_bytes(), &part(0, true)).unwrap_err().to_string();
            assert!(error.contains(reason), "{config}: {error}");
        }
    }
}
