//! `ringfence build ctl|itl`.

use std::collections::HashMap;
use std::path::PathBuf;

use clap::ValueEnum;
use pki::sign::{ListSpec, sign_list};
use pki::{Certificate, NameForm};
use wire::header::{CTL_FILE_NAME, ITL_FILE_NAME, Layout as WireLayout, Version};
use wire::role::Role;
use wire::trust_list::PHONE_LIMIT;

use crate::exit::{Answer, Failure};
use crate::files::input;
use crate::files::output::{Readers, Target};
use crate::files::record::{Form, RecordSource, Records};
use crate::files::signer::{Making, Pair, warn_size};
use crate::terminal;

/// Most SAST records that phones take in one list [sources/trust-lists#limits].
const SAST_LIMIT: usize = 2;

/// Build and sign a trust list
///
/// Records stand in the list in the order of the command line. In the cucm layout a record has a host name (`name=`, else
/// the CN) and an address (`ip=`, else 0.0.0.0). FORM is `full`, `client` (no SIGNATURE), `token` (a CTL client's token)
/// or `hash`; `-` as FILE makes a record without a certificate, as a non-secure cluster has them.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: ringfence build ctl --sast pub.pem,name=cucm1,ip=10.0.0.1 --ccm-tftp pub.pem,name=cucm1,ip=10.0.0.1 \
                  --capf capf.pem,name=cucm1,ip=10.0.0.1 -o CTLFile.tlv"
)]
pub struct Args {
    /// Which list
    kind: Kind,
    #[command(flatten)]
    records: Records,
    /// Write the hash of each TVS certificate in place of the certificate
    #[arg(long)]
    hash_tvs: bool,
    /// Certificate of the signer [default: the first --sast]
    #[arg(long, value_name = "CERT")]
    signer: Option<PathBuf>,
    /// Key of the signer [default: in the file of its certificate]
    #[arg(long, value_name = "KEY")]
    key: Option<PathBuf>,
    /// SIGNERVERSION; 1.1 lets phones use newer algorithms [default: none, 1.0 in the peer layout]
    #[arg(long, value_name = "VERSION")]
    signer_version: Option<Version>,
    #[command(flatten)]
    making: Making,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Certificate Trust List
    Ctl,
    /// Identity Trust List
    Itl,
}

impl Kind {
    const fn file_name(self) -> &'static str {
        match self {
            Self::Ctl => CTL_FILE_NAME,
            Self::Itl => ITL_FILE_NAME,
        }
    }
}

impl Args {
    /// Builds, signs and writes.
    pub fn run(self) -> Result<Answer, Failure> {
        let path = self.target.path_or(Some(PathBuf::from(self.kind.file_name())))?;
        self.target.check(&path)?;
        let layout = WireLayout::from(self.making.layout);
        let certificates = self.certificates()?;
        let signer = self.signer_source()?;
        let signer_path = self.signer.clone().or_else(|| signer.and_then(|source| source.certificate.clone()));
        let Some(signer_path) = signer_path else {
            return Err(Failure::WrongUsage("nobody signs: give --sast BUNDLE or --signer CERT".to_owned()));
        };
        let pair = Pair::read(&signer_path, self.key.as_deref())?;
        let mut specs = Vec::with_capacity(self.records.0.len());
        for (role, source) in &self.records.0 {
            let mut source = source.clone();
            if self.hash_tvs && *role == Role::TVS {
                source.form = Form::Hash;
            }
            let certificate = source.certificate.as_ref().and_then(|path| certificates.get(path));
            specs.push(source.spec(*role, certificate, layout)?);
        }
        let default_version = match layout {
            WireLayout::Peer => Some(Version { major: 1, minor: 0 }),
            WireLayout::Cucm => None,
        };
        let as_token = signer.is_some_and(|source| source.form == Form::Token);
        let spec = ListSpec {
            layout,
            signer_form: as_token.then_some(NameForm::CtlClient),
            signer_version: self.signer_version.or(default_version),
            digest: self.making.digest,
            file_name: self.making.filename.as_deref().unwrap_or_else(|| self.kind.file_name()),
            timestamp: self.making.timestamp()?,
        };
        let list =
            sign_list(&spec, &specs, &pair.identity()?).map_err(|error| Failure::CouldNotTell(error.to_string()))?;
        self.warn(&certificates, pair.certificate(), list.len());
        self.target.write(&path, &list, Readers::Everybody)?;
        Ok(Answer::Yes)
    }

    /// The record of the signer: of --signer when it is one of them, else the first SAST record.
    fn signer_source(&self) -> Result<Option<&RecordSource>, Failure> {
        let mut sast = self.records.0.iter().filter(|(role, _)| *role == Role::SAST).map(|(_, source)| source);
        let Some(signer) = &self.signer else {
            return Ok(sast.next());
        };
        let wanted = input::certificate(signer)?;
        for source in sast {
            if let Some(path) = &source.certificate
                && input::certificate(path)? == wanted
            {
                return Ok(Some(source));
            }
        }
        Ok(None)
    }

    /// Each certificate once, however many records it stands in.
    fn certificates(&self) -> Result<HashMap<PathBuf, Certificate>, Failure> {
        let mut all = HashMap::new();
        for path in self.records.0.iter().filter_map(|(_, source)| source.certificate.as_ref()) {
            if !all.contains_key(path) {
                all.insert(path.clone(), input::certificate_of_record(path)?);
            }
        }
        Ok(all)
    }

    fn warn(&self, certificates: &HashMap<PathBuf, Certificate>, signer: &Certificate, length: usize) {
        if length > PHONE_LIMIT {
            terminal::warn(&format!(
                "the list has {length} bytes; phones do not load more than {PHONE_LIMIT}: leave certificates out, or --hash-tvs"
            ));
        }
        let roles = || self.records.0.iter().map(|(role, _)| *role);
        let sast = roles().filter(|role| *role == Role::SAST).count();
        if sast > SAST_LIMIT {
            terminal::warn(&format!("the list has {sast} SAST records; phones take at most {SAST_LIMIT}"));
        }
        if self.kind == Kind::Ctl && roles().any(|role| role == Role::TVS) {
            terminal::warn("TVS records belong in an ITL; phones do not look for them in a CTL");
        }
        let signs = |(role, source): &(Role, RecordSource)| {
            let certificate = source.certificate.as_ref().and_then(|path| certificates.get(path));
            *role == Role::SAST && certificate == Some(signer)
        };
        if !self.records.0.iter().any(signs) {
            terminal::warn(
                "the signer has no SAST record in the list; phones without an older list cannot check it later",
            );
        }
        let mut seen: Vec<&Certificate> = Vec::new();
        for certificate in certificates.values().chain([signer]) {
            if !seen.contains(&certificate) {
                seen.push(certificate);
            }
        }
        seen.sort_by_key(|certificate| certificate.subject(NameForm::Cucm));
        seen.into_iter().for_each(warn_size);
    }
}
