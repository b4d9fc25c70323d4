//! The files in CUCM's own layout, rebuilt byte for byte from a table of their records.

use std::net::Ipv4Addr;

use pki::NameForm;
use pki::sign::{ListSpec, SigningIdentity, sign_list};
use wire::digest::DigestId;
use wire::header::{CTL_FILE_NAME, HeaderSpec, ITL_FILE_NAME, Layout, Version};
use wire::role::Role;
use wire::signed_file::SignedFile;
use wire::trust_list::{RecordSpec, TrustList, write_records};

use crate::vectors::{assert_same, certificate, entries, key, read, timestamp};

/// How a record is written.
#[derive(Clone, Copy)]
enum Form {
    Full,
    Client,
    Token,
    Hash,
    Empty,
}

use Form::{Client, Empty, Full, Hash, Token};

/// Role, certificate, DNSNAME, IPADDRESS, form.
type Row = (Role, &'static str, &'static str, [u8; 4], Form);

struct Sample {
    file: &'static str,
    size: usize,
    header: usize,
    records: &'static [usize],
    signer: &'static str,
    token: bool,
    version: Option<Version>,
    digest: DigestId,
    name: &'static str,
    rows: &'static [Row],
}

const PUB: [u8; 4] = [10, 48, 47, 155];
const SUB: [u8; 4] = [10, 48, 47, 156];
const OLD_PUB: [u8; 4] = [10, 48, 47, 153];
const OLD_SUB: [u8; 4] = [10, 48, 47, 154];
const LAN: [u8; 4] = [10, 0, 0, 1];
const NOWHERE: [u8; 4] = [0; 4];

const SAMPLES: [Sample; 6] = [
    Sample {
        file: "trustlist/cucm-ctl-4947.tlv",
        size: 4947,
        header: 336,
        records: &[1156, 1156, 1138, 1161],
        signer: "ccm-pub-1024",
        token: false,
        version: None,
        digest: DigestId::SHA1,
        name: CTL_FILE_NAME,
        rows: &[
            (Role::SAST, "ccm-pub-1024", "cucm-1051-a-pub", PUB, Full),
            (Role::CCM_TFTP, "ccm-pub-1024", "cucm-1051-a-pub", PUB, Full),
            (Role::CAPF, "capf-1024", "cucm-1051-a-pub", PUB, Full),
            (Role::CCM_TFTP, "ccm-sub-1024", "cucm-1051-a-sub1", SUB, Full),
        ],
    },
    Sample {
        file: "trustlist/cucm-ctl-6113.tlv",
        size: 6113,
        header: 464,
        records: &[1675, 1675, 1138, 1161],
        signer: "ccm-pub-2048",
        token: false,
        version: None,
        digest: DigestId::SHA1,
        name: CTL_FILE_NAME,
        rows: &[
            (Role::SAST, "ccm-pub-2048", "cucm-1051-a-pub", PUB, Full),
            (Role::CCM_TFTP, "ccm-pub-2048", "cucm-1051-a-pub", PUB, Full),
            (Role::CAPF, "capf-1024", "cucm-1051-a-pub", PUB, Full),
            (Role::CCM_TFTP, "ccm-sub-1024", "cucm-1051-a-sub1", SUB, Full),
        ],
    },
    Sample {
        file: "trustlist/ctlclient-5728.tlv",
        size: 5728,
        header: 304,
        records: &[1004, 1026, 1022, 1186, 1186],
        signer: "etoken-1024",
        token: true,
        version: None,
        digest: DigestId::SHA1,
        name: CTL_FILE_NAME,
        rows: &[
            (Role::CAPF, "capf-1024", "10.48.47.155", PUB, Client),
            (Role::CCM_TFTP, "ccm-sub-1024", "10.48.47.156", SUB, Client),
            (Role::CCM_TFTP, "ccm-pub-1024", "10.48.47.155", PUB, Client),
            (Role::SAST, "etoken-1024", "", NOWHERE, Token),
            (Role::SAST, "etoken-1024", "", NOWHERE, Token),
        ],
    },
    Sample {
        file: "trustlist/ctlclient-nonsecure-3746.tlv",
        size: 3746,
        header: 304,
        records: &[1186, 1186, 33, 1004, 33],
        signer: "etoken-1024",
        token: true,
        version: None,
        digest: DigestId::SHA1,
        name: CTL_FILE_NAME,
        rows: &[
            (Role::SAST, "etoken-1024", "", NOWHERE, Token),
            (Role::SAST, "etoken-1024", "", NOWHERE, Token),
            (Role::CCM_TFTP, "", "10.48.47.153", OLD_PUB, Empty),
            (Role::CAPF, "capf-1024", "10.48.47.153", OLD_PUB, Client),
            (Role::CCM_TFTP, "", "10.48.47.154", OLD_SUB, Empty),
        ],
    },
    Sample {
        file: "trustlist/cucm-itl-tvs-hash-739.tlv",
        size: 464 + 1670 + 1670 + 1702 + 739,
        header: 464,
        records: &[1670, 1670, 1702, 739],
        signer: "ccm-pub-2048",
        token: false,
        version: None,
        digest: DigestId::SHA1,
        name: ITL_FILE_NAME,
        rows: &[
            (Role::SAST, "ccm-pub-2048", "cs-ccm-pub", LAN, Full),
            (Role::CCM_TFTP, "ccm-pub-2048", "cs-ccm-pub", LAN, Full),
            (Role::TVS, "tvs-2048", "cs-ccm-pub", LAN, Full),
            (Role::TVS, "tvs-2048", " ", NOWHERE, Hash),
        ],
    },
    Sample {
        file: "trustlist/cucm-itl-sha512-v1.1.tlv",
        size: 748 + 2747 + 1675 + 1037 + 1707,
        header: 748,
        records: &[2747, 1675, 1037, 1707],
        signer: "itlrecovery-4096",
        token: false,
        version: Some(Version { major: 1, minor: 1 }),
        digest: DigestId::SHA512,
        name: ITL_FILE_NAME,
        rows: &[
            (Role::SAST, "itlrecovery-4096", "cucm-1051-a-pub", LAN, Full),
            (Role::CCM_TFTP, "ccm-pub-2048", "cucm-1051-a-pub", LAN, Full),
            (Role::TFTP, "ec-p384", "cucm-1051-a-pub", LAN, Full),
            (Role::TVS, "tvs-2048", "cucm-1051-a-pub", LAN, Full),
        ],
    },
];

fn record((role, name, host, address, form): &Row) -> RecordSpec {
    let address = Ipv4Addr::from(*address);
    if matches!(form, Empty) {
        return RecordSpec::emptied(*role, host, address);
    }
    let certificate = certificate(name);
    let names = if matches!(form, Token) { NameForm::CtlClient } else { NameForm::Cucm };
    certificate.with_fields(names, |fields| match form {
        Client | Token => RecordSpec::ctl_client(*role, fields, host, address),
        Hash => RecordSpec::hashed(*role, fields, host, DigestId::SHA1, &certificate.sha1()),
        Full | Empty => RecordSpec::cucm(*role, fields, host, address),
    })
}

#[test]
fn every_list_in_the_cucm_layout_is_rebuilt() {
    let listed: Vec<&str> = entries("trustlist-cucm-layout", 6).iter().map(|entry| entry.file_name()).collect();
    for sample in &SAMPLES {
        assert!(listed.contains(&sample.file), "{}", sample.file);
        let wanted = read(sample.file);
        let records: Vec<RecordSpec> = sample.rows.iter().map(record).collect();
        let (signer, key) = (certificate(sample.signer), key(sample.signer));
        let spec = ListSpec {
            layout: Layout::Cucm,
            signer_form: sample.token.then_some(NameForm::CtlClient),
            signer_version: sample.version,
            digest: sample.digest,
            file_name: sample.name,
            timestamp: timestamp(&wanted),
        };
        let identity = SigningIdentity::new(&signer, &key).unwrap();
        let built = sign_list(&spec, &records, &identity).unwrap();
        assert_same(sample.file, &built, &wanted);
        assert_eq!(built.len(), sample.size, "{}", sample.file);
        let list = TrustList::decode(built).unwrap();
        assert_eq!(list.header().length(), sample.header, "{}", sample.file);
        let lengths: Vec<usize> = list.records().map(|record| record.length()).collect();
        assert_eq!(lengths, sample.records, "{}", sample.file);
    }
}

/// `utils itl reset localkey`: a header signed by ITLRecovery in front of the whole old file.
#[test]
fn the_reset_file_with_two_headers_is_rebuilt() {
    let [entry] = entries("trustlist-inferred", 1)[..] else { panic!("one file") };
    let wanted = entry.bytes();
    let rows: [Row; 3] = [
        (Role::SAST, "ccm-pub-2048", "p", LAN, Full),
        (Role::CCM_TFTP, "ccm-pub-2048", "p", LAN, Full),
        (Role::SAST, "itlrecovery-4096", "p", LAN, Full),
    ];
    let records: Vec<RecordSpec> = rows.iter().map(record).collect();
    // The old file stands behind the new header, whole.
    let new_header = 720;
    let old = &wanted[new_header..];
    let (signer, signer_key) = (certificate("ccm-pub-2048"), key("ccm-pub-2048"));
    let spec = ListSpec {
        layout: Layout::Cucm,
        signer_form: None,
        signer_version: None,
        digest: DigestId::SHA1,
        file_name: ITL_FILE_NAME,
        timestamp: timestamp(old),
    };
    let identity = SigningIdentity::new(&signer, &signer_key).unwrap();
    let built_old = sign_list(&spec, &records, &identity).unwrap();
    assert_same("the old ITL", &built_old, old);

    let old_header = SignedFile::of(&built_old).unwrap().header().length();
    let (recovery, recovery_key) = (certificate("itlrecovery-4096"), key("itlrecovery-4096"));
    let identity = SigningIdentity::new(&recovery, &recovery_key).unwrap();
    let header = HeaderSpec {
        layout: Layout::Cucm,
        version: Version::TRUST_LIST,
        signer_version: None,
        signer: identity.signer_id(NameForm::Cucm),
        digest: DigestId::SHA1,
        file_name: None,
        timestamp: None,
        encryption: None,
        older_header: built_old[..old_header].to_vec(),
    };
    let built = identity.sign(header.lay_out(write_records(&records).unwrap()).unwrap()).unwrap();
    assert_same(entry.file_name(), &built, &wanted);
    assert_eq!(built.len(), 7239);
    assert_eq!(SignedFile::of(&built).unwrap().header().length(), new_header + old_header);
}

/// A list that is read and written again keeps what it does not know.
#[test]
fn records_survive_a_round_trip_with_unknown_fields() {
    for name in ["damaged/unknown-record-tag.tlv", "damaged/unknown-role.tlv", "trustlist/ctlclient-5728.tlv"] {
        let list = TrustList::decode(read(name)).unwrap();
        let records: Vec<RecordSpec> = list.records().map(RecordSpec::from).collect();
        let body = write_records(&records).unwrap();
        assert_same(name, &body, &list.bytes()[list.header().length()..]);
    }
}
