//! Whether a CTL that somebody brings may be taken.

use crate::rows::DeviceRow;
use pki::verify::check_against_itself;
use pki::{Certificate, NameForm};
use trust::Model;
use wire::header::CTL_FILE_NAME;
use wire::role::Role;
use wire::trust_list::{PHONE_LIMIT, TrustList};

use crate::Refusal;
use crate::trust_lists::NodeCertificates;
use crate::units::Unit;

/// The refusal of [sources/ctl-client#messages], with its line ends.
pub const TOKEN_NOT_IN_CTL: &str = "The Security Token you have inserted does not exist in the CTL File\n\
    Please remove any Security Tokens already inserted and insert another\n\
    Security Token. Click Ok when done.";

/// Tokens of a CTL at least: when one is lost the other signs the next [sources/ctl-client#tokens].
const LEAST_TOKENS: usize = 2;

/// Devices that a refusal names; the others are counted.
const NAMED: usize = 10;

/// What a CTL is held against.
pub struct Facts {
    /// Overrules what can be overruled.
    pub forced: bool,
    /// Whether the cluster is in mixed mode now.
    pub mixed: bool,
    /// Whether it is to be in mixed mode with this CTL.
    pub becomes_mixed: bool,
    /// The CTL that phones hold, as far as the cluster knows.
    pub held: Option<TrustList>,
    pub nodes: Vec<NodeCertificates>,
    pub devices: Vec<DeviceRow>,
    /// Seconds since 1970 UTC.
    pub now: u64,
}

/// Checks a file. What the administrator should know, when it may be taken.
pub fn check(file: &[u8], facts: &Facts) -> Result<Vec<String>, Refusal> {
    if file.len() > PHONE_LIMIT {
        let all: Vec<&str> = facts.devices.iter().map(|device| device.name.as_str()).collect();
        let text = format!(
            "The CTL file has {} bytes; phones load {PHONE_LIMIT} at most: {}. Delete alternate TFTP servers, firewalls and \
             Security Tokens that nobody needs, and sign again",
            file.len(),
            named(&all)
        );
        return Err(Refusal::refused("ctl-too-large", text));
    }
    let list = TrustList::decode(file).map_err(|error| unusable(&format!("it cannot be read: {error}")))?;
    let name = list.header().file_name().unwrap_or_default();
    if name != CTL_FILE_NAME.as_bytes() {
        return Err(unusable(&format!("its FILENAME is `{}` and not {CTL_FILE_NAME}", name.escape_ascii())));
    }
    let checked = check_against_itself(&list);
    if !checked.verdict.is_valid() {
        return Err(unusable(&format!("its signature is {}", checked.verdict.label())));
    }
    let sasts = sasts(&list)?;
    let signer = list.signer_record().and_then(|(_, record)| record.certificate());
    let signer = signer.and_then(|der| sasts.iter().find(|sast| sast.der() == der));
    let signer = signer.ok_or_else(|| unusable("no SAST record is that of its signer"))?;
    check_servers(&list, facts)?;
    check_age(&list, facts.held.as_ref())?;
    let mut warnings = Vec::new();
    let mut may = |refusal: Refusal| {
        if !facts.forced {
            return Err(refusal);
        }
        warnings.push(refusal.to_string());
        Ok(())
    };
    for refusal in above_limits(&list, &sasts, facts) {
        may(refusal)?;
    }
    if let Some(refusal) = unknown_signer(signer, facts.held.as_ref()) {
        may(refusal)?;
    }
    if let Some(refusal) = too_few_tokens(&sasts, facts) {
        may(refusal)?;
    }
    if let Some(refusal) = nobody_can_sign(&sasts, facts) {
        may(refusal)?;
    }
    if let Some(refusal) = stranded(signer, facts) {
        may(refusal)?;
    }
    Ok(warnings)
}

fn unusable(reason: &str) -> Refusal {
    Refusal::refused("ctl-unusable", format!("The CTL file was not taken: {reason}"))
}

/// The certificates of the SAST records; each must have one.
fn sasts(list: &TrustList) -> Result<Vec<Certificate>, Refusal> {
    let mut all: Vec<Certificate> = Vec::new();
    for record in list.records().filter(|record| record.role() == Some(Role::SAST)) {
        let der = record.certificate().ok_or_else(|| unusable("a SAST record has no certificate"))?;
        let certificate = Certificate::from_der(der)
            .map_err(|error| unusable(&format!("the certificate of a SAST record: {error}")))?;
        if !all.contains(&certificate) {
            all.push(certificate);
        }
    }
    Ok(all)
}

/// The server records are those of the mode that the CTL brings. The live CAPF certificate stands as CAPF in both. In mixed mode the
/// live CallManager certificate of every node stands as CCM+TFTP, without which phones would do TLS with nobody; a non-secure cluster
/// has the node there and no certificate [sources/trust-lists#record-variants],
/// [sources/ctl-client#from-tokens-and-back].
fn check_servers(list: &TrustList, facts: &Facts) -> Result<(), Refusal> {
    let holds = |role, certificate: &Certificate| {
        list.records().any(|record| record.role() == Some(role) && record.certificate() == Some(certificate.der()))
    };
    let mut wanted = vec![(Role::CAPF, Unit::Capf)];
    if facts.becomes_mixed {
        wanted.push((Role::CCM_TFTP, Unit::CallManager));
    } else if list.records().any(|record| record.role() == Some(Role::CCM_TFTP) && record.certificate().is_some()) {
        return Err(unusable(
            "it is one of mixed mode, with the CallManager certificates of the nodes, and the cluster is to be non-secure; run \
             the CTL client again",
        ));
    }
    for node in &facts.nodes {
        for (role, unit) in &wanted {
            let own = node.get(*unit).map_err(|unreadable| Refusal::Unreadable(unreadable.clone()))?;
            if own.is_some_and(|certificate| !holds(*role, certificate)) {
                let (unit, node) = (unit.name(), &node.name);
                return Err(unusable(&format!(
                    "the {unit} certificate that {node} has now is not in it; run the CTL client again"
                )));
            }
        }
    }
    Ok(())
}

/// A list that is no younger than the one that the cluster gives out: what was deleted since would come back. The client makes each
/// list younger than the one that it was shown, so clocks that differ do no harm.
fn check_age(list: &TrustList, held: Option<&TrustList>) -> Result<(), Refusal> {
    let signed_at = |list: &TrustList| list.header().timestamp();
    let Some(held) = held.filter(|held| held.bytes() != list.bytes()) else { return Ok(()) };
    match (signed_at(list), signed_at(held)) {
        (Some(new), Some(old)) if new <= old => {
            let text = "The CTL file was not made from the one that the cluster has, which is younger. Run the CTL client again";
            Err(Refusal::refused("ctl-older", text))
        }
        _ => Ok(()),
    }
}

/// Whether a model cannot take a list.
type Breaks<'a> = &'a dyn Fn(&Model) -> bool;

/// What phones of the cluster cannot take, by the limits of their models.
fn above_limits(list: &TrustList, sasts: &[Certificate], facts: &Facts) -> Vec<Refusal> {
    let records = list.records().filter(|record| record.role() == Some(Role::SAST)).count();
    let bits = list.records().filter_map(|record| Certificate::from_der(record.certificate()?).ok()?.rsa_bits());
    let bits = bits.chain(sasts.iter().filter_map(Certificate::rsa_bits)).max().unwrap_or_default();
    let digest = list.header().digest();
    let breaks: [(Breaks<'_>, String, &str); 3] = [
        (
            &|model| model.most_sast.is_some_and(|most| records > most),
            format!("{records} SAST records are more than these phones take"),
            "Delete Security Tokens that nobody needs, or let the nodes sign (`utils ctl update CTLFile`)",
        ),
        (
            &|model| bits > model.most_rsa_bits,
            format!("an RSA key of {bits} bits is more than these phones take"),
            "Use Security Tokens, and certificates of the nodes, with smaller keys",
        ),
        (
            &|model| digest.is_some_and(|digest| !model.knows(digest)),
            format!("these phones do not know {}", digest.map(|digest| digest.to_string()).unwrap_or_default()),
            "Set the enterprise parameter TFTP File Signature Algorithm to SHA-1 and sign again",
        ),
    ];
    let refusal = |(breaks, what, next): (Breaks<'_>, String, &str)| {
        let concerned = devices(facts, breaks);
        let text = format!("The CTL file cannot be used by all phones: {what}: {}. {next}", named(&concerned));
        (!concerned.is_empty()).then(|| Refusal::refused("ctl-above-limits", text))
    };
    breaks.into_iter().filter_map(refusal).collect()
}

fn devices<'a>(facts: &'a Facts, is: Breaks<'_>) -> Vec<&'a str> {
    let concerned = facts.devices.iter().filter(|device| Model::find(&device.model).is_some_and(is));
    concerned.map(|device| device.name.as_str()).collect()
}

/// `SEP1, SEP2 and 7 more`.
fn named(devices: &[&str]) -> String {
    let first: Vec<&str> = devices.iter().take(NAMED).copied().collect();
    match devices.len().saturating_sub(NAMED) {
        0 if first.is_empty() => "no device".to_owned(),
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

/// A signer that the CTL of the cluster does not hold.
fn unknown_signer(signer: &Certificate, held: Option<&TrustList>) -> Option<Refusal> {
    let known = |list: &TrustList| {
        list.records().any(|record| record.role() == Some(Role::SAST) && record.certificate() == Some(signer.der()))
    };
    held.is_some_and(|list| !known(list)).then(|| Refusal::refused("token-not-in-ctl", TOKEN_NOT_IN_CTL))
}

fn is_of_cluster(certificate: &Certificate, nodes: &[NodeCertificates]) -> bool {
    nodes.iter().any(|node| node.own.iter().any(|(_, own)| own == certificate))
}

fn too_few_tokens(sasts: &[Certificate], facts: &Facts) -> Option<Refusal> {
    let mut keys: Vec<&[u8]> =
        sasts.iter().filter(|sast| !is_of_cluster(sast, &facts.nodes)).map(Certificate::spki).collect();
    keys.sort_unstable();
    keys.dedup();
    (keys.len() < LEAST_TOKENS).then(|| {
        let text = format!(
            "The CTL file must hold at least {LEAST_TOKENS} Security Tokens and holds {}: when the only one is lost, nobody can \
             sign the next CTL file",
            keys.len()
        );
        Refusal::refused("two-tokens", text)
    })
}

/// A SAST whose certificate is valid now signs the next list: a token, or a node that is alive.
fn nobody_can_sign(sasts: &[Certificate], facts: &Facts) -> Option<Refusal> {
    let able = sasts.iter().any(|sast| {
        let (first, last) = sast.validity();
        (first..=last).contains(&facts.now) && sast.rsa_bits().is_some()
    });
    (!able).then(|| {
        let text = "No SAST of the CTL file is valid now, so no token and no node could sign the next one. Use tokens whose \
                    certificates have not expired";
        Refusal::refused("nobody-can-sign", text)
    })
}

/// [`left_behind`] as a refusal.
fn stranded(signer: &Certificate, facts: &Facts) -> Option<Refusal> {
    let text = left_behind(signer, facts.held.as_ref(), facts.mixed, &facts.devices)?;
    Some(Refusal::refused("phones-stranded", text))
}

/// Phones that hold a CTL without this signer and cannot ask TVS: only deleting their CTL by hand helps. `None` when there are none.
pub fn left_behind(
    signer: &Certificate,
    held: Option<&TrustList>,
    mixed: bool,
    devices: &[DeviceRow],
) -> Option<String> {
    let hold_another = match held {
        Some(held) => unknown_signer(signer, Some(held)).is_some(),
        // The file is gone from the nodes; the phones still have theirs.
        None => mixed,
    };
    let without_tvs =
        devices.iter().filter(|device| Model::find(&device.model).is_some_and(|model| !model.security_by_default));
    let without_tvs: Vec<&str> = without_tvs.map(|device| device.name.as_str()).collect();
    (hold_another && !without_tvs.is_empty()).then(|| {
        format!(
            "These phones hold another CTL file, do not know {} and cannot ask TVS. They will refuse this CTL file until \
             theirs is deleted by hand at each of them: {}",
            signer.subject(NameForm::CtlClient),
            named(&without_tvs)
        )
    })
}
