//! All certificates renewed, one TFTP server after the other [sources/releases#safe-orders].

use cluster::units::Unit;
use phone::Outcome;
use pki::listing::ListKind;

use crate::Failure;
use crate::ending::{By, Differences, Ending};
use crate::steps::{expect, must_say, signer};
use crate::world::World;

/// Beyond the guard between CallManager and TVS, milliseconds.
const BEYOND_GUARD: i64 = 6 * 60 * 1000;

/// The units in the order of [sources/releases#safe-orders]; TVS, which it has last, waits until phones know the new
/// CallManager.
const PUBLISHER: [Unit; 4] = [Unit::Capf, Unit::CallManager, Unit::Ipsec, Unit::Tomcat];
const SUBSCRIBER: [Unit; 3] = [Unit::CallManager, Unit::Ipsec, Unit::Tomcat];

/// Phones with two file servers go through the renewal of everything.
pub(super) async fn renewals_in_order(world: &mut World) -> Result<Differences, Failure> {
    let mut differences = Differences::new();
    world.transcript.step("Before: the phones know both TFTP servers and hold the ITL of the primary one")?;
    world.add_phones(&["7975", "8861", "7965"]).await?;
    world.know_both_servers();
    boots(world, &mut differences).await?;
    world.remember_lists();

    world.transcript.step("TFTP of the primary server stops; its certificates are renewed")?;
    world.types("utils service stop Cisco Tftp", &[]).await?;
    for unit in PUBLISHER {
        renew(world, &mut differences, unit, true).await?;
    }
    let waits = world.types("set cert regen TVS", &["yes"]).await?;
    must_say(&mut differences, &waits, "CallManager certificate was modified in the last 5 minutes.");

    world
        .transcript
        .step("The phones are restarted and fetch the ITL of the secondary server; TVS vouches for its signer")?;
    boots(world, &mut differences).await?;
    world.show_tvs_log("tvs.log of the publisher")?;

    world.transcript.step("The primary server is back; the phones fetch its new ITL")?;
    for service in ["Cisco Tftp", "Cisco CallManager", "Cisco Tomcat", "Cisco DRF Local", "Cisco DRF Master"] {
        world.types(&format!("utils service restart {service}"), &[]).await?;
    }
    boots(world, &mut differences).await?;

    world.transcript.step("All phones know the new CallManager: now TVS of the primary server may be renewed")?;
    world.pass(BEYOND_GUARD);
    world.types("show itl status", &[]).await?;
    renew(world, &mut differences, Unit::Tvs, true).await?;
    for service in ["Cisco Trust Verification Service", "Cisco Tftp"] {
        world.types(&format!("utils service restart {service}"), &[]).await?;
    }
    boots(world, &mut differences).await?;

    world.transcript.step("Then the secondary server, while the primary one gives out ITLs")?;
    world.pass(BEYOND_GUARD);
    for unit in SUBSCRIBER {
        renew(world, &mut differences, unit, false).await?;
    }
    boots(world, &mut differences).await?;
    world.pass(BEYOND_GUARD);
    renew(world, &mut differences, Unit::Tvs, false).await?;
    for service in ["Cisco Trust Verification Service", "Cisco Tftp"] {
        world.types_on_subscriber(&format!("utils service restart {service}"), &[]).await?;
    }
    boots(world, &mut differences).await?;
    world.turn_to().types("show restarts", &[]).await?;
    let by = By::Listed(ListKind::Itl, signer(world.release().itl_signer));
    world.endings = vec![Ending::Takes(ListKind::Itl, by); 3];
    Ok(differences)
}

async fn boots(world: &mut World, differences: &mut Differences) -> Result<(), Failure> {
    let reports = world.reset_phones(usize::MAX).await?;
    expect(differences, &reports, &[Outcome::Trusted; 3]);
    Ok(())
}

async fn renew(world: &mut World, differences: &mut Differences, unit: Unit, publisher: bool) -> Result<(), Failure> {
    let line = format!("set cert regen {}", unit.name());
    let said = match publisher {
        true => world.types(&line, &["yes"]).await?,
        false => world.types_on_subscriber(&line, &["yes"]).await?,
    };
    must_say(differences, &said, &format!("Successfully Regenerated Certificate for {}.", unit.name()));
    Ok(())
}
