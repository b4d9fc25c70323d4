//! Habits that a text search can check: shared lints, short files, no files or clocks in the pure crates.

use std::fs;
use std::path::{Path, PathBuf};

use crate::circles::{circles, public_methods};
use crate::stop::Stop;

/// A Rust file above this is about more than one thing.
const LINES_HARD: usize = 1200;
/// A Rust file above this is looked at again.
const LINES_SOFT: usize = 700;

/// Crates whose code asks nothing of the machine, by folder.
const PURE: &[&str] = &["crates/wire", "crates/pki", "crates/trust", "crates/cluster"];

/// What code of a pure crate may not name: files, sockets, threads, processes, the environment.
const ASKS_THE_MACHINE: &[&str] =
    &["std::fs", "std::net::Tcp", "std::net::Udp", "std::os", "std::thread", "std::process", "std::env", "tokio::"];

/// Code of a pure crate that may: a USB token is a piece of the machine, and its module may hang.
const TOKENS: &str = "crates/pki/src/token/";

/// What was found in the tree.
#[derive(Debug, Default)]
pub struct Findings {
    /// Against the rules.
    pub complaints: Vec<String>,
    /// Worth a look.
    pub warnings: Vec<String>,
}

/// Looks through all manifests and Rust files below `root`.
pub fn check_habits(root: &Path) -> Result<Findings, Stop> {
    let mut findings = Findings::default();
    let mut files = Vec::new();
    for folder in ["crates", "xtask", "fuzz"] {
        collect(&root.join(folder), &mut files)?;
    }
    files.sort();
    for file in files {
        let name = file.strip_prefix(root).unwrap_or(&file).to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).map_err(|error| {
            Stop::unable(format!("{name} cannot be read: {error}; mend the file or its rights, then try again"))
        })?;
        if name.ends_with("Cargo.toml") {
            // fuzz is a workspace of its own: cargo-fuzz builds it with other flags
            if !name.starts_with("fuzz/") && !inherits_lints(&text) {
                findings.complaints.push(format!(
                    "{name} does not take the lints of the workspace: add `[lints]` with `workspace = true`"
                ));
            }
            continue;
        }
        let lines = text.lines().count();
        if lines > LINES_HARD {
            findings
                .complaints
                .push(format!("{name} has {lines} lines, more than {LINES_HARD}: which second thing is it about?"));
        } else if lines > LINES_SOFT {
            findings
                .warnings
                .push(format!("{name} has {lines} lines, more than {LINES_SOFT}: is it still about one thing?"));
        }
        if is_pure(&name) {
            findings.complaints.extend(asks_the_machine(&name, &text));
        }
    }
    Ok(findings)
}

/// Files that stand in circles, and public methods of the cluster: there shall be none and fewer than 60. What is there now may only
/// become less.
const IN_CIRCLES: usize = 91;
const PUBLIC_METHODS: usize = 160;

/// One sentence for each count that has grown.
pub fn check_counts(root: &Path) -> Result<Vec<String>, Stop> {
    let files: usize = circles(root)?.iter().map(|circle| circle.files.len()).sum();
    let methods = public_methods(root, "crates/core", "Cluster")?.len();
    Ok(grown(files, methods))
}

fn grown(files: usize, methods: usize) -> Vec<String> {
    let counts = [
        (files, IN_CIRCLES, "files that need each other round about"),
        (methods, PUBLIC_METHODS, "public methods on `Cluster`"),
    ];
    let grown = counts.into_iter().filter(|(now, most, _)| now > most);
    let next = "`cargo xtask habits` names them; move what ties them together into a file of its own";
    grown.map(|(now, most, what)| format!("{now} {what}, and no more than {most} may be: {next}")).collect()
}

/// Prints what is counted: the way into `core`, and the files that need each other.
pub fn print() -> Result<(), Stop> {
    let root = crate::process::root();
    let methods = public_methods(&root, "crates/core", "Cluster")?;
    println!("{} public methods on `Cluster`", methods.len());
    let circles = circles(&root)?;
    let files: usize = circles.iter().map(|circle| circle.files.len()).sum();
    println!("{} circles of {files} files", circles.len());
    for circle in &circles {
        println!("\n{} files need each other:", circle.files.len());
        for (from, to, what) in &circle.needs {
            println!("  {from} needs {what} of {to}");
        }
    }
    Ok(())
}

/// Manifests and Rust files of a folder, without what is built.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Stop> {
    let place = folder.display();
    let unable =
        |error: std::io::Error| Stop::unable(format!("{place} cannot be listed: {error}; is this the whole tree?"));
    for entry in fs::read_dir(folder).map_err(unable)? {
        let entry = entry.map_err(unable)?;
        let path = entry.path();
        let name = entry.file_name();
        if entry.file_type().map_err(unable)?.is_dir() {
            if !["target", "corpus", "artifacts", "coverage"].iter().any(|built| name == *built) {
                collect(&path, files)?;
            }
        } else if name == "Cargo.toml" || path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// Is this file code of a pure crate, and not its tests?
fn is_pure(name: &str) -> bool {
    if name.starts_with(TOKENS) {
        return false;
    }
    let code = |folder: &&str| name.strip_prefix(*folder).and_then(|rest| rest.strip_prefix("/src/"));
    PURE.iter().find_map(code).is_some_and(|rest| {
        rest != "tests.rs" && !rest.ends_with("/tests.rs") && !format!("/{rest}").contains("/tests/")
    })
}

/// Does a manifest say `workspace = true` under `[lints]`?
fn inherits_lints(manifest: &str) -> bool {
    let mut section = "";
    manifest.lines().map(str::trim).any(|line| {
        if line.starts_with('[') {
            section = line;
        }
        let line: String = line.split('#').next().unwrap_or_default().split_whitespace().collect();
        (section == "[lints]" && line == "workspace=true") || line == "lints.workspace=true"
    })
}

/// Lines of a pure crate, above its tests, that name the machine.
fn asks_the_machine(name: &str, text: &str) -> Vec<String> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| !line.trim_start().starts_with("#[cfg(test)]"))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .filter_map(|(index, line)| {
            let word = ASKS_THE_MACHINE.iter().find(|word| line.contains(*word))?;
            Some(format!(
                "{name}:{} names `{word}`: nothing below `store` asks the machine; take the bytes as a parameter",
                index + 1
            ))
        })
        .collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    #[test]
    fn counts_may_only_become_less() {
        assert_eq!(grown(IN_CIRCLES, PUBLIC_METHODS), Vec::<String>::new());
        assert_eq!(grown(IN_CIRCLES - 1, 0), Vec::<String>::new());
        let complaints = grown(IN_CIRCLES + 1, PUBLIC_METHODS + 1);
        assert!(
            complaints.len() == 2 && complaints[0].starts_with(&format!("{} files", IN_CIRCLES + 1)),
            "{complaints:?}"
        );
    }

    #[test]
    fn lints_are_inherited_in_two_ways_of_writing() {
        assert!(inherits_lints("[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n"));
        assert!(inherits_lints("lints.workspace = true # as all\n"));
        assert!(!inherits_lints("[package]\nworkspace = true\n"));
        assert!(!inherits_lints("[lints]\n# workspace = true\n[dependencies]\nworkspace = true\n"));
        assert!(!inherits_lints("[lints.clippy]\nworkspace = true\n"));
    }

    #[test]
    fn files_and_sockets_in_pure_code_are_named_with_their_line() {
        let text = "//! reads no std::fs\nuse std::net::IpAddr;\nuse std::fs::File;\n\n#[cfg(test)]\nmod tests { use std::fs; }\n";
        let complaints = asks_the_machine("crates/wire/src/tlv.rs", text);
        assert_eq!(complaints.len(), 1, "{complaints:?}");
        assert!(complaints[0].starts_with("crates/wire/src/tlv.rs:3 names `std::fs`"), "{complaints:?}");
    }

    #[test]
    fn tests_may_read_their_vectors() {
        for (name, wanted) in [
            ("crates/wire/src/tlv.rs", true),
            ("crates/wire/src/tvs/server.rs", true),
            ("crates/wire/src/tests.rs", false),
            ("crates/pki/src/token/module.rs", false),
            ("crates/pki/src/sign.rs", true),
            ("crates/wire/src/tvs/tests.rs", false),
            ("crates/wire/src/tvs/tests/vectors.rs", false),
            ("crates/wire/src/contests.rs", true),
            ("crates/wire/tests/vectors.rs", false),
            ("crates/wireless/src/lib.rs", false),
            ("crates/store/src/lib.rs", false),
        ] {
            assert_eq!(is_pure(name), wanted, "{name}");
        }
    }

    /// A small tree, removed at the end.
    pub(crate) struct Tree(PathBuf);

    impl Tree {
        pub(crate) fn new(name: &str) -> Self {
            // below our own target folder, so that no other user's file can stand in the way
            let folder = crate::process::root().join("target").join(format!("xtask-{name}-{}", std::process::id()));
            for part in ["crates/wire/src", "xtask", "fuzz/target"] {
                fs::create_dir_all(folder.join(part)).unwrap();
            }
            Self(folder)
        }
        pub(crate) fn path(&self) -> &Path {
            &self.0
        }
        pub(crate) fn write(&self, file: &str, text: &str) {
            fs::write(self.0.join(file), text).unwrap();
        }
    }

    impl Drop for Tree {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn long_files_are_refused_and_longish_ones_named() {
        let tree = Tree::new("lines");
        tree.write("crates/wire/Cargo.toml", "[package]\n");
        tree.write("crates/wire/src/huge.rs", &"\n".repeat(LINES_HARD + 1));
        tree.write("crates/wire/src/long.rs", &"\n".repeat(LINES_SOFT + 1));
        tree.write("crates/wire/src/fine.rs", &"\n".repeat(LINES_SOFT));
        tree.write("fuzz/target/built.rs", &"\n".repeat(LINES_HARD + 1));
        let findings = check_habits(&tree.0).unwrap();
        assert_eq!(findings.complaints.len(), 2, "{findings:?}");
        assert!(findings.complaints[0].starts_with("crates/wire/Cargo.toml does not take the lints"), "{findings:?}");
        assert!(findings.complaints[1].starts_with("crates/wire/src/huge.rs has 1201 lines"), "{findings:?}");
        assert_eq!(findings.warnings.len(), 1, "{findings:?}");
        assert!(findings.warnings[0].starts_with("crates/wire/src/long.rs"), "{findings:?}");
    }
}
