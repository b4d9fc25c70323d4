//! What goes well and wrong in real clusters.

use super::*;
use crate::display::status_code;
use crate::{DeviceMessage, Silence, Tried, TvsCache};

/// The renewal of [sources/published-clusters#two-nodes]: new CallManager, CTL signed by it, TVS unchanged.
#[test]
fn callmanager_renewed_alone_is_followed() {
    let (old, new, tvs) = (owner("ccm-pub-1024"), owner("ccm-pub-2048"), owner("tvs-2048"));
    let mut belief = Belief::holding(model("7975"), Some(list(&ctl(&old))), Some(list(&itl(&old, &tvs))));
    belief.set_tvs_servers(vec![TvsServer { address: "cucm-pub".into(), port: 2445 }]);
    belief.boot_begins();
    let file = ctl(&new);
    let offer = Offer::Ctl(&file);
    let verdict = decided_by(&belief, &offer, &found(&new, &[0, 2]));
    assert_eq!(DeviceMessage::of(&verdict).unwrap().to_string(), "Trust List Updated");
    belief.apply(&accepted(verdict, "tvs"));
    // now the CTL knows the new certificate: ITL and config need no TVS
    let file = itl(&new, &tvs);
    let taken = takes(&mut belief, &Offer::Itl(&file));
    assert!(matches!(taken.ground, Ground::Listed { list: ListKind::Ctl, .. }));
    let file = sgn(CONFIG, "<device/>", &new);
    takes(&mut belief, &Offer::SignedConfig { name: CONFIG, file: &file });
}

/// What must not happen [sources/trust-lists#acceptance].
#[test]
fn callmanager_and_tvs_renewed_together_orphan_the_phone() {
    let (old, new) = (owner("ccm-pub-1024"), owner("ccm-pub-2048"));
    let (old_tvs, new_tvs) = (owner("tvs-2048"), owner("app-2048"));
    let belief = phone_with_itl(&itl(&old, &old_tvs));
    let file = itl(&new, &new_tvs);
    let offer = Offer::Itl(&file);
    assert!(matches!(judge(&belief, &offer), Decision::AskTvs(_)));
    // the only referee shows a certificate that the phone does not know
    let tvs = Offer::TlsServer { role: Role::TVS, certificate: new_tvs.certificate.der() };
    let why = refused(decided(&belief, &tvs), "not-our-tvs").to_string();
    let reply = TvsReply::NoServer(vec![Tried { server: "cucm-pub:2445".into(), why: Silence::NotBelieved(why) }]);
    let verdict = decided_by(&belief, &offer, &reply);
    assert_eq!(DeviceMessage::of(&verdict).unwrap().to_string(), "Trust List Update Failed");
    let refusal = refused(verdict, "tvs-unavailable").to_string();
    assert!(refusal.contains("never renew CallManager and TVS together"), "{refusal}");
    assert_eq!(belief.itl().unwrap().bytes(), itl(&old, &old_tvs));
}

/// Models without Security by Default stay behind until the CTL is deleted by hand [sources/phones#models].
#[test]
fn phones_without_security_by_default_stay_behind() {
    let (old, new) = (owner("ccm-pub-1024"), owner("ccm-pub-2048"));
    for name in ["7940", "7960", "Jabber"] {
        let mut belief = Belief::new(model(name));
        belief.boot_begins();
        assert_eq!(takes(&mut belief, &Offer::Ctl(&ctl(&old))).ground, Ground::LeapOfFaith);
        belief.boot_begins();
        let renewed = ctl(&new);
        let refusal = refused(decided(&belief, &Offer::Ctl(&renewed)), "unknown-signer");
        assert!(refusal.to_string().contains("no Security by Default"), "{refusal}");
        let file = sgn(CONFIG, "<device/>", &new);
        refused(decided(&belief, &Offer::SignedConfig { name: CONFIG, file: &file }), "unknown-signer");
        // deleted by hand
        belief.erase_lists();
        belief.boot_begins();
        assert_eq!(takes(&mut belief, &Offer::Ctl(&renewed)).ground, Ground::LeapOfFaith);
        assert!(decided(&belief, &Offer::SignedConfig { name: CONFIG, file: &file }).is_accepted());
    }
}

/// *Prepare Cluster for Rollback to pre 8.0*: TFTP and TVS records emptied, CAPF stays.
#[test]
fn the_blank_itl_of_a_rollback_opens_the_phone() {
    let (callmanager, capf, tvs) = (owner("ccm-pub-1024"), owner("capf-1024"), owner("tvs-2048"));
    let stranger = owner("foreign-ca");
    let mut belief = phone_with_itl(&itl(&callmanager, &tvs));
    let records = [
        RecordSpec::emptied(Role::TFTP, "node", Ipv4Addr::LOCALHOST),
        RecordSpec::emptied(Role::TVS, "node", Ipv4Addr::LOCALHOST),
        record(Role::CAPF, &capf),
    ];
    let blank = signed_list(ListKind::Itl, &records, &callmanager, DigestId::SHA1);
    takes(&mut belief, &Offer::Itl(&blank));
    assert!(belief.itl_is_blank() && !belief.wants_signed_configs());
    accepted(decided(&belief, &Offer::UnsignedConfig(b"<device/>")), "signature-not-wanted");
    // HTTPS services fail meanwhile
    let app = owner("app-2048");
    let service = Offer::TlsServer { role: Role::APP_SERVER, certificate: app.certificate.der() };
    refused(decided(&belief, &service), "unknown-signer");
    // any new ITL is taken
    belief.boot_begins();
    let foreign = itl(&stranger, &tvs);
    assert_eq!(takes(&mut belief, &Offer::Itl(&foreign)).ground, Ground::BlankItl);

    // not while a CTL that signs configs is there: it is not blanked
    let mut secure = Belief::holding(model("8861"), Some(list(&ctl(&callmanager))), Some(list(&blank)));
    secure.boot_begins();
    refused(decided(&secure, &Offer::Itl(&foreign)), "unknown-signer");
    refused(decided(&secure, &Offer::UnsignedConfig(b"<device/>")), "unsigned");
}

#[test]
fn a_small_list_that_never_had_tvs_is_not_blank() {
    let (callmanager, stranger) = (owner("ccm-pub-2048"), owner("foreign-ca"));
    let records = [record(Role::SAST, &callmanager), record(Role::CCM, &callmanager)];
    let small = signed_list(ListKind::Itl, &records, &callmanager, DigestId::SHA1);
    let belief = phone_with_itl(&small);
    assert!(!belief.itl_is_blank());
    let foreign = signed_list(ListKind::Itl, &[record(Role::SAST, &stranger)], &stranger, DigestId::SHA1);
    refused(decided(&belief, &Offer::Itl(&foreign)), "unknown-signer");
}

/// Back to non-secure: the CCM+TFTP records of the CTL are emptied, so it no longer asks for signatures; the ITL does.
#[test]
fn a_reduced_ctl_names_no_tftp_certificate() {
    let callmanager = owner("ccm-pub-1024");
    let mut belief = Belief::holding(model("7960"), Some(list(&ctl(&callmanager))), None);
    let records = [record(Role::SAST, &callmanager), RecordSpec::emptied(Role::CCM_TFTP, "node", Ipv4Addr::LOCALHOST)];
    let reduced = signed_list(ListKind::Ctl, &records, &callmanager, DigestId::SHA1);
    takes(&mut belief, &Offer::Ctl(&reduced));
    assert!(!belief.wants_signed_configs());
}

/// Which reason of the servers that were asked in vain decides what the refusal advises.
#[test]
fn silent_servers_and_what_to_do() {
    let (old, new, tvs) = (owner("ccm-pub-1024"), owner("ccm-pub-2048"), owner("tvs-2048"));
    let belief = phone_with_itl(&itl(&old, &tvs));
    let file = itl(&new, &tvs);
    let failed = || Silence::Failed("Connection refused (os error 111)".into());
    let not_ours = || Silence::NotBelieved("not in the ITL as TVS".into());
    for (whys, wanted) in [
        (vec![failed(), not_ours()], "; never renew CallManager and TVS together"),
        (vec![Silence::VerifyOnly, not_ours()], "; never renew CallManager and TVS together"),
        (
            vec![failed(), Silence::VerifyOnly],
            "it closed at a QUERY, as servers do that know VERIFY only); sign with a certificate that the lists of the phone \
             name, or give it a TVS that answers QUERY",
        ),
        (
            vec![failed()],
            "; let the phone reach a TVS of its last config, or sign with a certificate that its lists name",
        ),
    ] {
        let servers = whys.into_iter().map(|why| Tried { server: "cucm-pub:2445".into(), why }).collect();
        let verdict = decided_by(&belief, &Offer::Itl(&file), &TvsReply::NoServer(servers));
        let refusal = refused(verdict, "tvs-unavailable").to_string();
        assert!(refusal.ends_with(wanted), "{refusal}");
    }
}

#[test]
fn an_expired_answer_is_asked_for_again() {
    let (old, new, tvs) = (owner("ccm-pub-1024"), owner("ccm-pub-2048"), owner("tvs-2048"));
    let belief = phone_with_itl(&itl(&old, &tvs));
    let file = sgn(CONFIG, "<device/>", &new);
    let offer = Offer::SignedConfig { name: CONFIG, file: &file };
    let Decision::AskTvs(question) = judge(&belief, &offer) else { panic!("TVS has to be asked") };
    let TvsReply::Answered { server, answer, .. } = found(&new, &[0, 3]) else { panic!("an answer") };
    let mut cache = TvsCache::default();
    cache.keep(question.ask.clone(), &server, &answer, 0);
    let kept = cache.find(&question.ask, 86_399).unwrap();
    let taken = accepted(judge_with_answer(&belief, &offer, &kept), "tvs");
    assert!(taken.ground.to_string().ends_with("(answer kept from before)"));
    assert_eq!(cache.find(&question.ask, 86_400), None);
}

#[test]
fn status_codes_of_the_alarm() {
    let good = |kind| {
        let list = list(&ctl(&owner("ccm-pub-1024")));
        Verdict::Accepted(Accepted { ground: Ground::LeapOfFaith, change: Change::StoreList(kind, list) })
    };
    let (ctl, itl) = (good(ListKind::Ctl), good(ListKind::Itl));
    let bad = Verdict::Refused(Refusal::Empty);
    let none = |_| false;
    let both = |_| true;
    let only_itl = |kind| kind == ListKind::Itl;
    assert_eq!(status_code(none, Some(&ctl), Some(&itl)), 4);
    assert_eq!(status_code(only_itl, Some(&ctl), Some(&itl)), 2);
    assert_eq!(status_code(none, None, Some(&itl)), 3);
    assert_eq!(status_code(both, Some(&ctl), Some(&itl)), 1);
    assert_eq!(status_code(both, Some(&bad), Some(&itl)), 5);
    assert_eq!(status_code(both, Some(&ctl), Some(&bad)), 8);
    assert_eq!(status_code(both, Some(&bad), Some(&bad)), 9);
    assert_eq!(status_code(none, Some(&bad), None), 6);
    assert_eq!(status_code(only_itl, None, Some(&bad)), 9);
    assert_eq!(status_code(both, None, None), 7);
}
