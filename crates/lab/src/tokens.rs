//! The scenarios of Security Tokens: away from them, back to them, and without those that were lost
//! [sources/ctl-client#from-tokens-and-back].

use std::path::Path;

use cluster::releases::Release;
use phone::Outcome;
use pki::listing::ListKind;
use trust::Model;

use crate::Failure;
use crate::desk::{ADMINISTRATOR, Desk, NEW_TOKENS, SecurityToken, TOKENS};
use crate::ending::{By, Differences, Ending};
use crate::lab_phone::{LabPhone, title};
use crate::steps::{check_size, ctl_signer, expect, in_mixed_mode, must_say, restart_services, sizes};
use crate::world::World;
use pki::ctl_client::{NO_CTL, TOKEN_NOT_IN_CTL};

/// Phones of all kinds; those that take no more than two SAST records only where a CTL of tokens has no more.
const MODELS: [&str; 5] = ["7975", "8861", "7841", "7960", "Jabber"];

/// The size of a CTL with two tokens that [sources/published-clusters#two-nodes] prints, for the release whose profile
/// it shows.
fn token_size(release: &Release) -> Option<usize> {
    (release.name == "10.5").then_some(5728)
}

/// The models that take a CTL of two tokens of this release; the transcript says which are left out, and why.
fn models(world: &World) -> Result<Vec<&'static str>, Failure> {
    let release = world.release();
    let sasts = TOKENS.len() + release.token_ctl_sasts.len();
    let takes = |name: &&str| Model::find(name).is_some_and(|model| model.most_sast.is_none_or(|most| sasts <= most));
    let (taking, out): (Vec<&str>, Vec<&str>) = MODELS.into_iter().partition(takes);
    if !out.is_empty() {
        world.transcript.output(&format!(
            "  Without {}: a CTL of {} tokens has {sasts} SAST records in release {}, and other software reports that these take \
             fewer. The CTL provider refuses it where they are, unless it is forced.\n",
            out.join(" and "),
            TOKENS.len(),
            release.name
        ))?;
    }
    Ok(taking)
}

/// For each phone what becomes of one that can ask TVS, or of one that cannot.
fn each<T: Clone>(world: &World, asks_tvs: &T, cannot: &T) -> Vec<T> {
    let of = |lab: &LabPhone| {
        if lab.phone.settings().model.security_by_default { asks_tvs.clone() } else { cannot.clone() }
    };
    world.phones.iter().map(of).collect()
}

/// The phones that cannot ask TVS.
fn without_tvs(phones: &mut [LabPhone]) -> impl Iterator<Item = &mut LabPhone> {
    phones.iter_mut().filter(|lab| !lab.phone.settings().model.security_by_default)
}

/// Activates the CTL provider, with an administrator who may use it, and sets up a desk with tokens.
async fn desk(world: &mut World, directory: &Path, tokens: [SecurityToken; 2]) -> Result<Desk, Failure> {
    let (name, password) = ADMINISTRATOR;
    world.types(&format!("set account name {name}"), &["1", password, password]).await?;
    world.types("utils service activate Cisco CTL Provider", &[]).await?;
    let desk = Desk::open(&directory.join("desk"), world.ctl_provider().await?)?;
    for token in tokens {
        desk.make(&world.transcript, token).await?;
    }
    Ok(desk)
}

/// Signs with tokens; all nodes must take the file.
async fn sign(
    world: &mut World,
    differences: &mut Differences,
    desk: &Desk,
    (set, force): (&str, bool),
    tokens: [SecurityToken; 2],
) -> Result<String, Failure> {
    let (code, said) = desk.client(&world.transcript, set, tokens, force).await?;
    world.refresh().await?;
    let nodes = world.listens().count();
    if code != Some(0) || said.matches("Passed").count() != nodes {
        differences.push(format!("the CTL client did not put the file on {nodes} nodes"));
    }
    check_size(differences, world, token_size(world.release()))?;
    Ok(said)
}

/// The CTL client must refuse with this text and change nothing.
async fn refused(
    world: &mut World,
    differences: &mut Differences,
    desk: &Desk,
    tokens: [SecurityToken; 2],
    text: &str,
) -> Result<(), Failure> {
    let before = world.published(ListKind::Ctl)?;
    let (code, said) = desk.client(&world.transcript, "update", tokens, false).await?;
    must_say(differences, &said, text);
    if code != Some(1) || world.published(ListKind::Ctl)? != before {
        differences.push("the CTL client did not refuse".to_owned());
    }
    Ok(())
}

/// Mixed mode by the printed tokens [sources/ctl-client#tokens]; phones hold their CTL.
async fn signed_by_tokens(world: &mut World, directory: &Path) -> Result<(Desk, Differences), Failure> {
    let mut differences = Differences::new();
    world.transcript.step("Before: two Security Tokens sign the CTL, the phones hold it")?;
    let desk = desk(world, directory, TOKENS).await?;
    sign(world, &mut differences, &desk, ("mixed", false), TOKENS).await?;
    restart_services(world).await?;
    let models = models(world)?;
    world.add_phones(&models).await?;
    let reports = world.reset_phones(usize::MAX).await?;
    let all = each(world, &Outcome::Trusted, &Outcome::Trusted);
    expect(&mut differences, &reports, &all);
    world.show_tvs_log("tvs.log of the publisher")?;
    world.remember_lists();
    let said = world.types("show ctl", &[]).await?;
    must_say(&mut differences, &said, "cn=\"SAST-ADN008580ef        \";ou=IPCBU;o=\"Cisco Systems");
    Ok((desk, differences))
}

/// Deletes the CTL from all nodes.
async fn delete_ctl(world: &mut World, differences: &mut Differences) -> Result<(), Failure> {
    let delete = "file delete tftp CTLFile.tlv";
    for said in [world.types(delete, &["y"]).await?, world.types_on_subscriber(delete, &["y"]).await?] {
        must_say(differences, &said, "files: found = 1, deleted = 1");
    }
    Ok(())
}

/// Exports the certificates from the tokens and uploads them, so that TVS vouches for them.
async fn trust_tokens(
    world: &mut World,
    differences: &mut Differences,
    desk: &Desk,
    tokens: [SecurityToken; 2],
) -> Result<(), Failure> {
    for token in tokens {
        let file = desk.export(&world.transcript, token).await?;
        world.turn_to().types(&format!("set cert import trust Phone-SAST-trust {}", file.display()), &[]).await?;
    }
    let said = world.types("show cert list trust", &[]).await?;
    if said.matches("Phone-SAST-trust/SAST-").count() != tokens.len() {
        differences.push("the certificates of the tokens are not in Phone-SAST-trust".to_owned());
    }
    Ok(())
}

/// `utils ctl update CTLFile` on a CTL of tokens: the node signs.
pub(super) async fn tokens_to_tokenless(world: &mut World, directory: &Path) -> Result<Differences, Failure> {
    let (_, mut differences) = signed_by_tokens(world, directory).await?;

    world.transcript.step("The administrator has the publisher sign the CTL")?;
    let said = world.turn_to().types("utils ctl update CTLFile", &["y"]).await?;
    must_say(&mut differences, &said, "CTL file Updated");
    let said = world.types("show ctl", &[]).await?;
    if said.contains("SAST-ADN") {
        differences.push("a token is still in the CTL".to_owned());
    }
    check_size(&mut differences, world, sizes(world.release()).map(|(tokenless, _)| tokenless))?;
    restart_services(world).await?;

    world.transcript.step("The phones are restarted")?;
    let reports = world.reset_phones(0).await?;
    // The signer of now: in releases where it stands beside the tokens, every phone knows it.
    let release = world.release();
    let signer = ctl_signer(release);
    let beside = release.ctl_sasts.first().is_some_and(|unit| release.token_ctl_sasts.contains(unit));
    let (cannot, keeps, list) = if beside {
        let takes = Ending::Takes(ListKind::Ctl, By::Listed(ListKind::Ctl, signer.clone()));
        (Outcome::Trusted, takes, ListKind::Ctl)
    } else {
        (Outcome::Refused, Ending::Keeps(ListKind::Ctl, "unknown-signer"), ListKind::Itl)
    };
    let wanted = each(world, &Outcome::Trusted, &cannot);
    expect(&mut differences, &reports, &wanted);
    world.show_screen(0)?;
    world.endings = each(world, &Ending::Takes(ListKind::Ctl, By::Listed(list, signer)), &keeps);
    Ok(differences)
}

/// Back to tokens that no phone knows: TVS vouches for them.
pub(super) async fn tokenless_to_tokens(world: &mut World, directory: &Path) -> Result<Differences, Failure> {
    let mut models = models(world)?;
    models.retain(|name| Model::find(name).is_some_and(|model| model.security_by_default));
    let mut differences = in_mixed_mode(world, &models).await?;

    world.transcript.step("The administrator takes two Security Tokens, which the CTL does not hold")?;
    let desk = desk(world, directory, TOKENS).await?;
    refused(world, &mut differences, &desk, TOKENS, TOKEN_NOT_IN_CTL).await?;

    world.transcript.step("He deletes the CTL, and uploads the certificates of both tokens as Phone-SAST-trust")?;
    delete_ctl(world, &mut differences).await?;
    trust_tokens(world, &mut differences, &desk, TOKENS).await?;

    world.transcript.step("The CTL client warns, the first token signs")?;
    let said = sign(world, &mut differences, &desk, ("update", false), TOKENS).await?;
    must_say(&mut differences, &said, NO_CTL);
    world.types("show ctl", &[]).await?;
    restart_services(world).await?;
    world.show_tvs_log("tvs.log of the publisher")?;

    world.transcript.step("The phones are restarted; they ask TVS about the token")?;
    let reports = world.reset_phones(0).await?;
    let all = each(world, &Outcome::Trusted, &Outcome::Trusted);
    expect(&mut differences, &reports, &all);
    let log = world.show_tvs_log("tvs.log of the publisher")?.join("\n");
    for line in [
        "subjectName and issuerName matches for eToken certificate",
        "This is SAST eToken cert",
        "Serial Number is: 83E9080000005545AF31",
        "Found entry {rolecount : 1}",
    ] {
        must_say(&mut differences, &log, line);
    }
    world.show_screen(0)?;
    world.endings = vec![by_tvs(TOKENS); world.phones.len()];
    Ok(differences)
}

/// A list that phones believe because TVS knows the token that signed it.
fn by_tvs([first, _]: [SecurityToken; 2]) -> Ending {
    Ending::Takes(ListKind::Ctl, By::Tvs(format!("SAST-{}", first.label)))
}

/// Both tokens are lost: phones that can ask TVS follow the new ones, the others have to be visited.
pub(super) async fn lost_tokens(world: &mut World, directory: &Path) -> Result<Differences, Failure> {
    let (desk, mut differences) = signed_by_tokens(world, directory).await?;

    world.transcript.step("Both tokens are lost; two others are bought, and nobody knows them")?;
    for token in NEW_TOKENS {
        desk.make(&world.transcript, token).await?;
    }
    refused(world, &mut differences, &desk, NEW_TOKENS, TOKEN_NOT_IN_CTL).await?;

    world
        .transcript
        .step("The CTL is deleted, TVS knows the new tokens; the provider names the phones that it cannot help")?;
    delete_ctl(world.turn_to(), &mut differences).await?;
    trust_tokens(world, &mut differences, &desk, NEW_TOKENS).await?;
    let mut names: Vec<&str> = without_tvs(&mut world.phones).map(|lab| lab.phone.settings().name.as_str()).collect();
    names.sort_unstable();
    let text =
        format!("They will refuse this CTL file until theirs is deleted by hand at each of them: {}", names.join(", "));
    refused(world, &mut differences, &desk, NEW_TOKENS, &text).await?;

    world.transcript.step("The administrator goes on all the same, and the phones are restarted")?;
    let said = sign(world, &mut differences, &desk, ("update", true), NEW_TOKENS).await?;
    must_say(&mut differences, &said, &text);
    restart_services(world).await?;
    let reports = world.reset_phones(0).await?;
    let wanted = each(world, &Outcome::Trusted, &Outcome::Refused);
    expect(&mut differences, &reports, &wanted);

    world.transcript.step("Somebody walks to the phones that were named and deletes their CTL by hand")?;
    for lab in without_tvs(&mut world.phones) {
        let message = lab.phone.erase_lists().map_err(|error| Failure(error.to_string()))?;
        world.transcript.output(&format!("  {}: {message}", title(&lab.phone)))?;
    }
    let reports = world.reset_phones(usize::MAX).await?;
    let all = each(world, &Outcome::Trusted, &Outcome::Trusted);
    expect(&mut differences, &reports, &all);
    world.endings = each(world, &by_tvs(NEW_TOKENS), &Ending::Takes(ListKind::Ctl, By::Faith));
    Ok(differences)
}
