//! `utils capf csr`, `utils capf cert import`: LSCs that an offline CA signs [sources/capf#service],
//! [sources/shell#certificate-commands]. The original sends the requests to an SFTP server; here a directory is named.
//! The texts are ours.

use cluster::Surroundings;
use ringfence_core::CoreError;

use crate::run::capf::{counted, day, table};
use crate::session::{Outcome, Reply, Session, one_line};

/// What `list` and `dump` say when there is nothing to sign.
const NONE: &str = "No certificate requests of phones found.\n";

impl Session {
    pub(crate) async fn list_device_requests(&self) -> Result<Reply, CoreError> {
        let requests = self.cluster.offline_requests().await?;
        if requests.is_empty() {
            return Ok(Reply::done(NONE));
        }
        let count = requests.len();
        let rows = requests.into_iter().map(|row| {
            let made = day(row.created_at / 1000, self.cluster.zone());
            [row.device, made, row.key_id].map(Some).to_vec()
        });
        let table = table(&["device", "made", "sha256ofpublickey"], rows.collect());
        Ok(Reply::done(format!("{}{}\n", self.table(&table), counted(count, "request"))))
    }

    pub(crate) async fn dump_device_requests(
        &self,
        directory: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let (names, left) = self.cluster.dump_offline_requests(&self.actor, directory, surroundings).await?;
        let left: String = left.iter().map(|left| one_line(left) + "\n").collect();
        Ok(Reply::done(match names.len() {
            0 => format!("{NONE}{left}"),
            count => format!(
                "Successfully dumped {} to {}.\nEach is a .csr with the signature of CAPF, and a .pub with the key alone.\n{left}",
                counted(count, "request"),
                one_line(directory)
            ),
        }))
    }

    pub(crate) async fn import_device_certificates(
        &self,
        path: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let import = self.cluster.import_offline_certificates(&self.actor, path, surroundings).await?;
        let mut text = String::new();
        for device in &import.taken {
            text.push_str(&format!("{device}: imported, goes out when the phone boots\n"));
        }
        for (file, reason) in &import.refused {
            text.push_str(&one_line(&format!("{file}: refused: {reason}")));
            text.push('\n');
        }
        text.push_str(&format!(
            "Imported {}, refused {}.\n",
            counted(import.taken.len(), "certificate"),
            import.refused.len()
        ));
        let outcome = if import.refused.is_empty() { Outcome::Done } else { Outcome::Refused };
        Ok(Reply { outcome, ..Reply::done(text) })
    }
}
