//! `ringfence ctl-client`: signs the CTL of a cluster with Security Tokens, in the steps and words of the original
//! [sources/ctl-client#wizard], and the same without questions.
//!
//! * [`wizard`]: the questions; [`send`]: the connection; [`kept`]: the signed file until it is taken
//! * [`outside`]: servers that are no nodes of the cluster

mod kept;
mod outside;
mod send;
mod wizard;

use std::path::PathBuf;

use pki::Certificate;
use pki::ctl_client::{CtlDraft, LEAST_TOKENS};
use pki::sign::SigningIdentity;
use pki::token::{TokenError, TokenIdentity, TokenInfo};
use wire::ctl_provider::{Choice, PORT, Upload};
use wire::role::Role;
use zeroize::Zeroizing;

use crate::exit::{Answer, Failure};
use crate::module::{Module, refused};
use crate::{secret, terminal};
use kept::Kept;
use outside::Outside;
use send::Provider;

/// The refusal of [sources/ctl-client#messages], with its line ends.
pub const TOKEN_NOT_IN_CTL: &str = "The Security Token you have inserted does not exist in the CTL File\n\
    Please remove any Security Tokens already inserted and insert another\n\
    Security Token. Click Ok when done.";

/// The warning of [sources/ctl-client#messages], words as they stand there.
pub const NO_CTL: &str = "No CTL File exists on the server but the Call Manager Cluster Security Mode is in Secure Mode. \
    For the system to function, you must create the CTL File and set Call Manager Cluster the Secure Mode.";

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
    server: Option<String>,
    /// Port of its CTL provider; 2444 without it
    #[arg(long)]
    port: Option<u16>,
    /// Administrator
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// File with his password in its first line
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// SHA-256 of the provider's certificate, 64 digits; without it the client shows the certificate and asks
    #[arg(long, value_name = "DIGITS")]
    fingerprint: Option<String>,
    /// What to do
    #[arg(long, value_name = "CHOICE")]
    set: Option<Set>,
    #[command(flatten)]
    module: Module,
    /// Label or serial number of a token, with /LABEL or /SERIAL behind it for one of several certificates. The first one signs
    #[arg(long, value_name = "TOKEN")]
    token: Vec<String>,
    /// Alternate TFTP server with the file of its certificate, for Add TFTP
    #[arg(long, value_name = "HOST=FILE")]
    tftp: Vec<Outside>,
    /// Firewall with the file of its certificate, for Add Firewall
    #[arg(long, value_name = "HOST=FILE")]
    firewall: Vec<Outside>,
    /// Token or added server to delete from the CTL: the name in the certificate of the token (SAST-ADN008580ef), or its serial
    /// number, or the host
    #[arg(long, value_name = "NAME")]
    delete: Vec<String>,
    /// File with the token password in its first line
    #[arg(long, value_name = "FILE")]
    pin_file: Option<PathBuf>,
    /// Ask nothing
    #[arg(long)]
    yes: bool,
    /// Overrule what can be overruled: fewer than two tokens, a token that is not in the CTL or has expired, phones that will refuse
    /// the CTL
    #[arg(long)]
    force: bool,
    /// Where the signed CTL is kept until it was taken, with FILE.json beside it
    #[arg(long, value_name = "FILE", default_value = "CTLFile.unsent.tlv")]
    unsent: PathBuf,
    /// Send a CTL that was kept so
    #[arg(long, value_name = "FILE", conflicts_with_all = ["token", "tftp", "firewall", "delete"])]
    send: Option<PathBuf>,
}

/// The three radio buttons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Set {
    /// Set Cisco Unified CallManager Cluster to Mixed Mode
    Mixed,
    /// Set Cisco Unified CallManager Cluster to Non-Secure Mode
    NonSecure,
    /// Update CTL File
    Update,
}

impl Set {
    const fn choice(self) -> Choice {
        match self {
            Self::Mixed => Choice::Mixed,
            Self::NonSecure => Choice::NonSecure,
            Self::Update => Choice::Update,
        }
    }
}

impl Args {
    /// Runs the client.
    pub fn run(self) -> Result<Answer, Failure> {
        let runtime = tokio::runtime::Runtime::new().map_err(could_not)?;
        if self.yes {
            return self.without_questions(&runtime);
        }
        if self.send.is_some() {
            return Err(Failure::WrongUsage("--send goes with --yes".to_owned()));
        }
        wizard::run(&self, &runtime)
    }

    fn needed<'a, T>(&self, value: &'a Option<T>, name: &str) -> Result<&'a T, Failure> {
        value.as_ref().ok_or_else(|| Failure::WrongUsage(format!("--yes needs {name}")))
    }

    fn without_questions(&self, runtime: &tokio::runtime::Runtime) -> Result<Answer, Failure> {
        let kept = self.send.as_ref().map(|file| Kept::read(file, self.force)).transpose()?;
        // What the machine lacks is said before anybody is asked for a password.
        let module = kept.is_none().then(|| self.module.open()).transpose()?;
        let set = match (&kept, self.set) {
            (Some((_, signed, _)), Some(given)) if *signed != given => {
                let text = "the file was signed for another --set; without --set it is sent as what it was signed for";
                return Err(Failure::WrongUsage(text.to_owned()));
            }
            (Some((_, signed, _)), _) => *signed,
            (None, given) => *self.needed(&given, "--set")?,
        };
        let host = self.needed(&self.server, "--server")?.clone();
        let user = self.needed(&self.user, "--user")?.clone();
        let fingerprint = self.needed(&self.fingerprint, "--fingerprint")?.clone();
        let secret = password(self.password_file.as_ref(), "Password: ")?;
        let mut provider =
            Provider::new(host, self.port.unwrap_or(PORT), user, secret, Some(send::fingerprint(&fingerprint)?));
        if let Some((kept, _, upload)) = kept {
            return runtime.block_on(provider.store(upload, &kept));
        }
        let state = runtime.block_on(provider.look())?;
        if state.mixed && state.ctl.is_none() {
            terminal::warn(NO_CTL);
        }
        let base = state.ctl.as_deref().map(pki::hash::sha256);
        let mut draft = CtlDraft::new(state).map_err(could_not)?;
        self.add_outside(&mut draft)?;
        let Some(module) = module else { return Err(could_not("no module was opened")) };
        let [first, others @ ..] = self.token.as_slice() else {
            return Err(Failure::WrongUsage("--yes needs --token, twice for a new CTL".to_owned()));
        };
        // Certificates can be read without a password: nothing is tried before everything else is right.
        for wanted in others {
            let (token, label) = module.find_named(wanted).map_err(could_not)?;
            let open = module.open_token(&token).map_err(could_not)?;
            let certificate = open.certificate(label).map_err(could_not)?;
            self.check_date(&token, &certificate)?;
            draft.add_token(certificate);
        }
        let (token, label) = module.find_named(first).map_err(could_not)?;
        let public = match module.open_token(&token).and_then(|open| open.certificate(label)) {
            Ok(certificate) => Some(certificate),
            // Which of them has the key shows after the log-in.
            Err(TokenError::SeveralCertificates { .. }) => None,
            Err(error) => return Err(could_not(error)),
        };
        if let Some(signer) = &public
            && let Some(refusal) = self.refusal(&mut draft, &token, signer)?
        {
            return refuse(&refusal);
        }
        let pin = password(self.pin_file.as_ref(), "Token password: ")?;
        let identity = module.log_in(&token, &pin).and_then(|open| open.identity(label)).map_err(refused)?;
        if public.is_none()
            && let Some(refusal) = self.refusal(&mut draft, &token, identity.certificate())?
        {
            return refuse(&refusal);
        }
        let upload =
            Upload { choice: set.choice(), forced: self.force, file: sign(&draft, set.choice(), &identity)?, base };
        let kept = Kept::put(&self.unsent, set, &upload);
        runtime.block_on(provider.store(upload, &kept))
    }

    /// Puts the token that will sign into a draft, and deletes what is to go. Why this CTL is not made.
    fn refusal(
        &self,
        draft: &mut CtlDraft,
        token: &TokenInfo,
        signer: &Certificate,
    ) -> Result<Option<String>, Failure> {
        self.check_date(token, signer)?;
        if !draft.may_sign(signer)
            && let Some(refusal) = self.unless_forced(TOKEN_NOT_IN_CTL)
        {
            return Ok(Some(refusal));
        }
        draft.add_signer(signer.clone());
        for wanted in &self.delete {
            draft.delete_named(wanted).map_err(could_not)?;
        }
        let few = draft.tokens().len() < LEAST_TOKENS;
        Ok(few.then(|| too_few(draft)).and_then(|text| self.unless_forced(&text)))
    }

    /// A refusal; with `--force` only a warning.
    fn unless_forced(&self, refusal: &str) -> Option<String> {
        if self.force {
            terminal::warn(&send::in_one_line(refusal));
            return None;
        }
        Some(refusal.to_owned())
    }

    /// The dates of a certificate; with `--force` only a warning.
    fn check_date(&self, token: &TokenInfo, certificate: &Certificate) -> Result<(), Failure> {
        match token.check_date(certificate, now()).map_err(|error| self.unless_forced(&error.to_string())) {
            Err(Some(refusal)) => Err(could_not(format!("{refusal}. --force takes it all the same"))),
            Ok(()) | Err(None) => Ok(()),
        }
    }

    /// Puts the servers that were named into a draft.
    fn add_outside(&self, draft: &mut CtlDraft) -> Result<(), Failure> {
        let all = [(Role::TFTP, &self.tftp), (Role::FIREWALL, &self.firewall)];
        for (role, outside) in all.into_iter().flat_map(|(role, all)| all.iter().map(move |outside| (role, outside))) {
            draft.add_server(outside.entry(role)?.0).map_err(could_not)?;
        }
        Ok(())
    }
}

fn too_few(draft: &CtlDraft) -> String {
    format!(
        "You must have at least {LEAST_TOKENS} Security Tokens in the CTL File; it has {}. When the only one is lost, nobody can \
         sign the next CTL File.",
        draft.tokens().len()
    )
}

/// Says why not.
fn refuse(refusal: &str) -> Result<Answer, Failure> {
    terminal::print(&format!("{refusal}\n"))?;
    Ok(Answer::No)
}

fn sign(draft: &CtlDraft, choice: Choice, token: &TokenIdentity) -> Result<Vec<u8>, Failure> {
    let identity = SigningIdentity::new(token.certificate(), token).map_err(could_not)?;
    draft.sign(choice, &identity, u32::try_from(now()).unwrap_or(u32::MAX)).map_err(could_not)
}

fn password(file: Option<&PathBuf>, prompt: &str) -> Result<Zeroizing<String>, Failure> {
    match file {
        Some(file) => secret::from_file(file),
        None => secret::ask(prompt)?.ok_or_else(|| Failure::CouldNotTell("no password was given".to_owned())),
    }
}

/// Seconds since 1970 UTC.
fn now() -> u64 {
    u64::try_from(daemon::surroundings::now() / 1000).unwrap_or_default()
}

fn could_not(error: impl std::fmt::Display) -> Failure {
    Failure::CouldNotTell(error.to_string())
}
