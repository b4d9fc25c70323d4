//! Phones move between clusters [sources/bulk#moving-phones], [sources/bulk#stores].

use std::path::Path;

use cluster::units::Unit;
use phone::Outcome;
use pki::listing::ListKind;

use crate::Failure;
use crate::ending::{By, Differences, Ending};
use crate::failure::could_not;
use crate::published::OTHER_PUBLISHER;
use crate::steps::{expect, must_say};
use crate::world::World;

/// How many phones move.
const PHONES: usize = 10;
/// Models with Security by Default, in turn.
const MODELS: [&str; 3] = ["8861", "7975", "7965"];

/// Ten phones move to another cluster: first without the exchange of certificates, then with it.
pub(super) async fn move_between_clusters(world: &mut World, directory: &Path) -> Result<Differences, Failure> {
    let mut differences = Differences::new();
    let mixed = !world.release().ctl_sasts.is_empty();
    world.transcript.step("Before: ten phones on a cluster, and another cluster beside it")?;
    if mixed {
        go_mixed(world, &mut differences).await?;
    }
    let models: Vec<&str> = MODELS.into_iter().cycle().take(PHONES).collect();
    world.add_phones(&models).await?;
    let reports = world.reset_phones(usize::MAX).await?;
    expect(&mut differences, &reports, &[Outcome::Trusted; PHONES]);
    let mut other = world.neighbour(&directory.join("other")).await?;
    if mixed {
        go_mixed(other.turn_to(), &mut differences).await?;
        other.types("show ctl", &[]).await?;
    }
    other.turn_to().types("show itl", &[]).await?;
    world.remember_lists();

    world.transcript.step("DHCP names the other cluster; nobody has exchanged anything")?;
    other.take_phones(world).await?;
    let reports = other.reset_phones(0).await?;
    expect(&mut differences, &reports, &[Outcome::Refused; PHONES]);
    let log = world.show_tvs_log("tvs.log of the old publisher")?;
    must_say(&mut differences, &log.join("\n"), "Cannot find the certificate in the cache");
    for lab in &other.phones {
        let lists: &[ListKind] = if mixed { &[ListKind::Ctl, ListKind::Itl] } else { &[ListKind::Itl] };
        for kind in lists.iter().filter(|kind| lab.phone.belief().list(**kind).is_none()) {
            differences.push(format!("{} lost its {}", lab.phone.settings().name, kind.word()));
        }
    }

    world.transcript.step("DHCP names the old cluster again: nothing is lost, the phones are where they were")?;
    world.take_phones(&mut other).await?;
    let reports = world.reset_phones(usize::MAX).await?;
    expect(&mut differences, &reports, &[Outcome::Trusted; PHONES]);

    world.transcript.step("Both clusters export to one place, one consolidates, both import")?;
    let place = directory.join("exchange");
    std::fs::create_dir(&place).map_err(could_not)?;
    let place = place.display().to_string();
    for cluster in [&mut *world, &mut other] {
        cluster.turn_to().types("set cert bulk sftp", &["local", &place]).await?;
        let said = cluster.types("set cert bulk export all", &[]).await?;
        must_say(&mut differences, &said, "Successfully exported CallManager certificate(s) to sftp server.");
    }
    other.turn_to().types("set cert bulk consolidate all", &[]).await?;
    for cluster in [&mut *world, &mut other] {
        let said = cluster.turn_to().types("set cert bulk import all", &[]).await?;
        must_say(&mut differences, &said, "Successfully imported CallManager certificates.");
    }
    let said = world.turn_to().types("show cert list trust", &[]).await?;
    must_say(&mut differences, &said, &format!("Phone-SAST-trust/{OTHER_PUBLISHER}.pem"));

    world.transcript.step("DHCP names the other cluster; TVS of the old one vouches for its signer")?;
    other.take_phones(world).await?;
    other.remember_lists();
    let reports = other.reset_phones(0).await?;
    expect(&mut differences, &reports, &[Outcome::Trusted; PHONES]);
    let log = world.show_tvs_log("tvs.log of the old publisher")?;
    must_say(&mut differences, &log.join("\n"), "Found entry {rolecount :");
    other.show_screen(0)?;

    world.transcript.step("The old cluster is switched off: the phones need nothing of it any more")?;
    let old = std::mem::replace(world, other);
    old.end().await;
    let reports = world.reset_phones(usize::MAX).await?;
    expect(&mut differences, &reports, &[Outcome::Trusted; PHONES]);
    // In mixed mode the CTL comes first, and names the signer of the ITL.
    let release = world.release();
    let (list, signer) = match release.ctl_sasts.first() {
        Some(signer) => (ListKind::Ctl, *signer),
        None => (ListKind::Itl, release.itl_signer),
    };
    world.endings = vec![Ending::Takes(list, By::Tvs(other_signer(signer))); PHONES];
    Ok(differences)
}

/// The nodes of a cluster sign a CTL.
async fn go_mixed(cluster: &mut World, differences: &mut Differences) -> Result<(), Failure> {
    let said = cluster.types("utils ctl set-cluster mixed-mode", &["y"]).await?;
    must_say(differences, &said, "Cluster set to Mixed Mode");
    cluster.types("utils service restart Cisco Tftp", &[]).await?;
    Ok(())
}

/// Who signs the lists of the other publisher.
fn other_signer(signer: Unit) -> String {
    match signer {
        Unit::ItlRecovery => format!("CN=ITLRECOVERY_{OTHER_PUBLISHER}"),
        _ => format!("CN={OTHER_PUBLISHER}"),
    }
}
