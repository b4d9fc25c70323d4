//! Steps and expectations that several scenarios share.

use cluster::releases::Release;
use cluster::units::Unit;
use phone::{BootReport, Outcome};
use pki::listing::ListKind;

use crate::Failure;
use crate::ending::Differences;
use crate::published::PUBLISHER;
use crate::world::World;

/// The sizes of the CTL before and after a renewal that [sources/published-clusters#two-nodes] prints, for the release
/// whose profile it shows.
pub(crate) fn sizes(release: &Release) -> Option<(usize, usize)> {
    (release.name == "10.5").then_some((4947, 6113))
}

/// A cluster in mixed mode whose phones hold its CTL.
pub(crate) async fn in_mixed_mode(world: &mut World, models: &[&str]) -> Result<Differences, Failure> {
    let mut differences = Differences::new();
    world.transcript.step("Before: mixed mode, the phones hold the CTL")?;
    world.types("utils ctl set-cluster mixed-mode", &["y"]).await?;
    restart_services(world).await?;
    world.add_phones(models).await?;
    let reports = world.reset_phones(usize::MAX).await?;
    expect(&mut differences, &reports, &vec![Outcome::Trusted; models.len()]);
    check_size(&mut differences, world, sizes(world.release()).map(|(before, _)| before))?;
    world.show_tvs_log("tvs.log of the publisher")?;
    world.remember_lists();
    Ok(differences)
}

/// Restarts on both nodes what holds the lists.
pub(crate) async fn restart_services(world: &mut World) -> Result<(), Failure> {
    for service in ["Cisco Tftp", "Cisco CallManager"] {
        world.types(&format!("utils service restart {service}"), &[]).await?;
    }
    for service in ["Cisco Tftp", "Cisco CallManager"] {
        world.types_on_subscriber(&format!("utils service restart {service}"), &[]).await?;
    }
    Ok(())
}

/// A part of the subject of whoever signs the CTL that no other signer has.
pub(crate) fn ctl_signer(release: &Release) -> String {
    signer(release.ctl_sasts.first().copied().unwrap_or(Unit::CallManager))
}

/// A part of the subject of the publisher's certificate of a unit that signs lists.
pub(crate) fn signer(unit: Unit) -> String {
    let prefix = if unit == Unit::ItlRecovery { "ITLRECOVERY_" } else { "" };
    format!("CN={prefix}{PUBLISHER};")
}

/// How each phone must have booted.
pub(crate) fn expect(differences: &mut Differences, reports: &[BootReport], wanted: &[Outcome]) {
    for (report, wanted) in reports.iter().zip(wanted) {
        if report.outcome != *wanted {
            differences.push(format!(
                "{} {} ended {}, the scenario says {wanted}: {}",
                report.model,
                report.name,
                report.outcome,
                report.reason()
            ));
        }
    }
    if reports.len() != wanted.len() {
        differences.push(format!("{} phones booted, the scenario says {}", reports.len(), wanted.len()));
    }
}

/// What must stand in a text.
pub(crate) fn must_say(differences: &mut Differences, text: &str, wanted: &str) {
    if !text.contains(wanted) {
        differences.push(format!("nobody said `{wanted}`"));
    }
}

/// The size that the CTL must have.
pub(crate) fn check_size(differences: &mut Differences, world: &World, wanted: Option<usize>) -> Result<(), Failure> {
    let size = world.published(ListKind::Ctl)?.map(|(size, _)| size);
    match (size, wanted) {
        (None, _) => differences.push("there is no CTL".to_owned()),
        (Some(size), Some(wanted)) if size != wanted => {
            differences.push(format!("the CTL has {size} bytes, the scenario says {wanted}"));
        }
        _ => {}
    }
    Ok(())
}
