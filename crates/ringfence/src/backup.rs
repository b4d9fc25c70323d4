//! `ringfence backup`: what lasts of a cluster in one sealed file.

use std::fs::File;
use std::io::{BufReader, BufWriter, Error, Result as IoResult, Seek, Write};
use std::path::{Path, PathBuf};

use cluster::Level;
use daemon::surroundings::{System, now};
use jiff::tz::TimeZone;
use pki::OpensslRandom;
use pki::age::{AgeError, Opener, Sealer};
use ringfence_core::backup::{Prepared, read_back};
use ringfence_core::{CoreError, wall_clock};

use crate::exit::{Answer, Failure};
use crate::files::output::Target;
use crate::opened::{Data, actor};
use crate::secret::passphrase;
use crate::terminal;

/// Write what lasts of a cluster into one file behind a passphrase; nodes may run meanwhile
///
/// Database, keys, published lists, settings and the proof of the audit log, as they are at one moment: a tar file in the format of age, which
/// `age -d FILE | tar x` unpacks too. It is read back before it gets its name. `ringfence restore` puts it in place.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: ringfence backup -o /mnt/backup/voice.tar.age --password-file /root/backup.pw\n\n\
                        Exit codes: 0 written and read back, 1 refused, 2 could not be done, 64 wrong usage.")]
pub struct Args {
    #[command(flatten)]
    data: Data,
    /// File whose first line is the passphrase; without it you are asked, twice on a terminal
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
}

impl Args {
    /// Writes it; to a file here that is named by the time when nothing else is said.
    pub fn run(self) -> Result<Answer, Failure> {
        let (time, _) = wall_clock(now().div_euclid(1000), &TimeZone::system());
        let path = self.target.path_or(Some(format!("ringfence-{}.tar.age", time.strftime("%Y%m%d-%H%M%S")).into()))?;
        if path == Path::new("-") {
            return Err(Failure::WrongUsage(
                "a backup is read back, so it goes into a file: name one with --output".to_owned(),
            ));
        }
        // What is named may lie in the data directory.
        self.data.settle()?;
        self.target.check(&path)?;
        self.target.check_folder(&path)?;
        let passphrase = passphrase(self.password_file.as_deref(), true)?;
        let opened = self.data.open()?;
        let (actor, shown) = (actor(Level::Install), path.display().to_string());
        let (cluster, runtime) = (&opened.cluster, &opened.runtime);
        let prepared =
            runtime.block_on(cluster.prepare_backup(&actor, &shown, &mut System::default())).map_err(failed)?;
        for fault in runtime.block_on(cluster.backup_faults()).map_err(failed)? {
            terminal::warn(&format!("the backup will lack this: {fault}"));
        }
        let bytes = self.target.fill(&path, |file| seal(file, &prepared, &passphrase))?;
        let manifest = prepared.manifest();
        terminal::print(&format!(
            "{}: {} of {} ({} bytes), read back\n",
            terminal::one_line(&shown),
            terminal::counted(manifest.count(), "file"),
            manifest.nodes.join(", "),
            bytes
        ))?;
        Ok(Answer::Yes)
    }
}

/// Writes it and reads it back. Its length.
fn seal(file: &mut File, prepared: &Prepared, passphrase: &str) -> IoResult<u64> {
    let mut sealer = Sealer::begin(BufWriter::new(&mut *file), passphrase, &mut OpensslRandom)?;
    prepared.write(&mut sealer)?;
    sealer.finish()?.flush()?;
    file.sync_all()?;
    file.rewind()?;
    let opener = Opener::begin(BufReader::new(&mut *file), passphrase).map_err(Error::other)?;
    let manifest = read_back(opener, None).map_err(Error::other)?;
    if manifest != *prepared.manifest() {
        return Err(Error::other("what was read back is not what was written"));
    }
    Ok(file.metadata()?.len())
}

/// What is wrong with a backup is an answer; anything else could not be told.
pub fn failed(error: CoreError) -> Failure {
    match error {
        CoreError::Refused { text, .. } => Failure::Refused(text),
        other => Failure::CouldNotTell(other.to_string()),
    }
}

/// A file that does not open.
pub fn unopened(path: &Path, error: AgeError) -> Failure {
    match error {
        AgeError::File(error) => Failure::at(path, error),
        wrong => Failure::Refused(format!("{}: {wrong}. Nothing was changed", path.display())),
    }
}
