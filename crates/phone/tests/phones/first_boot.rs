//! One phone boots, told like a story. The node is python3 and atftpd; its TVS answers with recorded bytes.

use crate::node::{Manner, NAME, Node, Tvs, config, itl, owner, recorded, sgn};
use phone::report::{AskKind, FileOutcome, Transport};
use phone::{BootReport, Keep, Outcome, Phone};

fn asked_for(report: &BootReport) -> Vec<&str> {
    report.files.iter().map(|file| file.name.as_str()).collect()
}

fn shown(report: &BootReport) -> Vec<String> {
    report.messages.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn first_boot() {
    // A node that is not secure: an ITL, signed configs, no CTL. It names one TVS.
    let (callmanager, tvs_owner) = (owner("ccm-pub-1024"), owner("tvs-2048"));
    let tvs = Tvs::start(&tvs_owner, Manner::Recorded(recorded())).await;
    let node = Node::start();
    let config_name = format!("{NAME}.cnf.xml.sgn");
    node.put(&format!("ITL{NAME}.tlv"), itl(&callmanager, &tvs_owner));
    node.put(&config_name, sgn(&config_name, &config(&[tvs.address]), &callmanager));

    // A phone comes out of its box.
    let memory = tempfile::tempdir().unwrap();
    let mut settings = node.phone("8861", NAME);
    settings.keep = Keep::In(memory.path().to_owned());
    let mut phone = Phone::new(settings.clone()).unwrap();
    assert_eq!(phone.screen(), "Trust List\nCTL File: Not Installed\nITL File: Not Installed\n");

    // It asks for its CTL (there is none), its ITL, and then, because the ITL names a TFTP certificate, for the signed
    // config.
    let boot = phone.boot().await;
    assert_eq!(boot.outcome, Outcome::Trusted, "{}", boot.reason());
    assert_eq!(asked_for(&boot), [format!("CTL{NAME}.tlv"), format!("ITL{NAME}.tlv"), config_name.clone()]);
    assert_eq!(boot.files[0].outcome, FileOutcome::NotFound);
    assert!(matches!(boot.files[1].outcome, FileOutcome::Fetched { transport: Transport::Http, .. }));

    // The ITL it takes on faith, the config it checks. TVS has nothing to do.
    assert_eq!(boot.verdict("ITL").unwrap().label(), "leap-of-faith");
    let config_verdict = boot.verdict("signed config").unwrap();
    assert_eq!(
        config_verdict.reason(),
        format!(
            "CN=cucm-1051-a-pub;OU=TAC;O=Cisco;L=Krakow;ST=Malopolska;C=PL (serial {}) stands in the stored ITL as TFTP, record 2",
            hex::encode_upper(callmanager.certificate.serial())
        )
    );
    assert!(boot.tvs.is_empty());
    assert_eq!(tvs.question_count(), 0);
    assert_eq!(shown(&boot), ["File Not Found <CTLFile.tlv>", "Trust List Updated"]);
    assert_eq!(boot.status_code, 3, "a new ITL, none before");
    let sha1 = hex::encode(pki::hash::sha1(&itl(&callmanager, &tvs_owner)));
    assert_eq!(
        phone.screen(),
        format!(
            "Trust List\nCTL File: Not Installed\nITL File: {sha1} (SHA1)\n  TFTP Server: cucm-1051-a-pub\n  TVS: cs-ccm-sub.vasank.com\n"
        )
    );

    // The administrator renews the CallManager certificate. TVS keeps its own, and knows the new one.
    let renewed = owner("ccm-pub-2048");
    node.put(&format!("ITL{NAME}.tlv"), itl(&renewed, &tvs_owner));
    node.put(&config_name, sgn(&config_name, &config(&[tvs.address]), &renewed));

    // The phone is switched off and on: what it believes comes from its memory.
    drop(phone);
    let mut phone = Phone::new(settings).unwrap();
    assert_eq!(phone.belief().tvs_servers()[0].to_string(), tvs.address.to_string());
    let boot = phone.reset().await;
    assert_eq!(boot.outcome, Outcome::Trusted, "{}", boot.reason());

    // The signer of the new ITL is in no list, so TVS is asked, with exactly the bytes of the recorded question.
    assert_eq!(boot.tvs.len(), 1);
    assert_eq!(boot.tvs[0].ask, AskKind::Query);
    assert_eq!(tvs.questions.lock().unwrap().as_slice(), [recorded()[0].0.clone()]);
    let reason = boot.verdict("ITL").unwrap().reason();
    assert!(reason.ends_with(&format!("is in no list; TVS {} knows it as SAST, TFTP", tvs.address)), "{reason}");
    // The config is signed by a certificate of the new ITL: no second question.
    assert_eq!(boot.verdict("signed config").unwrap().label(), "listed");
    assert_eq!(shown(&boot), ["File Not Found <CTLFile.tlv>", "Trust List Updated"]);

    // Its console log tells it in the style of the phones: the first two lines before the question leaves, the next four when it
    // is answered [sources/phones#console].
    let log = phone.console().lines().join("\n");
    let mut rest = log.as_str();
    for line in [
        "SECD: setupSocketToTvsProxy: Connected to TVS proxy server",
        "SECD: tvsReqFlushTvsCertCache: Sent Request to TVS proxy, len: 3708",
        "SECD: tvsCheckServerCert: Role is = 21",
        "SECD: tvsSendRequest: QUERY_CERT_REQ sent to TVS",
        "SECD: clpTvsInit: Client message received on TVS proxy socket",
        "SECD: processTvsClntReq: Success reading the client TVS request, len : 3708",
        "SECD: processTvsClntReq: TVS Certificate cache flush request received",
        "SECD: tvsFlushCertCache: Completed TVS Certificate cache flush request",
        "SECD: tvsAddCertCache: TVS added cert to TVS cache - expires in 24 hours",
    ] {
        let place = rest.find(line).unwrap_or_else(|| panic!("{line}\n{log}"));
        rest = &rest[place + line.len()..];
    }
    assert_eq!(log.matches("Connected to TVS proxy server").count(), 1, "{log}");

    // Nothing has changed since: the next boot takes everything as it is and asks nobody.
    let boot = phone.boot().await;
    assert_eq!(boot.verdict("ITL").unwrap().label(), "unchanged");
    assert!(boot.tvs.is_empty());
    assert_eq!(shown(&boot), ["File Not Found <CTLFile.tlv>"]);
    assert_eq!(boot.status_code, 1);
}
