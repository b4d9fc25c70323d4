//! Records of a trust list as the command line names them, in the order in which they were given.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches};
use pki::{Certificate, NameForm};
use wire::digest::DigestId;
use wire::header::Layout;
use wire::role::Role;
use wire::trust_list::RecordSpec;

use crate::exit::Failure;

/// How a record is asked for.
const SYNTAX: &str = "FILE[,name=HOST][,ip=ADDRESS][,form=FORM]";

/// Option, role, help.
const OPTIONS: [(&str, Role, &str); 7] = [
    ("sast", Role::SAST, "Signs trust lists; the first one signs this one"),
    ("ccm", Role::CCM, "SIP TLS server"),
    ("ccm-tftp", Role::CCM_TFTP, "SIP TLS server that signs configs too"),
    ("tftp", Role::TFTP, "Signs configs"),
    ("capf", Role::CAPF, "Enrolls phones"),
    ("app-server", Role::APP_SERVER, "HTTPS of phone services"),
    ("tvs", Role::TVS, "Answers phones about other certificates; ITL only"),
];

/// What goes into a record besides role and names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// All ten fields.
    Full,
    /// Without SIGNATURE, as the CTL client writes servers.
    Client,
    /// Without SIGNATURE, names and serial number as the CTL client writes tokens.
    Token,
    /// The hash of the certificate in place of it.
    Hash,
}

/// One record: where its certificate stands and what the cucm layout adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordSource {
    /// File with the certificate; `None` for a record without one.
    pub certificate: Option<PathBuf>,
    name: Option<String>,
    address: Option<Ipv4Addr>,
    /// Which fields.
    pub form: Form,
}

impl FromStr for RecordSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut source = Self { certificate: None, name: None, address: None, form: Form::Full };
        let mut rest = text;
        // From the right, so that a comma in a path stays in the path.
        while let Some((before, (key, value))) =
            rest.rsplit_once(',').and_then(|(before, last)| Some((before, last.split_once('=')?)))
        {
            match key {
                "name" => source.name = Some(value.to_owned()),
                "ip" => {
                    let address = value.parse();
                    source.address = Some(address.map_err(|_| format!("`{value}` is not an IPv4 address"))?);
                }
                "form" => source.form = form(value)?,
                _ => break,
            }
            rest = before;
        }
        match rest {
            path if path.is_empty() || path.starts_with("--") => {
                return Err(format!("a file is missing; write {SYNTAX}"));
            }
            "-" => {}
            path => source.certificate = Some(PathBuf::from(path)),
        }
        if source.certificate.is_none() && (source.name.is_none() || source.address.is_none()) {
            return Err("a record without a certificate needs its server: -,name=HOST,ip=ADDRESS".to_owned());
        }
        Ok(source)
    }
}

fn form(value: &str) -> Result<Form, String> {
    Ok(match value {
        "full" => Form::Full,
        "client" => Form::Client,
        "token" => Form::Token,
        "hash" => Form::Hash,
        _ => {
            return Err(format!("`{value}` is not a form of a record: full, client, token or hash"));
        }
    })
}

impl RecordSource {
    /// The fields to write. `certificate` is the one of [`RecordSource::certificate`].
    pub fn spec(&self, role: Role, certificate: Option<&Certificate>, layout: Layout) -> Result<RecordSpec, Failure> {
        if layout == Layout::Peer {
            let plain = self.name.is_none() && self.address.is_none() && self.form == Form::Full;
            return match certificate {
                Some(certificate) if plain => {
                    Ok(certificate.with_fields(NameForm::Peer, |fields| RecordSpec::peer(role, fields)))
                }
                _ => Err(Failure::WrongUsage(
                    "name=, ip=, form= and records without a certificate belong to --layout cucm".to_owned(),
                )),
            };
        }
        let address = self.address.unwrap_or(Ipv4Addr::UNSPECIFIED);
        let Some(certificate) = certificate else {
            return Ok(RecordSpec::emptied(role, self.name.as_deref().unwrap_or_default(), address));
        };
        let common_name;
        let name = match &self.name {
            Some(name) => name.as_str(),
            None => {
                common_name = certificate.common_name().unwrap_or_default();
                &common_name
            }
        };
        let names = if self.form == Form::Token { NameForm::CtlClient } else { NameForm::Cucm };
        Ok(certificate.with_fields(names, |fields| match self.form {
            Form::Full => RecordSpec::cucm(role, fields, name, address),
            Form::Client | Form::Token => RecordSpec::ctl_client(role, fields, name, address),
            Form::Hash => RecordSpec::hashed(role, fields, name, DigestId::SHA1, &certificate.sha1()),
        }))
    }
}

/// All records, in the order of the command line.
#[derive(Debug, Clone, Default)]
pub struct Records(pub Vec<(Role, RecordSource)>);

impl FromArgMatches for Records {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut placed = Vec::new();
        for (option, role, _) in OPTIONS {
            let values = matches.get_many::<RecordSource>(option).into_iter().flatten();
            let places = matches.indices_of(option).into_iter().flatten();
            placed.extend(places.zip(values).map(|(place, value)| (place, role, value.clone())));
        }
        placed.sort_by_key(|(place, ..)| *place);
        Ok(Self(placed.into_iter().map(|(_, role, value)| (role, value)).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl clap::Args for Records {
    fn augment_args(command: Command) -> Command {
        OPTIONS.into_iter().fold(command, |command, (option, _, help)| {
            command.arg(
                Arg::new(option)
                    .long(option)
                    .value_name(SYNTAX)
                    .help(help)
                    .action(ArgAction::Append)
                    // `-,name=..` is a record without a certificate.
                    .allow_hyphen_values(true)
                    .value_parser(clap::value_parser!(RecordSource))
                    .help_heading("Records, written in the order given"),
            )
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}
