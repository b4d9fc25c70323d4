//! What a certificate is for on a node, the trust stores it is copied to, the roles they give
//! [sources/certificates#units], [sources/trust-stores#roles], [sources/database#certificate-services].

use wire::role::Role;

use crate::Refusal;

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
    /// HTTPS with a key on an elliptic curve.
    TomcatEcdsa,
    /// SIP over TLS with a key on an elliptic curve.
    CallManagerEcdsa,
    /// IM&P: SIP Proxy and Presence Engine.
    Cup,
    /// The same on an elliptic curve.
    CupEcdsa,
    /// IM&P: XCP Connection Manager, Web Connection Manager, Directory, Router.
    CupXmpp,
    /// The same on an elliptic curve.
    CupXmppEcdsa,
    /// IM&P: XCP XMPP Federation Connection Manager.
    CupXmppS2s,
    /// The same on an elliptic curve.
    CupXmppS2sEcdsa,
}

/// Where a unit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Where {
    /// On every node, IM&P nodes among them.
    EveryNode,
    /// On every node but those of IM&P.
    CallManagerNodes,
    /// On the publisher.
    Publisher,
    /// On the nodes of IM&P.
    Presence,
}

/// What is known of a unit [sources/certificates#units].
struct Facts {
    /// Its name and number in [`SERVICES`].
    name: &'static str,
    number: i64,
    /// The trust stores that get a copy by themselves, by number.
    copies: &'static [i64],
    place: Where,
    /// Whether its key is on an elliptic curve.
    ec: bool,
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

/// All units and trust stores, by number. Roles: [sources/trust-stores#roles].
pub const SERVICES: [Service; 28] = [
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
    Service { number: 101, name: "tomcat-ECDSA", trust: false, roles: APP },
    // Phones check lists and configs with RSA only, so it is no SAST and no TFTP by itself.
    Service { number: 102, name: "CallManager-ECDSA", trust: false, roles: &[Role::CCM] },
    Service { number: 103, name: "cup", trust: false, roles: APP },
    Service { number: 104, name: "cup-ECDSA", trust: false, roles: APP },
    Service { number: 105, name: "cup-xmpp", trust: false, roles: APP },
    Service { number: 106, name: "cup-xmpp-ECDSA", trust: false, roles: APP },
    Service { number: 107, name: "cup-xmpp-s2s", trust: false, roles: APP },
    Service { number: 108, name: "cup-xmpp-s2s-ECDSA", trust: false, roles: APP },
    Service { number: 109, name: "cup-trust", trust: true, roles: NONE },
    Service { number: 110, name: "cup-xmpp-trust", trust: true, roles: NONE },
    Service { number: 111, name: "Phone-Edge-trust", trust: true, roles: NONE },
];

/// The key of the row that says which certificate a unit of a node has.
pub fn own_key(node: &str, unit: Unit) -> String {
    format!("{node}/{}", unit.service())
}

/// The service with a number.
pub fn service(number: i64) -> Option<&'static Service> {
    SERVICES.iter().find(|service| service.number == number)
}

/// The service with a name; case does not matter, as in the shell.
pub fn service_named(name: &str) -> Option<&'static Service> {
    SERVICES.iter().find(|service| service.name.eq_ignore_ascii_case(name))
}

/// The roles of a certificate that stands in several services: the union. CCM+TFTP holds CCM and TFTP, so those two do
/// not stand beside it; so TVS answers {0, 2} for a CallManager certificate that is in Phone-SAST-trust too
/// [sources/tvs#roles-and-time], [sources/trust-stores#roles].
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
    pub const ALL: [Self; 14] = [
        Self::Tomcat,
        Self::TomcatEcdsa,
        Self::Ipsec,
        Self::ItlRecovery,
        Self::CallManagerEcdsa,
        Self::CallManager,
        Self::Capf,
        Self::Tvs,
        Self::Cup,
        Self::CupEcdsa,
        Self::CupXmpp,
        Self::CupXmppEcdsa,
        Self::CupXmppS2s,
        Self::CupXmppS2sEcdsa,
    ];

    /// The table. Copies: [sources/certificates#units]; for ITLRecovery the stores of a bulk import
    /// [sources/bulk#stores].
    const fn facts(self) -> Facts {
        const fn row(name: &'static str, number: i64, copies: &'static [i64], place: Where) -> Facts {
            Facts { name, number, copies, place, ec: false }
        }
        const fn ec(name: &'static str, number: i64, copies: &'static [i64], place: Where) -> Facts {
            Facts { name, number, copies, place, ec: true }
        }
        use Where::{CallManagerNodes, EveryNode, Presence, Publisher};
        match self {
            Self::Tomcat => row("tomcat", 5, &[6], EveryNode),
            Self::Ipsec => row("ipsec", 7, &[8], EveryNode),
            Self::ItlRecovery => row("ITLRecovery", 100, &[14, 4], CallManagerNodes),
            Self::CallManager => row("CallManager", 3, &[4, 14], CallManagerNodes),
            Self::Capf => row("CAPF", 9, &[10, 4], Publisher),
            Self::Tvs => row("TVS", 11, &[12], CallManagerNodes),
            Self::TomcatEcdsa => ec("tomcat-ECDSA", 101, &[6], EveryNode),
            Self::CallManagerEcdsa => ec("CallManager-ECDSA", 102, &[4, 14], CallManagerNodes),
            Self::Cup => row("cup", 103, &[109], Presence),
            Self::CupEcdsa => ec("cup-ECDSA", 104, &[109], Presence),
            Self::CupXmpp => row("cup-xmpp", 105, &[110], Presence),
            Self::CupXmppEcdsa => ec("cup-xmpp-ECDSA", 106, &[110], Presence),
            Self::CupXmppS2s => row("cup-xmpp-s2s", 107, &[110], Presence),
            Self::CupXmppS2sEcdsa => ec("cup-xmpp-s2s-ECDSA", 108, &[110], Presence),
        }
    }

    /// Name, as the shell prints it.
    pub const fn name(self) -> &'static str {
        self.facts().name
    }

    /// The unit with a name; case does not matter, as in the shell.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.name().eq_ignore_ascii_case(name))
    }

    /// Its number in `typecertificateservice`.
    pub const fn service(self) -> i64 {
        self.facts().number
    }

    /// The unit with a number of `typecertificateservice`.
    pub fn of_service(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.service() == number)
    }

    /// The trust stores into which its certificate is copied by itself, by number.
    pub const fn trust_copies(self) -> &'static [i64] {
        self.facts().copies
    }

    /// Where it stands.
    pub const fn place(self) -> Where {
        self.facts().place
    }

    /// Whether its key is on an elliptic curve.
    pub const fn is_ec(self) -> bool {
        self.facts().ec
    }

    /// Whether an old certificate stays in the trust stores after a renewal: LSCs hang on an old CAPF.
    pub const fn keeps_old_copies(self) -> bool {
        matches!(self, Self::Capf)
    }
}

/// What phones check lists, configs and servers with, in the order in which it is renewed: TVS vouches for the first, the lists that
/// the first has signed tell of the second, and ITLRecovery is the way back as long as it stays.
pub const CHECKED: [Unit; 3] = [Unit::CallManager, Unit::Tvs, Unit::ItlRecovery];

/// Where the CAs of phones' certificates stand: who checks LSCs and MICs looks there.
pub const PHONE_CA_STORES: [&str; 2] = ["CAPF-trust", "CallManager-trust"];

/// The trust store with a name, or that of a unit.
///
/// # Errors
/// [`Refusal::BadInput`] with those that are there.
pub fn trust_store(name: &str) -> Result<&'static Service, Refusal> {
    let named = service_named(name);
    let found = named.filter(|service| service.trust).or_else(|| {
        let unit = named?;
        service_named(&format!("{}-trust", unit.name))
    });
    found.ok_or_else(|| {
        let names: Vec<&str> = SERVICES.iter().filter(|service| service.trust).map(|service| service.name).collect();
        Refusal::BadInput(format!("no trust store {name}; there are {}", names.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use trust::Offer;

    /// The store that a phone's refusal names for a server gives that role and nothing else, and no server is sent to one that
    /// makes signers.
    #[test]
    fn the_store_that_is_advised() {
        for role in [Role::APP_SERVER, Role::CCM, Role::CCM_TFTP, Role::TFTP, Role::CAPF, Role::TVS] {
            let remedy = Offer::TlsServer { role, certificate: &[] }.remedy();
            let named: Vec<_> =
                SERVICES.iter().filter(|service| service.trust && remedy.contains(service.name)).collect();
            assert!(named.iter().all(|service| service.roles == [role]), "{role}: {remedy}");
            assert_eq!(named.len(), usize::from(role == Role::APP_SERVER), "{role}: {remedy}");
        }
        let signers = Offer::Itl(&[]).remedy();
        let store = SERVICES.iter().find(|service| service.trust && signers.contains(service.name)).unwrap();
        assert!(store.roles.contains(&Role::SAST));
    }

    proptest! {
        /// However a certificate came into its stores, and however often it was put there: TVS answers the same, and one store more
        /// takes no role away but those that CCM+TFTP holds.
        #[test]
        fn roles_are_the_union_of_the_stores(places in proptest::collection::vec(0..SERVICES.len(), 0..6), more in 0..SERVICES.len()) {
            let numbers: Vec<i64> = places.iter().map(|place| SERVICES[*place].number).collect();
            let all = roles(&numbers);
            let backwards: Vec<i64> = numbers.iter().rev().chain(&numbers).copied().collect();
            prop_assert_eq!(&roles(&backwards), &all);
            prop_assert!(all.is_sorted() && all.windows(2).all(|pair| pair[0] != pair[1]));
            let with_more = roles(&[&numbers[..], &[SERVICES[more].number]].concat());
            let inside = |role: i64| [Role::CCM, Role::TFTP].iter().any(|held| i64::from(held.0) == role);
            let both = with_more.contains(&i64::from(Role::CCM_TFTP.0));
            for role in all {
                prop_assert!(with_more.contains(&role) || (both && inside(role)), "{role} of {numbers:?} is lost");
            }
            for role in SERVICES[more].roles.iter().map(|role| i64::from(role.0)) {
                prop_assert!(with_more.contains(&role) || (both && inside(role)));
            }
        }
    }
}
