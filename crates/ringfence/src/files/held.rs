//! The lists that a phone holds, given by hand, and what it says of a file then: asked of `trust`, as the virtual phone and the guards do.

use std::path::{Path, PathBuf};

use pki::Certificate;
use pki::listing::ListKind;
use pki::verify::{Verdict as SignatureCheck, check, check_against_itself};
use trust::{Belief, Decision, Ground, Model, Offer, TvsServer, Verdict, judge};
use wire::header::{CTL_FILE_NAME, ITL_FILE_NAME};
use wire::trust_list::TrustList;

use crate::exit::Failure;
use crate::files::finding::{Finding, certificate_text, explain, signer_of};
use crate::files::input::Input;
use crate::files::kind::Decoded;
use crate::terminal::one_line;

/// One list.
struct Given {
    /// The file.
    name: String,
    list: TrustList,
}

/// At most one of each kind: more no phone holds.
#[derive(Default)]
pub(super) struct Held {
    ctl: Option<Given>,
    itl: Option<Given>,
}

impl Held {
    /// Reads the lists.
    pub(super) fn read(paths: &[PathBuf]) -> Result<Self, Failure> {
        let mut held = Self::default();
        for path in paths {
            let given = read(path)?;
            let kind = kind(&given.list, path.file_name().and_then(|name| name.to_str()))
                .ok_or_else(|| Failure::WrongUsage(format!("{}: {NO_KIND}", given.name)))?;
            let place = match kind {
                ListKind::Ctl => &mut held.ctl,
                ListKind::Itl => &mut held.itl,
            };
            if let Some(before) = place {
                return Err(Failure::WrongUsage(format!(
                    "{} and {} are both {}s: a phone holds one CTL and one ITL; give --trust once for each",
                    before.name,
                    given.name,
                    kind.word()
                )));
            }
            *place = Some(given);
        }
        Ok(held)
    }

    /// What a phone of this model says of a file that it asked for by this name.
    pub(super) fn finding(
        &self,
        model: &'static Model,
        decoded: &Decoded,
        asked: Option<&str>,
        certificate: Option<&Certificate>,
    ) -> Result<Finding, Failure> {
        let list = |given: &Option<Given>| given.as_ref().map(|given| given.list.clone());
        let mut belief = Belief::holding(model, list(&self.ctl), list(&self.itl));
        // Whether TVS would be asked is to be told: a phone that took a config knows where one is.
        belief.set_tvs_servers(vec![TvsServer { address: "TVS of its config".to_owned(), port: 2445 }]);
        let offer = offer(decoded, asked)?;
        let signature = Some(self.signature(decoded, certificate));
        let finding = |label, reason, record| Finding { label, field: None, reason, record, signature };
        Ok(match judge(&belief, &offer) {
            Decision::Final(Verdict::Accepted(accepted)) => {
                let record = match &accepted.ground {
                    Ground::Listed { list, record, role, .. } => {
                        self.name_of(*list).map(|name| (name, record.saturating_sub(1), Some(*role)))
                    }
                    _ => None,
                };
                finding("valid", accepted.ground.to_string(), record)
            }
            Decision::Final(Verdict::Refused(refusal)) => finding(refusal.label(), refusal.to_string(), None),
            Decision::AskTvs(question) => {
                let wanted = offer.wanted_role();
                let reason = format!("{} is in no stored list as {wanted}; a phone would ask TVS", question.about);
                finding("unknown-signer", reason, None)
            }
        })
    }

    fn name_of(&self, kind: ListKind) -> Option<String> {
        let given = match kind {
            ListKind::Ctl => &self.ctl,
            ListKind::Itl => &self.itl,
        };
        given.as_ref().map(|given| given.name.clone())
    }

    /// What the signature itself is worth, whoever the signer is to the phone: held against the certificate that was given, else against
    /// those of the lists that have its serial number.
    fn signature(&self, decoded: &Decoded, given: Option<&Certificate>) -> String {
        let header = decoded.header();
        if let Some(certificate) = given {
            return explain(&check(header, certificate), &certificate_text(certificate));
        }
        let serial = header.serial();
        let lists = self.ctl.iter().chain(&self.itl);
        let of_signer = lists.flat_map(|given| given.list.records().map(move |record| (given, record)));
        let checked = of_signer
            .filter(|(_, record)| record.serial().is_some() && record.serial() == serial)
            .filter_map(|(given, record)| {
                let certificate = Certificate::from_der(record.certificate()?).ok()?;
                Some((check(header, &certificate), one_line(&given.name), certificate_text(&certificate)))
            });
        let best = checked.min_by_key(|(verdict, ..)| *verdict != SignatureCheck::Valid);
        match best {
            Some((verdict, list, certificate)) => {
                format!("{}, whose certificate is in {list}", explain(&verdict, &certificate))
            }
            None => format!(
                "not checked: no list that was given has a certificate of {}; give it with --cert",
                signer_of(header)
            ),
        }
    }
}

const NO_KIND: &str =
    "is it a CTL or an ITL? It has no FILENAME that says so; name the file CTLFile.tlv or ITLFile.tlv";

/// What the phone asked for when it got this.
fn offer<'a>(decoded: &'a Decoded, asked: Option<&'a str>) -> Result<Offer<'a>, Failure> {
    match (decoded, asked) {
        (Decoded::List(list), _) => match kind(list, asked) {
            Some(ListKind::Ctl) => Ok(Offer::Ctl(list.bytes())),
            Some(ListKind::Itl) => Ok(Offer::Itl(list.bytes())),
            None => Err(Failure::WrongUsage(format!("the file: {NO_KIND}, or give --name"))),
        },
        (Decoded::Signed(file), Some(name)) => Ok(Offer::SignedConfig { name, file: file.bytes() }),
        (Decoded::Signed(_), None) => Err(Failure::WrongUsage(
            "standard input has no name, and phones compare FILENAME with the name that they asked for: give --name NAME.sgn"
                .to_owned(),
        )),
    }
}

/// Which list it is: by its FILENAME, else by the name of the file.
fn kind(list: &TrustList, name: Option<&str>) -> Option<ListKind> {
    let own = list.header().file_name().unwrap_or_default();
    let is = |wanted: &str| own.eq_ignore_ascii_case(wanted.as_bytes());
    let starts = |wanted: &str| {
        name.and_then(|name| name.get(..wanted.len())).is_some_and(|start| start.eq_ignore_ascii_case(wanted))
    };
    match () {
        () if is(CTL_FILE_NAME) => Some(ListKind::Ctl),
        () if is(ITL_FILE_NAME) => Some(ListKind::Itl),
        () if starts("CTL") => Some(ListKind::Ctl),
        () if starts("ITL") => Some(ListKind::Itl),
        () => None,
    }
}

fn read(path: &Path) -> Result<Given, Failure> {
    let input = Input::read(path)?;
    let list = TrustList::decode(input.bytes.clone()).map_err(|error| input.malformed(&error))?;
    // A list that was damaged on its way here would give wrong answers about other files. One without its own
    // signer is fine: the phone checked it with another list.
    match check_against_itself(&list).verdict {
        SignatureCheck::Valid | SignatureCheck::Untrusted => Ok(Given { name: input.name, list }),
        verdict => {
            let reason = format!(
                "no phone would hold this list: {}; give one whose signature holds",
                explain(&verdict, &signer_of(list.header()))
            );
            Err(Failure::of(&input.name, reason))
        }
    }
}
