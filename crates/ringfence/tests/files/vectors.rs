//! `show --json` prints the keys of `expect` for every list and signed file of the vectors.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::program::{Run, arg, bytes, ringfence};

/// The first difference between what is expected and what was printed. Keys that only the printed value has are fine;
/// `reason` is for people.
fn difference(wanted: &Value, found: &Value, path: &str) -> Option<String> {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => {
            wanted.iter().filter(|(key, _)| *key != "reason").find_map(|(key, value)| match found.get(key) {
                None => Some(format!("{path}.{key}: missing")),
                Some(other) => difference(value, other, &format!("{path}.{key}")),
            })
        }
        (Value::Array(wanted), Value::Array(found)) if wanted.len() == found.len() => wanted
            .iter()
            .zip(found)
            .enumerate()
            .find_map(|(index, (value, other))| difference(value, other, &format!("{path}[{index}]"))),
        _ if wanted == found => None,
        _ => Some(format!("{path}: wanted {wanted}, found {found}")),
    }
}

/// A file that cannot be read has the names of its kind all the same, and the reason on standard error too.
fn unreadable(run: &Run, kind: &str, file: &str) {
    let line = &run.err;
    assert!(run.code == 2 && line.starts_with(&format!("{file}: offset ")) && line.lines().count() == 1, "{line}");
    let found = run.json();
    assert_eq!((&found["parse"], &found["signature_verdict"]), (&"error".into(), &"malformed".into()), "{file}");
    assert_eq!(line.trim_end(), format!("{file}: {}", found["reason"].as_str().unwrap()));
    let whole = match kind.split('-').next().unwrap() {
        "trustlist" => "trustlist/all-roles.tlv",
        "signed" => "signed/SEP58971ECC97C1-ccm-pub-1024-sha1.cnf.xml.sgn",
        _ => "encrypted/e-pretty/SEPB000B4BA0AEE.cnf.xml.enc.sgn",
    };
    let whole = ringfence(["show", "--json", &arg(whole)]).ends(0).json();
    let names =
        |value: &Value| value.as_object().unwrap().keys().cloned().collect::<std::collections::BTreeSet<String>>();
    assert_eq!(names(&found), names(&whole), "{file}");
}

#[test]
fn show_agrees_with_every_vector() {
    let index: Value = serde_json::from_slice(&bytes("index.json")).unwrap();
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for entry in index["files"].as_array().unwrap() {
        let kind = entry["kind"].as_str().unwrap();
        if !["trustlist", "signed", "encrypted"].iter().any(|start| kind.starts_with(start)) {
            continue;
        }
        let name = entry["file"].as_str().unwrap();
        let file = arg(name);
        let mut line = vec!["show".to_owned(), "--json".to_owned(), file.clone()];
        for (field, option) in [("signer", "--cert"), ("device_key", "--key")] {
            if let Some(path) = entry[field].as_str() {
                line.extend([option.to_owned(), arg(path)]);
            }
        }
        let run = ringfence(&line);
        let wanted = &entry["expect"];
        let parse = wanted["parse"].as_str().unwrap();
        match parse {
            "ok" => {
                let found = run.ends(0).json();
                let mut wanted = wanted.clone();
                if wanted["decrypt"] == "not-ok" {
                    assert_ne!(found["decrypt"], "ok", "{name}");
                    wanted.as_object_mut().unwrap().remove("decrypt");
                }
                assert_eq!(difference(&wanted, &found, name), None);
            }
            "error" => unreadable(&run, kind, &file),
            "either" if run.code == 2 => unreadable(&run, kind, &file),
            "either" => assert_ne!(run.ends(0).json()["signature_verdict"], "valid", "{name}"),
            other => panic!("{name}: {other}"),
        }
        *counts.entry((kind, parse)).or_default() += 1;
    }
    let wanted = [
        (("encrypted", "ok"), 10),
        (("encrypted-damaged", "error"), 1),
        (("encrypted-damaged", "ok"), 17),
        (("signed", "ok"), 32),
        (("signed-damaged", "error"), 5),
        (("signed-damaged", "ok"), 11),
        (("trustlist", "ok"), 44),
        (("trustlist-cucm-layout", "ok"), 6),
        (("trustlist-damaged", "either"), 1),
        (("trustlist-damaged", "error"), 32),
        (("trustlist-damaged", "ok"), 31),
        (("trustlist-inferred", "ok"), 1),
    ];
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), wanted);
}

/// Without the key of the device an encrypted config tells all but what is inside.
#[test]
fn without_the_device_key_only_the_inside_is_missing() {
    let name = "encrypted/e-pretty/SEPB000B4BA0AEE.cnf.xml.enc.sgn";
    let index: Value = serde_json::from_slice(&bytes("index.json")).unwrap();
    let entries = index["files"].as_array().unwrap();
    let mut wanted = entries.iter().find(|entry| entry["file"] == name).unwrap()["expect"].clone();
    for inside in ["decrypt", "aes_key", "plain_sha256"] {
        assert!(wanted.as_object_mut().unwrap().remove(inside).is_some());
    }
    let run = ringfence(["show", "--json", &arg(name), "--cert", &arg("certs/ccm-pub-2048.crt.pem")]);
    let found = run.ends(0).json();
    assert_eq!(difference(&wanted, &found, name), None);
    for inside in ["decrypt", "aes_key", "plain_sha256"] {
        assert_eq!(found.get(inside), Some(&Value::Null));
    }
}

/// Of a folder the key that fits is taken.
#[test]
fn a_folder_of_device_keys() {
    let name = arg("encrypted/e6-5008-ccm-pub-2048-lsc-1024-sha1/SEPB000B4BA0AEE.cnf.xml.enc.sgn");
    let found = ringfence(["show", "--json", &name, "--key", &arg("certs")]).ends(0).json();
    assert_eq!(found["decrypt"], "ok");
    assert_eq!(found["plain_length"], 5008);
}
