//! The *Trust List* screen: what the phone holds, with the fingerprint of each file [sources/phones#screen].

use pki::hash::{md5, sha1, spell};
use trust::models::Checksum;
use trust::{Belief, ListKind};
use wire::role::Role;
use wire::trust_list::TrustList;

/// The screen as text, a line per entry.
#[must_use]
pub fn trust_list(belief: &Belief) -> String {
    let mut lines = vec!["Trust List".to_owned()];
    let kinds: &[ListKind] =
        if belief.model().security_by_default { &[ListKind::Ctl, ListKind::Itl] } else { &[ListKind::Ctl] };
    for kind in kinds {
        let Some(list) = belief.list(*kind) else {
            lines.push(format!("{} File: Not Installed", kind.word()));
            continue;
        };
        lines.push(format!("{} File: {}", kind.word(), fingerprint(list, belief.model().checksum)));
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
        // the DNSNAME of a TVS record is one character that says nothing [sources/trust-lists#record-variants]
        let name = match record.dns_name().map(<[u8]>::trim_ascii) {
            _ if emptied => String::new(),
            Some(name) if !name.trim_ascii().is_empty() => name.escape_ascii().to_string(),
            _ => common_name(record.subject().unwrap_or_default()),
        };
        Some(format!("  {what}: {name}").trim_end().to_owned())
    })
}

/// What stands behind the first `CN=`; only for showing.
fn common_name(subject: &[u8]) -> String {
    let text = subject.escape_ascii().to_string();
    let first = text.split([';', ',']).find_map(|part| part.strip_prefix("CN=").or_else(|| part.strip_prefix("cn=")));
    first.map_or_else(|| text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use trust::Model;

    #[test]
    fn the_screen_of_a_7975() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/vectors/trustlist/cucm-ctl-4947.tlv");
        let file = std::fs::read(path).unwrap();
        let md5 = pki::hash::hex(&md5(&file));
        let list = TrustList::decode(file).unwrap();
        let belief = Belief::holding(Model::find("7975").unwrap(), Some(list), None);
        assert_eq!(
            trust_list(&belief),
            format!(
                "Trust List\n\
                 CTL File: {md5} (MD5)\n  \
                   Unified CM / TFTP Server: cucm-1051-a-pub\n  \
                   CAPF Server: cucm-1051-a-pub\n  \
                   Unified CM / TFTP Server: cucm-1051-a-sub1\n\
                 ITL File: Not Installed\n"
            )
        );
    }

    #[test]
    fn names_from_files_do_not_steer_the_terminal() {
        assert_eq!(common_name(b"OU=x;CN=a\x1b[2J;O=y"), "a\\x1b[2J");
        assert_eq!(common_name(b"O=y,cn=b"), "b");
        assert_eq!(common_name(b"O=y"), "O=y");
    }
}
