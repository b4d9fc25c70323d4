//! Signed and unsigned configs.

use super::*;

#[test]
fn signed_by_a_listed_tftp_certificate() {
    let (callmanager, tvs) = (owner("ccm-pub-1024"), owner("tvs-2048"));
    let belief = phone_with_itl(&itl(&callmanager, &tvs));
    assert!(belief.wants_signed_configs());
    let file = sgn(CONFIG, "<device/>", &callmanager);
    let offer = Offer::SignedConfig { name: CONFIG, file: &file };
    let taken = accepted(decided(&belief, &offer), "listed");
    assert!(matches!(taken.ground, Ground::Listed { list: ListKind::Itl, record: 2, role: Role::TFTP, .. }));
    assert_eq!(taken.change, Change::StoreConfig(b"<device/>".to_vec()));
}

#[test]
fn signed_by_the_ccm_tftp_certificate_of_the_ctl() {
    let callmanager = owner("ccm-pub-1024");
    let belief = Belief::holding(model("7960"), Some(list(&ctl(&callmanager))), None);
    let file = sgn(CONFIG, "<device/>", &callmanager);
    let taken = accepted(decided(&belief, &Offer::SignedConfig { name: CONFIG, file: &file }), "listed");
    assert!(matches!(taken.ground, Ground::Listed { list: ListKind::Ctl, role: Role::CCM_TFTP, .. }));
}

#[test]
fn a_sast_certificate_does_not_sign_configs() {
    let (callmanager, tvs) = (owner("ccm-pub-1024"), owner("tvs-2048"));
    let records = [record(Role::SAST, &callmanager), hashed(Role::TVS, &tvs)];
    let file = signed_list(ListKind::Itl, &records, &callmanager, DigestId::SHA1);
    let belief = phone_with_itl(&file);
    let file = sgn(CONFIG, "<device/>", &callmanager);
    let offer = Offer::SignedConfig { name: CONFIG, file: &file };
    refused(decided_by(&belief, &offer, &found(&callmanager, &[0])), "tvs-other-role");
    accepted(decided_by(&belief, &offer, &found(&callmanager, &[0, 3])), "tvs");
    accepted(decided_by(&belief, &offer, &found(&callmanager, &[2])), "tvs");
}

#[test]
fn unsigned_ones_are_refused_as_soon_as_a_list_names_a_tftp_certificate() {
    let (callmanager, tvs) = (owner("ccm-pub-1024"), owner("tvs-2048"));
    let empty = Belief::new(model("7965"));
    accepted(decided(&empty, &Offer::UnsignedConfig(b"<device/>")), "signature-not-wanted");
    let belief = phone_with_itl(&itl(&callmanager, &tvs));
    let refusal = refused(decided(&belief, &Offer::UnsignedConfig(b"<device/>")), "unsigned");
    assert!(refusal.to_string().contains("stands in the ITL as TFTP"), "{refusal}");
    // plain XML under a signed name is no way around it
    let offer = Offer::SignedConfig { name: CONFIG, file: b"<device/>" };
    refused(decided(&belief, &offer), "unsigned");
}

#[test]
fn the_signed_config_of_another_phone_is_refused() {
    let (callmanager, tvs) = (owner("ccm-pub-1024"), owner("tvs-2048"));
    let belief = phone_with_itl(&itl(&callmanager, &tvs));
    let file = sgn("SEP001122334455.cnf.xml.sgn", "<device/>", &callmanager);
    refused(decided(&belief, &Offer::SignedConfig { name: CONFIG, file: &file }), "other-file");
    // upper and lower case are the same name
    let file = sgn(&CONFIG.to_lowercase(), "<device/>", &callmanager);
    assert!(decided(&belief, &Offer::SignedConfig { name: CONFIG, file: &file }).is_accepted());
}

#[test]
fn a_changed_payload_is_refused() {
    let (callmanager, tvs) = (owner("ccm-pub-1024"), owner("tvs-2048"));
    let belief = phone_with_itl(&itl(&callmanager, &tvs));
    let mut file = sgn(CONFIG, "<device/>", &callmanager);
    file.push(b' ');
    refused(decided(&belief, &Offer::SignedConfig { name: CONFIG, file: &file }), "bad-signature");
}

#[test]
fn a_phone_without_lists_cannot_check_a_signature() {
    let callmanager = owner("ccm-pub-1024");
    let belief = Belief::new(model("7965"));
    let file = sgn(CONFIG, "<device/>", &callmanager);
    refused(decided(&belief, &Offer::SignedConfig { name: CONFIG, file: &file }), "no-trust-list");
}

#[test]
fn too_large_a_key_is_refused_for_configs_from_tvs_too() {
    let (callmanager, large, tvs) = (owner("ccm-pub-1024"), owner("itlrecovery-4096"), owner("tvs-2048"));
    let belief = phone_with_itl(&itl(&callmanager, &tvs));
    let file = sgn(CONFIG, "<device/>", &large);
    let offer = Offer::SignedConfig { name: CONFIG, file: &file };
    refused(decided_by(&belief, &offer, &found(&large, &[3])), "key-too-large");
}
