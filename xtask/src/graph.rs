//! Packages and who uses whom, read from `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::stop::Stop;

/// What a package is used for by another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// In the program.
    Normal,
    /// In a build script.
    Build,
    /// In tests, examples and benchmarks only.
    Dev,
}

/// A dependency as a manifest asks for it.
#[derive(Debug, Clone)]
pub struct Declared {
    /// The package.
    pub name: String,
    /// Its name in this crate, when that is another one.
    pub rename: Option<String>,
    /// What for.
    pub kind: Kind,
    /// Features that are asked for.
    pub features: Vec<String>,
    /// The platform that it is asked for on; `None`: all.
    pub target: Option<String>,
}

impl Declared {
    /// Its name in Rust.
    pub fn ident(&self) -> String {
        self.rename.as_ref().unwrap_or(&self.name).replace('-', "_")
    }
}

/// One package of the resolved tree.
#[derive(Debug, Clone)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The licence expression of its manifest.
    pub licence: Option<String>,
    /// Is it one of our own crates?
    pub own: bool,
    /// Where its manifest stands.
    pub folder: PathBuf,
    /// What its manifest asks for.
    pub declares: Vec<Declared>,
    /// Identities of the packages it uses.
    uses: Vec<(String, Kind)>,
}

/// All packages, by the identity that cargo gives them.
#[derive(Debug, Default)]
pub struct Graph {
    packages: BTreeMap<String, Package>,
}

impl Graph {
    /// Reads what `cargo metadata --format-version 1` prints.
    pub fn read(metadata: &[u8]) -> Result<Self, Stop> {
        let broken = |what: &str| {
            Stop::unable(format!("`cargo metadata` gives no {what}; is this cargo newer than this check?"))
        };
        let value: Value = serde_json::from_slice(metadata).map_err(|error| {
            Stop::unable(format!("`cargo metadata` gives no JSON ({error}); run it by hand to see what it says"))
        })?;
        let list = |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned();
        let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);

        let mut packages = BTreeMap::new();
        for package in list(&value, "packages").ok_or_else(|| broken("list of packages"))? {
            let id = text(&package, "id").ok_or_else(|| broken("identity of a package"))?;
            let read = Package {
                name: text(&package, "name").ok_or_else(|| broken("name of a package"))?,
                version: text(&package, "version").unwrap_or_default(),
                licence: text(&package, "license"),
                // what comes from a registry has a source, what lies in this tree has none
                own: text(&package, "source").is_none(),
                folder: text(&package, "manifest_path")
                    .and_then(|path| Path::new(&path).parent().map(Path::to_path_buf))
                    .unwrap_or_default(),
                declares: list(&package, "dependencies").unwrap_or_default().iter().filter_map(declared).collect(),
                uses: Vec::new(),
            };
            packages.insert(id, read);
        }
        let nodes =
            value.get("resolve").and_then(|resolve| list(resolve, "nodes")).ok_or_else(|| broken("resolved tree"))?;
        for node in nodes {
            let id = text(&node, "id").ok_or_else(|| broken("identity of a node"))?;
            let mut uses = Vec::new();
            for dependency in list(&node, "deps").ok_or_else(|| broken("dependencies of a node"))? {
                let used = text(&dependency, "pkg").ok_or_else(|| broken("identity of a dependency"))?;
                for kind in list(&dependency, "dep_kinds").ok_or_else(|| broken("kind of a dependency"))? {
                    uses.push((used.clone(), kind_of(&kind)));
                }
            }
            packages.get_mut(&id).ok_or_else(|| broken("package for a node"))?.uses = uses;
        }
        Ok(Self { packages })
    }

    /// All packages.
    pub fn packages(&self) -> impl Iterator<Item = &Package> {
        self.packages.values()
    }

    /// Our own crates.
    pub fn own(&self) -> impl Iterator<Item = &Package> {
        self.packages().filter(|package| package.own)
    }

    /// The packages that one uses directly.
    pub fn uses<'a>(&'a self, package: &'a Package) -> impl Iterator<Item = (&'a Package, Kind)> {
        package.uses.iter().filter_map(|(id, kind)| Some((self.packages.get(id)?, *kind)))
    }

    /// Everything that ends up in the program because of a package, each with the way to it: `pki > openssl > libc`.
    pub fn tree<'a>(&'a self, start: &'a Package) -> Vec<(&'a Package, String)> {
        let mut seen = BTreeSet::new();
        let mut queue = VecDeque::from([(start, start.name.clone())]);
        let mut found = Vec::new();
        while let Some((package, way)) = queue.pop_front() {
            for (used, kind) in self.uses(package) {
                if kind == Kind::Normal && seen.insert((&used.name, &used.version)) {
                    let way = format!("{way} > {}", used.name);
                    queue.push_back((used, way.clone()));
                    found.push((used, way));
                }
            }
        }
        found
    }

    /// A graph from lines like `phone -> wire pki` or `phone -dev> tempfile`, all of them our own crates but those that
    /// start with a `+`. For tests.
    #[cfg(test)]
    pub fn drawn(lines: &str) -> Self {
        let mut graph = Self::default();
        let add = |graph: &mut Self, word: &str| {
            let name = word.trim_start_matches('+').to_owned();
            let own = !word.starts_with('+');
            let new = Package {
                name: name.clone(),
                version: "1.0.0".to_owned(),
                licence: Some("MIT".to_owned()),
                own,
                folder: PathBuf::new(),
                declares: Vec::new(),
                uses: Vec::new(),
            };
            graph.packages.entry(name.clone()).or_insert(new);
            name
        };
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let mut words = line.split_whitespace();
            let user = add(&mut graph, words.next().unwrap());
            let kind = match words.next() {
                None | Some("->") => Kind::Normal,
                Some("-dev>") => Kind::Dev,
                Some("-build>") => Kind::Build,
                Some(other) => panic!("what is {other}?"),
            };
            for word in words {
                let used = add(&mut graph, word);
                graph.packages.get_mut(&user).unwrap().uses.push((used, kind));
            }
        }
        graph
    }

    /// Says what the manifest of a crate asks for. For tests.
    #[cfg(test)]
    pub fn declare(&mut self, name: &str, folder: PathBuf, declares: Vec<Declared>) {
        let package = self.packages.get_mut(name).unwrap();
        (package.folder, package.declares) = (folder, declares);
    }
}

fn kind_of(value: &Value) -> Kind {
    match value.get("kind").and_then(Value::as_str) {
        Some("dev") => Kind::Dev,
        Some("build") => Kind::Build,
        _ => Kind::Normal,
    }
}

fn declared(value: &Value) -> Option<Declared> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let features = value.get("features").and_then(Value::as_array).into_iter().flatten();
    Some(Declared {
        name: text("name")?,
        rename: text("rename"),
        kind: kind_of(value),
        features: features.filter_map(Value::as_str).map(str::to_owned).collect(),
        target: text("target"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const METADATA: &str = r#"{
        "packages": [
            {"id": "a 1", "name": "a", "version": "1.2.3", "license": "MIT", "source": null},
            {"id": "b 1", "name": "b", "version": "0.1.0", "license": null, "source": "registry+here"}
        ],
        "resolve": {"nodes": [
            {"id": "a 1", "deps": [{"name": "b", "pkg": "b 1", "dep_kinds": [{"kind": null}, {"kind": "dev"}]}]},
            {"id": "b 1", "deps": []}
        ]}
    }"#;

    #[test]
    fn metadata_becomes_a_graph() {
        let graph = Graph::read(METADATA.as_bytes()).unwrap();
        let own: Vec<_> = graph.own().collect();
        assert_eq!(own.len(), 1);
        assert_eq!(own[0].name, "a");
        let uses: Vec<_> = graph.uses(own[0]).map(|(package, kind)| (package.name.as_str(), kind)).collect();
        assert_eq!(uses, [("b", Kind::Normal), ("b", Kind::Dev)]);
        assert_eq!(graph.packages().find(|package| package.name == "b").unwrap().licence, None);
    }

    #[test]
    fn metadata_that_is_something_else_is_a_sentence() {
        for text in ["", "[]", "{}", r#"{"packages": [{}]}"#, r#"{"packages": []}"#] {
            let stop = Graph::read(text.as_bytes()).unwrap_err();
            assert!(stop.to_string().contains("cargo metadata"), "{stop}");
        }
    }

    #[test]
    fn a_tree_follows_normal_uses_only_and_survives_circles() {
        let graph = Graph::drawn(
            "a -> b
             b -> +c
             +c -> +d
             +d -> +c
             b -dev> +t
             b -build> +s",
        );
        let start = graph.own().find(|package| package.name == "a").unwrap();
        let ways: Vec<_> = graph.tree(start).into_iter().map(|(_, way)| way).collect();
        assert_eq!(ways, ["a > b", "a > b > c", "a > b > c > d"]);
    }
}
