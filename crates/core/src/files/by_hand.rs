//! Configs that somebody wrote by hand, with our elements in them.

use super::unfit::Unfit;
use std::path::Path;

use store::folder::Folder;
use wire::file_name::{Form, Owner, signed_name};
use wire::xml::{BadXml, LARGEST, Place, Reason};

use std::collections::HashSet;

use cluster::rows::NodeRow;

use super::Snapshot;
use crate::CoreError;
use crate::cluster::Cluster;
use cluster::config::ClusterPart;
use cluster::config::EnrolmentPart;
use cluster::config::merge::{MergeError, Root, merge};
use cluster::parameters::SecurityMode;

/// Files of a folder that are looked through at most: some for each phone of the largest cluster.
pub(super) const FILES: usize = 1_000_000;

/// How a node gives out the files that people bring.
#[derive(Debug, Clone)]
pub struct FolderSettings {
    /// The folder.
    pub folder: Folder,
    /// Whether TVS and CAPF elements are merged into its `SEP<MAC>.cnf.xml`.
    pub merge: bool,
}

impl FolderSettings {
    /// Opens a folder.
    ///
    /// # Errors
    /// [`CoreError`] when it is not there.
    pub fn open(path: &Path, merge: bool) -> Result<Self, CoreError> {
        Ok(Self { folder: Folder::open(path)?, merge })
    }
}

/// The config with our elements: those of the cluster and, for a device that is known, those of its enrolment.
///
/// # Errors
/// [`MergeError`].
pub(super) fn with_ours(
    file: &[u8],
    root: Root,
    part: &ClusterPart,
    enrolment: Option<&EnrolmentPart>,
) -> Result<Vec<u8>, MergeError> {
    let others = enrolment.map(|enrolment| enrolment.announced_by(part).others());
    merge(file, root, part, others.as_ref())
}

/// The same for whose config it is.
pub(super) fn merged_for(snapshot: &Snapshot, owner: &Owner, file: &[u8]) -> Result<Vec<u8>, MergeError> {
    let (root, entry) = match owner {
        Owner::Device(device) => (Root::Device, snapshot.device(device)),
        Owner::Default => (Root::Default, None),
    };
    let part = snapshot.cluster_part(entry.as_deref());
    with_ours(file, root, part, entry.as_deref().map(|entry| &entry.enrolment))
}

/// Why a config of so many bytes stays as it is; it is not read.
pub(super) fn too_large(length: u64) -> MergeError {
    let reason = Reason::TooLarge(usize::try_from(length).unwrap_or(usize::MAX));
    MergeError::NotXml(BadXml { place: Place::START, reason })
}

/// Says that a config goes out as its author wrote it.
pub(super) fn not_merged(name: &str, error: &MergeError) {
    tracing::warn!(file = name, %error, "the config is served without the TVS and CAPF elements");
}

impl Cluster {
    /// Notes the folder that a node serves from now on; whoever schedules looks at the configs in it.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn note_folder(&self, node: &NodeRow, folder: Option<&FolderSettings>) -> Result<(), CoreError> {
        let folder = folder.map(|settings| (settings.folder.root().display().to_string(), settings.merge));
        let mut transaction = self.store().begin().await?;
        transaction.put_served_folder(&node.pkid, folder.as_ref().map(|(path, merge)| (path.as_str(), *merge))).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The devices among these whose config lies in a folder of a node and cannot say what is scheduled. Files behind links
    /// are not looked at.
    ///
    /// # Errors
    /// [`CoreError`]: a folder that cannot be read.
    pub(crate) async fn configs_that_announce_nothing(&self, devices: &[String]) -> Result<Vec<Unfit>, CoreError> {
        self.unfit(devices, |settings, name, signed, config| {
            let root = settings.folder.root().display();
            if signed {
                return Some(format!("{name}.cnf.xml.sgn in {root} is given out as it is, and says what it says"));
            }
            let config = config?;
            if !settings.merge {
                return Some(format!(
                    "{name}.cnf.xml in {root} is given out as it is (`--no-merge`): capfAuthMode and capfList are its author's"
                ));
            }
            let tried = with_ours(config, Root::Device, &nothing(), Some(&EnrolmentPart::default()));
            tried.err().map(|error| format!("{name}.cnf.xml in {root} cannot be merged: {error}"))
        })
        .await
    }

    /// The devices among these whose config lies in a folder of a node and cannot be encrypted.
    ///
    /// # Errors
    /// [`CoreError`]: a folder that cannot be read.
    pub(crate) async fn configs_that_cannot_be_encrypted(&self, devices: &[String]) -> Result<Vec<Unfit>, CoreError> {
        let part = EnrolmentPart { encrypted: true, ..EnrolmentPart::default() };
        self.unfit(devices, |settings, name, _, config| {
            let tried = with_ours(config?, Root::Device, &nothing(), Some(&part)).and_then(|config| part.stub(&config));
            let root = settings.folder.root().display();
            tried.err().map(|error| format!("{name}.cnf.xml in {root} cannot be encrypted: {error}"))
        })
        .await
    }

    /// Looks at the files of devices in all folders: whether there is a signed one, and the plain one.
    async fn unfit(
        &self,
        devices: &[String],
        look: impl Fn(&FolderSettings, &str, bool, Option<&[u8]>) -> Option<String>,
    ) -> Result<Vec<Unfit>, CoreError> {
        let mut found: Vec<Unfit> = Vec::new();
        for (path, merge) in self.store().served_folders().await? {
            let path = Path::new(&path);
            if !path.is_dir() {
                // A node that serves it no more, and has not started since.
                continue;
            }
            let settings = FolderSettings::open(path, merge)?;
            let there: HashSet<String> =
                settings.folder.names(FILES)?.into_iter().map(|name| name.to_ascii_lowercase()).collect();
            for name in devices {
                let config = Owner::Device(name.clone()).file_name(Form::Plain);
                let lower = config.to_ascii_lowercase();
                let signed = there.contains(&signed_name(&lower));
                let file = match there.contains(&lower) {
                    true => settings.folder.find(&config, 0)?,
                    false => None,
                };
                // one byte more than is read of a config tells that it is too large
                let read = |file: store::folder::OpenFile| {
                    let length = usize::try_from(file.length()).unwrap_or(usize::MAX).min(LARGEST + 1);
                    file.read_at(0, length).map_err(|error| file.unreadable()(error))
                };
                let bytes = file.map(read).transpose()?;
                if let Some(reason) = look(&settings, name, signed, bytes.as_deref()) {
                    found.push(Unfit { device: name.clone(), reason });
                }
            }
        }
        Ok(found)
    }
}

/// A cluster that has nothing to say: enough to see whether a config can be merged.
fn nothing() -> ClusterPart {
    ClusterPart { mode: SecurityMode::NonSecure, call_managers: Vec::new(), tvs: Vec::new(), capf: Vec::new() }
}
