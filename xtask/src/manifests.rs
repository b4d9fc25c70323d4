//! What the manifests ask for, held against what the sources write: a dependency that no source names, one that stands twice.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::graph::{Declared, Graph, Kind, Package};
use crate::stop::Stop;

/// One sentence for each dependency too many.
pub fn check_manifests(graph: &Graph, root: &Path) -> Result<Vec<String>, Stop> {
    let mut complaints = Vec::new();
    for package in graph.own() {
        let code = ["src"].iter().map(|part| written(&package.folder.join(part))).collect::<Result<String, _>>()?;
        let tests = ["tests", "benches", "examples"]
            .iter()
            .map(|part| written(&package.folder.join(part)))
            .collect::<Result<String, _>>()?;
        let build = read(&package.folder.join("build.rs"))?;
        complaints.extend(unused(package, &code, &tests, &build));
        complaints.extend(doubled(package));
    }
    let table = read(&root.join("Cargo.toml"))?;
    let declared: BTreeSet<&str> =
        graph.own().flat_map(|package| &package.declares).map(|declared| declared.name.as_str()).collect();
    for name in shared(&table).filter(|name| !declared.contains(name)) {
        complaints.push(format!("Cargo.toml names `{name}` for all crates, and none takes it: take the line out"));
    }
    Ok(complaints)
}

fn unused(package: &Package, code: &str, tests: &str, build: &str) -> Vec<String> {
    let manifest = format!("the manifest of `{}`", package.name);
    let complaint = |declared: &Declared| {
        let ident = declared.ident();
        let (here, in_tests) = match declared.kind {
            Kind::Normal => (writes(code, &ident), writes(tests, &ident)),
            Kind::Build => (writes(build, &ident), false),
            Kind::Dev => (writes(code, &ident) || writes(tests, &ident), false),
        };
        let name = &declared.name;
        match (here, in_tests) {
            (true, _) => None,
            (false, true) => {
                Some(format!("only tests of `{}` write `{ident}`: move `{name}` to [dev-dependencies]", package.name))
            }
            (false, false) => {
                Some(format!("{manifest} asks for `{name}`, and no source writes `{ident}`: take it out"))
            }
        }
    };
    package.declares.iter().filter_map(complaint).collect()
}

/// Dependencies that stand for tests too although the program has them with the same features.
fn doubled(package: &Package) -> Vec<String> {
    let of = |kind: Kind| package.declares.iter().filter(move |declared| declared.kind == kind);
    let twice = of(Kind::Dev).filter(|dev| {
        of(Kind::Normal).any(|normal| {
            normal.name == dev.name
                && normal.target == dev.target
                && dev.features.iter().all(|feature| normal.features.contains(feature))
        })
    });
    twice
        .map(|dev| {
            format!(
                "the manifest of `{}` asks for `{}` twice: take it out of [dev-dependencies]",
                package.name, dev.name
            )
        })
        .collect()
}

/// The names in `[workspace.dependencies]`.
fn shared(manifest: &str) -> impl Iterator<Item = &str> {
    let lines = manifest.lines().skip_while(|line| line.trim() != "[workspace.dependencies]").skip(1);
    lines.take_while(|line| !line.starts_with('[')).filter_map(|line| {
        let (name, _) = line.split_once('=')?;
        (!line.starts_with('#')).then(|| name.trim())
    })
}

/// Does a source use a crate: a path that begins with it, or a `use` of the crate itself?
fn writes(source: &str, ident: &str) -> bool {
    source.match_indices(ident).any(|(at, _)| {
        let before = source.get(..at).unwrap_or_default();
        let after = source.get(at + ident.len()..).unwrap_or_default();
        let inside = |letter: char| letter.is_alphanumeric() || letter == '_';
        let begins = !before.ends_with(|letter: char| inside(letter) || letter == '.')
            && (!before.ends_with("::") || before.ends_with(" ::") || before.ends_with("(::"));
        let word = begins && !after.starts_with(inside);
        word && (after.starts_with("::") || before.ends_with("use ") || before.ends_with("extern crate "))
    })
}

/// All Rust of a folder without comment lines; nothing when there is none.
fn written(folder: &Path) -> Result<String, Stop> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(String::new()) };
    let mut text = String::new();
    for entry in entries {
        let path = entry.map_err(|error| unable(folder, &error))?.path();
        if path.is_dir() {
            text += &written(&path)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.extend(
                read(&path)?.lines().filter(|line| !line.trim_start().starts_with("//")).flat_map(|line| [line, "\n"]),
            );
        }
    }
    Ok(text)
}

/// A file; empty when there is none.
fn read(path: &Path) -> Result<String, Stop> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        read => read.map_err(|error| unable(path, &error)),
    }
}

fn unable(path: &Path, error: &std::io::Error) -> Stop {
    Stop::unable(format!("{} cannot be read: {error}; is this the whole tree?", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::habits::tests::Tree;

    #[test]
    fn a_crate_is_used_by_a_path_or_a_use() {
        for (source, wanted) in [
            ("use hex::encode;", true),
            ("use hex;", true),
            ("let a = hex::decode(b)?;", true),
            ("#[hex::test]", true),
            ("pki::hash::hex(a)", false),
            ("crate::hex::decode(a)", false),
            ("let hex = 1;", false),
            ("hexed::decode(a)", false),
            ("a.hex::<u8>()", false),
            ("f(::hex::decode(a))", true),
        ] {
            assert_eq!(writes(source, "hex"), wanted, "{source}");
        }
    }

    fn declared(name: &str, kind: Kind, features: &[&str]) -> Declared {
        let features = features.iter().map(|feature| (*feature).to_owned()).collect();
        Declared { name: name.to_owned(), rename: None, kind, features, target: None }
    }

    #[test]
    fn what_nobody_writes_and_what_stands_twice_is_named() {
        let tree = Tree::new("manifests");
        tree.write("crates/wire/src/lib.rs", "// hex::encode\nuse x509_cert::Certificate;\n");
        std::fs::create_dir_all(tree.path().join("crates/wire/tests")).unwrap();
        tree.write("crates/wire/tests/a.rs", "nix::unistd::getuid();\n");
        tree.write(
            "Cargo.toml",
            "[workspace.dependencies]\n# why\nhex = \"1\"\nspare = { version = \"1\" }\n[profile.dev]\na = 1\n",
        );
        let mut graph = Graph::drawn("wire -> +hex");
        graph.declare(
            "wire",
            tree.path().join("crates/wire"),
            vec![
                declared("x509-cert", Kind::Normal, &[]),
                declared("hex", Kind::Normal, &[]),
                declared("nix", Kind::Normal, &["fs"]),
                declared("nix", Kind::Dev, &["fs", "term"]),
                declared("x509-cert", Kind::Dev, &[]),
            ],
        );
        let complaints = check_manifests(&graph, tree.path()).unwrap();
        assert_eq!(complaints.len(), 4, "{complaints:?}");
        assert!(complaints[0].contains("asks for `hex`, and no source writes `hex`"), "{complaints:?}");
        assert!(complaints[1].contains("only tests of `wire` write `nix`"), "{complaints:?}");
        assert!(complaints[2].contains("asks for `x509-cert` twice"), "{complaints:?}");
        assert!(complaints[3].contains("names `spare` for all crates"), "{complaints:?}");
    }
}
