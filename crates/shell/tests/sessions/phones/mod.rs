//! What phones do to the rows when they enrol, without phones.
#![allow(dead_code)] // each test file uses what it needs

use cluster::devices::Device;
use cluster::rows::{CompletedRow, NewLsc};
use cluster::{Actor, Level};
use pki::lsc::{LscRequest, SubjectForm, public_key_pem};
use pki::signer::Signer;
use pki::{Certificate, NameForm};
use ringfence_core::enrolment::Authority;
use testbed::{phone, rsa_key};
use wire::digest::DigestId;

use crate::node::Place;

/// The phones of [sources/published-clusters#presentation].
pub const FIRST: &str = "SEP885A92D977CA";
pub const SECOND: &str = "SEPB83861583B73";

/// Phones by name.
pub async fn add(place: &mut Place, names: &[&str]) {
    let devices: Vec<Device> = names.iter().map(|name| phone(name)).collect();
    let actor = Actor::new("admin", Level::Install);
    place.cluster.put_devices(&actor, &devices, &mut place.clock).await.unwrap();
}

/// A phone has stored an LSC that the CAPF of now issued; its serial number is made of `serial`.
pub async fn install(place: &mut Place, name: &str, serial: u8) -> Certificate {
    let authority = Authority::load(&place.cluster).await.unwrap();
    let key = rsa_key(2048).unwrap();
    let now = u64::try_from(place.clock.now / 1000).unwrap();
    let serial = [0x40 | serial; 16];
    let request = LscRequest {
        device_name: name,
        model: "8861",
        mic: None,
        issuer: authority.certificate(),
        public_key: key.spki(),
        serial: &serial,
        not_before: now,
        not_after: now + 86_400 * 365,
        form: SubjectForm::CommonNameFirst,
        digest: DigestId::SHA256,
    };
    let lsc = request.lay_out().unwrap().sign(authority.key()).unwrap();
    let new = NewLsc {
        device: name.to_owned(),
        serial: pki::hash::hex(lsc.serial()),
        subject: lsc.subject(NameForm::Row),
        issuer: lsc.issuer(NameForm::Row),
        issuer_fingerprint: pki::hash::hex(&authority.certificate().sha256()),
        not_before: i64::try_from(now).unwrap(),
        not_after: i64::try_from(now).unwrap() + 86_400 * 365,
        to_be_signed: String::new(),
    };
    let fingerprint = pki::hash::hex(&lsc.sha256());
    let mut transaction = place.cluster.store().begin().await.unwrap();
    transaction.import_lsc(&new, &lsc.to_pem(), &fingerprint, place.clock.now).await.unwrap();
    transaction.commit().await.unwrap();
    succeed(place, name, &public_key_pem(&lsc)).await;
    lsc
}

/// The operation of a phone ends well.
pub async fn succeed(place: &Place, name: &str, public_key: &str) {
    let mut transaction = place.cluster.store().begin().await.unwrap();
    let scheduled_at = transaction.enrolment(name).await.unwrap().unwrap().scheduled_at;
    let done = CompletedRow { device: name, status: 3, public_key: Some(Some(public_key)), version_stamp: "1-1" };
    transaction.complete_operation(&done, scheduled_at).await.unwrap();
    transaction.commit().await.unwrap();
}

/// The operation of a phone fails with a status.
pub async fn fail(place: &Place, name: &str, status: i64) {
    let mut transaction = place.cluster.store().begin().await.unwrap();
    let scheduled_at = transaction.enrolment(name).await.unwrap().unwrap().scheduled_at;
    transaction.set_failure(name, scheduled_at, Some(status), None, false).await.unwrap();
    transaction.commit().await.unwrap();
}
