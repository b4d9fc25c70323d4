//! The command line of `ringfence ctl-client`: what is asked for, and what `--force` overrules.

use std::path::PathBuf;

use pki::Certificate;
use pki::ctl_client::{CtlDraft, LEAST_TOKENS};
use pki::sign::SigningIdentity;
use pki::token::{TokenIdentity, TokenInfo};
use wire::ctl_provider::Choice;
use wire::role::Role;
use zeroize::Zeroizing;

use super::outside::Outside;
use crate::exit::{Answer, Failure};
use crate::module::Module;
use crate::{secret, terminal};

/// Sign the CTL of a cluster with Security Tokens and put it on every node
///
/// Asks for everything in the steps of the original. With --yes it asks nothing: name server, user, choice and tokens. A password or
/// PIN comes from a file, or from a line of standard input, never from an argument.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: ringfence ctl-client --yes --server 10.48.47.155 --user ccmadmin --password-file pw \\\n         \
                        --fingerprint 5F2C... --set mixed --module /usr/lib/softhsm/libsofthsm2.so \\\n         \
                        --token ADN008580ef --token ADN0054f509 --pin-file pin\n\nExit codes: 0 on every node, 1 refused or not \
                        on every node, 2 could not be done, 64 wrong usage."
)]
pub struct Args {
    /// Hostname or IP address of the publisher
    #[arg(long, value_name = "HOST")]
    pub(super) server: Option<String>,
    /// Port of its CTL provider; 2444 without it
    #[arg(long)]
    pub(super) port: Option<u16>,
    /// Administrator
    #[arg(long, value_name = "NAME")]
    pub(super) user: Option<String>,
    /// File with his password in its first line
    #[arg(long, value_name = "FILE")]
    pub(super) password_file: Option<PathBuf>,
    /// SHA-256 of the provider's certificate, 64 digits; without it the client shows the certificate and asks
    #[arg(long, value_name = "DIGITS")]
    pub(super) fingerprint: Option<String>,
    /// What to do
    #[arg(long, value_name = "CHOICE")]
    pub(super) set: Option<Set>,
    #[command(flatten)]
    pub(super) module: Module,
    /// Label or serial number of a token, with /LABEL or /SERIAL behind it for one of several certificates. The first one signs
    #[arg(long, value_name = "TOKEN")]
    pub(super) token: Vec<String>,
    /// Alternate TFTP server with the file of its certificate, for Add TFTP
    #[arg(long, value_name = "HOST=FILE")]
    pub(super) tftp: Vec<Outside>,
    /// Firewall with the file of its certificate, for Add Firewall
    #[arg(long, value_name = "HOST=FILE")]
    pub(super) firewall: Vec<Outside>,
    /// Token or added server to delete from the CTL: the name in the certificate of the token (SAST-ADN008580ef), or its serial
    /// number, or the host
    #[arg(long, value_name = "NAME")]
    pub(super) delete: Vec<String>,
    /// File with the token password in its first line
    #[arg(long, value_name = "FILE")]
    pub(super) pin_file: Option<PathBuf>,
    /// Ask nothing
    #[arg(long)]
    pub(super) yes: bool,
    /// Overrule what can be overruled: fewer than two tokens, a token that is not in the CTL or has expired, phones that will refuse
    /// the CTL
    #[arg(long)]
    pub(super) force: bool,
    /// Where the signed CTL is kept until it was taken, with FILE.json beside it
    #[arg(long, value_name = "FILE", default_value = "CTLFile.unsent.tlv")]
    pub(super) unsent: PathBuf,
    /// Send a CTL that was kept so
    #[arg(long, value_name = "FILE", conflicts_with_all = ["token", "tftp", "firewall", "delete"])]
    pub(super) send: Option<PathBuf>,
}

/// The three radio buttons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Set {
    /// Set Cisco Unified CallManager Cluster to Mixed Mode
    Mixed,
    /// Set Cisco Unified CallManager Cluster to Non-Secure Mode
    NonSecure,
    /// Update CTL File
    Update,
}

impl Set {
    pub(super) const fn choice(self) -> Choice {
        match self {
            Self::Mixed => Choice::Mixed,
            Self::NonSecure => Choice::NonSecure,
            Self::Update => Choice::Update,
        }
    }
}

impl Args {
    /// A refusal; with `--force` only a warning.
    pub(super) fn unless_forced(&self, refusal: &str) -> Option<String> {
        if self.force {
            terminal::warn(&in_one_line(refusal));
            return None;
        }
        Some(refusal.to_owned())
    }

    /// The dates of a certificate; with `--force` only a warning.
    pub(super) fn check_date(&self, token: &TokenInfo, certificate: &Certificate) -> Result<(), Failure> {
        match token.check_date(certificate, now()).map_err(|error| self.unless_forced(&error.to_string())) {
            Err(Some(refusal)) => Err(could_not(format!("{refusal}. --force takes it all the same"))),
            Ok(()) | Err(None) => Ok(()),
        }
    }

    /// Puts the servers that were named into a draft.
    pub(super) fn add_outside(&self, draft: &mut CtlDraft) -> Result<(), Failure> {
        let all = [(Role::TFTP, &self.tftp), (Role::FIREWALL, &self.firewall)];
        for (role, outside) in all.into_iter().flat_map(|(role, all)| all.iter().map(move |outside| (role, outside))) {
            draft.add_server(outside.entry(role)?.0).map_err(could_not)?;
        }
        Ok(())
    }
}

pub(super) fn too_few(draft: &CtlDraft) -> String {
    format!(
        "You must have at least {LEAST_TOKENS} Security Tokens in the CTL File; it has {}. When the only one is lost, nobody can \
         sign the next CTL File.",
        draft.tokens().len()
    )
}

/// Says why not.
pub(super) fn refuse(refusal: &str) -> Result<Answer, Failure> {
    terminal::print(&format!("{refusal}\n"))?;
    Ok(Answer::No)
}

pub(super) fn sign(draft: &CtlDraft, choice: Choice, token: &TokenIdentity) -> Result<Vec<u8>, Failure> {
    let identity = SigningIdentity::new(token.certificate(), token).map_err(could_not)?;
    draft.sign(choice, &identity, u32::try_from(now()).unwrap_or(u32::MAX)).map_err(could_not)
}

pub(super) fn password(file: Option<&PathBuf>, prompt: &str) -> Result<Zeroizing<String>, Failure> {
    match file {
        Some(file) => secret::from_file(file),
        None => secret::ask(prompt)?.ok_or_else(|| Failure::CouldNotTell("no password was given".to_owned())),
    }
}

/// Seconds since 1970 UTC.
fn now() -> u64 {
    u64::try_from(daemon::surroundings::now() / 1000).unwrap_or_default()
}

pub(super) fn could_not(error: impl std::fmt::Display) -> Failure {
    Failure::CouldNotTell(error.to_string())
}

/// A text of the original, with its line ends, as a warning.
pub fn in_one_line(text: &str) -> String {
    text.lines().collect::<Vec<_>>().join(" ")
}
