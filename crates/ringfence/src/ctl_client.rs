//! `ringfence ctl-client`: signs the CTL of a cluster with Security Tokens, in the steps and words of the original
//! [sources/ctl-client#wizard], and the same without questions.
//!
//! * [`wizard`]: the questions; [`send`]: the connection; [`kept`]: the signed file until it is taken
//! * [`asked`]: the command line, and what it overrules
//! * [`outside`]: servers that are no nodes of the cluster

mod asked;
mod kept;
mod outside;
mod send;
mod wizard;

pub use asked::Args;

use pki::Certificate;
use pki::ctl_client::{CtlDraft, LEAST_TOKENS, NO_CTL, TOKEN_NOT_IN_CTL};
use pki::token::{TokenError, TokenInfo};
use wire::ctl_provider::{PORT, Upload};

use crate::exit::{Answer, Failure};
use crate::module::refused;
use crate::terminal;
use asked::{could_not, password, refuse, sign, too_few};
use kept::Kept;
use send::Provider;

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
}
