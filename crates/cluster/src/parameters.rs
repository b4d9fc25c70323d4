//! The parameters of a cluster: rows of `processconfig` with their defaults and allowed values.

use pki::revocation::{ADDRESS_LIMIT, is_web_address};
use wire::digest::DigestId;

use crate::Refusal;
use crate::releases::Release;

/// Rows of `processconfig` that are ours: they describe the cluster itself.
pub const RELEASE: &str = "RingfenceRelease";

/// The release that the cluster came from at its first start; not there after a fresh installation.
pub const UPGRADED_FROM: &str = "RingfenceUpgradedFrom";
/// The parts of the subjects that a cluster was made with: country, organization, unit, state, locality.
pub const SUBJECT: [&str; 5] =
    ["RingfenceCountry", "RingfenceOrganization", "RingfenceUnit", "RingfenceState", "RingfenceLocality"];
/// When the last rollback was over, milliseconds since 1970 UTC.
pub const ROLLBACK_ENDED: &str = "RingfenceRollbackEnded";
/// What [`ROLLBACK_ENDED`] is until the lists that follow the end are published: phones hold the blank one until then.
pub const ROLLBACK_ENDS: &str = "9223372036854775807";

/// `ClusterSecurityMode`: 0 non-secure, 1 mixed mode [sources/database#tables].
pub const CLUSTER_SECURITY_MODE: &str = "ClusterSecurityMode";
/// `RollBackToPreGrayback`: *Prepare Cluster for Rollback to pre 8.0*, F or T.
pub const ROLLBACK: &str = "RollBackToPreGrayback";
/// *TFTP File Signature Algorithm*: SHA-1 or SHA-512; governs CTL, ITL and `.sgn` [sources/releases#signers].
pub const SIGNATURE_ALGORITHM: &str = "TFTPFileSignatureAlgorithm";
/// *CAPF Phone Port*.
pub const CAPF_PORT: &str = "CAPFPhonePort";
/// *CAPF Operation Expires in (days)*: what *Operation Completes By* is by default [sources/capf#service].
pub const CAPF_OPERATION_EXPIRES: &str = "CAPFOperationExpiresIn";
/// *Duration Of Certificate Validity (in days)* of LSCs [sources/capf#service].
pub const CAPF_VALIDITY: &str = "DurationOfCertificateValidity";
/// *Certificate Issuer to Endpoint*: who signs LSCs, [`ISSUER_CAPF`] or [`ISSUER_OFFLINE`] [sources/capf#service]. The
/// original has *Online CA* too.
pub const CERTIFICATE_ISSUER: &str = "CertificateIssuerToEndpoint";
/// CAPF signs.
pub const ISSUER_CAPF: &str = "Cisco Certificate Authority Proxy Function";
/// CAPF keeps requests; somebody signs them elsewhere.
pub const ISSUER_OFFLINE: &str = "Offline CA";
/// Days in which the deletion of a certificate from a trust store can be taken back. Ours.
pub const DELETED_RETENTION: &str = "DeletedCertificateRetention";
/// What it is by default: a month, so that what a phone meets only then is noticed in time.
pub const DELETED_RETENTION_DAYS: u32 = 30;
/// *LBM Security Mode*. Ringfence runs no LBM: the row says what the original's page shows, and nothing depends on it.
pub const LBM_SECURITY_MODE: &str = "LBMSecurityMode";
/// *Enable Caching*. What it caches no source says; nothing here depends on it.
pub const ENABLE_CACHING: &str = "EnableCaching";
/// Port of TVS as configs name it.
pub const TVS_PORT: &str = "TVSPort";
/// Seconds that a phone may keep an answer of TVS [sources/tvs#roles-and-time].
pub const TVS_TIME_TO_LIVE: &str = "TVSCacheTimeToLive";

/// *Enable OCSP* of the page *Certificate Revocation*; what its rows are called in the original is not known
/// [sources/monitor#revocation].
pub const ENABLE_OCSP: &str = "EnableOCSP";
/// Which responder is asked: [`USE_CERTIFICATE`] or [`USE_CONFIGURED`].
pub const OCSP_SOURCE: &str = "OCSPURISource";
/// *Use OCSP URI from Certificate*.
pub const USE_CERTIFICATE: &str = "Certificate";
/// *Use Configured OCSP URI*.
pub const USE_CONFIGURED: &str = "Configured";
/// The responder of [`USE_CONFIGURED`], or [`NONE`].
pub const CONFIGURED_RESPONDER: &str = "ConfiguredOCSPURI";
/// *Enable CRL*.
pub const ENABLE_CRL: &str = "EnableCRL";
/// *CRL Distribution Point URI*: up to five with blanks between, or [`NONE`].
pub const CONFIGURED_LISTS: &str = "CRLDistributionPointURI";
/// *Enable Revocation Check*: those that are there are checked again and again.
pub const ENABLE_REVOCATION_CHECK: &str = "EnableRevocationCheck";
/// *Check Every*, hours.
pub const REVOCATION_EVERY: &str = "RevocationCheckEvery";
/// *Enable Full Chain Revocation check*.
pub const FULL_CHAIN: &str = "EnableFullChainRevocationCheck";
/// What becomes of an upload when nobody knows: [`WARN`] or [`REFUSE`]. Ours.
pub const REVOCATION_NOT_KNOWN: &str = "RevocationNotKnown";
/// It is taken, with a warning.
pub const WARN: &str = "Warn";
/// It is refused, as in the Common Criteria mode of the original.
pub const REFUSE: &str = "Refuse";
/// No address.
pub const NONE: &str = "none";

/// The security mode of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecurityMode {
    /// No CTL; phones sign in without TLS.
    NonSecure,
    /// A CTL; phones may authenticate and encrypt.
    Mixed,
}

impl SecurityMode {
    /// The value of `ClusterSecurityMode`.
    pub const fn value(self) -> &'static str {
        match self {
            Self::NonSecure => "0",
            Self::Mixed => "1",
        }
    }

    /// The word of the command.
    pub const fn words(self) -> &'static str {
        match self {
            Self::NonSecure => "non-secure-mode",
            Self::Mixed => "mixed-mode",
        }
    }
}

/// A parameter: its name, its default, and what it may be.
struct Rule {
    name: &'static str,
    default: &'static str,
    /// Whether `set` may change it; the others change by operations of their own.
    by_hand: bool,
    allowed: Allowed,
}

enum Allowed {
    OneOf(&'static [&'static str]),
    Number(u32, u32),
    /// So many `http://` addresses at most, with blanks between; or [`NONE`].
    Addresses(usize),
}

const RULES: [Rule; 21] = [
    Rule { name: CAPF_OPERATION_EXPIRES, default: "10", by_hand: true, allowed: Allowed::Number(1, 365) },
    Rule { name: CAPF_PORT, default: "3804", by_hand: true, allowed: Allowed::Number(1, 65_535) },
    Rule {
        name: CERTIFICATE_ISSUER,
        default: ISSUER_CAPF,
        by_hand: true,
        allowed: Allowed::OneOf(&[ISSUER_CAPF, ISSUER_OFFLINE]),
    },
    Rule { name: CLUSTER_SECURITY_MODE, default: "0", by_hand: false, allowed: Allowed::OneOf(&["0", "1"]) },
    Rule { name: CAPF_VALIDITY, default: "1825", by_hand: true, allowed: Allowed::Number(1, 1825) },
    Rule { name: CONFIGURED_LISTS, default: NONE, by_hand: true, allowed: Allowed::Addresses(ADDRESS_LIMIT) },
    Rule { name: CONFIGURED_RESPONDER, default: NONE, by_hand: true, allowed: Allowed::Addresses(1) },
    Rule { name: DELETED_RETENTION, default: "30", by_hand: true, allowed: Allowed::Number(1, 3650) },
    // as the page shows it [sources/published-clusters#two-nodes]
    Rule { name: ENABLE_CACHING, default: "True", by_hand: false, allowed: Allowed::OneOf(&["True", "False"]) },
    switch(ENABLE_CRL),
    switch(FULL_CHAIN),
    switch(ENABLE_OCSP),
    switch(ENABLE_REVOCATION_CHECK),
    // as the page shows it [sources/published-clusters#two-nodes]
    Rule { name: LBM_SECURITY_MODE, default: "Insecure", by_hand: false, allowed: Allowed::OneOf(&["Insecure"]) },
    Rule {
        name: OCSP_SOURCE,
        default: USE_CERTIFICATE,
        by_hand: true,
        allowed: Allowed::OneOf(&[USE_CERTIFICATE, USE_CONFIGURED]),
    },
    Rule { name: REVOCATION_EVERY, default: "24", by_hand: true, allowed: Allowed::Number(1, 8760) },
    Rule { name: REVOCATION_NOT_KNOWN, default: WARN, by_hand: true, allowed: Allowed::OneOf(&[WARN, REFUSE]) },
    Rule { name: ROLLBACK, default: "F", by_hand: false, allowed: Allowed::OneOf(&["F", "T"]) },
    Rule { name: SIGNATURE_ALGORITHM, default: "SHA-1", by_hand: true, allowed: Allowed::OneOf(&["SHA-1", "SHA-512"]) },
    Rule { name: TVS_TIME_TO_LIVE, default: "86400", by_hand: true, allowed: Allowed::Number(1, 2_592_000) },
    Rule { name: TVS_PORT, default: "2445", by_hand: true, allowed: Allowed::Number(1, 65_535) },
];

/// Something that is off at first.
const fn switch(name: &'static str) -> Rule {
    Rule { name, default: "F", by_hand: true, allowed: Allowed::OneOf(&["F", "T"]) }
}

/// The parameters of a new cluster.
pub fn defaults() -> impl Iterator<Item = (&'static str, &'static str)> {
    RULES.iter().map(|rule| (rule.name, rule.default))
}

/// The names of those that `set parameter` changes.
pub fn by_hand() -> impl Iterator<Item = &'static str> {
    RULES.iter().filter(|rule| rule.by_hand).map(|rule| rule.name)
}

/// The right spelling of a name; the name itself when there is none.
pub fn spelled(name: &str) -> &str {
    RULES.iter().find(|rule| rule.name.eq_ignore_ascii_case(name)).map_or(name, |rule| rule.name)
}

/// Checks a value that an administrator gives. The right spelling of the name.
///
/// # Errors
/// [`Refusal::BadInput`]: no such parameter, not to be set by hand, a value that is not allowed.
pub fn check(name: &str, value: &str, release: &Release) -> Result<&'static str, Refusal> {
    let rule = RULES.iter().find(|rule| rule.name.eq_ignore_ascii_case(name));
    let rule = rule.ok_or_else(|| {
        let names: Vec<&str> = by_hand().collect();
        Refusal::BadInput(format!("no parameter {name}; there are {}", names.join(", ")))
    })?;
    if !rule.by_hand {
        let instead = match rule.name {
            CLUSTER_SECURITY_MODE if release.ctl_sasts.is_empty() => {
                "a CTL file that the CTL client signs with tokens changes it (`ringfence ctl-client`)"
            }
            CLUSTER_SECURITY_MODE => "`utils ctl set-cluster mixed-mode|non-secure-mode` changes it",
            ROLLBACK => "`set rollback enable|disable` changes it",
            _ => "it belongs to what Ringfence does not run, and nothing here depends on it",
        };
        return Err(Refusal::BadInput(format!("{} is not set by hand: {instead}", rule.name)));
    }
    rule.check(value).map(|()| rule.name).map_err(Refusal::BadInput)
}

/// Why a parameter cannot have this value, if that is so. Names that this program does not know may have any.
pub fn check_stored(name: &str, value: &str) -> Result<(), String> {
    RULES.iter().find(|rule| rule.name == name).map_or(Ok(()), |rule| rule.check(value))
}

impl Rule {
    fn check(&self, value: &str) -> Result<(), String> {
        let (fits, wanted) = match self.allowed {
            Allowed::OneOf(values) => (values.contains(&value), values.join(" or ")),
            Allowed::Addresses(most) => {
                let words: Vec<&str> = value.split_whitespace().collect();
                let fits =
                    value == NONE || (1..=most).contains(&words.len()) && words.iter().all(|word| is_web_address(word));
                (fits, format!("{NONE} or an http:// address, {most} at most"))
            }
            Allowed::Number(least, most) => {
                let fits = value.parse::<u32>().is_ok_and(|number| (least..=most).contains(&number));
                (fits, format!("{least} to {most}"))
            }
        };
        if fits { Ok(()) } else { Err(format!("{}: {} is not {wanted}", self.name, value.escape_debug())) }
    }
}

/// All parameters at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// From the rows.
    pub fn new(rows: Vec<(String, String)>) -> Self {
        Self(rows)
    }

    /// A value; its default when the row is not there.
    pub fn get(&self, name: &str) -> &str {
        let stored = self.0.iter().find(|(stored, _)| stored == name).map(|(_, value)| value.as_str());
        let default = || RULES.iter().find(|rule| rule.name == name).map_or("", |rule| rule.default);
        stored.unwrap_or_else(default)
    }

    /// Sets a value.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        match self.0.iter_mut().find(|(stored, _)| stored == name) {
            Some((_, stored)) => value.clone_into(stored),
            None => self.0.push((name.to_owned(), value.to_owned())),
        }
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The security mode.
    pub fn security_mode(&self) -> SecurityMode {
        if self.get(CLUSTER_SECURITY_MODE) == "1" { SecurityMode::Mixed } else { SecurityMode::NonSecure }
    }

    /// Whether the cluster prepares for a rollback to a release before 8.0.
    pub fn rollback(&self) -> bool {
        self.get(ROLLBACK) == "T"
    }

    /// The digest that files are signed with.
    pub fn digest(&self) -> DigestId {
        if self.get(SIGNATURE_ALGORITHM) == "SHA-512" { DigestId::SHA512 } else { DigestId::SHA1 }
    }

    /// A number; `fallback` when it is not one.
    pub fn number(&self, name: &str, fallback: u32) -> u32 {
        self.get(name).parse().unwrap_or(fallback)
    }
}

/// Label of what is refused while [`ROLLBACK`] is on.
pub const REFUSAL: &str = "rollback-on";
