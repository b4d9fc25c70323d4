//! Which crate may use which, as drawn in ARCHITECTURE.md: what is not in the table is forbidden.

use crate::graph::{Graph, Kind};

/// One crate and the crates of ours that it may use.
pub struct Direction {
    crate_name: &'static str,
    may_use: &'static [&'static str],
}

/// The drawing of ARCHITECTURE.md as a table.
pub const DIRECTIONS: &[Direction] = &[
    Direction { crate_name: "wire", may_use: &[] },
    Direction { crate_name: "pki", may_use: &["wire"] },
    Direction { crate_name: "trust", may_use: &["wire", "pki"] },
    Direction { crate_name: "cluster", may_use: &["wire", "pki", "trust"] },
    // a log holds what is printable: that is decided in `wire`
    Direction { crate_name: "store", may_use: &["wire", "cluster"] },
    Direction { crate_name: "ringfence-core", may_use: &["wire", "pki", "trust", "cluster", "store"] },
    Direction { crate_name: "shell", may_use: &["ringfence-core", "cluster"] },
    Direction { crate_name: "sftp", may_use: &["ringfence-core"] },
    Direction { crate_name: "daemon", may_use: &["ringfence-core", "cluster", "shell", "sftp", "wire", "pki"] },
    // shares the codecs with the servers and none of their logic: else the simulator agrees with our mistakes
    Direction { crate_name: "phone", may_use: &["wire", "pki", "trust"] },
    Direction {
        crate_name: "lab",
        may_use: &["daemon", "phone", "shell", "ringfence-core", "cluster", "trust", "pki", "wire"],
    },
    Direction {
        crate_name: "ringfence",
        may_use: &["lab", "daemon", "sftp", "phone", "shell", "ringfence-core", "cluster", "trust", "pki", "wire"],
    },
    // what test programs begin with: in nobody's list, so that no product code uses it
    Direction { crate_name: TESTBED, may_use: &["ringfence-core", "cluster", "pki"] },
    Direction { crate_name: "xtask", may_use: &[] },
];

/// The crate that only tests may use: those of the crates that what it stands on lies below.
const TESTBED: &str = "testbed";

/// The one crate whose tests may use every other: the stories that need a server and a phone stand there.
const TELLS_STORIES: &str = "ringfence";

/// Crates that must stay free of sockets, runtimes and databases.
const PURE: &[&str] = &["wire", "pki", "trust", "cluster"];

/// Runtimes, databases and socket crates: none may be in the tree of a [`PURE`] crate. A name stands for its family too
/// (`tokio` for `tokio-openssl`).
const IMPURE: &[&str] = &[
    "tokio",
    "async-std",
    "async-io",
    "async-net",
    "smol",
    "mio",
    "polling",
    "io-uring",
    "futures-executor",
    "hyper",
    "h2",
    "http",
    "axum",
    "tower",
    "reqwest",
    "ureq",
    "socket2",
    "nix",
    "rustix",
    "quinn",
    "native-tls",
    "sqlx",
    "rusqlite",
    "libsqlite3-sys",
    "diesel",
    "sea-orm",
    "postgres",
    "tokio-postgres",
    "redis",
    "sled",
    "notify",
    "signal-hook",
];

/// Every use that is not drawn, one sentence each.
pub fn check_directions(graph: &Graph) -> Vec<String> {
    let mut complaints = Vec::new();
    for package in graph.own() {
        let Some(direction) = DIRECTIONS.iter().find(|direction| direction.crate_name == package.name) else {
            complaints.push(format!(
                "crate `{}` has no place in the house: draw it in ARCHITECTURE.md and add it to the table in xtask/src/directions.rs",
                package.name
            ));
            continue;
        };
        for (used, kind) in graph.uses(package).filter(|(used, _)| used.own) {
            let in_tests = kind == Kind::Dev
                && (package.name == TELLS_STORIES
                    || lies_below(&package.name, &used.name)
                    || used.name == TESTBED && stands_on_what_lies_below(&package.name));
            if direction.may_use.contains(&used.name.as_str()) || in_tests {
                continue;
            }
            let (how, next) = match kind {
                Kind::Normal => ("uses", "move what it needs to a crate that both may use"),
                Kind::Build => ("uses in its build script", "move what it needs to a crate that both may use"),
                Kind::Dev => ("uses in its tests", "tests that need both stand in crates/ringfence/tests"),
            };
            complaints
                .push(format!("`{}` {how} `{}`, which ARCHITECTURE.md does not draw: {next}", package.name, used.name));
        }
    }
    complaints
}

/// Is there a way along the arrows from one crate down to another? Tests may use all that lies below.
fn lies_below(upper: &str, lower: &str) -> bool {
    let of = |name: &str| DIRECTIONS.iter().find(|direction| direction.crate_name == name);
    of(upper).is_some_and(|direction| direction.may_use.iter().any(|used| *used == lower || lies_below(used, lower)))
}

/// Does a crate, or what lies below it, hold all that the testbed is made of?
fn stands_on_what_lies_below(user: &str) -> bool {
    let testbed = DIRECTIONS.iter().find(|direction| direction.crate_name == TESTBED);
    testbed.is_some_and(|testbed| testbed.may_use.iter().all(|used| *used == user || lies_below(user, used)))
}

/// Every runtime, database or socket crate in the tree of a pure crate, with the way to it.
pub fn check_purity(graph: &Graph) -> Vec<String> {
    let mut complaints = Vec::new();
    for package in graph.own().filter(|package| PURE.contains(&package.name.as_str())) {
        for (used, way) in graph.tree(package) {
            if IMPURE.iter().any(|family| is_of_family(&used.name, family)) {
                complaints.push(format!(
                    "`{}` has `{}` in its tree ({way}): {} stay free of sockets, runtimes and databases; find a feature that leaves it \
                     out, or do that work in `daemon`, `phone` or `store`",
                    package.name,
                    used.name,
                    PURE.join(", ")
                ));
            }
        }
    }
    complaints
}

/// `tokio-openssl` is of the family `tokio`; `httparse` is not of `http`.
fn is_of_family(name: &str, family: &str) -> bool {
    name.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
}

#[cfg(test)]
mod tests {
    use super::*;

    const AS_DRAWN: &str = "
        wire -> +thiserror
        pki -> wire +openssl
        +openssl -> +libc
        trust -> wire pki
        cluster -> wire pki trust
        store -> wire cluster +sqlx
        ringfence-core -> wire pki trust cluster store
        shell -> ringfence-core cluster
        sftp -> ringfence-core +russh
        daemon -> ringfence-core cluster shell sftp wire pki +tokio
        phone -> wire pki trust +tokio
        lab -> daemon phone shell ringfence-core cluster trust pki wire
        ringfence -> lab daemon sftp phone shell ringfence-core cluster pki trust wire
        ringfence -dev> store
        testbed -> ringfence-core cluster pki
        xtask -> +serde_json";

    fn with(line: &str) -> Graph {
        Graph::drawn(&format!("{AS_DRAWN}\n{line}"))
    }

    #[test]
    fn the_house_as_drawn_passes() {
        assert_eq!(check_directions(&with("")), Vec::<String>::new());
        assert_eq!(check_purity(&with("")), Vec::<String>::new());
    }

    #[test]
    fn each_arrow_that_is_not_drawn_is_named() {
        for (user, used) in [
            ("wire", "pki"),
            ("pki", "trust"),
            ("pki", "store"),
            ("trust", "ringfence-core"),
            ("store", "pki"),
            ("ringfence-core", "daemon"),
            ("ringfence-core", "shell"),
            ("shell", "store"),
            ("daemon", "store"),
            ("daemon", "phone"),
            ("daemon", "trust"),
            ("phone", "ringfence-core"),
            ("phone", "daemon"),
            ("ringfence", "store"),
            ("sftp", "store"),
            ("sftp", "daemon"),
            ("lab", "store"),
            ("lab", "ringfence"),
            ("phone", "cluster"),
            ("ringfence", "testbed"),
            ("daemon", "testbed"),
            ("testbed", "daemon"),
            ("xtask", "wire"),
        ] {
            let complaints = check_directions(&with(&format!("{user} -> {used}")));
            assert_eq!(complaints.len(), 1, "{user} -> {used}: {complaints:?}");
            assert!(complaints[0].starts_with(&format!("`{user}` uses `{used}`")), "{complaints:?}");
        }
    }

    #[test]
    fn tests_may_use_what_lies_below_and_stories_everything() {
        for line in ["shell -dev> pki store", "daemon -dev> trust testbed", "ringfence-core -dev> wire testbed"] {
            assert_eq!(check_directions(&with(line)), Vec::<String>::new(), "{line}");
        }
        for line in [
            "phone -dev> store",
            "phone -dev> testbed",
            "pki -dev> testbed",
            "store -dev> testbed",
            "wire -dev> pki",
            "daemon -dev> phone",
            "cluster -dev> store",
            "trust -dev> ringfence-core",
        ] {
            assert_eq!(check_directions(&with(line)).len(), 1, "{line}");
        }
        let complaints = check_directions(&with("phone -dev> daemon"));
        assert_eq!(complaints.len(), 1);
        assert!(
            complaints[0].contains("in its tests `daemon`") && complaints[0].contains("crates/ringfence/tests"),
            "{complaints:?}"
        );
        assert_eq!(check_directions(&with("ringfence -dev> trust store")), Vec::<String>::new());
    }

    #[test]
    fn a_new_crate_must_be_drawn_first() {
        let complaints = check_directions(&with("web -> +axum"));
        assert_eq!(complaints.len(), 1);
        assert!(complaints[0].contains("`web` has no place"), "{complaints:?}");
    }

    #[test]
    fn a_runtime_deep_in_a_pure_tree_is_found_with_its_way() {
        let complaints = check_purity(&with("+openssl -> +tokio-openssl"));
        // once for each of cluster, pki and trust
        assert_eq!(complaints.len(), 3, "{complaints:?}");
        assert!(complaints[0].contains("pki > openssl > tokio-openssl"), "{complaints:?}");
    }

    #[test]
    fn what_only_tests_need_does_not_count() {
        assert_eq!(check_purity(&with("wire -dev> +tokio")), Vec::<String>::new());
    }

    #[test]
    fn families_end_at_a_hyphen() {
        assert!(is_of_family("sqlx-core", "sqlx"));
        assert!(is_of_family("http", "http"));
        assert!(!is_of_family("httparse", "http"));
        assert!(!is_of_family("mio2", "mio"));
    }
}
