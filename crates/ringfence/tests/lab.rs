//! The lab as a newcomer runs it: every scenario of 10.5, with the words of [sources/published-clusters#two-nodes], of
//! 15 and of 9.1; of 12.5 those of tokens, whose CTL is another one there. Releases between are told of by hand: they
//! differ from their neighbours in what the tests of core hold.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // tests may stop at the first surprise

use std::process::Command;

const SCENARIOS: [&str; 14] = [
    "non-secure-to-mixed",
    "certificate-regeneration",
    "legacy-phones",
    "lsc-install",
    "capf-regeneration",
    "encrypted-config",
    "move-between-clusters",
    "itl-recovery",
    "rollback",
    "upgrade-anchors",
    "tokens-to-tokenless",
    "tokenless-to-tokens",
    "lost-tokens",
    "renewals-in-order",
];

/// Those that need Security Tokens.
const TOKENS: usize = 3;

fn lab(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_ringfence")).arg("lab").args(arguments).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(errors, "", "nothing goes wrong on the way");
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn release_10_5_speaks_like_the_sources() {
    let (code, said) = lab(&[]);
    assert_eq!(code, Some(0), "{said}");
    for name in SCENARIOS {
        assert!(said.contains(&format!("=== {name}")), "{name}");
    }
    assert_eq!(said.matches(", as told").count(), SCENARIOS.len(), "{said}");
    let words = [
        "Length of CTL file: 0\nCTL File not found. Please run CTLClient plugin or run the CLI - utils ctl.. to generate the CTL file.\nError parsing the CTL File.\n",
        "This operation will set the cluster to Mixed mode. Do you want to continue? (y/n):y\n",
        "Moving Cluster to Mixed Mode\nCluster set to Mixed Mode\nPlease Restart the TFTP and Cisco CallManager services on all nodes in the cluster that run these services\n",
        "paramname           paramvalue\n=================== ==========\nClusterSecurityMode 1\n",
        "Length of CTL file: 4947\n",
        "Length of CTL file: 6113\n",
        "HeaderLength:\t336 (BYTES)\n",
        "HeaderLength:\t464 (BYTES)\n",
        "1\tRECORDLENGTH\t2\t1156\n",
        "1\tRECORDLENGTH\t2\t1138\n",
        "1\tRECORDLENGTH\t2\t1161\n",
        "1\tRECORDLENGTH\t2\t1675\n",
        "5\tSERIALNUMBER\t16\t70:CA:F6:4E:09:07:51:B9:DF:22:F4:9F:75:4F:C5:BB\n",
        "6\tSERIALNUMBER\t16\t6B:1D:35:7B:68:41:74:0B:07:8F:EE:4A:18:13:D5:D6\n",
        "3\tSUBJECTNAME\t60\tCN=CAPF-e41e7d87;OU=TAC;O=Cisco;L=Krakow;ST=Malopolska;C=PL\n",
        "This etoken was used to sign the CTL file.\n",
        "The CTL file was verified successfully.\n",
        "Serial Number: 70CAF64E090751B9DF22F49F754FC5BB\n",
        "SignatureAlgorithm: SHA1withRSA (1.2.840.113549.1.1.5)\n",
        "Serial Number: 6B1D357B6841740B078FEE4A1813D5D6\n",
        "SignatureAlgorithm: SHA256withRSA (1.2.840.113549.1.1.11)\n",
        "Issuer Name: L=Krakow, ST=Malopolska, CN=cucm-1051-a-pub, OU=TAC, O=Cisco, C=PL\n",
        "This operation will update the CTLFile. Do you want to continue? (y/n):y\n",
        "Updating CTL file\nCTL file Updated\n",
        " | debug CertificateCache::localCTLCacheMonitor - CTLFile.tlv has been modified. Recaching CTL Certificate Cache\n",
        " | debug tvsHandleQueryCertReq : Serial Number is: 6B1D357B6841740B078FEE4A1813D5D6\n",
        " | debug CertificateDBCache::getCertificateInformation - Found entry {rolecount : 2}\n",
        " | debug CertificateDBCache::getCertificateInformation - {role : 0}\n",
        " | debug CertificateDBCache::getCertificateInformation - {role : 2}\n",
        "Unique Key used for Caching :: 6B1D357B6841740B078FEE4A1813D5D6CN=cucm-1051-a-pub;OU=TAC;O=Cisco;L=Krakow;ST=Malopolska;C=PL, length : 93\n",
        "Unique Key used for Caching :: 6BEBFDCDCD8CA277CB2FD1D183A60E72CN=cucm-1051-a-sub1;OU=TAC;O=Cisco;L=Krakow;ST=Malopolska;C=PL, length : 94\n",
        "SECD: setupSocketToTvsProxy: Connected to TVS proxy server\n",
        "SECD: tvsReqFlushTvsCertCache: Sent Request to TVS proxy, len: 3708\n",
        "CallManager certificate was modified in the last 5 minutes. Please re-try regenerating TVS certificate at a later time\n",
        "7960 SEP001EF7000001: Trust List Update Failed",
        "Jabber CSF001EF7000002: Trust List Update Failed",
        "File Not Found <CTLFile.tlv>",
        "SEP001EF7000003 10\n",
        "Upgrade Failed: Invalid Authentication String",
        "3 stale LSCs\n",
        "3 LSCs hang on CAPF-e41e7d87",
        "Wave 1: ended\n",
        ".cnf.xml: not found\n",
        "Successfully exported CallManager certificate(s) to sftp server.\n",
        "Successfully imported CallManager certificates.\n",
        "Phone-SAST-trust/cucm-1051-b-pub.pem: Trust Certificate\n",
        ".cnf.xml.enc.sgn: served\n",
        " itlreset DEBUG: Key location is local\n",
        " itlreset INFO: The reset ITL file was generated successfully\n",
        "  SIG_BEGIN: ",
        "Following is the list of Active tftp servers in the cluster\n\n['cucm-1051-a-pub', 'cucm-1051-a-sub1']\n",
        "The CallManager certificate of cucm-1051-a-pub is the last live anchor in the CTL file that phones hold.",
        "2 of 2 phones have not fetched an ITL file signed after the renewal of CallManager on cucm-1051-a-pub: SEP001EF7000001, SEP001EF7000002.",
        "; forced against phones-hold-old-list: scrapped phones are still in the list\n",
        "taken on faith: the stored ITL is the blank one of a roll-back and no CTL names a certificate for configs",
        "Length of CTL file: 5728\n",
        "HeaderLength:\t304 (BYTES)\n",
        "1\tRECORDLENGTH\t2\t1186\n",
        "3\tSUBJECTNAME\t56\tcn=\"SAST-ADN008580ef        \";ou=IPCBU;o=\"Cisco Systems\n",
        "5\tISSUERNAME\t42\tcn=Cisco Manufacturing CA;o=Cisco Systems\n",
        "6\tSERIALNUMBER\t10\t83:E9:08:00:00:00:55:45:AF:31\n",
        "6\tSERIALNUMBER\t10\t3C:F9:27:00:00:00:AF:A2:DA:45\n",
        "9\tCERTIFICATE\t902\t",
        "This etoken was not used to sign the CTL file.\n",
        "The Security Token you have inserted does not exist in the CTL File\nPlease remove any Security Tokens already inserted and insert another\nSecurity Token. Click Ok when done.\n",
        "Delete the File CTLFile.tlv?\nEnter \"y\" followed by return to continue: y\nfiles: found = 1, deleted = 1\n",
        "No CTL File exists on the server but the Call Manager Cluster Security Mode is in Secure Mode. For the system to function, you must create the CTL File and set Call Manager Cluster the Secure Mode.",
        "Passed\n\nYou must restart all the Cisco Unified Communications Manager and TFTP nodes in the Cluster.\n",
        " | debug tvsHandleQueryCertReq : Subject Name is: cn=\"SAST-ADN008580ef        \";ou=IPCBU;o=\"Cisco Systems\n",
        " | debug tvsHandleQueryCertReq : Issuer Name is: cn=Cisco Manufacturing CA;o=Cisco Systems\n",
        " | debug tvsHandleQueryCertReq :subjectName and issuerName matches for eToken certificate\n",
        " | debug tvsHandleQueryCertReq : SAST Issuer Name is: cn=Cisco Manufacturing CA;o=Cisco Systems\n",
        " | debug tvsHandleQueryCertReq : This is SAST eToken cert\n",
        " | debug tvsHandleQueryCertReq : Serial Number is: 83E9080000005545AF31\n",
        " | debug CertificateCTLCache::getCertificateInformation - Looking up the certificate cache using Unique MAP ID : 83E9080000005545AF31cn=Cisco Manufacturing CA;o=Cisco Systems, len : 61\n",
        " | debug CertificateCTLCache::getCertificateInformation - Found entry {rolecount : 1}\n",
        " | debug CertificateCTLCache::getCertificateInformation - {role : 0}\n",
        "theirs is deleted by hand at each of them: CSF001EF7000005, SEP001EF7000004\n",
    ];
    for text in words {
        assert!(said.contains(text), "not said: {text}\n{said}");
    }
}

#[test]
fn release_15_leaves_nobody_behind() {
    let (code, said) = lab(&["--release", "15"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(said.matches(", as told").count(), SCENARIOS.len() - TOKENS, "{said}");
    let without = "not told of release 15: it has no Cisco CTL Provider, so no tokens\n";
    assert_eq!(said.matches(without).count(), TOKENS, "{said}");
    // Phones that move without an exchange, that have lost both anchors, or that believe a stranger since a rollback refuse
    // whatever the release is.
    let refused = ["move-between-clusters", "itl-recovery", "rollback"];
    let others = said.split("\n=== ").filter(|told| !refused.iter().any(|name| told.starts_with(name)));
    for told in others {
        assert!(!told.contains("Trust List Update Failed"), "ITLRecovery signs: its key did not change\n{told}");
    }
}

#[test]
fn release_9_1_knows_only_tokens() {
    let (code, said) = lab(&["--release", "9.1"]);
    assert_eq!(code, Some(0), "{said}");
    let (told, left_out) = (said.matches(", as told").count(), said.matches("not told of release 9.1: ").count());
    assert_eq!((told, left_out), (8, SCENARIOS.len() - 8), "{said}");
    for name in ["lsc-install", "capf-regeneration", "encrypted-config", "renewals-in-order"] {
        assert!(
            said.contains(&format!("\n{name:<26}")) && said.contains(&format!("=== {name}\n")),
            "{name} needs no CTL\n{said}"
        );
    }
}

#[test]
fn names_and_picks() {
    let (code, said) = lab(&["--list"]);
    assert_eq!((code, said.lines().skip(1).filter(|line| !line.starts_with(" ")).count()), (Some(0), SCENARIOS.len()));
    let (code, said) = lab(&["--scenario", "legacy-phones"]);
    assert_eq!((code, said.matches("as told").count()), (Some(0), 1));
    let (code, said) = lab(&["--release", "12.5", "--scenario", "lost-tokens", "--scenario", "tokens-to-tokenless"]);
    assert_eq!((code, said.matches("as told").count()), (Some(0), 2), "{said}");
    let without = "Without 7975 and 7960: a CTL of 2 tokens has 4 SAST records in release 12.5, and other software reports that these take";
    assert_eq!(said.matches(without).count(), 2, "{said}");
    let wrong = Command::new(env!("CARGO_BIN_EXE_ringfence")).args(["lab", "--scenario", "nothing"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(64));
    assert_eq!(String::from_utf8(wrong.stderr).unwrap(), "no scenario nothing; `ringfence lab --list` names them\n");
    let wrong = ["lab", "--release", "15", "--scenario", "lost-tokens"];
    let wrong = Command::new(env!("CARGO_BIN_EXE_ringfence")).args(wrong).output().unwrap();
    let said = "lost-tokens cannot be told of release 15: it has no Cisco CTL Provider, so no tokens\n";
    assert_eq!((wrong.status.code(), String::from_utf8(wrong.stderr).unwrap().as_str()), (Some(64), said));
}

#[test]
fn without_the_tool_for_tokens_it_says_what_to_install() {
    let nowhere = tempfile::tempdir().unwrap();
    let lab = Command::new(env!("CARGO_BIN_EXE_ringfence"))
        .args(["lab", "--scenario", "lost-tokens", "--scenario", "rollback"])
        .env("PATH", nowhere.path())
        .output()
        .unwrap();
    let (said, errors) = (String::from_utf8(lab.stdout).unwrap(), String::from_utf8(lab.stderr).unwrap());
    assert_eq!(lab.status.code(), Some(2), "{said}{errors}");
    let what = "softhsm2-util is not on this machine: install the Debian package softhsm2\n";
    assert_eq!(errors, format!("lost-tokens: {what}"));
    assert!(said.contains(&format!("lost-tokens               could not be run: {what}")), "{said}");
    assert!(said.contains("rollback                  2 phones, as told\n"), "the others are told\n{said}");
}
