//! Certificates of TLS servers.

use super::*;

fn server(role: Role, owner: &Owner) -> Offer<'_> {
    Offer::TlsServer { role, certificate: owner.certificate.der() }
}

#[test]
fn tvs_itself_is_known_by_the_itl_only() {
    let (callmanager, tvs, other) = (owner("ccm-pub-1024"), owner("tvs-2048"), owner("app-2048"));
    let by_hash = phone_with_itl(&itl(&callmanager, &tvs));
    let taken = accepted(decided(&by_hash, &server(Role::TVS, &tvs)), "listed");
    assert!(matches!(taken.ground, Ground::Listed { by_hash: true, record: 3, .. }));
    // TVS is never asked about TVS
    refused(decided(&by_hash, &server(Role::TVS, &other)), "not-our-tvs");

    let records = [record(Role::SAST, &callmanager), record(Role::TVS, &tvs)];
    let by_certificate = phone_with_itl(&signed_list(ListKind::Itl, &records, &callmanager, DigestId::SHA1));
    let taken = accepted(decided(&by_certificate, &server(Role::TVS, &tvs)), "listed");
    assert!(matches!(taken.ground, Ground::Listed { by_hash: false, .. }));

    // a TVS record in a CTL does not count
    let ctl = signed_list(ListKind::Ctl, &records, &callmanager, DigestId::SHA1);
    let belief = Belief::holding(model("8861"), Some(list(&ctl)), Some(list(&itl(&callmanager, &other))));
    refused(decided(&belief, &server(Role::TVS, &tvs)), "not-our-tvs");
}

#[test]
fn an_https_service_goes_to_tvs_as_verify() {
    let (callmanager, tvs, app) = (owner("ccm-pub-1024"), owner("tvs-2048"), owner("app-2048"));
    let belief = phone_with_itl(&itl(&callmanager, &tvs));
    let offer = server(Role::APP_SERVER, &app);
    let Decision::AskTvs(question) = judge(&belief, &offer) else { panic!("TVS has to be asked") };
    assert_eq!(question.ask, Ask::Verify { certificate: app.certificate.der().to_vec() });
    let roles = |roles: &[u8]| answered(Answer::Verified(Trust::new(roles, 3600).unwrap()));
    accepted(decided_by(&belief, &offer, &roles(&[7])), "tvs");
    refused(decided_by(&belief, &offer, &roles(&[0, 2])), "tvs-other-role");
    refused(decided_by(&belief, &offer, &answered(Answer::NotValid)), "tvs-does-not-know");
    refused(decided_by(&belief, &offer, &found(&app, &[7])), "tvs-other-answer");
}

/// For a server no store is advised that makes it a signer of trust lists.
#[test]
fn what_is_advised_gives_the_role_and_no_more() {
    let (callmanager, tvs, app) = (owner("ccm-pub-1024"), owner("tvs-2048"), owner("app-2048"));
    let belief = phone_with_itl(&itl(&callmanager, &tvs));
    let other = answered(Answer::Verified(Trust::new([21], 3600).unwrap()));
    for (role, wanted) in [
        (Role::APP_SERVER, "; put the certificate into tomcat-trust of that node"),
        (
            Role::CCM,
            "; only the CallManager certificate of a node has this role: let that node show it, or give the phone its lists",
        ),
        (
            Role::TFTP,
            "; only the CallManager certificate of a node has this role: let that node show it, or give the phone its lists",
        ),
        (
            Role::CAPF,
            "; only the CAPF certificate of a node has this role: let that node show it, or give the phone its lists",
        ),
    ] {
        let offer = server(role, &app);
        for (reply, label) in [(answered(Answer::NotValid), "tvs-does-not-know"), (other.clone(), "tvs-other-role")] {
            let refusal = refused(decided_by(&belief, &offer, &reply), label).to_string();
            assert!(refusal.ends_with(wanted) && !refusal.contains("SAST"), "{refusal}");
        }
    }
    let file = itl(&app, &tvs);
    let refusal = refused(decided_by(&belief, &Offer::Itl(&file), &answered(Answer::NotValid)), "tvs-does-not-know");
    assert!(refusal.to_string().ends_with("; put the certificate into Phone-SAST-trust of that node"), "{refusal}");
}

#[test]
fn listed_servers_need_no_tvs() {
    let (callmanager, capf) = (owner("ccm-pub-1024"), owner("capf-1024"));
    let records = [record(Role::SAST, &callmanager), record(Role::CCM_TFTP, &callmanager), record(Role::CAPF, &capf)];
    let ctl = signed_list(ListKind::Ctl, &records, &callmanager, DigestId::SHA1);
    let belief = Belief::holding(model("7960"), Some(list(&ctl)), None);
    accepted(decided(&belief, &server(Role::CCM, &callmanager)), "listed");
    accepted(decided(&belief, &server(Role::TFTP, &callmanager)), "listed");
    accepted(decided(&belief, &server(Role::CAPF, &capf)), "listed");
    let refusal = refused(decided(&belief, &server(Role::CAPF, &callmanager)), "unknown-signer");
    assert!(refusal.to_string().contains("7960 has no Security by Default"), "{refusal}");
}

#[test]
fn nothing_is_believed_without_lists_or_from_garbage() {
    let app = owner("app-2048");
    let belief = Belief::new(model("8861"));
    refused(decided(&belief, &server(Role::APP_SERVER, &app)), "no-trust-list");
    let garbage = Offer::TlsServer { role: Role::CCM, certificate: b"\x30\x82" };
    refused(decided(&belief, &garbage), "malformed");
}
