//! docs/asterisk.md, *Moving to another machine*: the data directory is copied, the node gets another address, and the phones believe it.

use std::path::Path;
use std::process::{Command, Output};

use crate::support::node::{Served, run};
use wire::trust_list::TrustList;

const PHONE: &str = "SEP020000000001";

fn ringfence(data: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringfence"));
    command.env("RINGFENCE_DATA", data).args(arguments).output().unwrap()
}

fn done(data: &Path, arguments: &[&str]) -> String {
    let output = ringfence(data, arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A boot of the phone against a file server; DHCP is what names it. The exit code: 0 when it believes what it got.
fn boot(data: &Path, state: &Path, server: &str, node: &Served) -> (Option<i32>, String) {
    let (http, tftp) = (node.http.to_string(), node.tftp.to_string());
    let ports = ["phone", "--server", server, "--http-port", &http, "--tftp-port", &tftp];
    let rest = ["--mac", &PHONE[3..], "--state", state.to_str().unwrap()];
    let output = ringfence(data, &[&ports[..], &rest].concat());
    (output.status.code(), format!("{output:?}"))
}

#[test]
fn a_node_moves_and_its_phones_follow() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new, state) = (folder.path().join("old"), folder.path().join("new"), folder.path().join("phone"));
    let node = Served::start(&old, &[]);
    done(&old, &["device", "add", PHONE, "--model", "8861"]);
    let (code, said) = boot(&old, &state, "127.0.0.1", &node);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(node.stop().code(), Some(0));
    let itl = |data: &Path| TrustList::decode(std::fs::read(data.join("published/ITLFile.tlv")).unwrap()).unwrap();
    let signer = |list: &TrustList| list.header().signer_name().unwrap().to_vec();
    let before = itl(&old);

    assert!(run("cp", "coreutils", &["-a", old.to_str().unwrap(), new.to_str().unwrap()]).status.success());
    let node = Served::start_at("127.0.0.2", &new, &[], "0");
    let said = done(&new, &["admin", "--yes", "-c", "set network ip 127.0.0.2"]);
    assert!(said.contains("node1 (127.0.0.1) becomes node1 (127.0.0.2).\nCertificates: none is renewed.\n"), "{said}");
    assert!(said.contains("Phones: 1 of 1 were seen with an ITL that names the current signers"), "{said}");
    assert!(said.contains("Phones need DHCP option 150 (or 66) with 127.0.0.2 and a boot."), "{said}");
    // Done means done: the process that runs gives it out.
    let served = run("curl", "curl", &["-sf", &format!("http://127.0.0.2:{}/ITLFile.tlv", node.http)]).stdout;
    assert_eq!(TrustList::decode(served).unwrap(), itl(&new));
    let after = itl(&new);
    assert!(after != before && signer(&after) == signer(&before), "other addresses, the same signer");
    let config = run("curl", "curl", &["-sf", &format!("http://127.0.0.2:{}/{PHONE}.cnf.xml.sgn", node.http)]).stdout;
    let config = String::from_utf8_lossy(&config).into_owned();
    assert!(config.contains("<address>127.0.0.2</address>") && !config.contains("127.0.0.1"), "TVS and CAPF: {config}");
    let (code, said) = boot(&new, &state, "127.0.0.2", &node);
    assert_eq!(code, Some(0), "the phone takes the new list: {said}");
    let status = done(&new, &["admin", "-c", "show itl status"]);
    assert!(
        status.lines().any(|line| line.contains(PHONE) && line.contains("Match") && !line.contains("MisMatch")),
        "{status}"
    );
    assert!(done(&new, &["admin", "-c", "show restarts"]).contains("reset the phones"));
    assert_eq!(node.stop().code(), Some(0));
    // The next start needs no word about it.
    let node = Served::start_at("127.0.0.2", &new, &[], "0");
    assert!(node.said.contains("node1 (127.0.0.2)"), "{}", node.said);
    assert_eq!(node.stop().code(), Some(0));
}

#[test]
fn a_node_that_runs_takes_another_name() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let first = Served::start(&data, &["--subscriber", "node2=127.0.0.2"]);
    let second = Served::start_at("127.0.0.2", &data, &["--node", "node2"], &first.tvs.to_string());
    let said = done(&data, &["admin", "--node", "node2", "--yes", "-c", "set network hostname sub2"]);
    assert!(said.contains("sub2 (127.0.0.2) it is now."), "{said}");
    // It goes on under its new name, with the keys and logs that it had.
    done(&data, &["device", "add", PHONE]);
    let config = format!("http://127.0.0.2:{}/{PHONE}.cnf.xml.sgn", second.http);
    assert!(run("curl", "curl", &["-sf", &config]).status.success());
    assert_eq!(second.stop().code(), Some(0));
    let second = Served::start_at("127.0.0.2", &data, &["--node", "sub2"], &first.tvs.to_string());
    assert!(second.said.contains("sub2 (127.0.0.2)"), "{}", second.said);
    assert_eq!((second.stop().code(), first.stop().code()), (Some(0), Some(0)));
}

/// The address to listen on stands in the settings, and those come along.
#[test]
fn settings_that_name_an_address_of_the_other_machine() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    assert_eq!(Served::start(&data, &[]).stop().code(), Some(0));
    // no machine has it: it is for documentation (RFC 5737)
    let (node, file) = ("node1", data.join("ringfence.toml"));
    {
        std::fs::write(&file, "[listen]\naddress = \"192.0.2.77\"\nhttp = 0\ntftp = 0\ntvs = 0\n").unwrap();
        let refused = ringfence(&data, &["serve", "--node", node]);
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        let said = String::from_utf8(refused.stderr).unwrap();
        for part in ["this machine has no address 192.0.2.77", "--listen", "[listen] address in ringfence.toml"] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
    let node = Served::start_at("127.0.0.2", &data, &["--node", "node1"], "0");
    assert_eq!(node.stop().code(), Some(0));
}
