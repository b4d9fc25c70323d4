//! `ringfence restore`: puts a backup in the place of a data directory.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;

use cluster::{Level, moment};
use daemon::surroundings::now;
use jiff::tz::TimeZone;
use pki::age::Opener;
use ringfence_core::backup::{Manifest, read_back};
use ringfence_core::named;
use ringfence_core::{Beside, Cluster, DataDirectory};
use tokio::runtime::Runtime;

use crate::backup::{failed, unopened};
use crate::exit::{Answer, Failure};
use crate::opened::{Data, actor};
use crate::secret::passphrase;
use crate::terminal::{self, one_line};

/// Put a backup in the place of a data directory; no node may run there
///
/// All of it is checked first. Then it says which certificates and lists would become older than what phones were given, and which phones would not
/// believe them, and asks. The directory of before is kept beside the new one; both change their names in one step.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: ringfence restore /mnt/backup/voice.tar.age --password-file /root/backup.pw\n\n\
                        Exit codes: 0 restored, 1 refused (a node runs, a wrong passphrase, a damaged backup, no yes), 2 could not be done; \
                        but for 0 nothing was changed.")]
pub struct Args {
    /// The backup
    file: PathBuf,
    #[command(flatten)]
    data: Data,
    /// File whose first line is the passphrase; without it you are asked
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Ask nothing: what would become older is told all the same
    #[arg(long)]
    yes: bool,
}

impl Args {
    /// Restores.
    pub fn run(self) -> Result<Answer, Failure> {
        let could_not = |error: ringfence_core::StoreError| Failure::CouldNotTell(error.to_string());
        // What is named may lie in the data directory.
        self.data.settle()?;
        let file = named::open(&self.file).map_err(|error| Failure::at(&self.file, error))?;
        let passphrase = passphrase(self.password_file.as_deref(), false)?;
        let opener = Opener::begin(BufReader::new(file), &passphrase).map_err(|error| unopened(&self.file, error))?;
        let idle = DataDirectory::new(self.data.directory()).idle().map_err(could_not)?;
        let idle = idle.map_err(|(node, process)| {
            Failure::Refused(format!(
                "{} is served by {process}. Nothing was changed: stop that one first, then try again",
                node.display()
            ))
        })?;
        let beside = idle.beside().map_err(could_not)?;
        match self.ready(&beside, opener) {
            Ok(true) => {}
            otherwise => {
                beside.discard().map_err(could_not)?;
                return otherwise.map(|_| Answer::No);
            }
        }
        let at = beside.old().root().to_owned();
        let kept = beside.swap().map_err(could_not)?;
        let at = at.display();
        let back = kept.map_or_else(String::new, |kept| {
            let kept = kept.display();
            format!(
                "The directory of before is {kept}. To go back, while no node runs:\n  mv '{at}' '{at}.restored' && mv '{kept}' '{at}'\n"
            )
        });
        terminal::print(&format!("Restored into {at}.\n{back}Next:\n  ringfence serve --data '{at}'\n"))?;
        Ok(Answer::Yes)
    }

    /// Unpacks it, checks it, says what it means and asks. Whether it is to be put in place.
    fn ready(&self, beside: &Beside, archive: impl Read) -> Result<bool, Failure> {
        let manifest = read_back(archive, Some(beside.directory())).map_err(failed)?;
        let runtime = Runtime::new().map_err(|error| Failure::CouldNotTell(error.to_string()))?;
        runtime.block_on(async {
            let root = beside.directory().root();
            let opened = Cluster::open(root, TimeZone::system()).await.map_err(failed)?;
            let new = opened.ok_or_else(|| Failure::Refused("the backup holds no cluster".to_owned()))?;
            terminal::print(&introduced(&manifest))?;
            let faults = new.backup_faults().await.map_err(failed)?;
            told("These were missing or damaged when it was made:", &faults)?;
            self.compare(&new, beside.old()).await?;
            if !self.yes && !confirmed(beside.old())? {
                new.store().close().await;
                terminal::print("Nothing was changed.\n")?;
                return Ok(false);
            }
            let from = self.file.display().to_string();
            new.note_restore(&actor(Level::Install), &from, now()).await.map_err(failed)?;
            Ok(true)
        })
    }

    /// Says what the backup lacks of what there is.
    async fn compare(&self, new: &Cluster, old: &DataDirectory) -> Result<(), Failure> {
        if !old.database().exists() {
            return terminal::print(&format!(
                "{} holds no database, so nothing can be compared.\n",
                old.root().display()
            ));
        }
        let older = match Cluster::open(old.root(), TimeZone::system()).await {
            Ok(Some(current)) => {
                let older = new.older_than(&current).await;
                current.store().close().await;
                older
            }
            Ok(None) => Ok(Vec::new()),
            Err(error) => Err(error),
        };
        match older {
            Ok(older) if older.is_empty() => terminal::print("Certificates, lists and phones are those of now.\n"),
            Ok(older) => told("These would become older than what phones were given:", &older),
            Err(error) => {
                let text = format!(
                    "what phones were given since cannot be told, because {} cannot be read",
                    old.root().display()
                );
                terminal::warn(&format!("{text}: {error}"));
                Ok(())
            }
        }
    }
}

fn introduced(manifest: &Manifest) -> String {
    format!(
        "Backup of {}, release {}, of {}: {}, all whole.\n",
        one_line(&manifest.nodes.join(", ")),
        one_line(&manifest.release),
        moment(manifest.made_at, &TimeZone::system()),
        terminal::counted(manifest.count(), "file")
    )
}

fn told(title: &str, sentences: &[String]) -> Result<(), Failure> {
    if sentences.is_empty() {
        return Ok(());
    }
    let lines: String = sentences.iter().map(|sentence| format!("  {}\n", one_line(sentence))).collect();
    terminal::print(&format!("{title}\n{lines}"))
}

fn confirmed(old: &DataDirectory) -> Result<bool, Failure> {
    terminal::print(&format!("Put it in the place of {}? (yes/no) ", old.root().display()))?;
    let mut line = String::new();
    std::io::stdin().lock().take(64).read_line(&mut line).map_err(|error| Failure::of("standard input", error))?;
    terminal::print(if line.ends_with('\n') { "" } else { "\n" })?;
    Ok(line.trim().eq_ignore_ascii_case("yes"))
}
