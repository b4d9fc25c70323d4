//! The wizard: the screens of the original one after the other, each as a question [seed 000].

use std::io::{BufRead, Read};

use pki::ctl_client::{CtlDraft, LEAST_TOKENS};
use pki::token::{Token, TokenModule};
use pki::{Certificate, NameForm};
use tokio::runtime::Runtime;
use wire::ctl_provider::{Choice, PORT, Upload};
use wire::role::Role;

use super::outside::Outside;
use super::send::{self, Provider};
use super::{Args, NO_CTL, TOKEN_NOT_IN_CTL, could_not, log_in, now, password, sign, too_few};
use crate::exit::{Answer, Failure};
use crate::{secret, terminal};

/// The buttons below the list [seed 000], with the letter for each.
const BUTTONS: &str =
    "Add TFTP (p), Add Firewall (w), Add Tokens (t), Delete Selected (d NUMBER), Finish (f) or Cancel (c): ";

/// Bytes of an answer at most.
const LIMIT: u64 = 4096;

pub fn run(args: &Args, runtime: &Runtime) -> Result<Answer, Failure> {
    terminal::print("Cisco CTL Client\nFor IP Telephony Solutions\n\nCisco Unified Communications Manager Server\n")?;
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
    let choice = match args.set {
        Some(set) => set.choice(),
        None => choose()?,
    };
    let base = state.ctl.as_deref().map(pki::hash::sha256);
    let mut draft = CtlDraft::new(state).map_err(could_not)?;
    args.add_outside(&mut draft)?;
    let module = args.open_module()?;
    let Some(signer) = first_token(&module, &mut draft)? else { return Ok(Answer::No) };
    if !edit(&module, &mut draft)? {
        return Ok(Answer::No);
    }
    let pin = password(args.pin_file.as_ref(), "Token password: ")?;
    let identity = log_in(&module, &signer, &pin)?;
    let file = sign(&draft, choice, &identity)?;
    runtime.block_on(provider.store(Upload { choice, forced: args.force, file, base }, &args.unsent))
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
fn choose() -> Result<Choice, Failure> {
    terminal::print(
        "\nCluster Security Mode\n  1  Set Cisco Unified CallManager Cluster to Mixed Mode\n  2  Set Cisco Unified CallManager \
         Cluster to Non-Secure Mode\n  3  Update CTL File\n",
    )?;
    loop {
        match line("Next (1-3): ")?.as_str() {
            "1" => return Ok(Choice::Mixed),
            "2" => return Ok(Choice::NonSecure),
            "3" => return Ok(Choice::Update),
            _ => {}
        }
    }
}

/// The token that signs: one that the CTL holds, when there is one. Its serial number.
fn first_token(module: &TokenModule, draft: &mut CtlDraft) -> Result<Option<String>, Failure> {
    loop {
        let Some((token, certificate)) = insert(module)? else { return Ok(None) };
        if !draft.may_sign(&certificate) {
            terminal::print(&format!("\n{TOKEN_NOT_IN_CTL}\n"))?;
            continue;
        }
        draft.add_token(certificate);
        return Ok(Some(token.info().serial.clone()));
    }
}

/// *Please insert a Security Token*, its details, *Add*.
fn insert(module: &TokenModule) -> Result<Option<(Token, Certificate)>, Failure> {
    loop {
        terminal::print("\nPlease insert a Security Token. Click Ok when done.\n")?;
        if !ok()? {
            return Ok(None);
        }
        let tokens = module.tokens().map_err(could_not)?;
        let found = match tokens.as_slice() {
            [] => {
                terminal::print("No Security Token is inserted.\n")?;
                continue;
            }
            [one] => one.clone(),
            several => {
                for (number, token) in (1..).zip(several) {
                    terminal::print(&format!("  {number}  {} (serial number {})\n", token.label, token.serial))?;
                }
                let number: usize = line("Security Token: ")?.parse().unwrap_or_default();
                let Some(token) = number.checked_sub(1).and_then(|place| several.get(place)) else { continue };
                token.clone()
            }
        };
        let open = module.open_token(&found).map_err(could_not)?;
        let certificate = match open.certificate(None, now()) {
            Ok(certificate) => certificate,
            Err(error) => {
                terminal::print(&format!("{error}\n"))?;
                continue;
            }
        };
        details("Security Token Information", &certificate, NameForm::CtlClient)?;
        return Ok(added()?.then_some((open, certificate)));
    }
}

/// A certificate before it is added [seed 000].
fn details(title: &str, certificate: &Certificate, form: NameForm) -> Result<(), Failure> {
    let (first, last) = certificate.validity();
    terminal::print(&format!(
        "\n{title}\n  Subject Name: {}\n  Issuer Name:  {}\n  Valid From:   {}\n  Expires on:   {}\n",
        terminal::one_line(&certificate.subject(form)),
        terminal::one_line(&certificate.issuer(form)),
        date(first),
        date(last)
    ))
}

fn added() -> Result<bool, Failure> {
    Ok(matches!(line("Add or Cancel (a/c): ")?.as_str(), "a" | "A" | "Add" | "add"))
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
fn edit(module: &TokenModule, draft: &mut CtlDraft) -> Result<bool, Failure> {
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
                if let Some((_, certificate)) = insert(module)?
                    && !draft.add_token(certificate)
                {
                    terminal::print("This Security Token is in the CTL File already.\n")?;
                }
            }
            "f" | "F" if draft.tokens().len() < LEAST_TOKENS => terminal::print(&format!("{}\n", too_few(draft)))?,
            "f" | "F" => return Ok(true),
            "c" | "C" | "" => return Ok(false),
            other => {
                let number = other.strip_prefix(['d', 'D']).and_then(|number| number.trim().parse::<usize>().ok());
                let deleted = number.and_then(|number| number.checked_sub(1)).is_some_and(|place| draft.delete(place));
                if !deleted {
                    terminal::print("This entry cannot be deleted.\n")?;
                }
            }
        }
    }
}

/// Month, day, year, as the original shows it.
fn date(second: u64) -> String {
    let stamp = i64::try_from(second).ok().and_then(|second| jiff::Timestamp::from_second(second).ok());
    stamp.map_or_else(|| second.to_string(), |stamp| stamp.strftime("%m/%d/%Y").to_string())
}

fn given(value: Option<&String>, prompt: &str) -> Result<String, Failure> {
    value.map_or_else(|| line(prompt), |value| Ok(value.clone()))
}

fn ok() -> Result<bool, Failure> {
    yes("Ok or Cancel (y/n):")
}

fn yes(prompt: &str) -> Result<bool, Failure> {
    Ok(matches!(line(prompt)?.to_ascii_lowercase().as_str(), "y" | "yes" | "ok" | "o"))
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
