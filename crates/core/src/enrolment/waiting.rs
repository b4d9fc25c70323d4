//! Phones that a wave waits for.

use cluster::rows::WaveDeviceRow;

use super::selection::listed;
use super::waves::{RUNNING, SCHEDULED, judged};
use crate::CoreError;
use crate::cluster::Cluster;

impl Cluster {
    /// Refuses to take phones away from a running wave that waits for them: they would count as failures.
    pub(super) async fn check_no_wave_waits(&self, names: &[String]) -> Result<(), CoreError> {
        let Some(row) = self.store().last_wave().await?.filter(|row| row.state == RUNNING) else { return Ok(()) };
        let waits = |device: &WaveDeviceRow| judged(device) == SCHEDULED && names.binary_search(&device.device).is_ok();
        let devices = self.store().wave_devices(row.number).await?;
        let waiting: Vec<String> = devices.into_iter().filter(waits).map(|device| device.device).collect();
        if waiting.is_empty() {
            return Ok(());
        }
        let text = format!(
            "wave {} waits for {}; stop it first with `utils capf device wave stop`, or wait until its batch is finished",
            row.number,
            listed(&waiting)
        );
        Err(CoreError::refused("wave-waits", text))
    }
}
