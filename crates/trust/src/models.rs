//! What each model can do. A table, with the source beside each row.

/// How a phone shows the fingerprint of a trust list on its screen [sources/phones#screen].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// MD5 of the whole file: 7900 series and older.
    Md5,
    /// SHA-1 of the whole file: newer ones.
    Sha1,
}

/// One model of phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Model {
    /// Name of the model: `7965`, `8861`, `ATA191`, `Jabber`.
    pub name: &'static str,
    /// Product name, as it stands in front of the device name in TVS messages: `CP-8861`.
    pub product: &'static str,
    /// What device names start with: `SEP`, `ATA`, `CSF`.
    pub prefix: &'static str,
    /// Its device names are chosen by people; those of the others are the prefix and the MAC address.
    pub free_name: bool,
    /// Security by Default: has an ITL and asks TVS. Without it only the CTL counts, and a signer that is not in it is
    /// refused.
    pub security_by_default: bool,
    /// Asks by HTTP on 6970 before TFTP.
    pub http: bool,
    /// Speaks TLS 1.0 with RSA key exchange only.
    pub old_tls: bool,
    /// Largest RSA key, in bits, in a list or of a signer.
    pub most_rsa_bits: usize,
    /// Most SAST records of a list; `None` when no limit is known.
    pub most_sast: Option<usize>,
    /// Knows SHA-512 signatures (and SHA-256). Every phone knows SHA-1.
    pub sha512: bool,
    /// The fingerprint on the screen.
    pub checksum: Checksum,
    /// Where the row comes from. `inferred` marks what no document says.
    pub source: &'static str,
}

/// 7940 and 7960: firmware 8, TFTP only, no Security by Default.
const OLDEST: Model = Model {
    name: "",
    product: "",
    prefix: "SEP",
    free_name: false,
    security_by_default: false,
    http: false,
    old_tls: true,
    most_rsa_bits: 2048,
    most_sast: Some(2),
    sha512: false,
    checksum: Checksum::Md5,
    source: "sources/phones#models: no Security by Default, limits; TFTP only, no SHA-512: inferred",
};

/// The other 7900s with firmware 9.
const SERIES_7900: Model = Model {
    security_by_default: true,
    http: true,
    source: "sources/phones#models: 7945, 7965 or newer have TVS, limits; sources/phones#screen: MD5 of a 7975; \
             sources/tvs#transport: TLS 1.0; no SHA-512: inferred",
    ..OLDEST
};

/// 6900, 8900 and 9900.
const SERIES_9900: Model = Model {
    old_tls: false,
    most_sast: None,
    checksum: Checksum::Sha1,
    source: "sources/phones#models: newer than 7945; RSA above 2048 and SHA-512 not in their firmware: inferred",
    ..SERIES_7900
};

/// 7800 and 8800.
const SERIES_8800: Model = Model {
    most_rsa_bits: 4096,
    sha512: true,
    source: "sources/tvs#query: of a CP-8861; sources/phones#models: RSA 4096, SHA-512, series inferred",
    ..SERIES_9900
};

const fn row(name: &'static str, product: &'static str, series: Model) -> Model {
    Model { name, product, ..series }
}

/// All models.
pub const MODELS: &[Model] = &[
    row("7940", "CP-7940G", OLDEST),
    row("7960", "CP-7960G", OLDEST),
    row("7906", "CP-7906G", SERIES_7900),
    row("7911", "CP-7911G", SERIES_7900),
    row("7921", "CP-7921G", SERIES_7900),
    row("7925", "CP-7925G", SERIES_7900),
    row("7931", "CP-7931G", SERIES_7900),
    row("7941", "CP-7941G", SERIES_7900),
    row("7942", "CP-7942G", SERIES_7900),
    row("7945", "CP-7945G", SERIES_7900),
    row("7961", "CP-7961G", SERIES_7900),
    row("7962", "CP-7962G", SERIES_7900),
    row("7965", "CP-7965G", SERIES_7900),
    row("7970", "CP-7970G", SERIES_7900),
    row("7971", "CP-7971G-GE", SERIES_7900),
    row("7975", "CP-7975G", SERIES_7900),
    row("6921", "CP-6921", SERIES_9900),
    row("6941", "CP-6941", SERIES_9900),
    row("6945", "CP-6945", SERIES_9900),
    row("6961", "CP-6961", SERIES_9900),
    row("8941", "CP-8941", SERIES_9900),
    row("8945", "CP-8945", SERIES_9900),
    row("8961", "CP-8961", SERIES_9900),
    row("9951", "CP-9951", SERIES_9900),
    row("9971", "CP-9971", SERIES_9900),
    row("7811", "CP-7811", SERIES_8800),
    row("7821", "CP-7821", SERIES_8800),
    row("7832", "CP-7832", SERIES_8800),
    row("7841", "CP-7841", SERIES_8800),
    row("7861", "CP-7861", SERIES_8800),
    row("8811", "CP-8811", SERIES_8800),
    row("8821", "CP-8821", SERIES_8800),
    row("8832", "CP-8832", SERIES_8800),
    row("8841", "CP-8841", SERIES_8800),
    row("8845", "CP-8845", SERIES_8800),
    row("8851", "CP-8851", SERIES_8800),
    row("8861", "CP-8861", SERIES_8800),
    row("8865", "CP-8865", SERIES_8800),
    Model {
        prefix: "ATA",
        source: "sources/tvs#tolerance: asks TVS under a name of its own; the rest as the 8800 series: inferred",
        ..row("ATA191", "ATA191", SERIES_8800)
    },
    Model {
        prefix: "CSF",
        free_name: true,
        security_by_default: false,
        source: "sources/phones#models: no Security by Default; names and the rest, as the 8800 series: inferred",
        ..row("Jabber", "CSF", SERIES_8800)
    },
];

impl Model {
    /// The row of a model, by its name or product name without regard to case: `8861`, `CP-8861`, `jabber`.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        MODELS.iter().find(|model| model.name.eq_ignore_ascii_case(name) || model.product.eq_ignore_ascii_case(name))
    }

    /// The names of all models, for a message.
    #[must_use]
    pub fn names() -> String {
        let names: Vec<&str> = MODELS.iter().map(|model| model.name).collect();
        names.join(" ")
    }

    /// Whether the phone can check a signature with this digest.
    #[must_use]
    pub fn knows(&self, digest: wire::digest::DigestId) -> bool {
        use wire::digest::DigestId;
        digest == DigestId::SHA1 || (self.sha512 && matches!(digest, DigestId::SHA256 | DigestId::SHA512))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::digest::DigestId;

    #[test]
    fn rows_that_the_sources_name() {
        for name in ["7940", "7960", "Jabber", "jabber", "CP-7960G"] {
            assert!(!Model::find(name).unwrap().security_by_default, "{name}");
        }
        for name in ["7945", "7965", "7975", "8861", "9971", "ata191"] {
            assert!(Model::find(name).unwrap().security_by_default, "{name}");
        }
        assert!(Model::find("7999").is_none());
    }

    #[test]
    fn each_model_stands_there_once_with_a_source() {
        for (index, model) in MODELS.iter().enumerate() {
            assert!(!model.name.is_empty() && !model.source.is_empty());
            let first = MODELS.iter().position(|other| other.name == model.name);
            assert_eq!(first, Some(index));
        }
    }

    #[test]
    fn digests() {
        let old = Model::find("7965").unwrap();
        let new = Model::find("8861").unwrap();
        assert!(old.knows(DigestId::SHA1) && !old.knows(DigestId::SHA512));
        assert!(new.knows(DigestId::SHA512) && new.knows(DigestId::SHA1));
        assert!(!new.knows(DigestId(4)));
    }
}
