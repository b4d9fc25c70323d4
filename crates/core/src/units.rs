//! What a certificate is for on a node, the trust stores it is copied to, the roles they give
//! [cucm-behaviour.md 1.8, 1.9, 5.1].

use wire::role::Role;

/// What a certificate is for on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unit {
    /// HTTPS.
    Tomcat,
    /// Backups and IPsec.
    Ipsec,
    /// Recovery of trust lists.
    ItlRecovery,
    /// SIP and SCCP over TLS, signed configs.
    CallManager,
    /// The CA of phones.
    Capf,
    /// The Trust Verification Service.
    Tvs,
}

/// A unit or a trust store: a row of `typecertificateservice`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Service {
    /// Number.
    pub number: i64,
    /// Name, as the shell prints it.
    pub name: &'static str,
    /// Whether it is a trust store.
    pub trust: bool,
    /// Roles that it gives to a certificate.
    pub roles: &'static [Role],
}

const NONE: &[Role] = &[];
const APP: &[Role] = &[Role::APP_SERVER];
/// VPN concentrators, by the number of `typetrustrole`.
const VPN: Role = Role(26);

/// All units and trust stores, by number. Roles: [cucm-behaviour.md 1.9].
pub const SERVICES: [Service; 17] = [
    Service { number: 1, name: "Phone-trust", trust: true, roles: APP },
    Service { number: 2, name: "Phone-VPN-trust", trust: true, roles: &[VPN] },
    Service { number: 3, name: "CallManager", trust: false, roles: &[Role::SAST, Role::CCM_TFTP] },
    Service { number: 4, name: "CallManager-trust", trust: true, roles: NONE },
    Service { number: 5, name: "tomcat", trust: false, roles: APP },
    Service { number: 6, name: "tomcat-trust", trust: true, roles: APP },
    Service { number: 7, name: "ipsec", trust: false, roles: APP },
    Service { number: 8, name: "ipsec-trust", trust: true, roles: NONE },
    Service { number: 9, name: "CAPF", trust: false, roles: &[Role::CAPF] },
    Service { number: 10, name: "CAPF-trust", trust: true, roles: NONE },
    Service { number: 11, name: "TVS", trust: false, roles: &[Role::TVS] },
    Service { number: 12, name: "TVS-trust", trust: true, roles: NONE },
    Service { number: 13, name: "directory-trust", trust: true, roles: NONE },
    Service { number: 14, name: "Phone-SAST-trust", trust: true, roles: &[Role::SAST, Role::TFTP] },
    Service { number: 15, name: "Phone-CTL-trust", trust: true, roles: APP },
    Service { number: 16, name: "userlicensing-trust", trust: true, roles: NONE },
    Service { number: 100, name: "ITLRecovery", trust: false, roles: &[Role::SAST] },
];

/// The service with a number.
pub fn service(number: i64) -> Option<&'static Service> {
    SERVICES.iter().find(|service| service.number == number)
}

/// The service with a name; case does not matter, as in the shell.
pub fn service_named(name: &str) -> Option<&'static Service> {
    SERVICES.iter().find(|service| service.name.eq_ignore_ascii_case(name))
}

/// The roles of a certificate that stands in several services: the union. CCM+TFTP holds CCM and TFTP, so those two do
/// not stand beside it; so TVS answers {0, 2} for a CallManager certificate that is in Phone-SAST-trust too [seed 000].
pub fn roles(services: &[i64]) -> Vec<i64> {
    let mut all: Vec<i64> = services
        .iter()
        .filter_map(|number| service(*number))
        .flat_map(|service| service.roles.iter().map(|role| i64::from(role.0)))
        .collect();
    all.sort_unstable();
    all.dedup();
    if all.contains(&i64::from(Role::CCM_TFTP.0)) {
        all.retain(|role| *role != i64::from(Role::CCM.0) && *role != i64::from(Role::TFTP.0));
    }
    all
}

impl Unit {
    /// All units, in the order of `show cert list own`.
    pub const ALL: [Self; 6] = [Self::Tomcat, Self::Ipsec, Self::ItlRecovery, Self::CallManager, Self::Capf, Self::Tvs];

    /// Name, as the shell prints it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tomcat => "tomcat",
            Self::Ipsec => "ipsec",
            Self::ItlRecovery => "ITLRecovery",
            Self::CallManager => "CallManager",
            Self::Capf => "CAPF",
            Self::Tvs => "TVS",
        }
    }

    /// The unit with a name; case does not matter, as in the shell.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.name().eq_ignore_ascii_case(name))
    }

    /// Its number in `typecertificateservice`.
    pub const fn service(self) -> i64 {
        match self {
            Self::CallManager => 3,
            Self::Tomcat => 5,
            Self::Ipsec => 7,
            Self::Capf => 9,
            Self::Tvs => 11,
            Self::ItlRecovery => 100,
        }
    }

    /// The trust stores into which its certificate is copied by itself [cucm-behaviour.md 5.1; for ITLRecovery the
    /// stores of a bulk import, section 3].
    pub const fn trust_copies(self) -> &'static [i64] {
        match self {
            Self::Tomcat => &[6],
            Self::Ipsec => &[8],
            Self::CallManager => &[4, 14],
            Self::Capf => &[10, 4],
            Self::Tvs => &[12],
            Self::ItlRecovery => &[14, 4],
        }
    }

    /// Whether an old certificate stays in the trust stores after a renewal: LSCs hang on an old CAPF.
    pub const fn keeps_old_copies(self) -> bool {
        matches!(self, Self::Capf)
    }

    /// Whether every node has one, or only the publisher.
    pub const fn on_every_node(self) -> bool {
        !matches!(self, Self::Capf)
    }
}
