//! The *Trust List* screen: what the phone holds, with the fingerprint of each file [trustlist.md 9].

use pki::hash::{md5, sha1, spell};
use trust::models::Checksum;
use trust::{Belief, ListKind};
use wire::role::Role;
use wire::trust_list::TrustList;

/// The screen as text, a line per entry.
#[must_use]
pub fn trust_list(belief: &Belief) -> String {
    let mut lines = vec!["Trust List".to_owned()];
    let kinds: &[ListKind] = if belief.model().security_by_default {
        &[ListKind::Ctl, ListKind::Itl]
    } else {
        &[ListKind::Ctl]
    };
    for kind in kinds {
        let Some(list) = belief.list(*kind) else {
            lines.push(format!("{} File: Not Installed", kind.word()));
            continue;
        };
        lines.push(format!(
            "{} File: {}",
            kind.word(),
            fingerprint(list, belief.model().checksum)
        ));
        lines.extend(entries(list));
    }
    lines.join("\n") + "\n"
}

/// The fingerprint of a file as the model shows it: `1d97d9... (MD5)`.
#[must_use]
pub fn fingerprint(list: &TrustList, checksum: Checksum) -> String {
    match checksum {
        Checksum::Md5 => format!("{} (MD5)", spell(&md5(list.bytes()), "", false)),
        Checksum::Sha1 => format!("{} (SHA1)", spell(&sha1(list.bytes()), "", false)),
    }
}

/// The servers of a list. An emptied record shows as an empty entry.
fn entries(list: &TrustList) -> impl Iterator<Item = String> + '_ {
    list.records().filter_map(|record| {
        let what = match record.role()? {
            Role::CCM => "Unified CM",
            Role::CCM_TFTP => "Unified CM / TFTP Server",
            Role::TFTP => "TFTP Server",
            Role::CAPF => "CAPF Server",
            Role::APP_SERVER => "Application Server",
            Role::TVS => "TVS",
            _ => return None,
        };
        let emptied = record.certificate().is_none() && record.certificate_hash().is_none();
        // names come from a file: nothing but printable ASCII reaches a terminal
        let name = match record.dns_name() {
            _ if emptied => String::new(),
            Some(name) if !name.is_empty() => name.escape_ascii().to_string(),
            _ => common_name(record.subject().unwrap_or_default()),
        };
        Some(format!("  {what}: {name}").trim_end().to_owned())
    })
}

/// What stands behind the first `CN=`; only for showing.
fn common_name(subject: &[u8]) -> String {
    let text = subject.escape_ascii().to_string();
    let first = text.split([';', ',']).find_map(|part| {
        part.strip_prefix("CN=")
            .or_else(|| part.strip_prefix("cn="))
    });
    first.map_or_else(|| text.clone(), str::to_owned)
}
