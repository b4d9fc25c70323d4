//! What a release puts into requests to a CA, and what it offers to choose from.

use pki::profile::{Purpose, Usage};
use pki::request::RequestDigest;

use crate::units::Unit;

/// Requests of a release.
#[derive(Debug)]
pub struct RequestRules {
    /// What the request of a unit asks for; `None` for one that always signs its own certificate.
    pub row: fn(Unit) -> Option<RequestRow>,
    /// Sizes of RSA keys in bits, the default first.
    pub rsa: &'static [u32],
    /// Digests, the default first.
    pub digests: &'static [RequestDigest],
    /// Whether the subject has its OU when nobody says anything (checkbox *Include OU in CSR*)
    /// [sources/certificates#names-and-keys].
    pub with_ou: bool,
}

/// What the request of a unit asks for [sources/certificates#requests].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestRow {
    /// Whether one certificate may be for this unit of all nodes.
    pub multi_server: bool,
    /// Extended key usage.
    pub purposes: &'static [Purpose],
    /// Key usage.
    pub usages: &'static [Usage],
    /// BasicConstraints CA:TRUE with this path length.
    pub ca_path_length: Option<u8>,
}

/// Sizes of curves in bits, the default first [sources/certificates#names-and-keys],
/// [sources/certificates#self-signed-profile].
pub const CURVES: [u32; 3] = [384, 256, 521];

const SERVER_CLIENT: &[Purpose] = &[Purpose::ServerAuth, Purpose::ClientAuth];
const SERVER_CLIENT_IPSEC: &[Purpose] = &[Purpose::ServerAuth, Purpose::ClientAuth, Purpose::IpsecEndSystem];
const SERVER_IPSEC: &[Purpose] = &[Purpose::ServerAuth, Purpose::IpsecEndSystem];

const SIGN_DATA: &[Usage] = &[Usage::DigitalSignature, Usage::DataEncipherment];
const SIGN_KEY_DATA: &[Usage] = &[Usage::DigitalSignature, Usage::KeyEncipherment, Usage::DataEncipherment];
const OLD_USAGES: &[Usage] =
    &[Usage::DigitalSignature, Usage::KeyEncipherment, Usage::DataEncipherment, Usage::KeyAgreement];
const SIGN_CERTIFICATES: &[Usage] = &[Usage::DigitalSignature, Usage::KeyCertSign];

/// CAPF asks to be a subordinate CA that issues end certificates only.
const CAPF_PATH_LENGTH: Option<u8> = Some(0);

/// Before 10.5: no requests for all nodes, and smaller keys by default [sources/certificates#requests; defaults:
/// inferred].
pub const FIRST: RequestRules = RequestRules {
    row: first,
    rsa: &[1024, 2048],
    digests: &[RequestDigest::Sha1, RequestDigest::Sha256],
    with_ou: true,
};

/// 10.5 and 11: every request asks for server, client and ipsec; CAPF for server and ipsec
/// [sources/certificates#requests].
pub const OLD: RequestRules = RequestRules {
    row: old,
    rsa: &[2048, 1024, 3072, 4096],
    digests: &[RequestDigest::Sha256, RequestDigest::Sha1, RequestDigest::Sha384, RequestDigest::Sha512],
    with_ou: true,
};

/// 12.5 and 14, before 14SU1 left the OU out [sources/certificates#names-and-keys].
pub const NEW_WITH_OU: RequestRules = RequestRules { with_ou: true, ..NEW };

/// Up to 15SU4 [sources/certificates#requests], [sources/certificates#names-and-keys].
pub const NEW: RequestRules = RequestRules {
    row: new,
    rsa: &[2048, 3072, 4096],
    digests: &[RequestDigest::Sha256, RequestDigest::Sha384, RequestDigest::Sha512],
    with_ou: false,
};

/// Units whose certificate may be one for all nodes.
const fn for_all_nodes(unit: Unit) -> bool {
    matches!(
        unit,
        Unit::Tomcat
            | Unit::TomcatEcdsa
            | Unit::CallManager
            | Unit::CallManagerEcdsa
            | Unit::CupXmpp
            | Unit::CupXmppEcdsa
            | Unit::CupXmppS2s
            | Unit::CupXmppS2sEcdsa
    )
}

fn first(unit: Unit) -> Option<RequestRow> {
    old(unit).map(|row| RequestRow { multi_server: false, ..row })
}

const fn old(unit: Unit) -> Option<RequestRow> {
    let multi_server = for_all_nodes(unit);
    match unit {
        Unit::ItlRecovery => None,
        Unit::Capf => Some(RequestRow {
            multi_server,
            purposes: SERVER_IPSEC,
            usages: SIGN_CERTIFICATES,
            ca_path_length: CAPF_PATH_LENGTH,
        }),
        _ => Some(RequestRow { multi_server, purposes: SERVER_CLIENT_IPSEC, usages: OLD_USAGES, ca_path_length: None }),
    }
}

fn new(unit: Unit) -> Option<RequestRow> {
    let multi_server = for_all_nodes(unit);
    let row = |purposes, usages| RequestRow { multi_server, purposes, usages, ca_path_length: None };
    match unit {
        Unit::ItlRecovery => None,
        Unit::Capf => Some(RequestRow {
            multi_server,
            purposes: SERVER_CLIENT,
            usages: SIGN_CERTIFICATES,
            ca_path_length: CAPF_PATH_LENGTH,
        }),
        Unit::Tomcat | Unit::TomcatEcdsa | Unit::CallManager | Unit::CallManagerEcdsa => {
            Some(row(SERVER_CLIENT, SIGN_DATA))
        }
        Unit::Ipsec => Some(row(SERVER_CLIENT_IPSEC, SIGN_KEY_DATA)),
        Unit::Tvs => Some(row(SERVER_CLIENT, SIGN_KEY_DATA)),
        Unit::Cup | Unit::CupEcdsa | Unit::CupXmpp | Unit::CupXmppEcdsa | Unit::CupXmppS2s | Unit::CupXmppS2sEcdsa => {
            Some(row(SERVER_CLIENT_IPSEC, SIGN_DATA))
        }
    }
}
