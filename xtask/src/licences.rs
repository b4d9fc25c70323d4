//! Licences that a package may have: an allow-list, and a reader of licence expressions (SPDX, and the old `MIT/Apache-2.0`).

use crate::graph::Graph;

/// Licences that may be shipped with a program under MIT or Apache-2.0: all permissive.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    // libFuzzer in the fuzz targets, never in the program
    "NCSA",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Every package from elsewhere whose licence is not allowed, one sentence each.
pub fn check_licences(graph: &Graph) -> Vec<String> {
    let mut complaints = Vec::new();
    for package in graph.packages().filter(|package| !package.own) {
        let name = format!("{} {}", package.name, package.version);
        match package.licence.as_deref().map(|expression| (expression, is_allowed(expression))) {
            Some((_, Some(true))) => {}
            Some((expression, Some(false))) => complaints.push(format!(
                "package {name} has the licence `{expression}`, which is not in the list: use another package, or add the licence to \
                 xtask/src/licences.rs with the reason"
            )),
            Some((expression, None)) => {
                complaints.push(format!("package {name} has a licence that cannot be read, `{expression}`: look at it by hand"));
            }
            None => complaints.push(format!("package {name} names no licence: look at it by hand")),
        }
    }
    complaints
}

/// May a package under this expression be used? `None` when the expression cannot be read.
fn is_allowed(expression: &str) -> Option<bool> {
    let text = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut words = text.split_whitespace().peekable();
    let answer = any(&mut words)?;
    words.next().is_none().then_some(answer)
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

/// `a OR b`: one of them is enough.
fn any(words: &mut Words<'_>) -> Option<bool> {
    let mut answer = all(words)?;
    while words.next_if_eq(&"OR").is_some() {
        answer |= all(words)?;
    }
    Some(answer)
}

/// `a AND b`: both are needed. Binds tighter than OR.
fn all(words: &mut Words<'_>) -> Option<bool> {
    let mut answer = one(words)?;
    while words.next_if_eq(&"AND").is_some() {
        answer &= one(words)?;
    }
    Some(answer)
}

/// One licence, one licence with an exception, or an expression in brackets.
fn one(words: &mut Words<'_>) -> Option<bool> {
    let word = words.next()?;
    match word {
        "(" => {
            let answer = any(words)?;
            words.next_if_eq(&")").map(|_| answer)
        }
        ")" | "OR" | "AND" | "WITH" => None,
        licence => match words.next_if_eq(&"WITH") {
            Some(_) => {
                let exception = words.next()?;
                // an exception only takes conditions away
                Some(ALLOWED.contains(&licence) || ALLOWED.contains(&format!("{licence} WITH {exception}").as_str()))
            }
            None => Some(ALLOWED.contains(&licence)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_as_they_are_written_in_manifests() {
        for (expression, wanted) in [
            ("MIT", Some(true)),
            ("GPL-3.0-only", Some(false)),
            ("MIT OR GPL-3.0-only", Some(true)),
            ("MIT AND GPL-3.0-only", Some(false)),
            ("MIT/Apache-2.0", Some(true)),
            ("Apache-2.0 / MIT", Some(true)),
            ("Unlicense/MIT", Some(true)),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", Some(true)),
            ("(MIT OR Apache-2.0) AND LGPL-3.0-or-later", Some(false)),
            ("Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT", Some(true)),
            ("GPL-2.0-only WITH Classpath-exception-2.0", Some(false)),
            // AND binds tighter: MPL is not needed when MIT is chosen
            ("MIT OR MPL-2.0 AND GPL-3.0-only", Some(true)),
            ("GPL-3.0-only OR MPL-2.0 AND MIT", Some(false)),
            ("mit", Some(false)),
            ("", None),
            ("MIT OR", None),
            ("MIT Apache-2.0", None),
            ("(MIT", None),
            ("MIT)", None),
            ("WITH", None),
        ] {
            assert_eq!(is_allowed(expression), wanted, "{expression}");
        }
    }

    #[test]
    fn a_package_with_a_foreign_licence_is_named_with_it() {
        let metadata = r#"{
            "packages": [
                {"id": "1", "name": "ours", "version": "0.1.0", "license": null},
                {"id": "2", "name": "good", "version": "1.0.0", "license": "MIT", "source": "r"},
                {"id": "3", "name": "copyleft", "version": "2.0.0", "license": "GPL-3.0-only", "source": "r"},
                {"id": "4", "name": "silent", "version": "3.0.0", "license": null, "source": "r"}
            ],
            "resolve": {"nodes": []}
        }"#;
        let complaints = check_licences(&Graph::read(metadata.as_bytes()).unwrap());
        assert_eq!(complaints.len(), 2, "{complaints:?}");
        assert!(complaints[0].contains("copyleft 2.0.0") && complaints[0].contains("GPL-3.0-only"), "{complaints:?}");
        assert!(complaints[1].contains("silent 3.0.0 names no licence"), "{complaints:?}");
    }
}
