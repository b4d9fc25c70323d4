//! `ringfence ctl-client`: signs the CTL of a cluster with Security Tokens, in the steps and words of the original
//! [seed 000], and the same without questions.
//!
//! * [`wizard`]: the questions; [`send`]: the connection, and what is kept when it breaks off
//! * [`outside`]: servers that are no nodes of the cluster

mod outside;
mod send;
mod wizard;

use std::path::PathBuf;

use pki::ctl_client::{CtlDraft, LEAST_TOKENS};
use pki::sign::SigningIdentity;
use pki::token::{CALL_LIMIT, TokenIdentity, TokenModule};
use wire::ctl_provider::{Choice, PORT, Upload};
use wire::role::Role;
use zeroize::Zeroizing;

use crate::exit::{Answer, Failure};
use crate::{secret, terminal};
use outside::Outside;
use send::Provider;

/// The refusal of [seed 000], with its line ends.
pub const TOKEN_NOT_IN_CTL: &str = "The Security Token you have inserted does not exist in the CTL File\n\
    Please remove any Security Tokens already inserted and insert another\n\
    Security Token. Click Ok when done.";

/// The warning of [seed 000], words as they stand there.
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
    /// PKCS#11 module of the tokens
    #[arg(long, value_name = "FILE")]
    module: Option<PathBuf>,
    /// Label or serial number of a token, with /LABEL behind it for one of several certificates. The first one signs
    #[arg(long, value_name = "TOKEN")]
    token: Vec<String>,
    /// Alternate TFTP server with the file of its certificate, for Add TFTP
    #[arg(long, value_name = "HOST=FILE")]
    tftp: Vec<Outside>,
    /// Firewall with the file of its certificate, for Add Firewall
    #[arg(long, value_name = "HOST=FILE")]
    firewall: Vec<Outside>,
    /// File with the token password in its first line
    #[arg(long, value_name = "FILE")]
    pin_file: Option<PathBuf>,
    /// Ask nothing
    #[arg(long)]
    yes: bool,
    /// Overrule what can be overruled: fewer than two tokens, phones that will refuse the CTL
    #[arg(long)]
    force: bool,
    /// Where the signed CTL is kept when it could not be sent
    #[arg(long, value_name = "FILE", default_value = "CTLFile.unsent.tlv")]
    unsent: PathBuf,
    /// Send a CTL that was kept so
    #[arg(long, value_name = "FILE", conflicts_with_all = ["token", "tftp", "firewall"])]
    send: Option<PathBuf>,
}

/// The three radio buttons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
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
        let host = self.needed(&self.server, "--server")?.clone();
        let user = self.needed(&self.user, "--user")?.clone();
        let choice = self.needed(&self.set, "--set")?.choice();
        let fingerprint = self.needed(&self.fingerprint, "--fingerprint")?.clone();
        let secret = password(self.password_file.as_ref(), "Password: ")?;
        let mut provider =
            Provider::new(host, self.port.unwrap_or(PORT), user, secret, Some(send::fingerprint(&fingerprint)?));
        let state = runtime.block_on(provider.look())?;
        if state.mixed && state.ctl.is_none() {
            terminal::warn(NO_CTL);
        }
        let base = state.ctl.as_deref().map(pki::hash::sha256);
        if let Some(file) = &self.send {
            let file = std::fs::read(file).map_err(|error| Failure::at(file, error))?;
            let upload = Upload { choice, forced: self.force, file, base };
            return runtime.block_on(provider.store(upload, &self.unsent));
        }
        let mut draft = CtlDraft::new(state).map_err(could_not)?;
        self.add_outside(&mut draft)?;
        let module = self.open_module()?;
        let [first, others @ ..] = self.token.as_slice() else {
            return Err(Failure::WrongUsage("--yes needs --token, twice for a new CTL".to_owned()));
        };
        // Certificates can be read without a password: nothing is tried before everything else is right.
        for wanted in others {
            let (token, label) = named(wanted);
            let found = module.find(token).map_err(could_not)?;
            let open = module.open_token(&found).map_err(could_not)?;
            draft.add_token(open.certificate(label, now()).map_err(could_not)?);
        }
        let pin = password(self.pin_file.as_ref(), "Token password: ")?;
        let identity = log_in(&module, first, &pin)?;
        if !draft.may_sign(identity.certificate()) && !self.force {
            terminal::print(&format!("{TOKEN_NOT_IN_CTL}\n"))?;
            return Ok(Answer::No);
        }
        draft.add_token(identity.certificate().clone());
        if draft.tokens().len() < LEAST_TOKENS && !self.force {
            terminal::print(&format!("{}\n", too_few(&draft)))?;
            return Ok(Answer::No);
        }
        let upload = Upload { choice, forced: self.force, file: sign(&draft, choice, &identity)?, base };
        runtime.block_on(provider.store(upload, &self.unsent))
    }

    /// Puts the servers that were named into a draft.
    fn add_outside(&self, draft: &mut CtlDraft) -> Result<(), Failure> {
        let all = [(Role::TFTP, &self.tftp), (Role::FIREWALL, &self.firewall)];
        for (role, outside) in all.into_iter().flat_map(|(role, all)| all.iter().map(move |outside| (role, outside))) {
            draft.add_server(outside.entry(role)?.0).map_err(could_not)?;
        }
        Ok(())
    }

    fn open_module(&self) -> Result<TokenModule, Failure> {
        let path = self.module.as_ref().ok_or_else(|| {
            let text = "--module names the PKCS#11 module of the tokens, such as /usr/lib/softhsm/libsofthsm2.so";
            Failure::WrongUsage(text.to_owned())
        })?;
        TokenModule::open(path, CALL_LIMIT).map_err(could_not)
    }
}

fn too_few(draft: &CtlDraft) -> String {
    format!(
        "You must have at least {LEAST_TOKENS} Security Tokens in the CTL File; it has {}. When the only one is lost, nobody can \
         sign the next CTL File.",
        draft.tokens().len()
    )
}

/// `TOKEN` or `TOKEN/LABEL`.
fn named(wanted: &str) -> (&str, Option<&str>) {
    wanted.split_once('/').map_or((wanted, None), |(token, label)| (token, Some(label)))
}

fn log_in(module: &TokenModule, wanted: &str, pin: &Zeroizing<String>) -> Result<TokenIdentity, Failure> {
    let (token, label) = named(wanted);
    let found = module.find(token).map_err(could_not)?;
    module.log_in(&found, pin).and_then(|open| open.identity(label, now())).map_err(could_not)
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
