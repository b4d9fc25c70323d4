//! The scenarios of recovery: a lost signer, a rollback, an upgrade that leaves a dead anchor in the CTL.

use std::path::Path;

use cluster::units::Unit;
use phone::Outcome;
use pki::listing::ListKind;
use trust::{Ground, Verdict};

use crate::Failure;
use crate::ending::{By, Differences, Ending};
use crate::failure::could_not;
use crate::lab_phone::title;
use crate::steps::{expect, must_say, restart_services, signer};
use crate::world::World;

/// The guard between CallManager and TVS, and a minute, in milliseconds.
const BEYOND_GUARD: i64 = 6 * 60 * 1000;

/// Why TVS is not renewed while phones are off.
const WAITS: &str = "phones have not fetched an ITL file signed after the renewal of CallManager on cucm-1051-a-pub";

/// What overrules that.
const FORCED: &str = "set cert regen force TVS scrapped phones are still in the list";

/// Two phones lose the signer of their ITL; one of them still holds the certificate that a reset signs with.
pub(super) async fn itl_recovery(world: &mut World) -> Result<Differences, Failure> {
    let mut differences = Differences::new();
    let lost = world.release().itl_signer;
    let fallback = if lost == Unit::ItlRecovery { Unit::CallManager } else { Unit::ItlRecovery };
    world.transcript.step("Before: the 7975 fetches the ITL and goes to the store room")?;
    world.add_phones(&["8861", "7975"]).await?;
    let later = world.phones.remove(0);
    let reports = world.reset_phones(usize::MAX).await?;
    expect(&mut differences, &reports, &[Outcome::Trusted]);
    let away = std::mem::replace(&mut world.phones, vec![later]);
    world
        .transcript
        .step(&format!("{} is renewed; the 8861 fetches the ITL that names the new one", fallback.name()))?;
    renew(world, fallback).await?;
    let reports = world.reset_phones(usize::MAX).await?;
    expect(&mut differences, &reports, &[Outcome::Trusted]);

    world
        .transcript
        .step(&format!("While both are off, {} is renewed; the renewal of TVS has to wait for them", lost.name()))?;
    world.pass(BEYOND_GUARD);
    renew(world, lost).await?;
    world.pass(BEYOND_GUARD);
    let said = renew(world, Unit::Tvs).await?;
    must_say(&mut differences, &said, WAITS);
    world.types("show itl status", &[]).await?;

    world.transcript.step("Somebody does not wait: he takes the phones for scrapped, and forces every TVS")?;
    for said in [world.types(FORCED, &["yes"]).await?, world.types_on_subscriber(FORCED, &["yes"]).await?] {
        must_say(&mut differences, &said, "Successfully Regenerated Certificate for TVS.");
    }
    let said = world.turn_to().types("utils audit list 6", &[]).await?;
    must_say(&mut differences, &said, "forced against phones-hold-old-list: scrapped phones are still in the list");

    world.transcript.step("The phones were not scrapped: they come back and can check nothing any more")?;
    world.phones.extend(away);
    world.remember_lists();
    let reports = world.reset_phones(usize::MAX).await?;
    expect(&mut differences, &reports, &[Outcome::Refused, Outcome::Refused]);

    world.transcript.step("The administrator resets the ITL; the phones are restarted")?;
    let said = world.types("utils itl reset localkey", &["y"]).await?;
    must_say(&mut differences, &said, "ITL");
    world.show_log("itlreset.log").await?;
    let reports = world.reset_phones(0).await?;
    expect(&mut differences, &reports, &[Outcome::Trusted, Outcome::Refused]);

    world.transcript.step("A restart of Cisco Tftp gives the ordinary signer back")?;
    restart_services(world).await?;
    let reports = world.reset_phones(usize::MAX).await?;
    expect(&mut differences, &reports, &[Outcome::Trusted, Outcome::Refused]);
    world.types("show itl", &[]).await?;
    world.endings = vec![
        Ending::Takes(ListKind::Itl, By::Listed(ListKind::Itl, signer(lost))),
        Ending::Keeps(ListKind::Itl, "tvs-unavailable"),
    ];
    Ok(differences)
}

/// The ITL is blanked and restored; a phone that another cluster meets in between believes that one.
pub(super) async fn rollback(world: &mut World, directory: &Path) -> Result<Differences, Failure> {
    let mut differences = Differences::new();
    world.transcript.step("Before: two phones hold the ITL")?;
    world.add_phones(&["7975", "8861"]).await?;
    let reports = world.reset_phones(usize::MAX).await?;
    expect(&mut differences, &reports, &[Outcome::Trusted; 2]);
    world.remember_lists();

    world.transcript.step("The cluster prepares for a rollback; the phones are restarted")?;
    let said = world.types("set rollback enable", &["yes"]).await?;
    must_say(&mut differences, &said, "Prepare Cluster for Rollback to pre 8.0 is on");
    let reports = world.reset_phones(0).await?;
    expect(&mut differences, &reports, &[Outcome::Trusted; 2]);
    for report in &reports {
        if report.verdict("unsigned config").is_none_or(|verdict| !verdict.is_accepted()) {
            differences.push(format!("{} took no unsigned config", report.name));
        }
    }
    if world.phones.iter().any(|lab| !lab.phone.belief().itl_is_blank()) {
        differences.push("a phone holds an ITL that is not blank".to_owned());
    }
    let said = world.types("show itl", &[]).await?;
    must_say(&mut differences, &said, cluster::rollback::WARNING);
    let said = world.types("show alarms", &[]).await?;
    must_say(&mut differences, &said, "UC_TVS-6-RollBackToPre8.0Enabled");
    let said = world.types("set cert regen CallManager", &["yes"]).await?;
    must_say(&mut differences, &said, "no certificate is renewed until `set rollback disable`");

    world
        .transcript
        .step("DHCP of the 8861 names a cluster that it has never heard of: it takes that ITL without asking")?;
    let mut other = world.neighbour(&directory.join("other")).await?;
    let stays = world.phones.remove(0);
    other.take_phones(world).await?;
    let reports = other.reset_phones(0).await?;
    expect(&mut differences, &reports, &[Outcome::Trusted]);
    if !reports.iter().any(
        |report| matches!(report.verdict("ITL"), Some(Verdict::Accepted(taken)) if taken.ground == Ground::BlankItl),
    ) {
        differences.push("the 8861 did not take the ITL of a stranger because its own is blank".to_owned());
    }

    world.transcript.step("Back to False: the 7975 checks again; the 8861 comes home and refuses what is ours")?;
    world.turn_to().types("set rollback disable", &["yes"]).await?;
    world.take_phones(&mut other).await?;
    world.phones.insert(0, stays);
    let reports = world.reset_phones(usize::MAX).await?;
    expect(&mut differences, &reports, &[Outcome::Trusted, Outcome::Refused]);
    other.end().await;

    world.transcript.step("Somebody walks to the 8861 and deletes its ITL by hand")?;
    if let Some(lab) = world.phones.get_mut(1) {
        let message = lab.phone.erase_lists().map_err(could_not)?;
        world.transcript.output(&format!("  {}: {message}", title(&lab.phone)))?;
    }
    let reports = world.reset_phones(usize::MAX).await?;
    expect(&mut differences, &reports, &[Outcome::Trusted; 2]);
    let by = By::Listed(ListKind::Itl, signer(world.release().itl_signer));
    world.endings = [by, By::Faith].map(|by| Ending::Takes(ListKind::Itl, by)).to_vec();
    Ok(differences)
}

/// Field notice 70613: the upgrade makes another ITLRecovery certificate, the CTL keeps the old one.
pub(super) async fn upgrade_anchors(world: &mut World) -> Result<Differences, Failure> {
    let mut differences = Differences::new();
    world.transcript.step("Before: release 11.5 in mixed mode, a 7960 and an 8861 hold the CTL")?;
    if world.release().name != "11.5" {
        let said = world.types("utils system switch-version 11.5", &["yes"]).await?;
        must_say(&mut differences, &said, "to release 11.5");
    }
    world.types("utils ctl set-cluster mixed-mode", &["y"]).await?;
    world.add_phones(&["7960", "8861"]).await?;
    let reports = world.reset_phones(usize::MAX).await?;
    expect(&mut differences, &reports, &[Outcome::Trusted; 2]);
    world.remember_lists();

    world.transcript.step("The upgrade to 12.5 makes another ITLRecovery certificate and carries the CTL unchanged")?;
    let said = world.types("utils system switch-version 12.5 renew-itlrecovery", &["yes"]).await?;
    must_say(&mut differences, &said, "is not live any more; ITLRecovery is serial");
    let said = world.types("set cert regen CallManager", &["yes"]).await?;
    must_say(&mut differences, &said, "is the last live anchor in the CTL file that phones hold");

    world.transcript.step("The CTL is signed by CallManager, which phones hold, then by the new ITLRecovery")?;
    world.types("utils ctl reset localkey", &["y"]).await?;
    let reports = world.reset_phones(usize::MAX).await?;
    expect(&mut differences, &reports, &[Outcome::Trusted; 2]);
    world.types("utils ctl update CTLFile", &["y"]).await?;
    let reports = world.reset_phones(usize::MAX).await?;
    expect(&mut differences, &reports, &[Outcome::Trusted; 2]);
    let said = world.types("show anchors", &[]).await?;
    must_say(&mut differences, &said, "All records of the CTL and ITL files name live certificates.");

    world.transcript.step("Now CallManager can be renewed: the 7960 follows too, although it cannot ask TVS")?;
    renew(world, Unit::CallManager).await?;
    world.types("utils ctl update CTLFile", &["y"]).await?;
    let reports = world.reset_phones(0).await?;
    expect(&mut differences, &reports, &[Outcome::Trusted; 2]);
    world.endings = vec![Ending::Takes(ListKind::Ctl, By::Listed(ListKind::Ctl, signer(Unit::ItlRecovery))); 2];
    Ok(differences)
}

async fn renew(world: &mut World, unit: Unit) -> Result<String, Failure> {
    world.types(&format!("set cert regen {}", unit.name()), &["yes"]).await
}
