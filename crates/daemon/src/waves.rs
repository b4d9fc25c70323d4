//! When a wave of enrolments is looked at: its look reads every device of it, so it waits until something changed.

use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use ringfence_core::{Cluster, CoreError};

/// Looks that are left out at most: two minutes, for what was changed by hand in the rows. Of 100 000 devices a look takes half a second.
const LEFT_OUT: u32 = 60;

/// What the last look knew.
#[derive(Debug)]
pub(crate) struct Waves {
    change: AtomicI64,
    left_out: AtomicU32,
}

impl Waves {
    /// The first look is not left out.
    pub(crate) const fn new() -> Self {
        Self { change: AtomicI64::new(i64::MIN), left_out: AtomicU32::new(0) }
    }

    /// Lets operations run out of time and a wave go on. Whether the devices of a wave were read. `now` in milliseconds since 1970 UTC.
    pub(crate) async fn step(&self, cluster: &Cluster, now: i64) -> Result<bool, CoreError> {
        cluster.expire_operations(now).await?;
        // What became of a device, and what is scheduled for it, is a change; so is what has just run out of time.
        let change = cluster.store().last_change().await?;
        let nothing_new = self.change.load(Ordering::Relaxed) == change;
        if nothing_new && self.left_out.fetch_add(1, Ordering::Relaxed) < LEFT_OUT {
            return Ok(false);
        }
        let goes_on = cluster.wave_goes_on().await?;
        if goes_on {
            cluster.step_wave(now).await?;
        }
        self.change.store(change, Ordering::Relaxed);
        self.left_out.store(0, Ordering::Relaxed);
        Ok(goes_on)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // tests may stop at the first surprise
    use cluster::config::{DeviceSecurityMode, Protocol};
    use cluster::devices::Device;
    use cluster::enrolment::AuthenticationMode;
    use cluster::parameters::TVS_TIME_TO_LIVE;
    use cluster::{Actor, Level};
    use jiff::tz::TimeZone;
    use ringfence_core::enrolment::{Selection, WavePlan, Which};

    use super::*;
    use crate::settings::ClusterSettings;
    use crate::surroundings::{System, now};

    #[tokio::test]
    async fn devices_of_a_wave_are_read_when_something_changed() {
        let folder = tempfile::tempdir().unwrap();
        let (new, actor) = (ClusterSettings::default().new_cluster().unwrap(), Actor::new("admin", Level::Install));
        let cluster = Cluster::create(folder.path(), &new, TimeZone::UTC, &mut System::default()).await.unwrap();
        let change = async |value: &str| {
            cluster.set_parameter(&actor, TVS_TIME_TO_LIVE, value, &mut System::default()).await.unwrap();
        };
        let waves = Waves::new();
        assert!(!waves.step(&cluster, now()).await.unwrap(), "there is none");

        let device = Device {
            name: "SEP001122334455".to_owned(),
            description: String::new(),
            model: "8861".to_owned(),
            protocol: Protocol::Sip,
            security: DeviceSecurityMode::NonSecure,
            nodes: Vec::new(),
        };
        cluster.put_devices(&actor, &[device], &mut System::default()).await.unwrap();
        let plan = WavePlan {
            which: Which::These(Selection::All),
            batch: 1,
            stop_at: 50,
            mode: AuthenticationMode::NullString,
            time_allowed: 3_600_000,
        };
        cluster.start_wave(&actor, &plan, &mut System::default()).await.unwrap();
        assert!(waves.step(&cluster, now()).await.unwrap());
        let mut read = 0;
        for _ in 0..LEFT_OUT {
            read += u32::from(waves.step(&cluster, now()).await.unwrap());
        }
        assert_eq!(read, 0, "nothing changed for two minutes");
        assert!(waves.step(&cluster, now()).await.unwrap(), "what was changed by hand is seen then");
        change("600").await;
        assert!(waves.step(&cluster, now()).await.unwrap());

        // The device runs out of time: that is a change too, and ends the wave.
        assert!(waves.step(&cluster, now() + 2 * 3_600_000).await.unwrap());
        change("700").await;
        waves.step(&cluster, now()).await.unwrap();
        cluster.stop_wave(&actor, true, &mut System::default()).await.ok();
        for value in ["800", "900"] {
            change(value).await;
            assert!(!waves.step(&cluster, now()).await.unwrap(), "one that is over is not read any more");
        }
    }
}
