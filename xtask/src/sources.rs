//! Citations: code and docs name sections of docs/sources, every section named is there, and nothing else is cited.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::habits::Findings;
use crate::stop::Stop;

/// Where the pages are.
const PAGES: &str = "docs/sources/";

/// How every citation begins: `sources/PAGE#SECTION`, also with `docs/` before it or `.md` after the page.
const MARK: &str = "sources/";

/// Folders that are looked through, beside the Markdown files at the top.
const FOLDERS: &[&str] = &["crates", "docs", "fuzz", "testdata", "xtask"];

/// Kinds of files that may cite.
const KINDS: &[&str] = &["csv", "json", "md", "rs", "sh", "sql", "toml", "txt"];

/// What is built or found, not written.
const NOT_OURS: &[&str] = &["target", "corpus", "artifacts", "coverage"];

/// Citations of documents that are not in the tree, as they were written once.
const OLD: &[&str] = &[
    "[seed]",
    "[seeds]",
    "seed 00",
    "seeds 00",
    "cucm-behaviour",
    "trustlist.md",
    "signed-config.md",
    "phone-files.md",
    "user-pain",
    "python-peer",
];

/// The same, by names that other files may have: old when a sentence names them, not when a path or a link does.
const OLD_ALONE: &[&str] = &["apis.md", "capf.md", "tvs.md"];

/// Every database holds the hash of each of these files, so that not even their comments may change.
const FIXED: &str = "crates/store/migrations/";

/// The tests below hold citations that are wrong.
const THIS_FILE: &str = "xtask/src/sources.rs";

/// A file of the tree: its name from the root on, and its text.
type Text = (String, String);

/// The sections of a page: the anchor, and the words of the heading where it is of the second level.
type Sections = BTreeMap<String, Option<String>>;

/// Looks through the tree below `root`.
pub fn check_sources(root: &Path) -> Result<Findings, Stop> {
    let mut files = Vec::new();
    collect(root, "", false, &mut files)?;
    for folder in FOLDERS {
        if root.join(folder).is_dir() {
            collect(root, &format!("{folder}/"), true, &mut files)?;
        }
    }
    files.sort();
    Ok(judge(&files))
}

/// The texts of a folder, without what is built; `deep` with the folders in it.
fn collect(root: &Path, folder: &str, deep: bool, files: &mut Vec<Text>) -> Result<(), Stop> {
    let unable = |error: std::io::Error| {
        Stop::unable(format!("{}{folder} cannot be read: {error}; is this the whole tree?", root.display()))
    };
    for entry in fs::read_dir(root.join(folder)).map_err(unable)? {
        let entry = entry.map_err(unable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{folder}{name}");
        if entry.file_type().map_err(unable)?.is_dir() {
            if deep && !NOT_OURS.contains(&name.as_str()) {
                collect(root, &format!("{path}/"), deep, files)?;
            }
        } else if name.rsplit_once('.').is_some_and(|(_, kind)| if deep { KINDS.contains(&kind) } else { kind == "md" })
        {
            let bytes = fs::read(entry.path())
                .map_err(|error| Stop::unable(format!("{path} cannot be read: {error}; mend its rights")))?;
            // what is not UTF-8 is a test's own bytes, and cites nothing
            if let Ok(text) = String::from_utf8(bytes) {
                files.push((path, text));
            }
        }
    }
    Ok(())
}

/// Holds the citations of all files against the pages among them.
fn judge(files: &[Text]) -> Findings {
    let mut findings = Findings::default();
    let mut pages: BTreeMap<&str, Sections> = BTreeMap::new();
    for (name, text) in files {
        if let Some(page) = page_of(name) {
            let (sections, doubled) = sections(text);
            for (line, heading) in doubled {
                findings.complaints.push(format!(
                    "{name}:{line} has the heading `{heading}` twice: a citation of it names neither; give one another name"
                ));
            }
            pages.insert(page, sections);
        }
    }
    let mut cited = BTreeSet::new();
    for (name, text) in files.iter().filter(|(name, _)| name != THIS_FILE) {
        for (index, line) in text.lines().enumerate() {
            let mut said = citations(line);
            if let Some(page) = page_of(name) {
                said.extend(links(line, page));
            }
            if let Some(word) = old(line).filter(|_| page_of(name).is_none() && !name.starts_with(FIXED)) {
                findings.complaints.push(format!(
                    "{name}:{} cites `{word}`, which is not in the tree: name the section of {PAGES} that holds the fact",
                    index + 1
                ));
            }
            for citation in said {
                match wrong(&citation, &pages) {
                    Some(why) => findings.complaints.push(format!("{name}:{} cites `{citation}`: {why}", index + 1)),
                    None => {
                        cited.insert((citation.page, citation.section.unwrap_or_default()));
                    }
                }
            }
        }
    }
    for (page, sections) in &pages {
        let idle: Vec<&str> = sections
            .iter()
            .filter(|(anchor, _)| !cited.contains(&((*page).to_owned(), (*anchor).clone())))
            .filter_map(|(_, heading)| heading.as_deref())
            .collect();
        if !idle.is_empty() && *page != "README" {
            findings.warnings.push(format!("{PAGES}{page}.md: nobody cites {}", idle.join(", ")));
        }
    }
    findings
}

/// The page that a file is: `tvs` of `docs/sources/tvs.md`.
fn page_of(name: &str) -> Option<&str> {
    name.strip_prefix(PAGES)?.strip_suffix(".md")
}

/// The headings of a page outside its code, and those that come twice, with their lines.
fn sections(text: &str) -> (Sections, Vec<(usize, String)>) {
    let mut sections = Sections::new();
    let mut doubled = Vec::new();
    let mut code = false;
    for (index, line) in text.lines().enumerate() {
        if line.starts_with("```") {
            code = !code;
        }
        let level = line.bytes().take_while(|byte| *byte == b'#').count();
        let Some(words) = line.get(level..).and_then(|rest| rest.strip_prefix(' ')).filter(|_| level > 0 && !code)
        else {
            continue;
        };
        let heading = (level == 2).then(|| words.to_owned());
        if sections.insert(anchor(words), heading).is_some() {
            doubled.push((index + 1, words.to_owned()));
        }
    }
    (sections, doubled)
}

/// What GitHub makes of a heading: small letters, blanks as `-`, no other signs.
fn anchor(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter_map(|sign| match sign {
            ' ' => Some('-'),
            '-' | '_' => Some(sign),
            _ => sign.is_alphanumeric().then_some(sign),
        })
        .collect()
}

/// A page and a section as somebody named them.
#[derive(Debug, PartialEq, Eq)]
struct Citation {
    page: String,
    section: Option<String>,
}

impl std::fmt::Display for Citation {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{MARK}{}", self.page)?;
        self.section.as_ref().map_or(Ok(()), |section| write!(out, "#{section}"))
    }
}

/// The citations of a line. A folder that is only called like ours is none.
fn citations(line: &str) -> Vec<Citation> {
    let mut found = Vec::new();
    for (at, _) in line.match_indices(MARK) {
        let before = line.get(..at).unwrap_or_default();
        let rest = line.get(at + MARK.len()..).unwrap_or_default();
        let bracket = before.ends_with('[');
        if !bracket && before.ends_with(|sign: char| sign.is_alphanumeric() || sign == '_' || sign == '-') {
            continue;
        }
        let (page, rest) = name(rest);
        let (dotted, rest) = rest.strip_prefix(".md").map_or((false, rest), |rest| (true, rest));
        let section = rest.strip_prefix('#').map(|rest| name(rest).0.to_owned());
        if section.is_some() || bracket || (dotted && !page.is_empty()) {
            // a file is no citation, but has to be there
            let section = section.or_else(|| bracket.then(String::new));
            found.push(Citation { page: page.to_owned(), section });
        }
    }
    found
}

/// A citation of the old kind in a line.
fn old(line: &str) -> Option<&'static str> {
    let line = line.to_ascii_lowercase();
    OLD.iter()
        .find(|word| line.contains(*word))
        .or_else(|| OLD_ALONE.iter().find(|word| is_alone(&line, word)))
        .copied()
}

/// Does a name stand in a line without a path or a link around it?
fn is_alone(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).unwrap_or_default();
        !before.ends_with(|sign: char| sign.is_alphanumeric() || ['/', '(', '-', '_'].contains(&sign))
    })
}

/// The links of a page of ours to another one, or to a section of its own.
fn links(line: &str, page: &str) -> Vec<Citation> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| {
            let (target, _) = rest.split_once(')')?;
            let (file, section) = target.split_once('#').map_or((target, None), |(file, to)| (file, Some(to)));
            let page = if file.is_empty() { page } else { file.strip_suffix(".md").filter(|it| !it.contains('/'))? };
            Some(Citation { page: page.to_owned(), section: section.map(str::to_owned) })
        })
        .collect()
}

/// The name that a text begins with, and the rest.
fn name(text: &str) -> (&str, &str) {
    let end =
        text.find(|sign: char| !(sign.is_ascii_alphanumeric() || sign == '-' || sign == '_')).unwrap_or(text.len());
    text.split_at(end)
}

/// Why a citation leads nowhere.
fn wrong(citation: &Citation, pages: &BTreeMap<&str, Sections>) -> Option<String> {
    let Some(sections) = pages.get(citation.page.as_str()) else {
        return Some(format!("there is no {PAGES}{}.md; {PAGES}README.md lists the pages", citation.page));
    };
    let section = citation.section.as_ref()?;
    if sections.contains_key(section) {
        return None;
    }
    let there: Vec<&str> = sections.keys().map(String::as_str).collect();
    Some(format!("{PAGES}{}.md has no such heading; it has {}", citation.page, there.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::habits::tests::Tree;

    const PAGE: &str =
        "# TVS\n\n## Message\n\n```\n## no heading\n```\n\n## When phones ask\n\nAs [above](#message).\n";

    fn files(texts: &[(&str, &str)]) -> Vec<Text> {
        let mut files = vec![(format!("{PAGES}tvs.md"), PAGE.to_owned())];
        files.extend(texts.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())));
        files
    }

    #[test]
    fn headings_are_named_as_github_names_them() {
        for (heading, wanted) in [
            ("Message", "message"),
            ("When phones ask", "when-phones-ask"),
            ("`SEP<MAC>`, its elements", "sepmac-its-elements"),
            ("Two-way names", "two-way-names"),
        ] {
            assert_eq!(anchor(heading), wanted);
        }
        assert_eq!(sections(PAGE).0.len(), 3, "what stands in code is no heading");
    }

    #[test]
    fn a_citation_that_leads_somewhere_is_fine() {
        let findings = judge(&files(&[
            (
                "crates/wire/src/tvs.rs",
                "/// 87 [sources/tvs#message], [sources/tvs#when-phones-ask; the rest is ours].\n",
            ),
            ("docs/limits.md", "See [there](sources/tvs.md#message) or [all](sources/tvs.md).\n"),
            ("crates/core/src/lib.rs", "// other-sources/x, resources/tvs#no and `docs/sources` are none\n"),
        ]));
        assert!(findings.complaints.is_empty(), "{findings:?}");
        assert!(findings.warnings.is_empty(), "{findings:?}");
    }

    #[test]
    fn a_citation_that_leads_nowhere_is_named_with_its_line() {
        for (text, said) in [
            (
                "\n/// 87 [sources/tvs#mesage].\n",
                "crates/wire/src/tvs.rs:2 cites `sources/tvs#mesage`: docs/sources/tvs.md has no",
            ),
            (
                "/// 87 [sources/tsv#message].\n",
                "crates/wire/src/tvs.rs:1 cites `sources/tsv#message`: there is no docs/sources/tsv.md",
            ),
            ("/// 87 [sources/tvs].\n", "crates/wire/src/tvs.rs:1 cites `sources/tvs#`: docs/sources/tvs.md has no"),
            ("/// [sources/tvs#message],\n/// [sources/tvs#].\n", "crates/wire/src/tvs.rs:2 cites `sources/tvs#`"),
            ("\n\n// see docs/sources/old.md\n", "crates/wire/src/tvs.rs:3 cites `sources/old`: there is no"),
        ] {
            let findings = judge(&files(&[("crates/wire/src/tvs.rs", text)]));
            assert_eq!(findings.complaints.len(), 1, "{text}: {findings:?}");
            assert!(findings.complaints[0].starts_with(said), "{text}: {findings:?}");
        }
    }

    #[test]
    fn a_citation_of_what_is_not_in_the_tree_is_named_with_its_line() {
        for old in [
            "/// Ours [seed 004].",
            "/// Ours [seeds 003, 004; more].",
            "/// Ours [seed].",
            "    source: \"Seed 000 (MD5)\",",
            "/// Ours [cucm-behaviour.md 1.4].",
            "//! Ours [reference capf.md 5].",
            "//! Ours, tvs.md 7.",
            "// Ours [trustlist.md 2]",
            "// The form of others [python-peer].",
        ] {
            let findings = judge(&files(&[("crates/wire/src/tvs.rs", &format!("\n{old}\n"))]));
            assert_eq!(findings.complaints.len(), 1, "{old}: {findings:?}");
            assert!(findings.complaints[0].starts_with("crates/wire/src/tvs.rs:2 cites `"), "{old}: {findings:?}");
            assert!(judge(&files(&[("crates/store/migrations/0001.sql", old)])).complaints.is_empty(), "{old}");
        }
        for fine in [
            "seeds: &[seed_of(1)],",
            "let seed = [0; 32]; // [`seed`]",
            "[there](sources/tvs.md#message)",
            "docs/sources/tvs.md",
            "my-capf.md",
        ] {
            let findings = judge(&files(&[("docs/limits.md", fine)]));
            assert!(findings.complaints.is_empty(), "{fine}: {findings:?}");
        }
    }

    #[test]
    fn pages_are_held_to_their_own_links_and_have_no_heading_twice() {
        let page = "## A\n\n[b](tvs.md#message) [c](tvs.md#gone) [d](#gone) [e](https://x.example/y#z) [f](../limits.md#a)\n\n## A\n";
        let findings = judge(&files(&[("docs/sources/other.md", page)]));
        let starts =
            ["docs/sources/other.md:5 has the heading `A` twice", "docs/sources/other.md:3 cites `sources/tvs#gone`"];
        assert_eq!(findings.complaints.len(), 3, "{findings:?}");
        for start in starts {
            assert!(findings.complaints.iter().any(|it| it.starts_with(start)), "{start}: {findings:?}");
        }
    }

    #[test]
    fn sections_that_nobody_cites_are_named_and_stop_nothing() {
        let findings = judge(&files(&[]));
        assert!(findings.complaints.is_empty(), "{findings:?}");
        assert_eq!(findings.warnings, ["docs/sources/tvs.md: nobody cites When phones ask"]);
    }

    #[test]
    fn the_whole_tree_is_looked_through() {
        let tree = Tree::new("sources");
        for folder in ["docs/sources", "testdata", "crates/target"] {
            fs::create_dir_all(tree.path().join(folder)).unwrap();
        }
        let bad = "[sources/tvs#gone]\n";
        tree.write("docs/sources/tvs.md", PAGE);
        for file in ["README.md", "docs/limits.md", "crates/wire/src/lib.rs", "testdata/index.json", "fuzz/Cargo.toml"]
        {
            tree.write(file, bad);
        }
        tree.write("crates/target/built.rs", bad);
        tree.write("testdata/bytes.bin", bad);
        let findings = check_sources(tree.path()).unwrap();
        let mut places: Vec<&str> =
            findings.complaints.iter().map(|it| it.split(':').next().unwrap_or_default()).collect();
        places.sort_unstable();
        assert_eq!(
            places,
            ["README.md", "crates/wire/src/lib.rs", "docs/limits.md", "fuzz/Cargo.toml", "testdata/index.json"]
        );
    }

    #[test]
    fn this_tree_cites_only_what_is_there() {
        let findings = check_sources(&crate::process::root()).unwrap();
        assert!(findings.complaints.is_empty(), "{:#?}", findings.complaints);
    }
}
