//! `ringfence show` for people: the words and columns of `show ctl`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::time::{Duration, UNIX_EPOCH};

use crate::program::{Run, arg, bytes, command, finish, ringfence, vector};

/// The listing of [sources/listings#trust-list] for this file: tabs and all, down to the end of the first record.
const HEAD: &str = "\
The checksum value of the CTL file:
21ea9a167c91290c571c6d03596d149e(MD5)
3bf4ffc44d4ba723a4b7ab3818264c93a2670028(SHA1)

Length of CTL file: 4947
The CTL File was last modified on Fri Mar 06 21:56:07 CET 2015

Parse CTL File
----------------

Version:\t1.2
HeaderLength:\t336 (BYTES)

BYTEPOS\tTAG\t\tLENGTH\tVALUE
-------\t---\t\t------\t-----
3\tSIGNERID\t2\t149
4\tSIGNERNAME\t62\tCN=cucm-1051-a-pub;OU=TAC;O=Cisco;L=Krakow;ST=Malopolska;C=PL
5\tSERIALNUMBER\t16\t70:CA:F6:4E:09:07:51:B9:DF:22:F4:9F:75:4F:C5:BB
6\tCANAME\t\t62\tCN=cucm-1051-a-pub;OU=TAC;O=Cisco;L=Krakow;ST=Malopolska;C=PL
7\tSIGNATUREINFO\t2\t15
8\tDIGESTALGORTITHM\t1
9\tSIGNATUREALGOINFO\t2\t8
10\tSIGNATUREALGORTITHM\t1
11\tSIGNATUREMODULUS\t1
12\tSIGNATURE\t128
\tbe  cb  88  8  68  41  e9  55
\tab  72  ec  4b  75  97  15  32
";

const REST: &str = "\
14\tFILENAME\t12
15\tTIMESTAMP\t4

\tCTL Record #:1
\t\t  ----
BYTEPOS\tTAG\t\tLENGTH\tVALUE
-------\t---\t\t------\t-----
1\tRECORDLENGTH\t2\t1156
2\tDNSNAME\t\t16\tcucm-1051-a-pub
3\tSUBJECTNAME\t62\tCN=cucm-1051-a-pub;OU=TAC;O=Cisco;L=Krakow;ST=Malopolska;C=PL
4\tFUNCTION\t2\tSystem Administrator Security Token
5\tISSUERNAME\t62\tCN=cucm-1051-a-pub;OU=TAC;O=Cisco;L=Krakow;ST=Malopolska;C=PL
6\tSERIALNUMBER\t16\t70:CA:F6:4E:09:07:51:B9:DF:22:F4:9F:75:4F:C5:BB
7\tPUBLICKEY\t140
8\tSIGNATURE\t128
9\tCERTIFICATE\t694\t69 C0 E8 1A 82 18 C5 72 43 ED 6A 83 A9 B7 BF A8 3D 5D 8B 89 (SHA1 Hash HEX)
10\tIPADDRESS\t4
This etoken was used to sign the CTL file.

\tCTL Record #:2
\t\t  ----
BYTEPOS\tTAG\t\tLENGTH\tVALUE
-------\t---\t\t------\t-----
1\tRECORDLENGTH\t2\t1156
2\tDNSNAME\t\t16\tcucm-1051-a-pub
3\tSUBJECTNAME\t62\tCN=cucm-1051-a-pub;OU=TAC;O=Cisco;L=Krakow;ST=Malopolska;C=PL
4\tFUNCTION\t2\tCCM+TFTP
";

#[test]
fn a_ctl_in_the_words_and_columns_of_show_ctl() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("CTLFile.tlv");
    std::fs::write(&path, bytes("trustlist/cucm-ctl-4947.tlv")).unwrap();
    let modified = UNIX_EPOCH + Duration::from_secs(1_425_675_367);
    File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    let run = finish(command().env("TZ", "CET-1CEST,M3.5.0,M10.5.0/3").arg("show").arg(&path)).ends(0);
    let text = run.text();
    assert!(text.starts_with(HEAD), "{text}");
    assert!(text.contains(REST), "{text}");
    assert!(text.ends_with("\nThe CTL file was verified successfully.\n"), "{text}");
    let records: Vec<&str> = text.lines().filter(|line| line.contains("Record #:")).collect();
    assert_eq!(records, ["\tCTL Record #:1", "\tCTL Record #:2", "\tCTL Record #:3", "\tCTL Record #:4"]);
    let lengths: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("1\tRECORDLENGTH\t2\t")).collect();
    assert_eq!(lengths, ["1156", "1156", "1138", "1161"]);
    assert_eq!(text.matches("This etoken was").count(), 1, "only SAST records have that line");
    let signature = text.lines().filter(|line| line.starts_with('\t') && line.contains("  ") && !line.contains("----"));
    assert_eq!(signature.count(), 16, "128 bytes, eight a line");
    assert!(!text.contains('\u{1b}'), "no colours into a pipe");
}

#[test]
fn an_itl_says_itl_and_the_other_token_did_not_sign() {
    let run = ringfence(["show", &arg("trustlist/two-sast.tlv")]).ends(0);
    let text = run.text();
    assert!(text.starts_with("The checksum value of the ITL file:\n"), "{text}");
    assert!(text.contains("\nParse ITL File\n----------------\n"), "{text}");
    assert!(text.contains("\nThis etoken was used to sign the ITL file.\n"), "{text}");
    assert!(text.contains("\nThis etoken was not used to sign the ITL file.\n"), "{text}");
    assert!(text.ends_with("The ITL file was verified successfully.\n"), "{text}");
}

#[test]
fn a_list_that_does_not_verify_is_shown_and_says_so() {
    let run = ringfence(["show", &arg("damaged/flip-filename.tlv")]).ends(0);
    assert!(run.text().ends_with("could not be verified: bad-signature.\n"), "{}", run.text());
}

#[test]
fn every_field_of_an_unknown_tag_is_there() {
    let run = ringfence(["show", &arg("damaged/unknown-header-tag.tlv")]).ends(0);
    assert!(run.text().lines().any(|line| line.starts_with("200\tUNKNOWN\t")), "{}", run.text());
    let run = ringfence(["show", &arg("damaged/unknown-record-tag.tlv")]).ends(0);
    assert!(run.text().lines().any(|line| line.starts_with("99\tUNKNOWN\t")), "{}", run.text());
}

#[test]
fn a_signed_file_with_verdict_and_payload() {
    let file = arg("signed/f.x.sgn");
    let run = ringfence(["show", &file]).ends(0);
    assert!(run.text().contains("Signature: not checked"), "{}", run.text());
    let run = ringfence(["show", &file, "--cert", &arg("certs/ccm-pub-1024.crt.der")]).ends(0);
    let text = run.text();
    assert!(text.contains("14\tFILENAME\t8\tf.x.sgn\n"), "{text}");
    assert!(text.contains("8\tDIGESTALGORITHM\t1\tsha1\n"), "{text}");
    assert!(text.contains("11\tSIGNATUREMODULUS\t1\t1024\n"), "{text}");
    let signer = "Signature: valid with CN=cucm-1051-a-pub;OU=TAC;O=Cisco;L=Krakow;ST=Malopolska;C=PL\n";
    assert!(text.contains(signer), "{text}");
    let payload = bytes("signed/f.x");
    assert!(text.contains(&format!("Payload:   {} bytes at offset {}", payload.len(), 396 - payload.len())), "{text}");
    let run = ringfence(["show", &file, "--cert", &arg("certs/app-2048.crt.pem")]).ends(0);
    assert!(run.text().contains("Signature: bad-signature with CN=tomcat"), "{}", run.text());
}

#[test]
fn an_encrypted_config_with_and_without_its_key() {
    let file = arg("encrypted/e-pretty/SEPB000B4BA0AEE.cnf.xml.enc.sgn");
    let run = ringfence(["show", &file]).ends(0);
    assert!(run.text().contains("Decrypt:   give --key DEVICE_KEY"), "{}", run.text());
    assert!(run.text().contains("certHash b0c647e1a028b0f1c6fc12e87dea0d16"), "{}", run.text());
    let run = ringfence(["show", &file, "--key", &arg("certs/lsc-2048.key.pem")]).ends(0);
    assert!(run.text().contains("Decrypt:   ok, 331 bytes"), "{}", run.text());
    let run = ringfence(["show", &file, "--key", &arg("certs/mic-2048.key.pem")]).ends(0);
    assert!(run.text().contains("Decrypt:   hash-mismatch"), "{}", run.text());
}

#[test]
fn standard_input_is_told_apart_by_its_content() {
    for (name, kind) in [
        ("trustlist/cucm-ctl-6113.tlv", "trustlist"),
        ("trustlist/filename-length-3.tlv", "trustlist"),
        ("trustlist/reset-itl-two-headers.tlv", "trustlist"),
        ("signed/binary.jar.sgn", "signed"),
        ("signed/size-000000.cnf.xml.sgn", "signed"),
        ("encrypted/e-minimal/SEPB000B4BA0AEE.cnf.xml.enc.sgn", "encrypted"),
    ] {
        let run = finish(command().args(["show", "--json", "-"]).write_stdin(bytes(name))).ends(0);
        assert_eq!(run.json()["kind"], kind, "{name}");
    }
}

/// What a file is does not hang on how somebody called it, nor on where it was cut.
#[test]
fn one_kind_and_one_shape_whatever_the_name_and_wherever_it_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    for (file, kind) in [
        ("trustlist/cucm-ctl-6113.tlv", "trustlist"),
        ("trustlist/all-roles.tlv", "trustlist"),
        ("signed/binary.jar.sgn", "signed"),
        ("encrypted/e-minimal/SEPB000B4BA0AEE.cnf.xml.enc.sgn", "encrypted"),
    ] {
        let whole = bytes(file);
        let header = usize::from(u16::from_be_bytes([whole[8], whole[9]]));
        let names_of = |run: &Run| run.json().as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
        let wanted = names_of(&ringfence(["show", "--json", &arg(file)]).ends(0));
        for cut in [5, 9, 10, 100, header - 1, header, header + 2, header + 7, whole.len() - 1, whole.len()] {
            for name in ["X.itl", "X.tlv", "X.sgn", "X.cnf.xml.enc.sgn", "X.bin", "X"] {
                let path = folder.path().join(name);
                std::fs::write(&path, &whole[..cut]).unwrap();
                let run = finish(command().args(["show", "--json"]).arg(&path));
                let piped = finish(command().args(["show", "--json", "-"]).write_stdin(&whole[..cut]));
                let at = format!("{file} cut at {cut}, called {name}");
                assert_eq!(run.code, piped.code, "{at}");
                assert_eq!((&run.json()["kind"], &piped.json()["kind"]), (&kind.into(), &kind.into()), "{at}");
                assert_eq!((&names_of(&run), &names_of(&piped)), (&wanted, &wanted), "{at}");
                let judged =
                    finish(command().args(["verify", "--json", "--trust", &arg("trustlist/all-roles.tlv")]).arg(&path));
                assert_eq!(judged.json()["kind"], kind, "{at}");
            }
        }
    }
}

#[test]
fn names_in_a_file_cannot_steer_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = arg("certs/ccm-pub-1024.bundle.pem");
    let list = folder.path().join("a.tlv");
    let sast = format!("{bundle},name=x\u{1b}[2J\ny,ip=192.0.2.1");
    finish(command().args(["build", "ctl", "--sast", &sast, "-o"]).arg(&list)).ends(0);
    let run = finish(command().arg("show").arg(&list)).ends(0);
    assert!(!run.text().contains('\u{1b}'));
    assert!(run.text().contains("2\tDNSNAME\t\t8\tx\\u{1b}[2J\\ny\n"), "{}", run.text());
    let signed = folder.path().join("a.sgn");
    let mut line = command();
    line.args(["sign", "-", "--cert", &bundle, "--filename", "a\u{1b}[31m.sgn", "-o"]).arg(&signed);
    finish(line.write_stdin("text")).ends(0);
    let run = finish(command().arg("show").arg(&signed)).ends(0);
    assert!(!run.text().contains('\u{1b}'), "{}", run.text());
}

#[test]
fn above_16_mib_is_refused_with_the_limit_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.sgn");
    let mut file = File::create(&path).unwrap();
    file.write_all(&bytes("signed/f.x.sgn")).unwrap();
    file.set_len((16 << 20) + 1).unwrap();
    for tool in [&["show"][..], &["verify"], &["strip"], &["sign", "--cert", "x"], &["decrypt", "--key", "x"]] {
        let run = finish(command().args(tool).arg(&path));
        let line = run.refuses();
        assert!(line.contains("16777217 bytes are above the limit of 16777216 bytes (16 MiB)"), "{line}");
    }
    // A pipe has no size to look at first.
    let run = finish(command().args(["show", "-"]).write_stdin(vec![1; (16 << 20) + 1]));
    assert!(run.refuses().contains("above the limit of 16777216 bytes (16 MiB)"));
    file.set_len(16 << 20).unwrap();
    finish(command().arg("show").arg(&path)).ends(0);
}

#[test]
fn what_cannot_be_read_is_one_line_with_the_name() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing\nfile.tlv");
    let run = finish(command().arg("show").arg(&missing));
    assert!(run.refuses().ends_with("No such file or directory (os error 2)"), "{}", run.err);
    let run = finish(command().arg("show").arg(folder.path()));
    assert!(run.refuses().ends_with("is a directory, give a file"), "{}", run.err);
    let run = ringfence(["show", &arg("signed/f.x.sgn"), "--cert", &arg("signed/f.x")]);
    assert!(run.refuses().contains("signed/f.x: holds no certificate"), "{}", run.err);
    for (file, name) in [
        (
            "certs/ccm-pub-1024.crt.pem",
            "is a certificate (PEM), and no trust list or signed file; `openssl x509 -text -in FILE` shows it",
        ),
        ("certs/ccm-pub-1024.crt.der", "is a certificate (DER), and no trust list or signed file"),
    ] {
        for command in ["show", "verify"] {
            let run = ringfence([command, &arg(file)]);
            assert!(run.refuses().contains(name), "{command}: {}", run.err);
        }
    }
    let firmware = folder.path().join("rootfs78xx.sbn");
    std::fs::write(&firmware, b"\xcd\x34\x12\xab\0\0\0\x01").unwrap();
    let run = finish(command().arg("verify").arg(&firmware));
    assert!(
        run.refuses().contains("is firmware of 78xx and 88xx phones in its container (CD 34 12 AB)"),
        "{}",
        run.err
    );
    let run = ringfence(["show", &arg("damaged-signed/plain-xml.sgn")]);
    assert!(run.refuses().contains("offset 0: VERSION: is plain XML"), "{}", run.err);
}

/// `ringfence show FILE | head` is no failure; a full disk is one.
#[test]
fn a_reader_that_leaves_and_a_disk_that_is_full() {
    let program = || {
        let mut program = std::process::Command::new(assert_cmd::cargo::cargo_bin!("ringfence"));
        program.arg("show").arg(vector("trustlist/records-50.tlv"));
        program
    };
    let mut child = program().stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = program().stdout(full).stderr(std::process::Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let line = String::from_utf8(output.stderr).unwrap();
    assert!(line.starts_with("standard output: No space left on device"), "{line}");
}

/// Whoever gives something else is told what it is.
#[test]
fn files_of_other_kinds_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    for (bytes, said) in [
        (
            std::fs::read("/bin/true").unwrap(),
            "is a program (ELF), and no trust list or signed file; give a .tlv or .sgn file",
        ),
        (Vec::new(), "is empty, and no trust list or signed file; give a .tlv or .sgn file"),
        (b"%PDF-1.4\n\x00\x01".to_vec(), "is a document or picture, and no trust list or signed file"),
        (b"\x00\x07\x01what\x00is\xffit".to_vec(), "is no trust list or signed file (offset "),
    ] {
        std::fs::write(&path, &bytes).unwrap();
        for command in ["show", "verify"] {
            let run = ringfence([std::ffi::OsStr::new(command), path.as_os_str()]);
            assert!(run.err.contains(said), "{command} {said}: {}", run.err);
            assert_eq!(run.err.lines().count(), 1, "{}", run.err);
        }
    }
    // One that is called a list is a damaged list.
    let list = folder.path().join("ITLFile.tlv");
    std::fs::write(&list, b"\x00\x07\x01what").unwrap();
    let run = ringfence([std::ffi::OsStr::new("show"), list.as_os_str()]);
    assert!(run.refuses().contains("offset "), "{}", run.err);
}
