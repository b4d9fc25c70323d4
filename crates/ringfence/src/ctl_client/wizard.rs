//! The wizard: the screens of the original one after the other, each as a question [sources/ctl-client#wizard].

use std::io::{BufRead, IsTerminal, Read};
use std::path::PathBuf;

use pki::ctl_client::{CtlDraft, LEAST_TOKENS, NO_CTL, NotDeleted, TOKEN_NOT_IN_CTL};
use pki::token::{PinState, TokenCertificate, TokenError, TokenIdentity, TokenInfo, TokenModule};
use pki::{Certificate, NameForm};
use tokio::runtime::Runtime;
use wire::ctl_provider::{PORT, Upload};
use wire::role::Role;

use super::asked::{Args, Set, could_not, password, refuse, sign, too_few};
use super::kept::Kept;
use super::outside::Outside;
use super::send::{self, Provider};
use crate::exit::{Answer, Failure};
use crate::module::{self, refused};
use crate::{secret, terminal};

/// The buttons below the list [sources/ctl-client#wizard], with the letter for each.
const BUTTONS: &str =
    "Add TFTP (p), Add Firewall (w), Add Tokens (t), Delete Selected (d NUMBER), Finish (f) or Cancel (c): ";

/// Bytes of an answer at most.
const LIMIT: u64 = 4096;

pub fn run(args: &Args, runtime: &Runtime) -> Result<Answer, Failure> {
    terminal::print("Cisco CTL Client\nFor IP Telephony Solutions\n\n")?;
    let module = match args.module.named() {
        Some(path) => module::open(path).map_err(could_not)?,
        None => ask_for_module()?,
    };
    terminal::print("Cisco Unified Communications Manager Server\n")?;
    let host = given(args.server.as_ref(), "Hostname or IP Address: ")?;
    let port = args.port.map_or_else(port, Ok)?;
    let user = given(args.user.as_ref(), "Username: ")?;
    let secret = match &args.password_file {
        Some(file) => secret::from_file(file)?,
        None => password(None, "Password: ")?,
    };
    let known = args.fingerprint.as_deref().map(send::fingerprint).transpose()?;
    let mut provider = Provider::new(host, port, user, secret, known);
    if known.is_none() {
        let shown = runtime.block_on(provider.shown())?;
        terminal::print(&format!("The certificate of the server has the SHA-256\n  {}\n", send::digits(&shown)))?;
        terminal::print("`show cert fingerprint tomcat` on the publisher prints the one that it must be.\n")?;
        if !yes("Is it the tomcat certificate of the publisher? (y/n):")? {
            return Ok(Answer::No);
        }
        provider.trust(shown);
    }
    let state = runtime.block_on(provider.look())?;
    if state.mixed && state.ctl.is_none() {
        terminal::print(&format!("\n{NO_CTL}\n"))?;
        if !ok()? {
            return Ok(Answer::No);
        }
    }
    let set = args.set.map_or_else(choose, Ok)?;
    let base = state.ctl.as_deref().map(pki::hash::sha256);
    let mut draft = CtlDraft::new(state).map_err(could_not)?;
    args.add_outside(&mut draft)?;
    let Some(signer) = first_token(args, &module, &mut draft)? else { return cancelled() };
    for wanted in &args.delete {
        draft.delete_named(wanted).map_err(could_not)?;
    }
    if !edit(args, &module, &mut draft)? {
        return cancelled();
    }
    let identity = log_in(args, &module, &signer)?;
    let upload =
        Upload { choice: set.choice(), forced: args.force, file: sign(&draft, set.choice(), &identity)?, base };
    let kept = Kept::put(&args.unsent, set, &upload);
    runtime.block_on(provider.store(upload, &kept))
}

/// The module of the tokens, before anything else: without one nothing can be signed. Those that are there are offered.
fn ask_for_module() -> Result<TokenModule, Failure> {
    let found = module::usual();
    terminal::print("PKCS#11 module of the Security Tokens\n")?;
    for (number, path) in (1..).zip(&found) {
        terminal::print(&format!("  {number}  {}\n", path.display()))?;
    }
    let prompt = if found.is_empty() { "File: " } else { "Number or file (1): " };
    loop {
        let typed = line(prompt)?;
        let place = if typed.is_empty() { Some(1) } else { typed.parse::<usize>().ok() };
        let picked = place.and_then(|number| found.get(number.checked_sub(1)?).cloned());
        let path = match picked {
            Some(path) => path,
            None if typed.is_empty() => continue,
            None => PathBuf::from(typed),
        };
        match module::open(&path) {
            Ok(module) => return Ok(module),
            Err(error) => terminal::print(&format!("{}\n", terminal::one_line(&error.to_string())))?,
        }
    }
}

fn cancelled() -> Result<Answer, Failure> {
    refuse("Cancelled. Nothing was sent.")
}

/// The port; Enter takes the one of the original.
fn port() -> Result<u16, Failure> {
    loop {
        let typed = line(&format!("Port ({PORT}): "))?;
        match typed.parse() {
            Ok(port) => return Ok(port),
            Err(_) if typed.is_empty() => return Ok(PORT),
            Err(_) => {}
        }
    }
}

/// The radio buttons.
fn choose() -> Result<Set, Failure> {
    terminal::print(
        "\nCluster Security Mode\n  1  Set Cisco Unified CallManager Cluster to Mixed Mode\n  2  Set Cisco Unified CallManager \
         Cluster to Non-Secure Mode\n  3  Update CTL File\n",
    )?;
    loop {
        match line("Next (1-3): ")?.as_str() {
            "1" => return Ok(Set::Mixed),
            "2" => return Ok(Set::NonSecure),
            "3" => return Ok(Set::Update),
            _ => {}
        }
    }
}

/// A token in its slot, and the certificate that was taken from it.
struct Inserted {
    token: TokenInfo,
    /// Label or serial number of the certificate, when there are several.
    named: Option<String>,
    certificate: Certificate,
}

/// The token that signs: one that the CTL holds, when there is one.
fn first_token(args: &Args, module: &TokenModule, draft: &mut CtlDraft) -> Result<Option<Inserted>, Failure> {
    loop {
        let Some(inserted) = insert(args, module)? else { return Ok(None) };
        if !draft.may_sign(&inserted.certificate)
            && let Some(refusal) = args.unless_forced(TOKEN_NOT_IN_CTL)
        {
            terminal::print(&format!("\n{refusal}\n"))?;
            continue;
        }
        draft.add_signer(inserted.certificate.clone());
        return Ok(Some(inserted));
    }
}

/// *Please insert a Security Token*, its details, *Add*.
fn insert(args: &Args, module: &TokenModule) -> Result<Option<Inserted>, Failure> {
    loop {
        terminal::print("\nPlease insert a Security Token. Click Ok when done.\n")?;
        if !ok()? {
            return Ok(None);
        }
        let tokens = module.tokens().map_err(could_not)?;
        let titles = tokens.iter().map(|token| format!("{} (serial number {})", token.label, token.serial));
        let token = match tokens.as_slice() {
            [] => {
                terminal::print("No Security Token is inserted.\n")?;
                continue;
            }
            [one] => one.clone(),
            several => match pick(titles, "Security Token: ")?.and_then(|place| several.get(place)) {
                Some(token) => token.clone(),
                None => continue,
            },
        };
        match certificate(args, module, &token) {
            Ok(Some((named, certificate))) => {
                details("Security Token Information", &certificate, NameForm::CtlClient)?;
                if added()? {
                    return Ok(Some(Inserted { token, named, certificate }));
                }
            }
            Ok(None) => {}
            Err(failure) => terminal::print(&format!("{failure}\n"))?,
        }
    }
}

/// The certificate of a token; of several the one that is picked, and what it is called.
fn certificate(
    args: &Args,
    module: &TokenModule,
    token: &TokenInfo,
) -> Result<Option<(Option<String>, Certificate)>, Failure> {
    let open = module.open_token(token).map_err(could_not)?;
    let (named, certificate) = match open.certificate(None) {
        Ok(certificate) => (None, certificate),
        Err(TokenError::SeveralCertificates { .. }) => {
            let all = open.certificates().map_err(could_not)?;
            let picked = pick(all.iter().map(TokenCertificate::title), "Certificate: ")?;
            let Some(picked) = picked.and_then(|place| all.get(place)) else { return Ok(None) };
            let alone = all.iter().filter(|other| other.label == picked.label).count() == 1;
            let named = if alone { picked.label.clone() } else { picked.serial() };
            let certificate = open.certificate(Some(&named)).map_err(could_not)?;
            (Some(named), certificate)
        }
        Err(error) => return Err(could_not(error)),
    };
    args.check_date(token, &certificate)?;
    Ok(Some((named, certificate)))
}

/// One of several, by its number: its place.
fn pick(titles: impl Iterator<Item = String>, prompt: &str) -> Result<Option<usize>, Failure> {
    for (number, title) in (1..).zip(titles) {
        terminal::print(&format!("  {number}  {}\n", terminal::one_line(&title)))?;
    }
    Ok(line(prompt)?.parse::<usize>().ok().and_then(|number| number.checked_sub(1)))
}

/// The log-in. A wrong password is typed again, by somebody who has seen what is left; a locked token ends it.
fn log_in(args: &Args, module: &TokenModule, signer: &Inserted) -> Result<TokenIdentity, Failure> {
    loop {
        let pin = password(args.pin_file.as_ref(), "Token password: ")?;
        // Looked at again: its state is another after a wrong password.
        let token = module.find(&signer.token.serial).map_err(could_not)?;
        let identity = module.log_in(&token, &pin).and_then(|open| open.identity(signer.named.as_deref()));
        match identity {
            Ok(identity) => return Ok(identity),
            Err(error @ TokenError::WrongPin { .. })
                if may_retry(&error) && args.pin_file.is_none() && std::io::stdin().is_terminal() =>
            {
                terminal::print(&format!("{error}\n"))?;
            }
            Err(error) => return Err(refused(error)),
        }
    }
}

const fn may_retry(error: &TokenError) -> bool {
    !matches!(error, TokenError::WrongPin { state: PinState::Locked, .. })
}

/// A certificate before it is added [sources/ctl-client#wizard].
fn details(title: &str, certificate: &Certificate, form: NameForm) -> Result<(), Failure> {
    let (first, last) = certificate.dates();
    terminal::print(&format!(
        "\n{title}\n  Subject Name: {}\n  Issuer Name:  {}\n  Valid From:   {}\n  Expires on:   {}\n",
        terminal::one_line(&certificate.subject(form)),
        terminal::one_line(&certificate.issuer(form)),
        date(first),
        date(last)
    ))
}

fn added() -> Result<bool, Failure> {
    one_of("Add or Cancel (a/c): ", ["a", "add"], ["c", "cancel"])
}

/// *Add TFTP* or *Add Firewall*; an empty answer is *Cancel*.
fn add_outside(draft: &mut CtlDraft, role: Role, title: &str) -> Result<(), Failure> {
    terminal::print(&format!("\n{title}\n"))?;
    let host = line("Hostname or IP Address: ")?;
    if host.is_empty() {
        return Ok(());
    }
    let (entry, certificate) = match Outside::new(host, line("Certificate file: ")?).entry(role) {
        Ok(found) => found,
        Err(failure) => return terminal::print(&format!("{}\n", terminal::one_line(&failure.to_string()))),
    };
    details(title, &certificate, NameForm::Cucm)?;
    if added()? && !draft.add_server(entry).map_err(could_not)? {
        terminal::print("This server is in the CTL File already.\n")?;
    }
    Ok(())
}

/// The list with its buttons, until *Finish*. `false`: *Cancel*.
fn edit(args: &Args, module: &TokenModule, draft: &mut CtlDraft) -> Result<bool, Failure> {
    loop {
        terminal::print("\nCTL Entries\n  No  Type            Hostname/IP      Issuer Name / Subject Name\n")?;
        for (number, item) in (1..).zip(draft.items()) {
            let names = [item.issuer, item.subject].map(|name| terminal::one_line(&name));
            terminal::print(&format!(
                "  {number:<3} {:<15} {:<16} {}\n{:38} {}\n",
                item.kind, item.host, names[0], "", names[1]
            ))?;
        }
        match line(BUTTONS)?.as_str() {
            "p" | "P" => add_outside(draft, Role::TFTP, "Add TFTP")?,
            "w" | "W" => add_outside(draft, Role::FIREWALL, "Add Firewall")?,
            "t" | "T" => {
                if let Some(inserted) = insert(args, module)?
                    && !draft.add_token(inserted.certificate)
                {
                    terminal::print("This Security Token is in the CTL File already.\n")?;
                }
            }
            "f" | "F" => {
                let few = draft.tokens().len() < LEAST_TOKENS;
                match few.then(|| too_few(draft)).and_then(|text| args.unless_forced(&text)) {
                    Some(refusal) => terminal::print(&format!("{refusal}\n"))?,
                    None => return Ok(true),
                }
            }
            "c" | "C" => return Ok(false),
            other => {
                let Some(number) = other.strip_prefix(['d', 'D']) else { continue };
                let place = number.trim().parse::<usize>().ok().and_then(|number| number.checked_sub(1));
                if let Err(reason) = place.map_or(Err(NotDeleted::Fixed), |place| draft.delete(place)) {
                    terminal::print(&format!("{reason}\n"))?;
                }
            }
        }
    }
}

/// Month, day, year, as the original shows it.
fn date(second: i64) -> String {
    pki::date::wall_clock(second, &jiff::tz::TimeZone::UTC).0.strftime("%m/%d/%Y").to_string()
}

fn given(value: Option<&String>, prompt: &str) -> Result<String, Failure> {
    value.map_or_else(|| line(prompt), |value| Ok(value.clone()))
}

fn ok() -> Result<bool, Failure> {
    yes("Ok or Cancel (y/n):")
}

fn yes(prompt: &str) -> Result<bool, Failure> {
    one_of(prompt, ["y", "yes"], ["n", "no"])
}

/// Asks until the answer is one of these: whether it was one of the first two.
fn one_of(prompt: &str, yes: [&str; 2], no: [&str; 2]) -> Result<bool, Failure> {
    loop {
        let typed = line(prompt)?.to_ascii_lowercase();
        if yes.contains(&typed.as_str()) {
            return Ok(true);
        }
        if no.contains(&typed.as_str()) {
            return Ok(false);
        }
    }
}

/// An answer. The end of input ends the wizard: nothing was sent.
fn line(prompt: &str) -> Result<String, Failure> {
    terminal::print(prompt)?;
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(LIMIT).read_until(b'\n', &mut bytes);
    read.map_err(|error| Failure::of("standard input", error))?;
    if bytes.is_empty() {
        return Err(Failure::of("standard input", "ended before the wizard did; nothing was sent"));
    }
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}
