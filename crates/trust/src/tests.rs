//! Scenarios: a belief, an offer, the verdict. Lists are built and signed with the keys of the vectors.

mod blank;
mod configs;
mod lists;
mod second_judge;
mod servers;
mod stories;

use std::net::Ipv4Addr;
use std::sync::Arc;

use pki::sign::{FileSpec, ListSpec, SigningIdentity, sign_file, sign_list};
use pki::{Certificate, NameForm, SoftKey};
use wire::digest::DigestId;
use wire::header::{CTL_FILE_NAME, ITL_FILE_NAME, Layout};
use wire::role::Role;
use wire::trust_list::{RecordSpec, TrustList};
use wire::tvs::{Answer, Ask, Found, Trust};

use crate::{
    Accepted, Belief, Change, Decision, Ground, ListKind, Model, Offer, Refusal, TvsReply, TvsServer, Verdict, judge,
    judge_with_answer,
};

const CONFIG: &str = "SEP58971ECC97C1.cnf.xml.sgn";

/// Somebody with a certificate and its key.
struct Owner {
    certificate: Certificate,
    key: SoftKey,
}

fn owner(name: &str) -> Owner {
    let path = format!("{}/../../testdata/vectors/certs/{name}.bundle.pem", env!("CARGO_MANIFEST_DIR"));
    let pem = std::fs::read(path).unwrap();
    Owner { certificate: Certificate::from_pem(&pem).unwrap(), key: SoftKey::from_pem(&pem).unwrap() }
}

fn record(role: Role, owner: &Owner) -> RecordSpec {
    owner.certificate.with_fields(NameForm::Cucm, |fields| RecordSpec::cucm(role, fields, "node", Ipv4Addr::LOCALHOST))
}

fn hashed(role: Role, owner: &Owner) -> RecordSpec {
    let hash = owner.certificate.sha1();
    owner.certificate.with_fields(NameForm::Cucm, |fields| RecordSpec::hashed(role, fields, "", DigestId::SHA1, &hash))
}

fn signed_list(kind: ListKind, records: &[RecordSpec], signer: &Owner, digest: DigestId) -> Vec<u8> {
    let spec = ListSpec {
        layout: Layout::Cucm,
        signer_form: None,
        signer_version: None,
        digest,
        file_name: match kind {
            ListKind::Ctl => CTL_FILE_NAME,
            ListKind::Itl => ITL_FILE_NAME,
        },
        timestamp: 1_700_000_000,
    };
    let identity = SigningIdentity::new(&signer.certificate, &signer.key).unwrap();
    sign_list(&spec, records, &identity).unwrap()
}

/// An ITL as a node makes it: its CallManager as SAST and TFTP, a TVS as hash.
fn itl(callmanager: &Owner, tvs: &Owner) -> Vec<u8> {
    let records = [record(Role::SAST, callmanager), record(Role::TFTP, callmanager), hashed(Role::TVS, tvs)];
    signed_list(ListKind::Itl, &records, callmanager, DigestId::SHA1)
}

/// A CTL as a cluster makes it: the publisher's CallManager as SAST and CCM+TFTP.
fn ctl(callmanager: &Owner) -> Vec<u8> {
    let records = [record(Role::SAST, callmanager), record(Role::CCM_TFTP, callmanager)];
    signed_list(ListKind::Ctl, &records, callmanager, DigestId::SHA1)
}

fn sgn(name: &str, payload: &str, signer: &Owner) -> Vec<u8> {
    let spec = FileSpec { layout: Layout::Cucm, digest: DigestId::SHA1, file_name: name, timestamp: 1_700_000_000 };
    let identity = SigningIdentity::new(&signer.certificate, &signer.key).unwrap();
    sign_file(&spec, payload.as_bytes().to_vec(), &identity).unwrap()
}

fn list(bytes: &[u8]) -> TrustList {
    TrustList::decode(bytes).unwrap()
}

fn model(name: &str) -> &'static Model {
    Model::find(name).unwrap()
}

/// A 7965 with this ITL and one TVS server.
fn phone_with_itl(file: &[u8]) -> Belief {
    let mut belief = Belief::holding(model("7965"), None, Some(list(file)));
    belief.set_tvs_servers(vec![TvsServer { address: "cucm-pub".to_owned(), port: 2445 }]);
    belief
}

fn found(owner: &Owner, roles: &[u8]) -> TvsReply {
    TvsReply::Answered {
        server: "cucm-pub:2445".to_owned(),
        answer: Answer::Found(Found {
            certificate: Arc::from(owner.certificate.der()),
            trust: Trust::new(roles, 86_400).unwrap(),
        }),
        cached: false,
    }
}

fn answered(answer: Answer) -> TvsReply {
    TvsReply::Answered { server: "cucm-pub:2445".to_owned(), answer, cached: false }
}

/// Decided without TVS.
fn decided(belief: &Belief, offer: &Offer<'_>) -> Verdict {
    match judge(belief, offer) {
        Decision::Final(verdict) => verdict,
        Decision::AskTvs(question) => panic!("asks TVS about {}", question.about),
    }
}

/// Decided after TVS was asked.
fn decided_by(belief: &Belief, offer: &Offer<'_>, reply: &TvsReply) -> Verdict {
    let decision = judge(belief, offer);
    assert!(matches!(decision, Decision::AskTvs(_)), "{decision:?}");
    judge_with_answer(belief, offer, reply)
}

/// Decided without TVS and taken over.
fn takes(belief: &mut Belief, offer: &Offer<'_>) -> Accepted {
    match decided(belief, offer) {
        Verdict::Accepted(accepted) => {
            belief.apply(&accepted);
            accepted
        }
        Verdict::Refused(refusal) => panic!("refused: {refusal}"),
    }
}

#[track_caller]
fn refused(verdict: Verdict, label: &str) -> Refusal {
    match verdict {
        Verdict::Refused(refusal) => {
            assert_eq!(refusal.label(), label, "{refusal}");
            refusal
        }
        Verdict::Accepted(accepted) => panic!("accepted: {}", accepted.ground),
    }
}

#[track_caller]
fn accepted(verdict: Verdict, label: &str) -> Accepted {
    match verdict {
        Verdict::Accepted(accepted) => {
            assert_eq!(accepted.ground.label(), label, "{}", accepted.ground);
            accepted
        }
        Verdict::Refused(refusal) => panic!("refused: {refusal}"),
    }
}
