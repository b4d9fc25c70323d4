//! The anchors of trust: does every record of the published lists still name a live certificate, and would a renewal take the
//! last one away that phones hold? Nothing rebuilds a CTL by itself, so it may name certificates that are gone: after a
//! renewal, or after an upgrade that made another ITLRecovery certificate [sources/releases#safe-orders],
//! [sources/trust-lists#acceptance].

use crate::rows::{FormerKeyRow, NodeRow};
use pki::hash::spell;
use pki::listing::ListKind;
use pki::{Certificate, NameForm};
use trust::is_about;
use wire::role::Role;
use wire::trust_list::{RecordView, TrustList};

use crate::releases::Release;
use crate::state::AskedLists;
use crate::trust_lists::NodeCertificates;
use crate::units::Unit;
use crate::{Refusal, State};

/// What to do when the CallManager certificate in the CTL is not the live one.
const UPDATE: &str = "`utils ctl update CTLFile`, and let all phones fetch the CTL file";
/// What to do when ITLRecovery is not, which signs, and phones still hold the live CallManager certificate.
const RESET: &str = "`utils ctl reset localkey`, let all phones fetch the CTL file, then `utils ctl update CTLFile`";
/// What to do when nobody can sign the next CTL.
const TOKENS: &str = "`utils system switch-version` to a release from 10.0 on, or delete CTLFile.tlv on all nodes and make a CTL file with \
                      tokens that stand in Phone-SAST-trust; phones that cannot ask TVS need theirs deleted by hand";
/// What to do about an ITL.
const RESTART: &str = "`utils service restart Cisco Tftp` on that node, and let its phones fetch the ITL file";

/// A list and the certificates that are live do not agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which list.
    pub list: ListKind,
    /// The node that publishes it.
    pub node: String,
    /// The record, from 1; `None` when a record is missing.
    pub record: Option<usize>,
    /// Its role.
    pub role: Role,
    /// The unit whose certificate it should be.
    pub unit: Unit,
    /// Subject and serial number that stand in the record.
    pub named: Option<(String, String)>,
    /// Serial number of the live certificate; `None` when there is none, or when nobody could sign the next list.
    pub live: Option<String>,
    /// The next command, as the rest of a sentence.
    pub next: &'static str,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} of {}", self.list.word(), self.node)?;
        let unit = self.unit.name();
        if let (Some(record), Some((subject, serial))) = (self.record, &self.named) {
            write!(out, ", record {record} ({}): {subject}, serial {serial}, is not live any more", self.role)?;
        } else if self.live.is_some() {
            write!(out, ": no record names the {unit} certificate as {}", self.role)?;
        } else {
            write!(
                out,
                ": no Security Token stands in it, and in this release no node signs one, so nobody could sign the next"
            )?;
        }
        if let Some(live) = &self.live {
            write!(out, "; {unit} is serial {live} now")?;
        }
        write!(out, ". Run {}", self.next)
    }
}

fn serial(certificate: &Certificate) -> String {
    certificate.serial_text("", true)
}

/// The units whose certificates a role is given to.
fn units_of(role: Role) -> &'static [Unit] {
    match role {
        Role::SAST => &[Unit::CallManager, Unit::ItlRecovery],
        Role::CCM | Role::CCM_TFTP | Role::TFTP => &[Unit::CallManager],
        Role::CAPF => &[Unit::Capf],
        Role::TVS => &[Unit::Tvs],
        _ => &[],
    }
}

/// The live certificates of some units, with their unit.
fn live_of<'a>(all: &'a [NodeCertificates], units: &'a [Unit]) -> impl Iterator<Item = (Unit, &'a Certificate)> {
    let own = all.iter().flat_map(|node| &node.own);
    own.filter(|(unit, _)| units.contains(unit)).map(|(unit, certificate)| (*unit, certificate))
}

/// The unit whose certificate once was the one of a SAST record; `None` when it is a token's, or the anchor of another cluster. By
/// the key, because a change of web-security gives the next certificate another name; by the name too, for what was replaced
/// before replaced keys were kept.
fn former_unit(record: &RecordView<'_>, all: &[NodeCertificates], former: &[FormerKeyRow]) -> Option<Unit> {
    let certificate = record.certificate().and_then(|der| Certificate::from_der(der).ok());
    let key = certificate.map(|certificate| pki::hash::hex(&certificate.key_id()));
    let by_key = former.iter().find(|row| Some(&row.key_id) == key.as_ref());
    let units = units_of(Role::SAST);
    // A certificate of two units stands under one of them only.
    let unit = |row: &FormerKeyRow| Unit::of_service(row.service).filter(|unit| units.contains(unit));
    by_key.map(|row| unit(row).unwrap_or(Unit::CallManager)).or_else(|| {
        let subject = record.subject()?;
        live_of(all, units).find(|(_, live)| live.subject(NameForm::Cucm).as_bytes() == subject).map(|(unit, _)| unit)
    })
}

/// Compares one list with the live certificates. `former` are the keys that certificates of the nodes had before. A SAST record
/// of neither is a token's, and no business of the nodes.
pub fn compare(
    release: &Release,
    kind: ListKind,
    node: &str,
    list: &TrustList,
    all: &[NodeCertificates],
    former: &[FormerKeyRow],
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, record) in (1..).zip(list.records()) {
        let Some(role) = record.role() else { continue };
        let units = units_of(role);
        let names = record.certificate().is_some() || record.certificate_hash().is_some();
        if units.is_empty() || !names || live_of(all, units).any(|(_, live)| is_about(&record, live)) {
            continue;
        }
        let subject = record.subject().unwrap_or_default();
        let same_name = live_of(all, units).find(|(_, live)| live.subject(NameForm::Cucm).as_bytes() == subject);
        let of_unit = |unit: Unit| live_of(all, units).find(|(of, _)| *of == unit);
        let (unit, live) = match (same_name, role) {
            (Some((unit, live)), _) => (unit, Some(serial(live))),
            (None, Role::SAST) => match former_unit(&record, all, former) {
                Some(unit) => (unit, of_unit(unit).map(|(_, live)| serial(live))),
                None => continue,
            },
            // A new CAPF has another name than the one before.
            (None, _) => match live_of(all, units).next() {
                Some((unit, live)) => (unit, Some(serial(live))),
                None => (units.first().copied().unwrap_or(Unit::CallManager), None),
            },
        };
        let shown = subject.escape_ascii().to_string();
        let certificate = record.certificate().and_then(|der| Certificate::from_der(der).ok());
        let bytes = || spell(record.serial().unwrap_or_default(), "", true);
        let named = Some((shown, certificate.as_ref().map_or_else(bytes, serial)));
        let next = next(release, kind, unit, list, all);
        findings.push(Finding {
            list: kind,
            node: node.to_owned(),
            record: Some(number),
            role,
            unit,
            named,
            live,
            next,
        });
    }
    if kind == ListKind::Ctl && !names_token(list, all, former) {
        if release.ctl_sasts.is_empty() {
            findings.push(Finding {
                list: kind,
                node: node.to_owned(),
                record: None,
                role: Role::SAST,
                unit: Unit::CallManager,
                named: None,
                live: None,
                next: TOKENS,
            });
        }
        let publisher = all.iter().find(|own| own.publisher);
        for unit in release.ctl_sasts {
            let Some(live) = publisher.and_then(|own| own.readable(*unit)) else { continue };
            let told = findings.iter().any(|finding| finding.role == Role::SAST && finding.unit == *unit);
            if !told && !is_sast(list, live) {
                findings.push(Finding {
                    list: kind,
                    node: node.to_owned(),
                    record: None,
                    role: Role::SAST,
                    unit: *unit,
                    named: None,
                    live: Some(serial(live)),
                    next: next(release, kind, *unit, list, all),
                });
            }
        }
    }
    findings
}

fn next(release: &Release, kind: ListKind, unit: Unit, list: &TrustList, all: &[NodeCertificates]) -> &'static str {
    match (kind, unit) {
        (ListKind::Itl, _) => RESTART,
        (ListKind::Ctl, Unit::ItlRecovery)
            if release.ctl_sasts.first() == Some(&Unit::ItlRecovery)
                && live_of(all, &[Unit::CallManager]).any(|(_, live)| is_sast(list, live)) =>
        {
            RESET
        }
        (ListKind::Ctl, _) => UPDATE,
    }
}

fn sasts(list: &TrustList) -> impl Iterator<Item = RecordView<'_>> {
    list.records().filter(|record| record.role() == Some(Role::SAST))
}

fn is_sast(list: &TrustList, certificate: &Certificate) -> bool {
    sasts(list).any(|record| is_about(&record, certificate))
}

/// Whether somebody else than the nodes can sign the next list: a token.
fn names_token(list: &TrustList, all: &[NodeCertificates], former: &[FormerKeyRow]) -> bool {
    let live = |record: &RecordView<'_>| live_of(all, units_of(Role::SAST)).any(|(_, live)| is_about(record, live));
    sasts(list).any(|record| !live(&record) && former_unit(&record, all, former).is_none())
}

/// Whether phones that hold this list would hold no live anchor any more after a renewal of `renewed` (`None`: of one whose row
/// cannot be read): it is the only live SAST
/// of the list, no token is one, and the release has another one that should stand there.
fn loses_last(
    release: &Release,
    list: &TrustList,
    all: &[NodeCertificates],
    former: &[FormerKeyRow],
    renewed: Option<&Certificate>,
) -> bool {
    let is_renewed = |live: &Certificate| renewed.is_some_and(|renewed| renewed.der() == live.der());
    let others = live_of(all, units_of(Role::SAST)).any(|(_, live)| !is_renewed(live) && is_sast(list, live));
    // Of one that cannot be read nobody knows that it is none; and a record that nobody knows may be its own, not a token's.
    let (in_list, token) = match renewed {
        Some(renewed) => (is_sast(list, renewed), names_token(list, all, former)),
        None => (true, false),
    };
    release.ctl_sasts.len() > 1 && in_list && !others && !token
}

/// All lists compared with the live certificates; empty when phones find what they need. A blank ITL has nothing to compare.
///
/// # Errors
/// [`Refusal::Internal`]: the lists were not asked for.
pub fn anchors(state: &State) -> Result<Vec<Finding>, Refusal> {
    let all = state.own()?;
    let mut findings = Vec::new();
    let mut ctl: Option<&TrustList> = None;
    for node in &state.nodes {
        for kind in [ListKind::Ctl, ListKind::Itl] {
            let Some(list) = state.list(node, kind)? else { continue };
            // The CTL is the same on all nodes; one that differs is told of on its own.
            if kind == ListKind::Ctl && ctl == Some(list) {
                continue;
            }
            findings.extend(compare(state.release, kind, &node.name, list, &all, &state.former_keys));
            if kind == ListKind::Ctl {
                ctl = Some(list);
            }
        }
    }
    Ok(findings)
}

/// Whether in another release nobody could sign the next CTL, as a sentence for the administrator to read before.
///
/// # Errors
/// [`Refusal::Internal`]: the lists were not asked for.
pub fn lost_by(state: &State, to: &Release) -> Result<Option<String>, Refusal> {
    let publisher = state.publisher()?;
    let Some(list) = state.list(publisher, ListKind::Ctl)? else { return Ok(None) };
    let findings = compare(to, ListKind::Ctl, &publisher.name, list, &state.own()?, &state.former_keys);
    Ok(findings.iter().find(|finding| finding.next == TOKENS).map(Finding::to_string))
}

/// The lists that say what a renewal of a unit takes from phones.
pub fn asks(unit: Unit) -> AskedLists {
    if concerns(unit) { AskedLists::Ctl } else { AskedLists::None }
}

/// Whether the certificates of a unit are anchors.
fn concerns(unit: Unit) -> bool {
    units_of(Role::SAST).contains(&unit)
}

/// Whether phones keep an anchor when a certificate is renewed or replaced.
///
/// # Errors
/// [`Refusal::Refused`] `last-anchor` with list, record, certificate and next command; [`Refusal::Internal`]: the lists were not
/// asked for.
pub fn check(state: &State, node: &NodeRow, unit: Unit) -> Result<(), Refusal> {
    if !concerns(unit) {
        return Ok(());
    }
    let all = state.own()?;
    let place = state.nodes.iter().position(|row| row.pkid == node.pkid);
    let own = place.and_then(|place| all.get(place)).map(|own| own.get(unit));
    // One that cannot be read may be the last anchor as well.
    let renewed = match own {
        Some(Ok(Some(renewed))) => Some(renewed),
        Some(Err(_)) => None,
        Some(Ok(None)) | None => return Ok(()),
    };
    for publishing in &state.nodes {
        let Some(list) = state.list(publishing, ListKind::Ctl)? else { continue };
        if !loses_last(state.release, list, &all, &state.former_keys, renewed) {
            continue;
        }
        let findings = compare(state.release, ListKind::Ctl, &publishing.name, list, &all, &state.former_keys);
        let sast = findings.iter().find(|finding| finding.role == Role::SAST && finding.unit != unit);
        let text = format!(
            "The {} certificate of {} is the last live anchor in the CTL file that phones hold. {}. Then renew {}",
            unit.name(),
            node.name,
            sast.map_or_else(|| format!("Run {UPDATE}"), Finding::to_string),
            unit.name()
        );
        return Err(Refusal::refused("last-anchor", text));
    }
    Ok(())
}
