//! `ringfence verify`: one sentence, the field, the certificate, the exit code.

use crate::program::{Run, arg, bytes, command, finish, names, ringfence};

fn verify(file: &str, options: &[(&str, &str)]) -> Run {
    let mut line = vec!["verify".to_owned(), arg(file)];
    for (option, value) in options {
        line.extend([(*option).to_owned(), arg(value)]);
    }
    ringfence(line)
}

/// Exit code, and the whole sentence behind the file name.
#[track_caller]
fn says(run: Run, code: i32, sentence: &str) {
    let run = run.ends(code);
    let text = run.text().to_owned();
    assert_eq!(text.lines().count(), 1, "{text}");
    let said = text.trim_end().split_once(": ").unwrap().1;
    assert_eq!(said, sentence);
}

/// The same with the line below, of what the signature is worth.
#[track_caller]
fn says_both(run: Run, code: i32, sentence: &str, signature: &str) {
    let run = run.ends(code);
    let (said, below) = run.text().trim_end().split_once('\n').unwrap();
    assert_eq!(said.split_once(": ").unwrap().1, sentence);
    assert_eq!(below, format!("  signature: {signature}"));
}

/// What a phone says of a signer whose name in the file has another form than in its list: bytes are compared.
fn party(name: &str, serial: &str) -> String {
    format!("{name} (serial {})", serial.replace(':', ""))
}

const PUB: &str = "CN=cucm-1051-a-pub;OU=TAC;O=Cisco;L=Krakow;ST=Malopolska;C=PL";
const PEER_PUB: &str = "C=PL,O=Cisco,OU=TAC,CN=cucm-1051-a-pub,ST=Malopolska,L=Krakow";
const OLD: &str = "70:CA:F6:4E:09:07:51:B9:DF:22:F4:9F:75:4F:C5:BB";
const NEW: &str = "6B:1D:35:7B:68:41:74:0B:07:8F:EE:4A:18:13:D5:D6";
const CTL: &str = "trustlist/cucm-ctl-4947.tlv";
const RENEWED: &str = "trustlist/cucm-ctl-6113.tlv";

#[test]
fn a_list_by_another_list_or_the_certificate() {
    let holds = format!("SIGNATURE holds for {PUB}, serial {OLD}, whose certificate is in {}", arg(CTL));
    says_both(verify(CTL, &[("--trust", CTL)]), 0, "valid: the same file as the stored one", &holds);
    let sentence = format!("valid: SIGNATURE holds for {PUB}, serial {OLD}");
    says(verify(CTL, &[("--cert", "certs/ccm-pub-1024.crt.pem")]), 0, &sentence);
    verify(CTL, &[]).ends(0);
    // An ITL by the CTL: another kind of list, and the phone keeps both.
    let itl = "trustlist/one-ccm-pub-1024-sha1-v1.0.tlv";
    let said = verify(itl, &[("--trust", CTL)]).ends(1).text().to_owned();
    assert!(said.contains("is in no stored list as SAST, and the ITL names no TVS"), "names of the peer: {said}");
}

#[test]
fn after_the_renewal_the_old_list_does_not_know_the_signer() {
    let sentence = format!(
        "refused: {} is in no stored list as SAST, and the ITL names no TVS; erase the trust lists of the phone or sign with a \
         certificate it holds",
        party(PUB, NEW)
    );
    let signature =
        format!("not checked: no list that was given has a certificate of {PUB}, serial {NEW}; give it with --cert");
    says_both(verify(RENEWED, &[("--trust", CTL)]), 1, &sentence, &signature);
    // A phone with an ITL that names a TVS would ask it: that is no yes.
    let itl = "trustlist/all-roles.tlv";
    let sentence = format!("refused: {} is in no stored list as SAST; a phone would ask TVS", party(PUB, NEW));
    let run = verify(RENEWED, &[("--trust", CTL), ("--trust", itl)]).ends(1);
    assert_eq!(run.text().lines().next().unwrap().split_once(": ").unwrap().1, sentence);
    // A model without Security by Default has no ITL and asks nobody.
    let mut line = command();
    line.args(["verify", &arg(RENEWED), "--trust", &arg(CTL), "--trust", &arg(itl), "--model", "7940"]);
    let said = finish(&mut line).ends(1).text().to_owned();
    assert!(said.contains("model 7940 has no Security by Default and cannot ask TVS"), "{said}");
}

/// A phone holds one list of each kind, and lists without FILENAME are known by the names of their files.
#[test]
fn which_lists_a_phone_can_hold() {
    let twice = verify(RENEWED, &[("--trust", CTL), ("--trust", RENEWED)]).ends(64);
    assert!(twice.err.contains("are both CTLs: a phone holds one CTL and one ITL"), "{}", twice.err);
    let unknown = verify(CTL, &[("--trust", "trustlist/filename-empty.tlv")]).ends(64);
    assert!(unknown.err.contains("is it a CTL or an ITL?"), "{}", unknown.err);
}

#[test]
fn a_changed_file() {
    let sentence = format!(
        "refused: SIGNATURE does not hold for {PEER_PUB}, serial {NEW}: the file was changed after signing or signed by another key"
    );
    says(verify("damaged/flip-filename.tlv", &[]), 1, &sentence);
    let run = verify("damaged-signed/flip-payload-last.sgn", &[("--cert", "certs/ccm-pub-2048.crt.pem")]);
    assert!(run.ends(1).text().contains("SIGNATURE does not hold for CN=cucm-1051-a-pub"));
}

/// The names of this file are in the form of the peer, those of the list in the form of CUCM: the signature holds, and no phone
/// believes it, because phones compare bytes.
#[test]
fn a_phone_compares_the_names_byte_by_byte() {
    let refused = format!(
        "refused: {} is in no stored list as TFTP or CCM+TFTP, and the ITL names no TVS; erase the trust lists of the phone or sign \
         with a certificate it holds",
        party(PEER_PUB, OLD)
    );
    let holds = format!("SIGNATURE holds for {PUB}, serial {OLD}, whose certificate is in {}", arg(CTL));
    says_both(verify("signed/f.x.sgn", &[("--trust", CTL)]), 1, &refused, &holds);
}

/// Role, FILENAME and the record that decides.
#[test]
fn a_config_needs_a_record_that_signs_configs() {
    let config = "signed/SEP58971ECC97C1-ccm-pub-1024-sha1.cnf.xml.sgn";
    let (list, other) = ("trustlist/all-roles.tlv", "trustlist/one-ccm-pub-1024-sha1-v1.0.tlv");
    let name = "SEP58971ECC97C1.cnf.xml.sgn";
    let with = |list: &str, name: Option<&str>, options: &[&str]| {
        let mut line = command();
        line.args(["verify", &arg(config), "--trust", &arg(list)]).args(options);
        line.args(name.iter().flat_map(|name| ["--name", *name]));
        finish(&mut line)
    };
    // FILENAME is not the name of the file here: the config of another phone would do, if nobody looked.
    let said = with(list, None, &[]).ends(1).text().to_owned();
    assert!(said.contains("refused: FILENAME is `SEP58971ECC97C1.cnf.xml.sgn`, the phone asked for"), "{said}");
    let said = with(other, Some(name), &[]).ends(1).text().to_owned();
    assert!(
        said.contains("is in no stored list as TFTP or CCM+TFTP") && said.contains("SIGNATURE holds for"),
        "{said}"
    );
    // What a phone takes, it takes by a record, and that is named.
    let folder = tempfile::tempdir().unwrap();
    let itl = folder.path().join("ITLFile.tlv");
    let bundle = arg("certs/ccm-pub-1024.bundle.pem");
    finish(command().args(["build", "itl", "--sast", &bundle, "--tftp", &bundle, "-o"]).arg(&itl)).ends(0);
    let signed = folder.path().join(name);
    std::fs::write(folder.path().join("SEP58971ECC97C1.cnf.xml"), "<device/>").unwrap();
    let made = folder.path().join("SEP58971ECC97C1.cnf.xml");
    finish(command().arg("sign").arg(&made).args(["--cert", &bundle, "--key", &bundle, "--digest", "sha1"])).ends(0);
    let run = finish(command().arg("verify").arg(&signed).arg("--trust").arg(&itl)).ends(0);
    assert!(
        run.text().contains(&format!("valid: {} stands in the stored ITL as TFTP, record 2", party(PUB, OLD))),
        "{}",
        run.text()
    );
    // A signature of SHA-512 is none for a phone that does not know it.
    finish(
        command().arg("sign").arg(&made).args(["--cert", &bundle, "--key", &bundle, "--digest", "sha512", "--force"]),
    )
    .ends(0);
    let run = finish(command().arg("verify").arg(&signed).arg("--trust").arg(&itl).args(["--model", "7965"])).ends(1);
    assert!(
        run.text().contains("which model 7965 does not know") && run.text().contains("SIGNATURE holds"),
        "{}",
        run.text()
    );
    finish(command().arg("verify").arg(&signed).arg("--trust").arg(&itl)).ends(0);
    // Standard input has no name.
    let file = std::fs::read(&signed).unwrap();
    let mut line = command();
    line.arg("verify").arg("-").arg("--trust").arg(&itl).write_stdin(file.clone());
    let run = finish(&mut line).ends(64);
    assert!(run.err.contains("give --name"), "{}", run.err);
    let mut line = command();
    line.arg("verify").arg("-").arg("--trust").arg(&itl).args(["--name", name]).write_stdin(file);
    finish(&mut line).ends(0);
}

/// A list needs SAST: the subscriber's key signs configs, but no lists.
#[test]
fn a_list_signed_by_a_server_that_is_no_token() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("ITLFile.tlv");
    let bundle = arg("certs/ccm-sub-1024.bundle.pem");
    finish(command().args(["build", "itl", "--sast", &bundle, "-o"]).arg(&list)).ends(0);
    let run = finish(command().arg("verify").arg(&list).args(["--trust", &arg(CTL)])).ends(1);
    assert!(run.text().contains("is in no stored list as SAST"), "{}", run.text());
    assert!(run.text().contains("SIGNATURE holds for"), "{}", run.text());
}

#[test]
fn a_certificate_of_somebody_else() {
    let sentence = format!(
        "refused: SIGNATURE does not hold for CN=tomcat.example.com;OU=Apps;O=Cisco;L=Krakow;ST=Malopolska;C=PL, serial 01: \
         the file names another signer, {PEER_PUB}, serial {OLD}"
    );
    says(verify("signed/f.x.sgn", &[("--cert", "certs/app-2048.crt.pem")]), 1, &sentence);
}

#[test]
fn fields_that_a_verdict_needs() {
    let cert = ("--cert", "certs/ccm-pub-2048.crt.pem");
    let run = verify("damaged/no-signature.tlv", &[cert]).ends(1);
    assert!(run.text().contains("SIGNATURE is missing"), "{}", run.text());
    let run = verify("damaged/digest-id-4.tlv", &[cert]).ends(1);
    assert!(run.text().contains("DIGESTALGORITHM 4 is not known to any phone"), "{}", run.text());
    let run = verify("damaged/missing-sast.tlv", &[]).ends(1);
    assert!(run.text().contains("has no SAST record in the file itself"), "{}", run.text());
    let run = verify("damaged/certificate-garbage.tlv", &[]).ends(1);
    assert!(run.text().contains("CERTIFICATE not a certificate"), "{}", run.text());
}

/// The name of the signer is compared, not only its serial number.
#[test]
fn the_same_serial_number_under_another_name() {
    let run = verify("damaged-signed/flip-signer-name.sgn", &[("--trust", "trustlist/two-sast.tlv")]).ends(1);
    assert!(run.text().contains("is in no stored list as") || run.text().contains("FILENAME is"), "{}", run.text());
}

/// A token's serial number stands reversed in list and header alike.
#[test]
fn lists_of_the_ctl_client() {
    let run = verify("trustlist/ctlclient-nonsecure-3746.tlv", &[("--trust", "trustlist/ctlclient-5728.tlv")]);
    let said = run.ends(0).text().to_owned();
    assert!(said.contains("(serial 3CF927000000AFA2DA45) stands in the stored CTL as SAST, record 4"), "{said}");
}

/// A record that holds only a hash checks no signature: the phone would ask TVS, whoever has the certificate here.
#[test]
fn a_certificate_that_the_list_holds_as_a_hash() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("ITLFile.tlv");
    let sast = arg("certs/ccm-pub-2048.bundle.pem");
    let tftp = format!("{},form=hash", arg("certs/ccm-pub-1024.bundle.pem"));
    finish(command().args(["build", "itl", "--sast", &sast, "--tftp", &tftp, "-o"]).arg(&list)).ends(0);
    let config = arg("signed/f.x.sgn");
    let with = |cert: Option<&str>| {
        let mut line = command();
        line.args(["verify", &config, "--trust"]).arg(&list);
        if let Some(cert) = cert {
            line.args(["--cert", &arg(cert)]);
        }
        finish(&mut line)
    };
    assert!(with(None).ends(1).text().contains("give it with --cert"));
    assert!(with(Some("certs/ccm-pub-1024.crt.pem")).ends(1).text().contains("signature: SIGNATURE holds for"));
    assert!(with(Some("certs/ccm-sub-1024.crt.pem")).ends(1).text().contains("signature: SIGNATURE does not hold"));
}

#[test]
fn could_not_tell() {
    let run = verify("damaged/header-length-9.tlv", &[]);
    let line = format!("{}: offset 8: HEADERLENGTH: 9 is outside 10..=4900", arg("damaged/header-length-9.tlv"));
    assert_eq!(run.refuses(), line);
    // Belief in a damaged list would give wrong answers about good files.
    let run = verify(CTL, &[("--trust", "damaged/flip-filename.tlv")]);
    assert!(run.refuses().contains("no phone would hold this list"), "{}", run.err);
    let run = verify("signed/f.x.sgn", &[("--trust", "signed/f.x.sgn")]);
    assert!(run.refuses().contains("RECORDLENGTH"), "{}", run.err);
    // Nothing to check with is wrong usage.
    let run = verify("signed/f.x.sgn", &[]).ends(64);
    assert!(run.err.contains("give --trust LIST or --cert CERT"), "{}", run.err);
}

#[test]
fn every_damaged_vector_is_refused_or_explained_in_one_line() {
    let mut seen = [0; 3];
    for folder in ["damaged", "damaged-signed"] {
        for name in names(&crate::program::vector(folder)) {
            let run = verify(&format!("{folder}/{name}"), &[("--cert", "certs/ccm-pub-2048.crt.pem")]);
            assert!(!run.err.contains("panicked"), "{name}: {}", run.err);
            match run.code {
                2 => assert!(run.refuses().contains(": offset "), "{name}: {}", run.err),
                0 | 1 => assert_eq!(run.text().lines().count(), 1, "{name}"),
                other => panic!("{name}: exit {other}"),
            }
            seen[usize::try_from(run.code).unwrap()] += 1;
        }
    }
    assert_eq!(seen.iter().sum::<usize>(), 64 + 16 + 18);
    assert!(seen[2] >= 38, "{seen:?}");
}

#[test]
fn json() {
    let run = ringfence(["verify", "--json", &arg("signed/f.x.sgn"), "--trust", &arg(CTL)]).ends(1);
    let value = run.json();
    assert_eq!(value["verdict"], "unknown-signer");
    assert_eq!(value["kind"], "signed");
    assert_eq!(value["signer"]["serial"], "70caf64e090751b9df22f49f754fc5bb");
    assert_eq!(value["record"], serde_json::Value::Null);
    assert!(value["signature"].as_str().unwrap().starts_with("SIGNATURE holds for"), "{value}");
    let ctl = "trustlist/ctlclient-5728.tlv";
    let run = ringfence(["verify", "--json", &arg("trustlist/ctlclient-nonsecure-3746.tlv"), "--trust", &arg(ctl)]);
    let value = run.ends(0).json();
    assert_eq!(value["verdict"], "valid");
    assert_eq!(value["record"], serde_json::json!({ "list": arg(ctl), "index": 3, "role": "SAST" }));
    let run = finish(command().args(["verify", "--json", "-", "--trust", &arg(CTL)]).write_stdin(bytes(RENEWED)));
    let value = run.ends(1).json();
    assert_eq!(value["verdict"], "unknown-signer");
    assert_eq!(value["file"], "standard input");
    assert_eq!(value["record"], serde_json::Value::Null);
}

/// A certificate without a subject (RFC 5280 4.1.2.6) signs, and the sentences about it read well; what is signed with the padding of
/// RSASSA-PSS is not valid, whether the key says so or not.
#[test]
fn a_signer_without_a_subject_and_the_other_padding() {
    use openssl::hash::MessageDigest;
    use openssl::pkey::PKey;
    use openssl::sign::Signer;
    use wire::signed_file::SignedFile;

    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let key = PKey::from_rsa(openssl::rsa::Rsa::generate(1024).unwrap()).unwrap();
    let mut builder = openssl::x509::X509::builder().unwrap();
    builder.set_serial_number(&openssl::bn::BigNum::from_u32(5).unwrap().to_asn1_integer().unwrap()).unwrap();
    builder.set_not_before(&openssl::asn1::Asn1Time::from_unix(1_700_000_000).unwrap()).unwrap();
    builder.set_not_after(&openssl::asn1::Asn1Time::from_unix(2_000_000_000).unwrap()).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    std::fs::write(path("s.pem"), builder.build().to_pem().unwrap()).unwrap();
    std::fs::write(path("s.key"), key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    std::fs::write(path("SEP001122334455.cnf.xml"), "<device/>").unwrap();
    let (cert, private, config) = (path("s.pem"), path("s.key"), path("SEP001122334455.cnf.xml"));
    ringfence(["build", "itl", "--sast", &cert, "--key", &private, "-o", &path("ITLFile.tlv")]).ends(0);
    ringfence(["sign", &config, "--cert", &cert, "--key", &private, "--digest", "sha1"]).ends(0);
    let signed = path("SEP001122334455.cnf.xml.sgn");
    let nobody = "(without a subject), serial 05";
    says(ringfence(["verify", &signed, "--cert", &cert]), 0, &format!("valid: SIGNATURE holds for {nobody}"));
    let said = ringfence(["verify", &signed, "--trust", &path("ITLFile.tlv")]).ends(1).text().to_owned();
    assert!(said.contains("refused:  (serial 05) is in no stored list as TFTP or CCM+TFTP"), "{said}");
    assert!(said.contains(&format!("SIGNATURE holds for {nobody}")), "{said}");

    let mut other = std::fs::read(&signed).unwrap();
    let file = SignedFile::decode(other.clone()).unwrap();
    let (old, covered) = (file.header().signature().unwrap(), file.header().covered().unwrap());
    let place = other.windows(old.len()).position(|window| window == old).unwrap();
    let mut signer = Signer::new(MessageDigest::sha1(), &key).unwrap();
    signer.set_rsa_padding(openssl::rsa::Padding::PKCS1_PSS).unwrap();
    covered.iter().for_each(|part| signer.update(part).unwrap());
    let pss = signer.sign_to_vec().unwrap();
    other[place..place + pss.len()].copy_from_slice(&pss);
    std::fs::write(path("pss.sgn"), other).unwrap();
    let refused = format!(
        "refused: SIGNATURE does not hold for {nobody}: the file was changed after signing or signed by another key"
    );
    says(ringfence(["verify", &path("pss.sgn"), "--cert", &cert]), 1, &refused);
    let strange = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/found/pss/pss.pem");
    let said = ringfence(["verify", &path("pss.sgn"), "--cert", strange]).ends(1).text().to_owned();
    let reason = "is worth nothing to a phone: its key is RSASSA-PSS, and phones check RSA with PKCS#1 v1.5 only\n";
    assert!(said.contains("SIGNATURE by CN=pss, serial ") && said.ends_with(reason), "{said}");
}
