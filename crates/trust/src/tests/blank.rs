//! What is taken without a check: the blank ITL of a roll-back with and without a CTL, and the first boot. A table each.

use super::*;

fn blank(signer: &Owner, capf: &Owner) -> Vec<u8> {
    let records = [
        RecordSpec::emptied(Role::TFTP, "node", Ipv4Addr::LOCALHOST),
        RecordSpec::emptied(Role::TVS, "node", Ipv4Addr::LOCALHOST),
        record(Role::SAST, signer),
        record(Role::CAPF, capf),
    ];
    signed_list(ListKind::Itl, &records, signer, DigestId::SHA1)
}

/// What `utils ctl set-cluster non-secure-mode` leaves.
fn reduced(signer: &Owner, capf: &Owner) -> Vec<u8> {
    let records = [
        record(Role::SAST, signer),
        RecordSpec::emptied(Role::CCM_TFTP, "node", Ipv4Addr::LOCALHOST),
        record(Role::CAPF, capf),
    ];
    signed_list(ListKind::Ctl, &records, signer, DigestId::SHA1)
}

/// The same list with a signature that does not hold.
fn forged(list: &[u8]) -> Vec<u8> {
    let mut bytes = list.to_vec();
    let stamp = [15, 0, 4, 0x65, 0x53, 0xf1, 0x00];
    let place = bytes.windows(stamp.len()).position(|part| part == stamp).unwrap();
    bytes[place + stamp.len() - 1] ^= 1;
    bytes
}

/// [sources/trust-lists#blank-list]: any new ITL, with a reduced CTL too; no stranger's CTL, and nothing with a full
/// CTL.
#[test]
fn a_phone_with_a_blank_itl() {
    let (ours, stranger) = (owner("ccm-pub-1024"), owner("foreign-ca"));
    let (capf, tvs) = (owner("capf-1024"), owner("tvs-2048"));
    let (own_itl, strange_itl) = (itl(&ours, &tvs), itl(&stranger, &tvs));
    let (own_ctl, strange_ctl) = (ctl(&ours), ctl(&stranger));
    let (bad_itl, bad_ctl) = (forged(&own_itl), forged(&own_ctl));
    let reduced = reduced(&ours, &capf);
    // the stored CTL, an offer, the verdict
    let cases: &[(Option<&[u8]>, Offer<'_>, &str)] = &[
        (None, Offer::Itl(&own_itl), "listed"),
        (None, Offer::Itl(&strange_itl), "blank-itl"),
        (None, Offer::Itl(&bad_itl), "blank-itl"),
        (None, Offer::Ctl(&own_ctl), "listed"),
        (None, Offer::Ctl(&strange_ctl), "unknown-signer"),
        (None, Offer::Ctl(&bad_ctl), "bad-signature"),
        (Some(&reduced), Offer::Itl(&own_itl), "listed"),
        (Some(&reduced), Offer::Itl(&strange_itl), "blank-itl"),
        (Some(&reduced), Offer::Itl(&bad_itl), "blank-itl"),
        (Some(&reduced), Offer::Ctl(&own_ctl), "listed"),
        (Some(&reduced), Offer::Ctl(&strange_ctl), "unknown-signer"),
        (Some(&reduced), Offer::Ctl(&bad_ctl), "bad-signature"),
        (Some(&reduced), Offer::UnsignedConfig(b"<device/>"), "signature-not-wanted"),
        (Some(&own_ctl), Offer::Itl(&own_itl), "listed"),
        (Some(&own_ctl), Offer::Itl(&strange_itl), "unknown-signer"),
        (Some(&own_ctl), Offer::Itl(&bad_itl), "bad-signature"),
        (Some(&own_ctl), Offer::UnsignedConfig(b"<device/>"), "unsigned"),
    ];
    for (number, (held, offer, label)) in cases.iter().enumerate() {
        let blank = list(&blank(&ours, &capf));
        let mut belief = Belief::holding(model("8861"), held.map(list), Some(blank));
        belief.set_tvs_servers(vec![TvsServer { address: "cucm-pub".to_owned(), port: 2445 }]);
        belief.boot_begins();
        let verdict = decided(&belief, offer);
        assert_eq!(verdict.label(), *label, "{number}: {}", verdict.reason());
    }
    // a reduced CTL opens nothing while the ITL is whole
    let belief = Belief::holding(model("8861"), Some(list(&reduced)), Some(list(&own_itl)));
    refused(decided(&belief, &Offer::Itl(&strange_itl)), "unknown-signer");
    refused(decided(&belief, &Offer::Itl(&bad_itl)), "bad-signature");
}

/// A whole move from a secure to a non-secure cluster, as [sources/trust-lists#blank-list] has it.
#[test]
fn from_a_secure_to_a_non_secure_cluster() {
    let (source, target) = (owner("ccm-pub-1024"), owner("foreign-ca"));
    let (capf, tvs) = (owner("capf-1024"), owner("tvs-2048"));
    let mut belief = Belief::holding(model("8861"), Some(list(&ctl(&source))), Some(list(&itl(&source, &tvs))));
    for file in [Offer::Ctl(&reduced(&source, &capf)), Offer::Itl(&blank(&source, &capf))] {
        belief.boot_begins();
        takes(&mut belief, &file);
    }
    belief.boot_begins();
    assert_eq!(takes(&mut belief, &Offer::Itl(&itl(&target, &tvs))).ground, Ground::BlankItl);
    let file = sgn(CONFIG, "<device/>", &target);
    takes(&mut belief, &Offer::SignedConfig { name: CONFIG, file: &file });
    // and it is a phone of the new cluster: nobody else is believed any more
    belief.boot_begins();
    let stranger = owner("ccm-sub-1024");
    refused(decided(&belief, &Offer::Itl(&itl(&stranger, &tvs))), "unknown-signer");
}

/// [sources/trust-lists#acceptance]: first CTL and first ITL without a check, whatever the CTL just taken says of the
/// signer.
#[test]
fn the_first_boot_in_mixed_mode() {
    let (ours, stranger, tvs) = (owner("ccm-pub-1024"), owner("foreign-ca"), owner("tvs-2048"));
    let own = itl(&ours, &tvs);
    for (offered, label) in
        [(own.clone(), "listed"), (forged(&own), "leap-of-faith"), (itl(&stranger, &tvs), "leap-of-faith")]
    {
        let mut belief = Belief::new(model("8861"));
        belief.boot_begins();
        assert_eq!(takes(&mut belief, &Offer::Ctl(&ctl(&ours))).ground, Ground::LeapOfFaith);
        accepted(decided(&belief, &Offer::Itl(&offered)), label);
        // one boot later the CTL is there, and it decides
        belief.boot_begins();
        if label == "leap-of-faith" {
            assert!(!decided(&belief, &Offer::Itl(&offered)).is_accepted());
        }
    }
}
