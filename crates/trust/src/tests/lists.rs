//! CTL and ITL.

use super::*;

#[test]
fn a_phone_from_the_factory_takes_both_lists_on_faith() {
    let (publisher, subscriber, tvs) = (owner("ccm-pub-1024"), owner("ccm-sub-1024"), owner("tvs-2048"));
    let mut belief = Belief::new(model("7965"));
    belief.boot_begins();
    let first = takes(&mut belief, &Offer::Ctl(&ctl(&publisher)));
    assert_eq!(first.ground, Ground::LeapOfFaith);
    // the ITL of a subscriber is signed by a certificate that is no SAST of the CTL
    let second = takes(&mut belief, &Offer::Itl(&itl(&subscriber, &tvs)));
    assert_eq!(second.ground, Ground::LeapOfFaith);
    assert!(belief.ctl().is_some() && belief.itl().is_some());
    // the next boot knows them, and takes nothing on faith any more
    belief.boot_begins();
    let again = takes(&mut belief, &Offer::Itl(&itl(&subscriber, &tvs)));
    assert_eq!(again.ground, Ground::Unchanged);
    let stranger = owner("foreign-ca");
    refused(decided(&belief, &Offer::Ctl(&ctl(&stranger))), "unknown-signer");
}

#[test]
fn faith_ends_with_the_boot_that_began_empty() {
    let (callmanager, stranger, tvs) = (owner("ccm-pub-1024"), owner("foreign-ca"), owner("tvs-2048"));
    let mut belief = Belief::new(model("7965"));
    belief.boot_begins();
    takes(&mut belief, &Offer::Itl(&itl(&callmanager, &tvs)));
    belief.boot_begins();
    // the first CTL of a phone with an ITL is checked
    refused(decided(&belief, &Offer::Ctl(&ctl(&stranger))), "unknown-signer");
    let good = takes(&mut belief, &Offer::Ctl(&ctl(&callmanager)));
    assert!(
        matches!(good.ground, Ground::Listed { list: ListKind::Itl, record: 1, role: Role::SAST, .. }),
        "{}",
        good.ground
    );
}

#[test]
fn the_itl_may_be_signed_by_a_certificate_of_the_new_ctl() {
    let (old, new, tvs) = (owner("ccm-sub-1024"), owner("ccm-pub-2048"), owner("tvs-2048"));
    let mut belief = Belief::holding(model("8861"), None, Some(list(&itl(&old, &tvs))));
    let records = [record(Role::SAST, &old), record(Role::SAST, &new)];
    let ctl = signed_list(ListKind::Ctl, &records, &old, DigestId::SHA1);
    takes(&mut belief, &Offer::Ctl(&ctl));
    let taken = takes(&mut belief, &Offer::Itl(&itl(&new, &tvs)));
    assert!(matches!(taken.ground, Ground::Listed { list: ListKind::Ctl, record: 2, .. }), "{}", taken.ground);
}

#[test]
fn an_unknown_signer_goes_to_tvs_as_a_query() {
    let (old, new, tvs) = (owner("ccm-pub-1024"), owner("ccm-pub-2048"), owner("tvs-2048"));
    let belief = phone_with_itl(&itl(&old, &tvs));
    let file = itl(&new, &tvs);
    let offer = Offer::Itl(&file);
    let Decision::AskTvs(question) = judge(&belief, &offer) else { panic!("TVS has to be asked") };
    let Ask::Query { subject, issuer, serial } = &question.ask else { panic!("a signer is asked for by QUERY") };
    assert_eq!(subject, new.certificate.subject(NameForm::Cucm).as_bytes());
    assert_eq!(issuer, new.certificate.issuer(NameForm::Cucm).as_bytes());
    assert_eq!(serial, new.certificate.serial());
    let taken = accepted(decided_by(&belief, &offer, &found(&new, &[0, 2])), "tvs");
    assert!(matches!(taken.change, Change::StoreList(ListKind::Itl, _)));
    assert_eq!(
        taken.ground.to_string(),
        "CN=cucm-1051-a-pub;OU=TAC;O=Cisco;L=Krakow;ST=Malopolska;C=PL (serial \
         6B1D357B6841740B078FEE4A1813D5D6) is in no list; TVS cucm-pub:2445 knows it as SAST, CCM+TFTP"
    );
}

#[test]
fn tvs_answers_that_do_not_help() {
    let (old, new, tvs) = (owner("ccm-pub-1024"), owner("ccm-pub-2048"), owner("tvs-2048"));
    let belief = phone_with_itl(&itl(&old, &tvs));
    let file = itl(&new, &tvs);
    let offer = Offer::Itl(&file);
    let garbage = answered(Answer::Found(Found {
        certificate: Arc::from(&b"no certificate"[..]),
        trust: Trust::new([0], 60).unwrap(),
    }));
    let mut forged = itl(&new, &tvs);
    let last = forged.len() - 1;
    forged[last] ^= 1;
    let cases: &[(&str, &[u8], TvsReply)] = &[
        ("tvs-does-not-know", &file, answered(Answer::NotValid)),
        ("tvs-other-role", &file, found(&new, &[1, 3, 4, 7])),
        ("tvs-other-certificate", &file, found(&old, &[0, 2])),
        ("tvs-other-certificate", &file, garbage),
        ("tvs-other-answer", &file, answered(Answer::Verified(Trust::new([0], 60).unwrap()))),
        ("bad-signature", &forged, found(&new, &[0])),
        ("tvs-unavailable", &file, TvsReply::NoServer(Vec::new())),
    ];
    for (label, file, reply) in cases {
        refused(decided_by(&belief, &Offer::Itl(file), reply), label);
    }
    assert!(decided_by(&belief, &offer, &found(&new, &[0])).is_accepted());
}

#[test]
fn a_known_signer_with_a_bad_signature_is_not_taken_to_tvs() {
    let (callmanager, tvs) = (owner("ccm-pub-1024"), owner("tvs-2048"));
    let file = itl(&callmanager, &tvs);
    let belief = phone_with_itl(&file);
    let mut forged = file;
    let last = forged.len() - 1;
    forged[last] ^= 1;
    let refusal = refused(decided(&belief, &Offer::Itl(&forged)), "bad-signature");
    assert!(refusal.to_string().contains("record 1 of the stored ITL"), "{refusal}");
}

#[test]
fn names_count_as_well_as_the_serial_number() {
    // same serial number, another subject: not the signer that the list knows
    let (callmanager, tvs) = (owner("ccm-pub-1024"), owner("tvs-2048"));
    let file = itl(&callmanager, &tvs);
    let mut other = file.clone();
    let subject = callmanager.certificate.subject(NameForm::Cucm);
    let place = file.windows(subject.len()).position(|part| part == subject.as_bytes()).unwrap();
    other[place + 3] = b'X';
    let belief = Belief::holding(model("7960"), Some(list(&ctl(&callmanager))), None);
    let mut ctl_file = ctl(&callmanager);
    let place = ctl_file.windows(subject.len()).position(|part| part == subject.as_bytes()).unwrap();
    ctl_file[place + 3] = b'X';
    refused(decided(&belief, &Offer::Ctl(&ctl_file)), "unknown-signer");
    assert!(matches!(judge(&phone_with_itl(&file), &Offer::Itl(&other)), Decision::AskTvs(_)));
}

#[test]
fn tvs_cannot_be_asked_without_servers_or_records() {
    let (old, new, tvs) = (owner("ccm-pub-1024"), owner("ccm-pub-2048"), owner("tvs-2048"));
    let no_server = Belief::holding(model("7965"), None, Some(list(&itl(&old, &tvs))));
    let refusal = refused(decided(&no_server, &Offer::Itl(&itl(&new, &tvs))), "unknown-signer");
    assert!(refusal.to_string().contains("no accepted config names a TVS server"), "{refusal}");
    let no_record = signed_list(ListKind::Itl, &[record(Role::SAST, &old)], &old, DigestId::SHA1);
    let refusal = refused(decided(&phone_with_itl(&no_record), &Offer::Itl(&itl(&new, &tvs))), "unknown-signer");
    assert!(refusal.to_string().contains("the ITL names no TVS"), "{refusal}");
}

#[test]
fn limits() {
    let (callmanager, sub, capf, tvs, large) = (
        owner("ccm-pub-2048"),
        owner("ccm-sub-1024"),
        owner("capf-2048"),
        owner("tvs-2048"),
        owner("itlrecovery-4096"),
    );
    let three = [&callmanager, &sub, &capf].map(|owner| record(Role::SAST, owner));
    let three = signed_list(ListKind::Itl, &three, &callmanager, DigestId::SHA1);
    let wide = signed_list(ListKind::Itl, &[record(Role::SAST, &large)], &large, DigestId::SHA1);
    let many = vec![record(Role::CAPF, &capf); 60];
    let many = signed_list(ListKind::Itl, &many, &callmanager, DigestId::SHA1);
    assert!(many.len() > 65_535);
    let sha512 = signed_list(ListKind::Itl, &[record(Role::SAST, &callmanager)], &callmanager, DigestId::SHA512);
    let good = itl(&callmanager, &tvs);
    // model, file, stored list, verdict
    type Case<'a> = (&'a str, &'a [u8], Option<&'a [u8]>, &'a str);
    let cases: &[Case<'_>] = &[
        ("7965", &three, None, "too-many-sast"),
        ("8861", &three, None, "leap-of-faith"),
        ("7965", &wide, None, "key-too-large"),
        ("9971", &wide, None, "key-too-large"),
        ("8861", &wide, None, "leap-of-faith"),
        ("8861", &many, None, "too-large"),
        ("7965", &sha512, Some(&good), "unknown-digest"),
        ("8861", &sha512, Some(&good), "listed"),
        ("8861", b"", None, "empty"),
        ("8861", b"", Some(&good), "empty"),
        ("8861", b"<html>not found</html>", None, "malformed"),
        ("7960", &good, None, "no-itl-for-model"),
        ("Jabber", &good, None, "no-itl-for-model"),
    ];
    for (name, file, stored, label) in cases {
        let belief = Belief::holding(model(name), None, stored.map(list));
        let verdict = decided(&belief, &Offer::Itl(file));
        assert_eq!(verdict.label(), *label, "{name}: {}", verdict.reason());
    }
}

#[test]
fn an_unknown_digest_is_refused() {
    let (callmanager, tvs) = (owner("ccm-pub-2048"), owner("tvs-2048"));
    let file = itl(&callmanager, &tvs);
    let belief = Belief::holding(model("8861"), None, Some(list(&file)));
    let mut odd = file.clone();
    let place = odd.windows(4).position(|part| part == [8, 0, 1, 1]).unwrap();
    odd[place + 3] = 9;
    let refusal = refused(decided(&belief, &Offer::Itl(&odd)), "unknown-digest");
    assert!(refusal.to_string().contains("0x09"), "{refusal}");
}

#[test]
fn an_itl_is_not_taken_for_a_ctl() {
    let (callmanager, tvs) = (owner("ccm-pub-1024"), owner("tvs-2048"));
    let file = itl(&callmanager, &tvs);
    let belief = phone_with_itl(&file);
    refused(decided(&belief, &Offer::Ctl(&file)), "other-file");
}

#[test]
fn a_signed_list_without_records_clears_the_stored_one() {
    let (callmanager, stranger, tvs) = (owner("ccm-pub-1024"), owner("foreign-ca"), owner("tvs-2048"));
    let mut belief = phone_with_itl(&itl(&callmanager, &tvs));
    let foreign = signed_list(ListKind::Itl, &[], &stranger, DigestId::SHA1);
    assert!(matches!(judge(&belief, &Offer::Itl(&foreign)), Decision::AskTvs(_)));
    let empty = signed_list(ListKind::Itl, &[], &callmanager, DigestId::SHA1);
    let taken = takes(&mut belief, &Offer::Itl(&empty));
    assert_eq!(taken.change, Change::ClearList(ListKind::Itl));
    assert!(!belief.has_lists());
    assert!(decided(&belief, &Offer::UnsignedConfig(b"<device/>")).is_accepted());
}

/// A CTL of the CTL client: names in lower case, the serial number of the token reversed.
fn token_ctl(token: &Owner, more: &[RecordSpec]) -> Vec<u8> {
    let mut records = vec![token.certificate.with_fields(NameForm::CtlClient, |fields| {
        RecordSpec::ctl_client(Role::SAST, fields, "", Ipv4Addr::UNSPECIFIED)
    })];
    records.extend_from_slice(more);
    let spec = ListSpec {
        layout: Layout::Cucm,
        signer_form: Some(NameForm::CtlClient),
        signer_version: None,
        digest: DigestId::SHA1,
        file_name: CTL_FILE_NAME,
        timestamp: 1_700_000_000,
    };
    let identity = SigningIdentity::new(&token.certificate, &token.key).unwrap();
    sign_list(&spec, &records, &identity).unwrap()
}

#[test]
fn a_token_is_found_by_its_odd_names_and_reversed_serial_number() {
    let (token, callmanager) = (owner("etoken-1024"), owner("ccm-pub-1024"));
    let belief = Belief::holding(model("7960"), Some(list(&token_ctl(&token, &[]))), None);
    let newer = token_ctl(&token, &[record(Role::CCM_TFTP, &callmanager)]);
    let taken = accepted(decided(&belief, &Offer::Ctl(&newer)), "listed");
    assert!(matches!(taken.ground, Ground::Listed { record: 1, .. }));
}

#[test]
fn a_token_is_asked_for_as_it_stands_in_the_file() {
    // back to tokens [sources/ctl-client#from-tokens-and-back]: the phone knows the CallManager only, TVS knows the
    // token
    let (token, callmanager, tvs) = (owner("etoken-1024"), owner("ccm-pub-1024"), owner("tvs-2048"));
    let belief = phone_with_itl(&itl(&callmanager, &tvs));
    let file = token_ctl(&token, &[]);
    let offer = Offer::Ctl(&file);
    let Decision::AskTvs(question) = judge(&belief, &offer) else { panic!("TVS has to be asked") };
    let Ask::Query { serial, .. } = &question.ask else { panic!("a signer is asked for by QUERY") };
    assert_eq!(serial, &token.certificate.serial_reversed());
    accepted(decided_by(&belief, &offer, &found(&token, &[0])), "tvs");
    refused(decided_by(&belief, &offer, &found(&callmanager, &[0])), "tvs-other-certificate");
}
