//! The rules [sources/trust-lists#acceptance], [sources/trust-lists#blank-list].
//!
//! A list: same as the stored one, else limits of the model, else the first of all or an ITL for a phone with a blank one
//! without a check, else signer in a stored list as SAST, else TVS. A config: signer in a stored list as TFTP or CCM+TFTP, else TVS; unsigned only when no list names
//! such a certificate. A TLS server: its certificate in a stored list with the role, else TVS; TVS itself only by the
//! ITL.

use pki::verify::{self, Verdict as SignatureCheck};
use pki::{Certificate, NameForm};
use wire::header::{CTL_FILE_NAME, HeaderView, ITL_FILE_NAME};
use wire::role::Role;
use wire::signed_file::{SignedFile, is_plain_xml};
use wire::trust_list::{PHONE_LIMIT, TrustList};
use wire::tvs::{Answer, Ask};

use crate::belief::Belief;
use crate::lists;
use crate::models::Model;
use crate::offer::{ListKind, Offer, TvsReply};
use crate::verdict::{Accepted, Change, Decision, Ground, NoTvs, Party, Question, Refusal, Verdict};

/// What the phone does with an offer, as far as its lists decide it.
#[must_use]
pub fn judge(belief: &Belief, offer: &Offer<'_>) -> Decision {
    match decide(belief, offer, None) {
        Ok(accepted) => Decision::Final(Verdict::Accepted(accepted)),
        Err(Stop::Refused(refusal)) => Decision::Final(Verdict::Refused(*refusal)),
        Err(Stop::Ask(question)) => Decision::AskTvs(*question),
    }
}

/// What the phone does with an offer when TVS has replied. A reply that was not needed changes nothing.
#[must_use]
pub fn judge_with_answer(belief: &Belief, offer: &Offer<'_>, reply: &TvsReply) -> Verdict {
    match decide(belief, offer, Some(reply)) {
        Ok(accepted) => Verdict::Accepted(accepted),
        Err(Stop::Refused(refusal)) => Verdict::Refused(*refusal),
        Err(Stop::Ask(question)) => Verdict::Refused(Refusal::TvsUnavailable {
            party: question.about,
            wanted: offer.wanted_role(),
            servers: Vec::new(),
        }),
    }
}

/// Why there is nothing to accept (yet).
enum Stop {
    Refused(Box<Refusal>),
    Ask(Box<Question>),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

fn decide(belief: &Belief, offer: &Offer<'_>, reply: Option<&TvsReply>) -> Result<Accepted, Stop> {
    match *offer {
        Offer::Ctl(file) => list(belief, offer, ListKind::Ctl, file, reply),
        Offer::Itl(file) => list(belief, offer, ListKind::Itl, file, reply),
        Offer::SignedConfig { file, .. } if is_plain_xml(file) => unsigned(belief, file),
        Offer::SignedConfig { name, file } => config(belief, offer, name, file, reply),
        Offer::UnsignedConfig(file) => unsigned(belief, file),
        Offer::TlsServer { role, certificate } => server(belief, offer, role, certificate, reply),
    }
}

fn list(
    belief: &Belief,
    offer: &Offer<'_>,
    kind: ListKind,
    file: &[u8],
    reply: Option<&TvsReply>,
) -> Result<Accepted, Stop> {
    let model = belief.model();
    if kind == ListKind::Itl && !model.security_by_default {
        return Err(Refusal::NoItlForModel(model.name).into());
    }
    if file.is_empty() {
        return Err(Refusal::Empty.into());
    }
    if file.len() > PHONE_LIMIT {
        let bytes = file.len();
        return Err(Refusal::TooLarge { bytes, limit: PHONE_LIMIT }.into());
    }
    if belief.list(kind).is_some_and(|list| list.bytes() == file) {
        return Ok(Accepted { ground: Ground::Unchanged, change: Change::Nothing });
    }
    let list = TrustList::decode(file).map_err(|malformed| Refusal::Malformed(malformed.to_string()))?;
    let name = match kind {
        ListKind::Ctl => CTL_FILE_NAME,
        ListKind::Itl => ITL_FILE_NAME,
    };
    check_name(list.header(), name)?;
    check_limits(model, &list)?;
    let ground = list_ground(belief, offer, kind, &list, reply)?;
    let change = if list.record_count() == 0 { Change::ClearList(kind) } else { Change::StoreList(kind, list) };
    Ok(Accepted { ground, change })
}

fn list_ground(
    belief: &Belief,
    offer: &Offer<'_>,
    kind: ListKind,
    list: &TrustList,
    reply: Option<&TvsReply>,
) -> Result<Ground, Stop> {
    // Without a check means without a check: where any stranger's list is taken, a known signer whose signature does not hold
    // stops nothing either. For a blank ITL that is the word of the source, *any new ITL*
    // [sources/trust-lists#blank-list]; for the ITL behind a CTL that was taken on faith in the same boot [inferred].
    let first = belief.began_empty() && belief.list(kind).is_none();
    match signed_ground(belief, offer, list.header(), reply) {
        Ok(ground) => Ok(ground),
        Err(_) if first => Ok(Ground::LeapOfFaith),
        Err(_) if kind == ListKind::Itl && belief.takes_any_itl() => Ok(Ground::BlankItl),
        Err(stop) => Err(stop),
    }
}

fn config(
    belief: &Belief,
    offer: &Offer<'_>,
    name: &str,
    file: &[u8],
    reply: Option<&TvsReply>,
) -> Result<Accepted, Stop> {
    let signed = SignedFile::decode(file).map_err(|malformed| Refusal::Malformed(malformed.to_string()))?;
    check_name(signed.header(), name)?;
    let ground = signed_ground(belief, offer, signed.header(), reply)?;
    let change = Change::StoreConfig(signed.payload().to_vec());
    Ok(Accepted { ground, change })
}

fn unsigned(belief: &Belief, file: &[u8]) -> Result<Accepted, Stop> {
    if let Some((list, _, record)) = belief.named(Role::signs_configs).next() {
        return Err(Refusal::Unsigned {
            party: Party {
                subject: record.subject().unwrap_or_default().to_vec(),
                issuer: record.issuer().unwrap_or_default().to_vec(),
                serial: record.serial().unwrap_or_default().to_vec(),
            },
            role: record.role().unwrap_or(Role::TFTP),
            list,
        }
        .into());
    }
    Ok(Accepted { ground: Ground::SignatureNotWanted, change: Change::StoreConfig(file.to_vec()) })
}

fn server(
    belief: &Belief,
    offer: &Offer<'_>,
    role: Role,
    der: &[u8],
    reply: Option<&TvsReply>,
) -> Result<Accepted, Stop> {
    let certificate = Certificate::from_der(der).map_err(|error| Refusal::Malformed(error.to_string()))?;
    let party = Party::owner(&certificate);
    let accepted = |ground| Accepted { ground, change: Change::Nothing };
    if !belief.has_lists() {
        return Err(Refusal::NoTrustList(party).into());
    }
    let found = belief
        .named(|listed| offer.is_suited(listed))
        .filter(|(kind, ..)| role != Role::TVS || *kind == ListKind::Itl)
        .find(|(_, _, record)| lists::is_about(record, &certificate));
    if let Some((list, record, view)) = found {
        return Ok(accepted(Ground::Listed {
            list,
            record,
            role: view.role().unwrap_or(role),
            party,
            by_hash: view.certificate().is_none(),
        }));
    }
    if role == Role::TVS {
        return Err(Refusal::NotOurTvs { party }.into());
    }
    let ask = Ask::Verify { certificate: der.to_vec() };
    let (server, answer, cached) = referee(belief, offer, &party, ask, reply)?;
    match answer {
        Answer::Verified(trust) => {
            check_roles(offer, server, &party, trust.roles())?;
            Ok(accepted(Ground::Tvs {
                server: server.to_owned(),
                roles: trust.roles().to_vec(),
                party,
                ttl_seconds: trust.ttl_seconds(),
                cached,
            }))
        }
        Answer::NotValid => Err(does_not_know(offer, server, party)),
        Answer::Found(_) => Err(Refusal::TvsOtherAnswer(server.to_owned()).into()),
    }
}

/// Who signed a file, and why that is believed.
fn signed_ground(
    belief: &Belief,
    offer: &Offer<'_>,
    header: HeaderView<'_>,
    reply: Option<&TvsReply>,
) -> Result<Ground, Stop> {
    let Some(party) = Party::signer(header) else {
        let missing = "SIGNERID: names or serial number are missing".to_owned();
        return Err(Refusal::Malformed(missing).into());
    };
    check_digest(belief.model(), header)?;
    if !belief.has_lists() {
        return Err(Refusal::NoTrustList(party).into());
    }
    let found = belief
        .named(|role| offer.is_suited(role))
        .filter(|(_, _, record)| {
            record.serial() == Some(&party.serial)
                && record.issuer() == Some(&party.issuer)
                && record.subject() == Some(&party.subject)
        })
        .find_map(|(list, number, record)| {
            // a hash cannot check a signature, a certificate that does not parse is of no use
            let certificate = Certificate::from_der(record.certificate()?).ok()?;
            Some((list, number, record.role()?, certificate))
        });
    if let Some((list, record, role, certificate)) = found {
        let from = || format!("certificate of record {record} of the stored {}", list.word());
        check_signature(belief.model(), header, &certificate, &party, from)?;
        return Ok(Ground::Listed { list, record, role, party, by_hash: false });
    }
    let ask = Ask::Query { subject: party.subject.clone(), issuer: party.issuer.clone(), serial: party.serial.clone() };
    let (server, answer, cached) = referee(belief, offer, &party, ask, reply)?;
    let found = match answer {
        Answer::Found(found) => found,
        Answer::NotValid => return Err(does_not_know(offer, server, party)),
        Answer::Verified(_) => return Err(Refusal::TvsOtherAnswer(server.to_owned()).into()),
    };
    let other = |sent: String| Refusal::TvsOtherCertificate { server: server.to_owned(), party: party.clone(), sent };
    let certificate =
        Certificate::from_der(&found.certificate).map_err(|error| other(format!("bytes that are {error}")))?;
    if !is_certificate_of(&certificate, &party) {
        return Err(other(Party::owner(&certificate).to_string()).into());
    }
    check_roles(offer, server, &party, found.trust.roles())?;
    let from = || format!("certificate from TVS {server}");
    check_signature(belief.model(), header, &certificate, &party, from)?;
    Ok(Ground::Tvs {
        server: server.to_owned(),
        roles: found.trust.roles().to_vec(),
        party,
        ttl_seconds: found.trust.ttl_seconds(),
        cached,
    })
}

/// The answer of TVS, or the question when it was not asked yet, or why it cannot be asked.
fn referee<'r>(
    belief: &Belief,
    offer: &Offer<'_>,
    party: &Party,
    ask: Ask,
    reply: Option<&'r TvsReply>,
) -> Result<(&'r str, &'r Answer, bool), Stop> {
    let model = belief.model();
    let no_tvs = if !model.security_by_default {
        Some(NoTvs::Model(model.name))
    } else if belief.tvs_records().next().is_none() {
        Some(NoTvs::NoRecord)
    } else if belief.tvs_servers().is_empty() {
        Some(NoTvs::NoServer)
    } else {
        None
    };
    let wanted = offer.wanted_role();
    if let Some(no_tvs) = no_tvs {
        return Err(Refusal::Unknown { party: party.clone(), wanted, no_tvs }.into());
    }
    match reply {
        None => Err(Stop::Ask(Box::new(Question { ask, about: party.clone() }))),
        Some(TvsReply::NoServer(servers)) => {
            Err(Refusal::TvsUnavailable { party: party.clone(), wanted, servers: servers.clone() }.into())
        }
        Some(TvsReply::Answered { server, answer, cached }) => Ok((server, answer, *cached)),
    }
}

fn does_not_know(offer: &Offer<'_>, server: &str, party: Party) -> Stop {
    Refusal::TvsDoesNotKnow { server: server.to_owned(), party, remedy: offer.remedy() }.into()
}

/// Whether names and serial number of a signer are those of a certificate, in any form that lists use. The names of a
/// token are cut at commas and cannot be made from its certificate, so there the serial number alone, written in
/// reverse, has to do [sources/trust-lists#serial-numbers]; the signature is checked in any case.
fn is_certificate_of(certificate: &Certificate, party: &Party) -> bool {
    let named = |form| {
        certificate.subject(form).as_bytes() == party.subject && certificate.issuer(form).as_bytes() == party.issuer
    };
    if certificate.serial() == party.serial {
        return named(NameForm::Cucm) || named(NameForm::Peer) || named(NameForm::CtlClient);
    }
    certificate.serial_reversed() == party.serial && party.subject.starts_with(b"cn=")
}

fn check_roles(offer: &Offer<'_>, server: &str, party: &Party, roles: &[u8]) -> Result<(), Stop> {
    if roles.iter().any(|role| offer.is_suited(Role(u16::from(*role)))) {
        return Ok(());
    }
    Err(Refusal::TvsOtherRole {
        server: server.to_owned(),
        party: party.clone(),
        roles: roles.to_vec(),
        wanted: offer.wanted_role(),
        remedy: offer.remedy(),
    }
    .into())
}

fn check_signature(
    model: &Model,
    header: HeaderView<'_>,
    certificate: &Certificate,
    party: &Party,
    from: impl Fn() -> String,
) -> Result<(), Stop> {
    check_key(model, certificate)?;
    match verify::check(header, certificate) {
        SignatureCheck::Valid => Ok(()),
        SignatureCheck::Malformed(field, what) => Err(Refusal::Malformed(format!("{field} {what}")).into()),
        SignatureCheck::Unsupported(digest) => Err(Refusal::UnknownDigest { digest, model: model.name }.into()),
        SignatureCheck::BadSignature | SignatureCheck::KeyKind(_) | SignatureCheck::Untrusted => {
            Err(Refusal::BadSignature { party: party.clone(), from: from() }.into())
        }
    }
}

fn check_digest(model: &Model, header: HeaderView<'_>) -> Result<(), Stop> {
    match header.digest() {
        Some(digest) if !model.knows(digest) => Err(Refusal::UnknownDigest { digest, model: model.name }.into()),
        _ => Ok(()),
    }
}

fn check_key(model: &Model, certificate: &Certificate) -> Result<(), Stop> {
    match certificate.rsa_bits() {
        Some(bits) if bits > model.most_rsa_bits => Err(Refusal::KeyTooLarge {
            party: Party::owner(certificate),
            bits,
            limit: model.most_rsa_bits,
            model: model.name,
        }
        .into()),
        _ => Ok(()),
    }
}

fn check_limits(model: &Model, list: &TrustList) -> Result<(), Stop> {
    let found = lists::sast_count(list);
    if let Some(limit) = model.most_sast
        && found > limit
    {
        return Err(Refusal::TooManySast { found, limit, model: model.name }.into());
    }
    match lists::largest_rsa(list) {
        Some((_, certificate)) => check_key(model, &certificate),
        None => Ok(()),
    }
}

/// FILENAME, when there, has to be the name that was asked for: else the signed file of another phone would do.
fn check_name(header: HeaderView<'_>, wanted: &str) -> Result<(), Stop> {
    match header.file_name() {
        Some(found) if !found.eq_ignore_ascii_case(wanted.as_bytes()) => {
            Err(Refusal::OtherFile { found: found.escape_ascii().to_string(), wanted: wanted.to_owned() }.into())
        }
        _ => Ok(()),
    }
}
