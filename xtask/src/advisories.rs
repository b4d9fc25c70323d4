//! Advisories about packages that we use all the same, each with the day on which it was weighed and the reason.
//!
//! A row holds for one version and for the crates of ours that it names: another version, or another crate that has the package in its
//! tree, is weighed anew.

use crate::graph::Graph;

/// A known advisory.
struct Known {
    /// Its name in the advisory database of Rust.
    advisory: &'static str,
    /// The package that it is about, and its version.
    package: (&'static str, &'static str),
    /// The day on which it was weighed last.
    weighed: &'static str,
    /// Our crates that may have it in their tree.
    crates: &'static [&'static str],
    /// Why it is used all the same.
    reason: &'static str,
}

const KNOWN: &[Known] = &[
    Known {
        advisory: "RUSTSEC-2023-0071",
        package: ("rsa", "0.10.0-rc.18"),
        weighed: "2026-11-30",
        crates: &["sftp", "ringfence"],
        reason: "its timing gives away a private key. russh checks signatures of host keys with it, which needs the public key only: \
                 the SFTP client has no RSA key of its own. Keys of the cluster and of phones are OpenSSL's",
    },
    Known {
        advisory: "RUSTSEC-2024-0436",
        package: ("paste", "1.0.15"),
        weighed: "2026-11-30",
        crates: &["ringfence"],
        reason: "nobody maintains it. A macro that runs when tikv-jemalloc-ctl is built: nothing of it is in the program",
    },
];

/// One sentence for each row that does not fit the tree any more.
pub fn check_advisories(graph: &Graph) -> Vec<String> {
    KNOWN.iter().flat_map(|known| check(graph, known)).collect()
}

/// The rows, a line each.
pub fn known() -> impl Iterator<Item = String> {
    KNOWN.iter().map(|known| {
        let (name, version) = known.package;
        format!("known since {}: {} of {name} {version}: {}", known.weighed, known.advisory, known.reason)
    })
}

fn check(graph: &Graph, known: &Known) -> Vec<String> {
    let (name, version) = known.package;
    let row = format!("the row of {} in xtask/src/advisories.rs", known.advisory);
    let versions: Vec<&str> =
        graph.packages().filter(|package| package.name == name).map(|package| package.version.as_str()).collect();
    if versions.is_empty() {
        return vec![format!("no crate uses `{name}` any more: take {row} out")];
    }
    let mut complaints = Vec::new();
    for other in versions.iter().filter(|other| **other != version) {
        complaints.push(format!(
            "`{name}` is {other} now, and {} was weighed for {version}: look whether it still holds, then change {row}",
            known.advisory
        ));
    }
    for package in graph.own().filter(|package| !known.crates.contains(&package.name.as_str())) {
        if let Some((_, way)) = graph.tree(package).into_iter().find(|(used, _)| used.name == name) {
            complaints.push(format!(
                "`{}` has `{name}` in its tree ({way}), which {} is about: keep it in {}, or weigh it anew in {row}",
                package.name,
                known.advisory,
                known.crates.join(", ")
            ));
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: Known = Known {
        advisory: "RUSTSEC-2000-0001",
        package: ("rsa", "1.0.0"),
        weighed: "2026-11-30",
        crates: &["sftp", "ringfence"],
        reason: "none",
    };

    #[test]
    fn a_row_holds_where_it_was_weighed() {
        let fits = Graph::drawn("ringfence -> sftp\nsftp -> +russh\n+russh -> +rsa\ndaemon -dev> sftp");
        assert_eq!(check(&fits, &ROW), Vec::<String>::new());
        let spread = Graph::drawn("ringfence -> sftp\nsftp -> +russh\n+russh -> +rsa\ndaemon -> sftp");
        let complaints = check(&spread, &ROW);
        assert!(complaints.len() == 1 && complaints[0].starts_with("`daemon` has `rsa` in its tree (daemon > sftp"));
        let gone = check(&Graph::drawn("ringfence -> sftp"), &ROW);
        assert!(gone.len() == 1 && gone[0].contains("any more: take the row of RUSTSEC-2000-0001"), "{gone:?}");
        let newer = check(&fits, &Known { package: ("rsa", "0.9.9"), ..ROW });
        assert!(newer.len() == 1 && newer[0].starts_with("`rsa` is 1.0.0 now"), "{newer:?}");
    }

    #[test]
    fn every_row_says_when_and_why() {
        for known in KNOWN {
            let day: Vec<&str> = known.weighed.split('-').collect();
            assert!(day.len() == 3 && day.iter().all(|part| part.bytes().all(|digit| digit.is_ascii_digit())));
            assert!(known.advisory.starts_with("RUSTSEC-") && known.reason.len() > 20);
        }
    }
}
