//! TFTP clients that were not written here fetch every size: tftp-hpa, atftp, curl.

use std::path::Path;

use crate::files_fixture::{SIZES, Servers, content, roll_over, run, same};
use wire::tftp::netascii::Cursor;

fn read(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).unwrap_or_else(|e| panic!("the client wrote no {name}: {e}"))
}

/// Fetches with tftp-hpa, which has no options: blocks of 512 bytes.
fn tftp_hpa(servers: &Servers, folder: &Path, mode: &str, file: &str) -> Vec<u8> {
    let port = servers.tftp.port().to_string();
    let output = run("tftp-hpa", "tftp", folder, &["-4", "-m", mode, "127.0.0.1", &port, "-c", "get", file, "got"]);
    assert!(output.status.success(), "tftp {mode} {file}: {output:?}");
    read(folder, "got")
}

fn atftp(servers: &Servers, folder: &Path, options: &[&str], file: &str) -> Vec<u8> {
    let port = servers.tftp.port().to_string();
    let mut arguments: Vec<&str> = options.iter().flat_map(|option| ["--option", option]).collect();
    arguments.extend(["--get", "--remote-file", file, "--local-file", "got", "127.0.0.1", &port]);
    let output = run("atftp", "atftp", folder, &arguments);
    assert!(output.status.success(), "atftp {options:?} {file}: {output:?}");
    read(folder, "got")
}

fn curl(servers: &Servers, folder: &Path, options: &[&str], file: &str) -> Vec<u8> {
    let url = format!("tftp://{}/{file}", servers.tftp);
    let mut arguments = vec!["--silent", "--show-error", "--max-time", "60", "--output", "got"];
    arguments.extend(options);
    arguments.push(&url);
    let output = run("curl", "curl", folder, &arguments);
    assert!(output.status.success(), "curl {options:?} {file}: {output:?}");
    // curl makes no file for nothing
    if folder.join("got").exists() { read(folder, "got") } else { Vec::new() }
}

/// Every size, from the snapshot and made on request, by `fetch`; the file of the client is removed in between.
fn every_size(what: &str, fetch: impl Fn(&Path, &str) -> Vec<u8>, on_the_wire: impl Fn(&[u8]) -> Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    for size in SIZES {
        for kind in ["size", "made"] {
            let got = fetch(folder.path(), &format!("{kind}-{size}"));
            same(&got, &on_the_wire(&content(size)), &format!("{what} {kind}-{size}"));
            if folder.path().join("got").exists() {
                std::fs::remove_file(folder.path().join("got")).unwrap();
            }
        }
    }
}

fn netascii(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Cursor::default().read(bytes, usize::MAX, &mut out);
    out
}

#[test]
fn tftp_hpa_octet_and_netascii() {
    let servers = Servers::start();
    every_size("tftp-hpa octet", |f, name| tftp_hpa(&servers, f, "octet", name), <[u8]>::to_vec);
    // its default mode; the client converts back
    every_size("tftp-hpa netascii", |f, name| tftp_hpa(&servers, f, "netascii", name), <[u8]>::to_vec);
}

#[test]
fn atftp_with_options() {
    let servers = Servers::start();
    for options in [
        &[][..],
        &["blksize 512", "tsize enable"],
        &["blksize 1428", "tsize enable", "timeout 2"],
        &["blksize 8192"],
        &["blksize 512", "windowsize 8"],
        &["blksize 1428", "windowsize 32"],
        &["blksize 8192", "windowsize 64"],
    ] {
        every_size(&format!("atftp {options:?}"), |f, name| atftp(&servers, f, options, name), <[u8]>::to_vec);
    }
}

#[test]
fn curl_octet_and_netascii() {
    let servers = Servers::start();
    for options in [
        &["--tftp-no-options"][..],
        &["--tftp-blksize", "512"],
        &["--tftp-blksize", "1428"],
        &["--tftp-blksize", "8192"],
        &["--tftp-blksize", "65464"],
    ] {
        every_size(&format!("curl {options:?}"), |f, name| curl(&servers, f, options, name), <[u8]>::to_vec);
    }
    // curl keeps the text as it travelled
    for options in [&["--use-ascii", "--tftp-blksize", "512"][..], &["--use-ascii", "--tftp-blksize", "1428"]] {
        every_size("curl netascii", |f, name| curl(&servers, f, options, name), netascii);
    }
}

#[test]
fn block_numbers_roll_over() {
    let servers = Servers::start();
    let folder = tempfile::tempdir().unwrap();
    let (wanted, name) = (roll_over(), "roll-over");
    same(&tftp_hpa(&servers, folder.path(), "octet", name), &wanted, "tftp-hpa");
    same(&curl(&servers, folder.path(), &["--tftp-blksize", "512"], name), &wanted, "curl");
    same(&atftp(&servers, folder.path(), &["blksize 512", "windowsize 16"], name), &wanted, "atftp");
}

#[test]
fn refusals_in_the_words_of_the_clients() {
    let servers = Servers::start();
    let folder = tempfile::tempdir().unwrap();
    // exit codes of curl: 68 not found, 69 permission; everything else is its general 71 or 56
    for (file, code) in [("CTLSEP001122334455.tlv", 68), ("denied", 69), ("..%2Fx", 69), ("failed", 71), ("panics", 71)]
    {
        let url = format!("tftp://{}/{file}", servers.tftp);
        let output = run("curl", "curl", folder.path(), &["--silent", "--path-as-is", "--max-time", "20", &url]);
        assert_eq!(output.status.code(), Some(code), "{file}: {output:?}");
        assert!(output.stdout.is_empty(), "{file}");
    }
    let port = servers.tftp.port().to_string();
    let arguments = ["-4", "127.0.0.1", &port, "-c", "get", "nothing-here"];
    let output = run("tftp-hpa", "tftp", folder.path(), &arguments);
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("Error code 1: File not found"), "{said}");
    std::fs::write(folder.path().join("mine"), "x").unwrap();
    let arguments = ["-4", "127.0.0.1", &port, "-c", "put", "mine"];
    let output = run("tftp-hpa", "tftp", folder.path(), &arguments);
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("Error code 2: Access violation"), "{said}");
}

#[test]
fn names_without_case_and_in_folders() {
    let servers = Servers::start();
    let folder = tempfile::tempdir().unwrap();
    for name in ["New_Zealand/g3-tones.xml.sgn", "new_zealand/G3-TONES.XML.SGN"] {
        same(&curl(&servers, folder.path(), &[], name), &content(700), name);
    }
}
