//! The other way round: from the command lines of the vectors our writer makes the peer's files byte for byte.

use pki::NameForm;
use pki::sign::{FileSpec, ListSpec, SigningIdentity, sign_file, sign_list};
use wire::digest::DigestId;
use wire::header::{Layout, Version};
use wire::role::Role;
use wire::signed_file::SignedFile;
use wire::trust_list::RecordSpec;

use crate::vectors::{Entry, assert_same, certificate, entries, key, read, timestamp};

/// What a command line of the peer says.
#[derive(Debug, Default)]
pub struct CommandLine {
    pub version: Option<Version>,
    pub digest: Option<DigestId>,
    pub file_name: Option<String>,
    /// Role and name of the certificate, in order.
    pub certificates: Vec<(Role, String)>,
    /// The argument of `--build`.
    pub build: String,
}

pub fn command_line(entry: &Entry, tool: &str) -> CommandLine {
    let made_by = entry.text("made_by").unwrap();
    let rest = made_by.strip_prefix(&format!("peer {tool} ")).unwrap_or_else(|| panic!("{made_by}"));
    // One blank between the words: an empty FILENAME is an empty word.
    let words: Vec<&str> = rest.split(' ').collect();
    let mut line = CommandLine::default();
    for pair in words.chunks(2) {
        let [option, value] = pair else { panic!("{made_by}: {pair:?}") };
        let role = match *option {
            "--sast" => Role::SAST,
            "--ccm" => Role::CCM,
            "--ccm-tftp" => Role::CCM_TFTP,
            "--tftp" => Role::TFTP,
            "--capf" => Role::CAPF,
            "--app-server" => Role::APP_SERVER,
            "--tvs" => Role::TVS,
            "--version" => {
                line.version = Some(value.parse().unwrap());
                continue;
            }
            "--digest" => {
                line.digest = Some(value.parse().unwrap());
                continue;
            }
            "--filename" => {
                line.file_name = Some((*value).to_owned());
                continue;
            }
            "--build" => {
                line.build = (*value).to_owned();
                continue;
            }
            "--certificate" => continue,
            other => panic!("{made_by}: {other}"),
        };
        let name = value.strip_suffix(".bundle.pem").unwrap();
        line.certificates.push((role, name.to_owned()));
    }
    line
}

#[test]
fn every_trust_list_of_the_peer_is_rebuilt() {
    let mut sizes = Vec::new();
    for entry in entries("trustlist", 44) {
        let wanted = entry.bytes();
        let line = command_line(&entry, "tlvfile");
        // The command line of this one stands shortened in the index; its name is in the file.
        let long = (entry.file_name() == "trustlist/filename-long.tlv").then(|| {
            let file = SignedFile::of(&wanted).unwrap();
            let name = String::from_utf8(file.header().file_name().unwrap().to_vec()).unwrap();
            assert_eq!(name.len(), 211);
            name
        });
        let file_name = long.or(line.file_name).unwrap_or(line.build);
        let records: Vec<RecordSpec> = line
            .certificates
            .iter()
            .map(|(role, name)| certificate(name).with_fields(NameForm::Peer, |fields| RecordSpec::peer(*role, fields)))
            .collect();
        let (_, first) = line.certificates.iter().find(|(role, _)| *role == Role::SAST).unwrap();
        let (signer, key) = (certificate(first), key(first));
        let spec = ListSpec {
            layout: Layout::Peer,
            signer_form: None,
            signer_version: line.version.or(Some(Version { major: 1, minor: 0 })),
            digest: line.digest.unwrap_or(DigestId::SHA1),
            file_name: &file_name,
            timestamp: timestamp(&wanted),
        };
        let identity = SigningIdentity::new(&signer, &key).unwrap();
        let built = sign_list(&spec, &records, &identity).unwrap();
        assert_same(entry.file_name(), &built, &wanted);
        sizes.push(built.len());
    }
    assert_eq!(sizes.len(), 44);
    assert!(sizes.iter().any(|size| *size > 65_535), "one is larger than phones take");
}

#[test]
fn every_signed_file_of_the_peer_is_rebuilt() {
    let mut rebuilt = 0;
    for entry in entries("signed", 32) {
        let wanted = entry.bytes();
        let line = command_line(&entry, "sgnfile");
        let [(Role::TFTP, name)] = line.certificates.as_slice() else { panic!("{}", entry.file_name()) };
        assert_eq!(entry.text("signer"), Some(format!("certs/{name}.crt.pem").as_str()));
        let file_name = line.file_name.unwrap_or_else(|| format!("{}.sgn", line.build));
        let spec = FileSpec {
            layout: Layout::Peer,
            digest: line.digest.unwrap_or(DigestId::SHA1),
            file_name: &file_name,
            timestamp: timestamp(&wanted),
        };
        let (signer, key) = (certificate(name), key(name));
        let identity = SigningIdentity::new(&signer, &key).unwrap();
        let built = sign_file(&spec, read(entry.text("payload_file").unwrap()), &identity).unwrap();
        assert_same(entry.file_name(), &built, &wanted);
        rebuilt += 1;
    }
    assert_eq!(rebuilt, 32);
}
