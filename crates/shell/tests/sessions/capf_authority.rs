//! CAPF itself: renewed, stale LSCs, waves, refusals to delete; an external CA; roots of MICs [sources/capf#service],
//! [sources/capf#phone-block].

use crate::node::{Place, START};
use crate::phones::{FIRST, SECOND};
use cluster::Level;
use ringfence_core::{OpensslRandom, Random};
use shell::{Outcome, Session};

/// Types lines; the last one's words. A new CAPF gets another name.
async fn say(place: &mut Place, session: &mut Session, lines: &[&str]) -> String {
    let mut text = String::new();
    let before = place.clock.capf_suffix.replace("0badcafe");
    for line in lines {
        text = session.line(line, &mut place.clock).await.text;
    }
    place.clock.capf_suffix = before;
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_capf_and_what_hangs_on_the_old_one() {
    let mut place = Place::new("10.5").await;
    let mut session = place.session(None, Level::ReadWrite).await;
    crate::phones::add(&mut place, &[FIRST, SECOND]).await;
    assert_eq!(say(&mut place, &mut session, &["utils capf stale-lsc list"]).await, "No stale LSCs found.\n");
    assert_eq!(say(&mut place, &mut session, &["utils capf stale-lsc delete all"]).await, "No stale LSCs found.\n");
    crate::phones::install(&mut place, FIRST, 1).await;
    crate::phones::install(&mut place, SECOND, 2).await;

    // the words of the original, then ours
    session.line("utils ctl set-cluster mixed-mode", &mut place.clock).await;
    session.line("y", &mut place.clock).await;
    let shown = say(&mut place, &mut session, &["set cert regen CAPF", "yes"]).await;
    let (words, pending) = shown.split_once("Pending until done").unwrap();
    assert_eq!(
        words,
        "Successfully Regenerated Certificate for CAPF.\n\
         You must restart services related to CAPF for the regenerated certificates to become active.\n\
         The CTL file still names the old CAPF: run `utils ctl update CTLFile`.\n\
         2 LSCs are not by the issuer in use; what issued them stays in CAPF-trust and CallManager-trust. `utils capf stale-lsc \
         list` names them,\n`utils capf device wave start stale lsc` issues them again.\n"
    );
    assert!(
        pending.contains("cucm-1051-a-pub: utils ctl update CTLFile; because of CAPF of cucm-1051-a-pub"),
        "{pending}"
    );
    let list = say(&mut place, &mut session, &["show cert list trust"]).await;
    for file in ["CAPF-trust/CAPF-e41e7d87.pem", "CallManager-trust/CAPF-e41e7d87.pem", "CAPF-trust/CAPF-0badcafe.pem"]
    {
        assert!(list.contains(file), "{file}\n{list}");
    }
    assert_eq!(
        say(&mut place, &mut session, &["utils capf stale-lsc list"]).await,
        "device          issuer        serialnumber                     expires    reason\n\
         =============== ============= ================================ ========== ========================\n\
         SEP885A92D977CA CAPF-e41e7d87 41414141414141414141414141414141 2016-03-05 not by the issuer in use\n\
         SEPB83861583B73 CAPF-e41e7d87 42424242424242424242424242424242 2016-03-05 not by the issuer in use\n\
         2 stale LSCs\n"
    );
    for store in ["CAPF-trust", "callmanager-trust"] {
        let line = format!("set cert delete {store} CAPF-e41e7d87.pem");
        let reply = session.line(&line, &mut place.clock).await;
        assert_eq!(reply.outcome, Outcome::Refused);
        assert!(reply.text.starts_with("2 LSCs hang on CAPF-e41e7d87: "), "{}", reply.text);
    }

    // a wave by batches of one: the first phone has a new LSC, the second fails
    let start = "utils capf device wave start stale lsc 1 40 2";
    let (shown, _) = place.type_in(&mut session, &[start, "y"]).await;
    assert_eq!(
        shown,
        format!(
            "admin:{start}\n\
             This operation will issue LSCs again for 2 phones, 1 at a time, and stop when more than 40 % fail.\n\
             Do you want to continue? (y/n):y\n\
             Wave 1: batch 1 of 2\n\
             [----------------------------------------] 0 %\n\
             2 devices: 0 done, 0 failed, 1 pending, 1 to come; stops above 40 % failed\n\
             Pending: SEP885A92D977CA\n\
             admin:"
        )
    );
    crate::phones::install(&mut place, FIRST, 3).await;
    let status = "utils capf device wave status";
    let shown = say(&mut place, &mut session, &[status]).await;
    assert!(shown.starts_with("Wave 1: batch 2 of 2\n[####################--------------------] 50 %\n"), "{shown}");
    crate::phones::fail(&place, SECOND, 14).await;
    let shown = say(&mut place, &mut session, &[status]).await;
    assert!(shown.contains("Wave 1: stopped in batch 2 of 2: 1 of 2 devices failed, more than 40 %\n"), "{shown}");
    assert!(shown.contains("\nFailed: SEPB83861583B73\n`utils capf device wave resume` goes on"), "{shown}");
    let reply = session.line(start, &mut place.clock).await;
    assert!(reply.text.starts_with("wave 1 is stopped; "), "{}", reply.text);
    place.clock.now = START + 1000;
    let shown = say(&mut place, &mut session, &["utils capf device wave resume"]).await;
    assert!(
        shown.contains("1 done, 0 failed, 1 pending, 0 to come") && shown.contains("Pending: SEPB83861583B73"),
        "{shown}"
    );
    crate::phones::install(&mut place, SECOND, 4).await;
    let shown = say(&mut place, &mut session, &[status]).await;
    assert!(shown.starts_with("Wave 1: ended\n[########################################] 100 %\n"), "{shown}");
    let shown = say(&mut place, &mut session, &["utils capf device wave stop"]).await;
    assert!(shown.ends_with("Executed command unsuccessfully\n"), "{shown}");

    // the CTL still names it
    let reply = session.line("set cert delete CAPF-trust CAPF-e41e7d87.pem", &mut place.clock).await;
    assert!(
        reply.text.starts_with("CAPF-e41e7d87 stands in the CTL of cucm-1051-a-pub, the CTL of "),
        "{}",
        reply.text
    );
    place.type_in(&mut session, &["utils ctl update CTLFile", "y"]).await;

    // nothing hangs on it any more; the one in use stays whatever hangs on it
    let (shown, outcome) = place.type_in(&mut session, &["set cert delete CAPF-trust CAPF-e41e7d87.pem", "yes"]).await;
    assert_eq!(
        shown,
        "admin:set cert delete CAPF-trust CAPF-e41e7d87.pem\n\
         WARNING: This operation will delete CAPF-e41e7d87.pem from CAPF-trust on all nodes\n\
         Do you wish to proceed (yes|no)? yes\n\
         Successfully deleted CAPF-trust/CAPF-e41e7d87.pem.\n\
         On a CUCM before release 11.0 stop Cisco Certificate Change Notification on every node, then delete it on each: \
         the others bring it back otherwise.\n\
         admin:"
    );
    assert_eq!(outcome, Outcome::Done);
    let list = say(&mut place, &mut session, &["show cert list trust"]).await;
    assert!(!list.contains("CAPF-trust/CAPF-e41e7d87") && list.contains("CallManager-trust/CAPF-e41e7d87.pem"));
    let reply = session.line("set cert delete Phones CAPF.pem", &mut place.clock).await;
    assert!(reply.text.starts_with("no trust store Phones; there are Phone-trust, "), "{}", reply.text);
    // a unit stands for its trust store, and nothing is asked about what there is not
    let (shown, outcome) = place.type_in(&mut session, &["set cert delete CAPF nobody.pem"]).await;
    assert!(shown.contains("\nno certificate CAPF-trust/nobody.pem; ") && outcome == Outcome::Refused, "{shown}");
    let (shown, outcome) = place.type_in(&mut session, &["utils system switch-version 13"]).await;
    assert!(shown.contains("\nno release 13; there are 9.1, ") && outcome == Outcome::Refused, "{shown}");
    let (shown, _) = place.type_in(&mut session, &["set cert delete CallManager CAPF-e41e7d87.pem", "no"]).await;
    let above = "CallManager-trust is meant: the own certificate of a unit is renewed and not deleted.\n\
                 WARNING: This operation";
    assert!(shown.contains(above), "{shown}");
    let (shown, outcome) = place.type_in(&mut session, &["set csr gen tomcat foo"]).await;
    let said = "`foo` is not an option of a request; the options are multi-server, common-name, parent-domain, names, key-length, hash, ou\n";
    assert!(shown.contains(said) && outcome != Outcome::Done, "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stale_lscs_are_given_up_after_a_question() {
    let mut place = Place::new("10.5").await;
    let mut session = place.session(None, Level::ReadWrite).await;
    crate::phones::add(&mut place, &[FIRST]).await;
    crate::phones::install(&mut place, FIRST, 1).await;
    // with an offline CA those of CAPF are not those of the issuer in use, and the other way round
    let offline = ["set parameter CertificateIssuerToEndpoint Offline CA", "utils capf stale-lsc list"];
    let text = say(&mut place, &mut session, &offline).await;
    assert!(text.contains(" 2016-03-05 not by the issuer in use\n1 stale LSC\n"), "{text}");
    session
        .line("set parameter CertificateIssuerToEndpoint Cisco Certificate Authority Proxy Function", &mut place.clock)
        .await;
    assert_eq!(say(&mut place, &mut session, &["utils capf stale-lsc list"]).await, "No stale LSCs found.\n");
    let text = say(&mut place, &mut session, &["set cert regen CAPF", "yes"]).await;
    assert!(text.contains("\n1 LSC is not by the issuer in use"), "{text}");
    let (shown, outcome) = place.type_in(&mut session, &["utils capf stale-lsc delete all", "no"]).await;
    assert!(shown.contains("WARNING: This operation will give up 1 stale LSC. Phones keep theirs"), "{shown}");
    assert!(shown.ends_with("Do you wish to proceed (yes|no)? no\nNothing was done.\nadmin:"));
    assert_eq!(outcome, Outcome::Declined);
    let (shown, _) = place.type_in(&mut session, &["utils capf stale-lsc delete all", "yes"]).await;
    assert!(shown.ends_with("? yes\nSuccessfully deleted 1 stale LSC.\nadmin:"), "{shown}");
    assert_eq!(say(&mut place, &mut session, &["utils capf stale-lsc list"]).await, "No stale LSCs found.\n");
    let reply = session.line("run sql select publickey from device", &mut place.clock).await;
    assert!(reply.text.ends_with("\nNULL\n"), "{}", reply.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_lsc_that_opens_a_config_is_kept() {
    let mut place = Place::new("10.5").await;
    let mut session = place.session(None, Level::ReadWrite).await;
    crate::phones::add(&mut place, &[FIRST, SECOND]).await;
    crate::phones::install(&mut place, FIRST, 1).await;
    crate::phones::install(&mut place, SECOND, 2).await;
    session.line(&format!("utils capf device encrypted-config {SECOND} on"), &mut place.clock).await;
    say(&mut place, &mut session, &["set cert regen CAPF", "yes"]).await;
    let (shown, _) = place.type_in(&mut session, &["utils capf stale-lsc delete all", "yes"]).await;
    let kept = "Kept for 1 device: SEPB83861583B73: the config is encrypted and no MIC is known. Issue them again, or turn the \
                encrypted config off\n";
    assert_eq!(
        shown,
        format!(
            "admin:utils capf stale-lsc delete all\n\
             WARNING: This operation will give up 1 stale LSC. Phones keep theirs until they enrol again\n\
             {kept}Do you wish to proceed (yes|no)? yes\n\
             Successfully deleted 1 stale LSC.\n{kept}admin:"
        )
    );
    let reply = session.line("utils capf stale-lsc delete all", &mut place.clock).await;
    assert!(
        reply.text.starts_with("the config of SEPB83861583B73 is encrypted and no MIC of it is known:"),
        "{}",
        reply.text
    );
    assert_eq!(reply.outcome, Outcome::Refused);
}

/// Certificates of an external world: a root, one below it, a MIC-like one without CA.
mod world {
    pub struct Made {
        pub pem: String,
        pub key: pki::SoftKey,
        pub certificate: pki::Certificate,
    }

    /// A self-signed certificate with a name.
    pub fn root(name: &str, ca: bool) -> Made {
        use openssl::asn1::{Asn1Integer, Asn1Time};
        use openssl::x509::extension::{BasicConstraints, KeyUsage};
        let key = testbed::rsa_key(2048).unwrap();
        let mut subject = openssl::x509::X509NameBuilder::new().unwrap();
        subject.append_entry_by_text("CN", name).unwrap();
        let subject = subject.build();
        let mut builder = openssl::x509::X509Builder::new().unwrap();
        builder.set_version(2).unwrap();
        builder.set_subject_name(&subject).unwrap();
        builder.set_issuer_name(&subject).unwrap();
        builder.set_pubkey(key.openssl()).unwrap();
        let serial = openssl::bn::BigNum::from_u32(7).and_then(|number| Asn1Integer::from_bn(&number)).unwrap();
        builder.set_serial_number(&serial).unwrap();
        builder.set_not_before(&Asn1Time::from_unix(1_400_000_000).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::from_unix(1_900_000_000).unwrap()).unwrap();
        if ca {
            builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
            builder.append_extension(KeyUsage::new().critical().key_cert_sign().build().unwrap()).unwrap();
        }
        builder.sign(key.openssl(), openssl::hash::MessageDigest::sha256()).unwrap();
        let pem = String::from_utf8(builder.build().to_pem().unwrap()).unwrap();
        let certificate = pki::Certificate::from_pem(pem.as_bytes()).unwrap();
        Made { pem, key, certificate }
    }

    /// What an external CA answers to a request: a subordinate CA for its key.
    pub fn sign(ca: &Made, request: &str) -> String {
        use openssl::asn1::{Asn1Integer, Asn1Time};
        use openssl::x509::extension::{BasicConstraints, ExtendedKeyUsage, KeyUsage};
        let request = openssl::x509::X509Req::from_pem(request.as_bytes()).unwrap();
        assert!(request.verify(&request.public_key().unwrap()).unwrap());
        let issuer = openssl::x509::X509::from_pem(ca.pem.as_bytes()).unwrap();
        let mut builder = openssl::x509::X509Builder::new().unwrap();
        builder.set_version(2).unwrap();
        builder.set_subject_name(request.subject_name()).unwrap();
        builder.set_issuer_name(issuer.subject_name()).unwrap();
        builder.set_pubkey(&request.public_key().unwrap()).unwrap();
        let serial = openssl::bn::BigNum::from_u32(8).and_then(|number| Asn1Integer::from_bn(&number)).unwrap();
        builder.set_serial_number(&serial).unwrap();
        builder.set_not_before(&Asn1Time::from_unix(1_400_000_000).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::from_unix(1_900_000_000).unwrap()).unwrap();
        builder.append_extension(BasicConstraints::new().critical().ca().pathlen(0).build().unwrap()).unwrap();
        let usage = KeyUsage::new().critical().digital_signature().key_cert_sign().build().unwrap();
        builder.append_extension(usage).unwrap();
        let purposes = ExtendedKeyUsage::new().server_auth().client_auth().build().unwrap();
        builder.append_extension(purposes).unwrap();
        builder.sign(ca.key.openssl(), openssl::hash::MessageDigest::sha256()).unwrap();
        String::from_utf8(builder.build().to_pem().unwrap()).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn capf_under_an_external_ca() {
    let mut place = Place::new("15").await;
    let mut session = place.session(None, Level::ReadWrite).await;
    let none = "No Certificate Sign Request available for display\n";
    for line in ["show csr list", "show csr list own", "show csr own CAPF", "show csr own CAPF/CAPF.csr"] {
        assert_eq!(say(&mut place, &mut session, &[line]).await, none, "{line}");
    }
    let text = say(&mut place, &mut session, &["set csr gen capf"]).await;
    assert_eq!(text, "Successfully Generated CSR for CAPF.\n");
    assert_eq!(say(&mut place, &mut session, &["show csr list own"]).await, "CAPF/CAPF.csr\n");
    assert_eq!(say(&mut place, &mut session, &["show csr list trust"]).await, none);
    let shown = say(&mut place, &mut session, &["show csr own CAPF/CAPF.csr"]).await;
    assert!(shown.starts_with("-----BEGIN CERTIFICATE SIGN REQUEST-----\n"), "{shown}");
    assert!(shown.ends_with("-----END CERTIFICATE SIGN REQUEST-----\n"), "{shown}");
    let request = say(&mut place, &mut session, &["show csr own CAPF rfc7468"]).await;

    let root = world::root("Example Root", true);
    let answer = world::sign(&root, &request);
    std::fs::write(place.folder.path().join("capf.pem"), &answer).unwrap();
    std::fs::write(place.folder.path().join("root.pem"), &root.pem).unwrap();
    for (line, says) in [
        ("set csr gen ITLRecovery", "ITLRecovery signs its own certificates; no CA signs for it\n"),
        ("show csr own nope", "no unit nope; there are tomcat, tomcat-ECDSA, "),
        ("set cert import own CAPF capf.pem", "CA Certificate is Not Available in the Trust-Store. "),
        ("set cert import own CAPF root.pem", "CSR Public Key and Certificate Public Key Do Not Match. "),
        (
            "set cert import own CAPF ringfence.db",
            "The file /usr/local/platform/upload/certs//CAPF.der could not be uploaded. It holds no certificate; ",
        ),
        ("set cert import own CAPF capf.pem --force", "`--force` is not --dry-run, --key or --description\n"),
        ("set cert import trust nowhere root.pem", "no trust store nowhere; "),
    ] {
        let reply = session.line(line, &mut place.clock).await;
        assert!(reply.text.starts_with(says), "{line}: {}", reply.text);
        assert_eq!(reply.outcome, Outcome::Refused, "{line}");
    }
    let text = say(&mut place, &mut session, &["set cert import own CAPF nope.pem"]).await;
    assert!(text.contains("nope.pem: cannot be opened: No such file"), "{text}");

    let text = say(&mut place, &mut session, &["set cert import trust CAPF-trust root.pem"]).await;
    assert_eq!(text, "Successfully imported certificate for CAPF-trust.\n");
    crate::phones::add(&mut place, &[FIRST]).await;
    crate::phones::install(&mut place, FIRST, 1).await;
    let text = say(&mut place, &mut session, &["set cert import own CAPF capf.pem --dry-run"]).await;
    assert!(text.starts_with("cucm-1051-a-pub: CAPF becomes CN=CAPF-0badcafe;"), "{text}");
    assert!(text.contains("\nCAPF-trust, CallManager-trust: CN=Example Root (serial 07) stands there\n"), "{text}");
    assert!(text.ends_with("\nthe key is in the key store of cucm-1051-a-pub\nNothing has been changed.\n"), "{text}");
    assert_eq!(say(&mut place, &mut session, &["show csr list own"]).await, "CAPF/CAPF.csr\n");
    let text = say(&mut place, &mut session, &["set cert import own CAPF capf.pem"]).await;
    assert!(
        text.starts_with(
            "Successfully imported certificate for CAPF.\n\
             Please restart services related to CAPF for the new certificate to become active.\n\
             1 LSC is not by the issuer in use"
        ),
        "{text}"
    );
    assert_eq!(say(&mut place, &mut session, &["show csr list"]).await, none);
    let own = say(&mut place, &mut session, &["show cert own CAPF"]).await;
    assert!(own.contains("Issuer Name: CN=Example Root\n"), "{own}");
    let list = say(&mut place, &mut session, &["show cert list trust"]).await;
    for entry in ["CAPF-trust/Example_Root.pem", "CallManager-trust/Example_Root.pem"] {
        assert!(list.contains(entry), "{entry}\n{list}");
    }
    // and it issues
    let lsc = crate::phones::install(&mut place, FIRST, 2).await;
    let own = ringfence_core::enrolment::Authority::load(&place.cluster).await.unwrap();
    assert!(pki::lsc::authority::is_issued_by(&lsc, own.certificate()));
    assert_eq!(say(&mut place, &mut session, &["utils capf stale-lsc list"]).await, "No stale LSCs found.\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roots_of_mics_are_loaded_all_or_none() {
    let mut place = Place::new("15").await;
    let mut session = place.session(None, Level::ReadWrite).await;
    let (first, second) = (world::root("Example Manufacturing CA", true), world::root("Example ACT2 CA", true));
    let phone = world::root("CP-8861-SEP885A92D977CA", false);
    let file = place.folder.path().join("roots.pem");
    std::fs::write(&file, format!("{}{}{}", first.pem, second.pem, phone.pem)).unwrap();
    let reply = session.line("utils capf mic-root load roots.pem", &mut place.clock).await;
    assert_eq!(
        reply.text,
        "roots.pem: certificate 3: CN=CP-8861-SEP885A92D977CA is no CA: it lacks BasicConstraints CA:TRUE or keyCertSign\n\
         Executed command unsuccessfully\n"
    );
    assert!(!say(&mut place, &mut session, &["show cert list trust"]).await.contains("Example_"));
    std::fs::write(&file, format!("{}{}", first.pem, second.pem)).unwrap();
    let line = format!("utils capf mic-root load {}", file.display());
    let reply = session.line(&line, &mut place.clock).await;
    assert_eq!(
        reply.text,
        "Example Manufacturing CA\nExample ACT2 CA\n\
         Successfully loaded 2 certificates into CAPF-trust and CallManager-trust.\n"
    );
    let list = say(&mut place, &mut session, &["show cert list trust"]).await;
    for entry in [
        "CAPF-trust/Example_Manufacturing_CA.pem",
        "CallManager-trust/Example_Manufacturing_CA.pem",
        "CAPF-trust/Example_ACT2_CA.pem",
    ] {
        assert!(list.contains(entry), "{entry}\n{list}");
    }
    let authority = ringfence_core::enrolment::Authority::load(&place.cluster).await.unwrap();
    assert_ne!(*authority.certificate(), first.certificate);
    std::fs::write(&file, vec![b'x'; (1 << 20) + 1]).unwrap();
    let reply = session.line(&line, &mut place.clock).await;
    assert!(reply.text.contains("roots.pem: is too large: it is above the limit of 1048576 bytes\n"), "{}", reply.text);
    let mut random = OpensslRandom;
    let mut noise = vec![0_u8; 4096];
    random.fill(&mut noise).unwrap();
    noise[0] = 0x30;
    std::fs::write(&file, &noise).unwrap();
    let reply = session.line(&line, &mut place.clock).await;
    assert_eq!((reply.outcome, reply.text.lines().count()), (Outcome::Refused, 2), "{}", reply.text);
}
