//! What the config of a phone says about enrolment [sources/signed-files#stub], [sources/phones#config-elements].
//!
//! `capfAuthMode`, `certHash` and `encrConfig` are made from one [`EnrolmentPart`], which is read from the rows at once: they
//! change together or not at all.

use crate::rows::{EnrolmentRow, NO_OPERATION};
use pki::Certificate;

use super::merge::{MergeError, Others};
use super::parts::ClusterPart;

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

    /// The three elements for a config that somebody wrote by hand, in place of its own. One that has none of them gets none while
    /// there is nothing to say.
    pub fn others(&self) -> Others<'static> {
        let text = format!(
            "<capfAuthMode>{}</capfAuthMode>\n<certHash>{}</certHash>\n<encrConfig>{}</encrConfig>\n",
            self.capf_auth_mode,
            self.cert_hash(),
            self.encr_config()
        );
        Others { names: &OURS, always: self.capf_auth_mode != 0 || self.encrypted, text }
    }

    /// The stub of a whole config.
    ///
    /// # Errors
    /// [`MergeError`]: not a well-formed `<device>`.
    pub fn stub(&self, config: &[u8]) -> Result<Vec<u8>, MergeError> {
        super::stub::stub(config, &self.cert_hash(), self.encr_config())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ClusterPart;
    use crate::config::merge::{Root, merge};
    use crate::parameters::SecurityMode;

    /// What the cluster says in the configs of these tests.
    const CLUSTER: &str = "<TVS><members></members></TVS><capfList></capfList>\n";

    fn part(mode: i64, encrypted: bool) -> EnrolmentPart {
        EnrolmentPart { capf_auth_mode: mode, encrypted, certificate: None }
    }

    fn adjusted(config: &str, part: &EnrolmentPart) -> String {
        let cluster = ClusterPart { mode: SecurityMode::NonSecure, call_managers: vec![], tvs: vec![], capf: vec![] };
        let merged = merge(config.as_bytes(), Root::Device, &cluster, Some(&part.others())).unwrap();
        let merged = String::from_utf8(merged).unwrap();
        assert!(merged.contains(CLUSTER), "{merged}");
        merged.replace(CLUSTER, "")
    }

    fn stub(config: &str, part: &EnrolmentPart) -> String {
        String::from_utf8(part.stub(config.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn a_stub_holds_what_a_phone_needs_first() {
        let config = "<?xml version='1.0'?><device a='1'><fullConfig>true</fullConfig><capfAuthMode>2</capfAuthMode>\
            <secret>x</secret><a><capfList>no</capfList></a><capfList><capf b='\"&lt;'><phonePort>3804</phonePort></capf></capfList>\
            <ipAddressMode/><certHash>old</certHash><loadInformation>a&amp;b <!-- c --><![CDATA[<]]></loadInformation></device>";
        assert_eq!(
            stub(config, &part(2, true)),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<device>\n  <fullConfig>false</fullConfig>\n  \
             <capfAuthMode>2</capfAuthMode>\n  <capfList>\n    <capf b=\"&quot;&lt;\">\n      <phonePort>3804</phonePort>\n    </capf>\n  \
             </capfList>\n  <ipAddressMode/>\n  <loadInformation>a&amp;b &lt;</loadInformation>\n  <certHash></certHash>\n  \
             <encrConfig>true</encrConfig>\n</device>\n"
        );
        let latin =
            b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><device><loadInformation>\xfc</loadInformation></device>";
        let stub = String::from_utf8(part(0, true).stub(latin).unwrap()).unwrap();
        assert!(stub.contains("<loadInformation>ü</loadInformation>"), "{stub}");
    }

    #[test]
    fn only_the_three_elements_change() {
        let config = "<device >\r\n<capfAuthMode>0</capfAuthMode><x>&amp;</x><encrConfig/><y><certHash/></y></device>";
        assert_eq!(
            adjusted(config, &part(1, false)),
            "<device >\r\n<x>&amp;</x><y><certHash/></y><capfAuthMode>1</capfAuthMode>\n<certHash></certHash>\n\
             <encrConfig>false</encrConfig>\n</device>"
        );
    }

    #[test]
    fn a_byte_order_mark_moves_nothing() {
        let config = "\u{feff}<?xml version=\"1.0\"?>\n<device><capfAuthMode>0</capfAuthMode><name>B</name></device>\n";
        let adjusted = adjusted(config, &part(2, false));
        assert_eq!(
            adjusted,
            "\u{feff}<?xml version=\"1.0\"?>\n<device><name>B</name><capfAuthMode>2</capfAuthMode>\n<certHash></certHash>\n\
             <encrConfig>false</encrConfig>\n</device>\n"
        );
        assert_eq!(
            stub(&adjusted, &part(2, true)),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<device>\n  <fullConfig>false</fullConfig>\n  \
             <capfAuthMode>2</capfAuthMode>\n  <certHash></certHash>\n  <encrConfig>true</encrConfig>\n</device>\n"
        );
    }

    #[test]
    fn without_anything_to_say_only_what_says_otherwise_changes() {
        let config = "<device><fullConfig>true</fullConfig></device>";
        assert_eq!(adjusted(config, &part(0, false)), config);
        let config = "<device><capfAuthMode>2</capfAuthMode><encrConfig>true</encrConfig></device>";
        assert_eq!(
            adjusted(config, &part(0, false)),
            "<device><capfAuthMode>0</capfAuthMode>\n<certHash></certHash>\n<encrConfig>false</encrConfig>\n</device>"
        );
    }

    #[test]
    fn what_is_no_config_is_refused() {
        let deep = format!("<device>{}", "<a>".repeat(100));
        for (config, reason) in [
            ("", "ends before the root element"),
            ("<device>", "ends too early"),
            ("<Default/>", "the root element is `Default`, this config has `device`"),
            ("<device></device><device></device>", "a second root element"),
            ("<device><a></device>", "not well-formed"),
            ("<device>&bomb;</device>", "an entity that phones do not know"),
            (deep.as_str(), "more than 64 elements"),
        ] {
            let error = part(0, true).stub(config.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(reason), "{config}: {error}");
        }
    }
}
