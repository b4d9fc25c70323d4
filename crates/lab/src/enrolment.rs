//! The scenarios of CAPF: LSCs installed, issued again after a new CAPF, configs that only one phone can read.

use phone::Outcome;
use pki::listing::ListKind;

use crate::Failure;
use crate::ending::{By, Differences, Ending};
use crate::failure::could_not;
use crate::lab_phone::title;
use crate::steps::{ctl_signer, expect, must_say, restart_services, signer};
use crate::world::World;

/// What the 33 statuses say about these phones [sources/capf#statuses].
const STATUSES: &str = "run sql select name,tkcertificatestatus from device where name like 'SEP%'";

/// Four phones get an LSC in four ways; the one with a wrong string gets none.
pub(super) async fn lsc_install(world: &mut World) -> Result<Differences, Failure> {
    let mut differences = Differences::new();
    let names = begin(world, &["8861", "7975", "8861", "8861"]).await?;
    let [null, string, wrong, mic] = names.as_slice() else { return Ok(differences) };

    world
        .transcript
        .step("The administrator schedules an installation for each phone, each with another authentication")?;
    schedule(world, null, "null").await?;
    schedule(world, string, "string").await?;
    schedule(world, wrong, "string").await?;
    schedule(world, mic, "mic").await?;
    let said = world.types(&format!("utils capf device string {string}"), &[]).await?;
    let digits: String = said.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.strip_prefix(&only_digits(string)).unwrap_or(&digits).to_owned();
    world.types(STATUSES, &[]).await?;

    world.transcript.step("The phones are reset; two enrol by themselves, two wait for a string that a user types")?;
    world.reset_phones(0).await?;
    type_string(world, 1, &digits).await?;
    type_string(world, 2, "000").await?;
    world.until_recorded(wrong).await?;
    world.show_log("capf.log").await?;

    world.transcript.step("What came of it")?;
    let said = world.types(STATUSES, &[]).await?;
    for (name, status) in [(null, 3), (string, 3), (wrong, 10), (mic, 3)] {
        if !said.lines().any(|line| line.split_whitespace().eq([name.as_str(), &status.to_string()])) {
            differences.push(format!("{name} has not the status {status}"));
        }
    }
    world.types("utils capf device list", &[]).await?;
    for (lab, wanted) in world.phones.iter().zip([true, true, false, true]) {
        if lab.phone.certificates().lsc().is_some() != wanted {
            let held = if wanted { "no LSC" } else { "an LSC" };
            differences.push(format!("{} holds {held}", title(&lab.phone)));
        }
    }
    let reports = world.reset_phones(usize::MAX).await?;
    expect(&mut differences, &reports, &[Outcome::Trusted; 4]);
    world.endings = vec![Ending::Takes(list(world), By::Faith); 4];
    Ok(differences)
}

/// CAPF gets a new certificate; the old one stays until a wave has issued every LSC again.
pub(super) async fn capf_regeneration(world: &mut World) -> Result<Differences, Failure> {
    let mut differences = Differences::new();
    begin(world, &["8861", "7975", "8861"]).await?;
    world.transcript.step("Every phone has an LSC of this CAPF")?;
    world.types("utils capf device schedule all install null", &["y"]).await?;
    let reports = world.reset_phones(usize::MAX).await?;
    expect(&mut differences, &reports, &[Outcome::Trusted; 3]);
    let said = world.types("utils capf stale-lsc list", &[]).await?;
    must_say(&mut differences, &said, "No stale LSCs found.");
    world.remember_lists();

    world.transcript.step("The administrator renews CAPF; the old one stays where LSCs hang on it")?;
    let said = world.types("set cert regen CAPF", &["yes"]).await?;
    must_say(&mut differences, &said, "Successfully Regenerated Certificate for CAPF.");
    if has_ctl(world) {
        world.types("utils ctl update CTLFile", &["y"]).await?;
    }
    let said = world.types("show cert list trust", &[]).await?;
    must_say(&mut differences, &said, "CAPF-trust/CAPF-e41e7d87.pem");
    let said = world.types("utils capf stale-lsc list", &[]).await?;
    must_say(&mut differences, &said, "3 stale LSCs");
    let said = world.types("set cert delete CAPF-trust CAPF-e41e7d87.pem", &["yes"]).await?;
    must_say(&mut differences, &said, "3 LSCs");

    world
        .transcript
        .step("A wave issues the LSCs again, two at a time; the phones prove themselves by the old ones")?;
    world.types("utils capf device wave start stale lsc 2", &["y"]).await?;
    for _ in 0..2 {
        let reports = world.reset_phones(usize::MAX).await?;
        expect(&mut differences, &reports, &[Outcome::Trusted; 3]);
        world.types("utils capf device wave status", &[]).await?;
    }
    let said = world.types("utils capf stale-lsc list", &[]).await?;
    must_say(&mut differences, &said, "No stale LSCs found.");

    world.transcript.step("Nothing hangs on the old CAPF any more")?;
    world.types("set cert delete CAPF-trust CAPF-e41e7d87.pem", &["yes"]).await?;
    let said = world.types("show cert list trust", &[]).await?;
    if said.contains("CAPF-trust/CAPF-e41e7d87.pem") {
        differences.push("the old CAPF is still in CAPF-trust".to_owned());
    }
    let signer = if has_ctl(world) { ctl_signer(world.release()) } else { signer(world.release().itl_signer) };
    world.endings = vec![Ending::Takes(list(world), By::Listed(list(world), signer)); 3];
    Ok(differences)
}

/// A config that only one phone can read, and what happens when that phone loses its LSC.
pub(super) async fn encrypted_config(world: &mut World) -> Result<Differences, Failure> {
    let mut differences = Differences::new();
    let names = begin(world, &["8861"]).await?;
    let Some(name) = names.first() else { return Ok(differences) };
    world.transcript.step("The phone gets an LSC, then its config is encrypted for it")?;
    schedule(world, name, "null").await?;
    world.reset_phones(usize::MAX).await?;
    world.types(&format!("utils capf device encrypted-config {name} on"), &[]).await?;
    let reports = world.reset_phones(0).await?;
    expect(&mut differences, &reports, &[Outcome::Trusted]);
    let fetched = |name: &str| reports.iter().flat_map(|report| &report.files).any(|file| file.name.ends_with(name));
    if !fetched(".cnf.xml.enc.sgn") {
        differences.push("the phone fetched no encrypted config".to_owned());
    }

    world.transcript.step("Whoever asks for the plain config gets nothing")?;
    for file in [format!("{name}.cnf.xml"), format!("{name}.cnf.xml.sgn"), format!("{name}.cnf.xml.enc.sgn")] {
        let found = world.serves(&file)?;
        world.transcript.output(&format!("  {file}: {}", if found { "served" } else { "not found" }))?;
        if found != file.ends_with(".sgn") {
            differences.push(format!("{file} should {}be served", if found { "not " } else { "" }));
        }
    }

    world
        .transcript
        .step("Somebody erases the LSC on the phone: it cannot open its config until CAPF gives it another one")?;
    if let Some(lab) = world.phones.first_mut() {
        lab.phone.erase_lsc().map_err(could_not)?;
    }
    let reports = world.reset_phones(0).await?;
    if reports.iter().any(|report| report.outcome == Outcome::Trusted) {
        differences.push("the phone trusts a config that it cannot open".to_owned());
    }
    schedule(world, name, "null").await?;
    world.reset_phones(0).await?;
    let reports = world.reset_phones(usize::MAX).await?;
    expect(&mut differences, &reports, &[Outcome::Trusted]);
    world.show_log("capf.log").await?;
    world.endings = vec![Ending::Takes(list(world), By::Faith)];
    Ok(differences)
}

/// Whether the nodes sign a CTL in this release; LSCs need none.
fn has_ctl(world: &World) -> bool {
    !world.release().ctl_sasts.is_empty()
}

/// The list that an ending is about.
fn list(world: &World) -> ListKind {
    if has_ctl(world) { ListKind::Ctl } else { ListKind::Itl }
}

/// A cluster, in mixed mode where there is one without tokens, with phones that have MICs, whose maker's root is known. The names of the phones.
async fn begin(world: &mut World, models: &[&str]) -> Result<Vec<String>, Failure> {
    let mode = if has_ctl(world) { "mixed mode" } else { "no CTL, because only Security Tokens would sign it" };
    world.transcript.step(&format!("Before: {mode}; the root of the phones' maker is known, no phone has an LSC"))?;
    if has_ctl(world) {
        world.types("utils ctl set-cluster mixed-mode", &["y"]).await?;
        restart_services(world).await?;
    }
    let roots = world.write_manufacturing_root()?;
    world.types(&format!("utils capf mic-root load {}", roots.display()), &[]).await?;
    world.add_phones(models).await?;
    world.reset_phones(usize::MAX).await?;
    Ok(world.phones.iter().map(|lab| lab.phone.settings().name.as_str().to_owned()).collect())
}

async fn schedule(world: &mut World, name: &str, authentication: &str) -> Result<String, Failure> {
    world.types(&format!("utils capf device schedule {name} install {authentication}"), &[]).await
}

/// A user unlocks the settings of a phone, types a string and submits it.
async fn type_string(world: &mut World, index: usize, digits: &str) -> Result<(), Failure> {
    let Some(lab) = world.phones.get_mut(index) else { return Ok(()) };
    let who = title(&lab.phone);
    let mut screen = String::new();
    let mut menu = lab.phone.lsc_menu();
    for input in ["**#", "Update", digits, "Submit"] {
        screen = menu.enter(input).await.map_err(could_not)?.screen;
    }
    let lines: Vec<String> = screen.lines().map(str::to_owned).collect();
    world.transcript.block(&format!("{who}: **#, Update, {}, Submit", "*".repeat(digits.len())), &lines)
}

fn only_digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}
