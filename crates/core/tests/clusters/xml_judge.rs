//! What is merged is well-formed in the eyes of expat, which nobody here wrote, and has every element of its author; what expat takes
//! and we do not is refused by a limit of ours.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use cluster::config::EnrolmentPart;
use cluster::config::merge::{MergeError, Root, merge};
use cluster::config::{ClusterPart, Endpoint};
use cluster::parameters::SecurityMode;
use proptest::prelude::*;
use wire::xml::Reason;

/// Reads documents, each behind its length, and answers each with a line: what expat saw of it but for TVS and capfList below the
/// root, or why it refused it.
const JUDGE: &str = r#"
import sys, struct, xml.parsers.expat as expat
def judged(document):
    seen, path = [], []
    def ours(): return len(path) > 1 and path[1] in ('TVS', 'capfList')
    def start(name, attributes):
        path.append(name)
        if not ours(): seen.append(('<', name, sorted(attributes.items())))
    def end(name):
        if not ours(): seen.append(('>', name))
        path.pop()
    def text(data):
        # Blanks between the elements of the root go with the elements that are made anew.
        if len(path) == 1: data = ''.join(data.split())
        if ours() or not data: return
        if seen and seen[-1][0] == '"': data = seen.pop()[1] + data
        seen.append(('"', data))
    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    try: parser.Parse(document, True)
    except (expat.ExpatError, ValueError, LookupError) as refused: return 'no ' + ascii(str(refused))
    return 'yes ' + ascii(seen)
while True:
    length = sys.stdin.buffer.read(4)
    if not length: break
    document = sys.stdin.buffer.read(struct.unpack('>I', length)[0])
    sys.stdout.write(judged(document) + '\n'); sys.stdout.flush()
"#;

struct Judge {
    _child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Judge {
    fn new() -> Self {
        let mut child = Command::new("python3")
            .args(["-c", JUDGE])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 runs; install the Debian package python3 (cargo xtask test does)");
        let (to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { _child: child, to, from }
    }

    /// What expat saw, or why it refused.
    fn of(&mut self, document: &[u8]) -> Result<String, String> {
        self.to.write_all(&u32::try_from(document.len()).unwrap().to_be_bytes()).unwrap();
        self.to.write_all(document).unwrap();
        self.to.flush().unwrap();
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        match line.trim_end().split_once(' ') {
            Some(("yes", seen)) => Ok(seen.to_owned()),
            Some(("no", why)) => Err(why.to_owned()),
            _ => panic!("the judge says {line:?}"),
        }
    }
}

fn configs(folder: &str) -> Vec<(String, Vec<u8>)> {
    let place = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/configs")).join(folder);
    let mut all: Vec<_> = std::fs::read_dir(&place)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let mut bytes = Vec::new();
            std::fs::File::open(&path).unwrap().read_to_end(&mut bytes).unwrap();
            (path.file_name().unwrap().to_string_lossy().into_owned(), bytes)
        })
        .collect();
    all.sort();
    assert!(!all.is_empty());
    all
}

fn merged(config: &[u8]) -> Result<Vec<u8>, MergeError> {
    let endpoint = |port| Endpoint { host: "10.0.0.1".to_owned(), port };
    let cluster = ClusterPart {
        mode: SecurityMode::NonSecure,
        call_managers: vec!["10.0.0.1".to_owned()],
        tvs: vec![endpoint(2445)],
        capf: vec![endpoint(3804)],
    };
    merge(config, Root::Device, &cluster, None)
}

/// Holds a document against the judge.
fn hold(judge: &mut Judge, config: &[u8]) {
    let author = judge.of(config);
    let shown = config.escape_ascii();
    match merged(config) {
        Ok(merged) => {
            let author = author.unwrap_or_else(|why| panic!("merged, and expat says {why}: {shown}"));
            let ours =
                judge.of(&merged).unwrap_or_else(|why| panic!("well-formed only before, expat says {why}: {shown}"));
            assert_eq!(ours, author, "{shown}");
            let text = String::from_utf8_lossy(&merged);
            assert!(text.contains("<port>2445</port>") && text.contains("<phonePort>3804</phonePort>"), "{shown}");
            // what is encrypted for a phone has gone through the same reader
            let stub = EnrolmentPart { encrypted: true, ..EnrolmentPart::default() }.stub(config).unwrap();
            judge.of(&stub).unwrap_or_else(|why| panic!("the stub, expat says {why}: {shown}"));
        }
        Err(MergeError::NotXml(bad)) if matches!(bad.reason, Reason::NotWellFormed(_)) && config.is_ascii() => {
            assert!(author.is_err(), "expat takes what we call not well-formed ({bad}): {shown}");
        }
        Err(_) => {}
    }
}

#[test]
fn every_case_is_refused_with_its_place() {
    let mut judge = Judge::new();
    let cases = configs("malformed");
    assert_eq!(cases.len(), 14);
    for (name, config) in cases {
        judge.of(&config).expect_err(&name);
        let said = merged(&config).expect_err(&name).to_string();
        assert!(said.starts_with("line ") && said.contains(", column "), "{name}: {said}");
        let stub = EnrolmentPart::default().stub(&config).expect_err(&name).to_string();
        assert_eq!(stub, said, "{name}: one reader decides");
    }
}

#[test]
fn good_configs_are_merged() {
    let mut judge = Judge::new();
    for (name, config) in configs("good") {
        merged(&config).unwrap_or_else(|error| panic!("{name}: {error}"));
        hold(&mut judge, &config);
    }
}

const PIECES: &[&[u8]] = &[
    b"<",
    b">",
    b"&",
    b"\"",
    b"'",
    b"/",
    b"=",
    b" ",
    b"\n",
    b"\r",
    b"\t",
    b"\0",
    b"\x0b",
    b"\x1a",
    b"\x7f",
    b"\xff",
    b"\xc3\xbc",
    b"\xef\xbf\xbf",
    b"\xef\xbb\xbf",
    b"]]>",
    b"--",
    b"<!--",
    b"-->",
    b"<![CDATA[",
    b"<?",
    b"?>",
    b"<?xml ",
    b"<?xml version=\"1.0\"?>",
    b"<!DOCTYPE device>",
    b"<!DOCTYPE d [<!ENTITY e \"x\">]>",
    b"&e;",
    b"&amp;",
    b"&#0;",
    b"&#65;",
    b"&#x41;",
    b"&#xZZ;",
    b"&nbsp;",
    b"<TVS>",
    b"</TVS>",
    b"<TVS/>",
    b"<capfList>",
    b"</capfList>",
    b"<device>",
    b"</device>",
    b"<device/>",
    b"<a b='c' d=\"e\"/>",
    b" a='1'",
    b" a=1",
    b" priority=\"0\" priority=\"1\"",
    b"x:y",
    b"1",
    b"-",
    b".",
    b"encoding=\"US-ASCII\"",
    b"standalone='yes'",
];

#[derive(Debug, Clone)]
enum Mutation {
    Insert(usize, usize),
    Replace(usize, usize),
    Remove(usize, usize),
    Double(usize, usize),
    Byte(usize, u8),
}

fn mutated(mut config: Vec<u8>, mutations: &[Mutation]) -> Vec<u8> {
    for mutation in mutations {
        let place = |at: usize| at % (config.len() + 1);
        let piece = |which: usize| PIECES[which % PIECES.len()];
        let range = |at: usize, length: usize| place(at)..(place(at) + length % 12).min(config.len());
        match *mutation {
            Mutation::Insert(at, which) => drop(config.splice(place(at)..place(at), piece(which).iter().copied())),
            Mutation::Replace(at, which) => {
                let range = range(at, piece(which).len());
                drop(config.splice(range, piece(which).iter().copied()));
            }
            Mutation::Remove(at, length) => drop(config.drain(range(at, length))),
            Mutation::Double(at, length) => {
                let (copy, at) = (config[range(at, length)].to_vec(), place(at));
                drop(config.splice(at..at, copy));
            }
            Mutation::Byte(at, byte) => {
                let at = place(at);
                if let Some(place) = config.get_mut(at) {
                    *place = byte;
                }
            }
        }
    }
    config
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = any::<usize>();
    prop_oneof![
        4 => (at, any::<usize>()).prop_map(|(at, which)| Mutation::Insert(at, which)),
        2 => (at, any::<usize>()).prop_map(|(at, which)| Mutation::Replace(at, which)),
        2 => (at, any::<usize>()).prop_map(|(at, length)| Mutation::Remove(at, length)),
        1 => (at, any::<usize>()).prop_map(|(at, length)| Mutation::Double(at, length)),
        1 => (at, any::<u8>()).prop_map(|(at, byte)| Mutation::Byte(at, byte)),
    ]
}

#[test]
fn merged_implies_well_formed_and_complete() {
    let judge = Mutex::new(Judge::new());
    let mut good: Vec<Vec<u8>> = configs("good").into_iter().map(|(_, config)| config).collect();
    good.push(b"<device><member priority=\"0\"><x/></member>&lt;<TVS a=\"b\">t</TVS></device>".to_vec());
    let strategy = (any::<usize>(), proptest::collection::vec(mutation(), 1..5));
    let mut runner =
        proptest::test_runner::TestRunner::new(ProptestConfig { cases: 4000, ..ProptestConfig::default() });
    runner
        .run(&strategy, |(which, mutations)| {
            let config = mutated(good[which % good.len()].clone(), &mutations);
            hold(&mut judge.lock().unwrap_or_else(std::sync::PoisonError::into_inner), &config);
            Ok(())
        })
        .unwrap();
}
