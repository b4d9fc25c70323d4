//! The scenarios: each a story with an end that is checked.

use std::path::Path;

use cluster::releases::{ItlReset, Release};
use cluster::units::Unit;
use phone::Outcome;
use pki::listing::ListKind;

use crate::Failure;
use crate::ending::{By, Differences, Ending};
use crate::lab_phone::title;
use crate::published;
use crate::steps::{check_size, ctl_signer, expect, in_mixed_mode, must_say, restart_services, sizes};
use crate::transcript::{Screen, Transcript};
use crate::world::World;
use crate::{desk, enrolment, moves, recovery, renewals, tokens};

/// A scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// From non-secure to mixed mode with a tokenless CTL.
    NonSecureToMixed,
    /// The CallManager certificate of the publisher is renewed in mixed mode.
    CertificateRegeneration,
    /// Phones without Security by Default stay behind after such a renewal.
    LegacyPhones,
    /// LSCs are installed in four ways.
    LscInstall,
    /// CAPF gets a new certificate; a wave issues the LSCs again.
    CapfRegeneration,
    /// A config that only one phone can read.
    EncryptedConfig,
    /// Ten phones move to another cluster.
    MoveBetweenClusters,
    /// Phones that lost the signer of their ITL.
    ItlRecovery,
    /// *Prepare Cluster for Rollback to pre 8.0*, and back.
    Rollback,
    /// An upgrade that leaves a dead anchor in the CTL.
    UpgradeAnchors,
    /// The nodes sign a CTL that tokens have signed.
    TokensToTokenless,
    /// Tokens sign a CTL that the nodes have signed.
    TokenlessToTokens,
    /// New tokens, because the old ones are lost.
    LostTokens,
    /// All certificates are renewed, one TFTP server after the other.
    RenewalsInOrder,
}

impl Scenario {
    /// All, in the order in which they run.
    pub const ALL: [Self; 14] = [
        Self::NonSecureToMixed,
        Self::CertificateRegeneration,
        Self::LegacyPhones,
        Self::LscInstall,
        Self::CapfRegeneration,
        Self::EncryptedConfig,
        Self::MoveBetweenClusters,
        Self::ItlRecovery,
        Self::Rollback,
        Self::UpgradeAnchors,
        Self::TokensToTokenless,
        Self::TokenlessToTokens,
        Self::LostTokens,
        Self::RenewalsInOrder,
    ];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NonSecureToMixed => "non-secure-to-mixed",
            Self::CertificateRegeneration => "certificate-regeneration",
            Self::LegacyPhones => "legacy-phones",
            Self::LscInstall => "lsc-install",
            Self::CapfRegeneration => "capf-regeneration",
            Self::EncryptedConfig => "encrypted-config",
            Self::MoveBetweenClusters => "move-between-clusters",
            Self::ItlRecovery => "itl-recovery",
            Self::Rollback => "rollback",
            Self::UpgradeAnchors => "upgrade-anchors",
            Self::TokensToTokenless => "tokens-to-tokenless",
            Self::TokenlessToTokens => "tokenless-to-tokens",
            Self::LostTokens => "lost-tokens",
            Self::RenewalsInOrder => "renewals-in-order",
        }
    }

    /// What it is about, in one line.
    pub const fn purpose(self) -> &'static str {
        match self {
            Self::NonSecureToMixed => {
                "A cluster without a CTL goes to mixed mode; its phones take the CTL by their ITL."
            }
            Self::CertificateRegeneration => {
                "The CallManager certificate of the publisher is renewed; phones ask TVS about the new signer."
            }
            Self::LegacyPhones => {
                "A 7960 and a Jabber cannot ask TVS: they stay behind after the renewal until their CTL is deleted by hand."
            }
            Self::LscInstall => {
                "Phones get an LSC by null string, by the right and by a wrong authentication string, and by their MIC."
            }
            Self::CapfRegeneration => {
                "CAPF gets a new certificate; the old one stays until a wave has issued every LSC again."
            }
            Self::EncryptedConfig => "A config that only one phone can read, and that phone without its LSC.",
            Self::MoveBetweenClusters => {
                "Ten phones move to another cluster: without the exchange of certificates they stay behind, with it none does."
            }
            Self::ItlRecovery => {
                "Signer and TVS are gone: a phone that holds the other anchor comes back by a reset ITL, the other one is named."
            }
            Self::Rollback => {
                "The ITL is blanked for a rollback: phones take unsigned configs, and the ITL of a stranger; then it is restored."
            }
            Self::UpgradeAnchors => {
                "An upgrade to 12.5 leaves a dead ITLRecovery in the CTL: a renewal that would strand phones is refused."
            }
            Self::TokensToTokenless => {
                "Security Tokens have signed the CTL; the publisher signs the next one. Who cannot check that stays behind."
            }
            Self::TokenlessToTokens => {
                "From a CTL of the nodes back to Security Tokens: no phone knows them, TVS vouches for them."
            }
            Self::LostTokens => {
                "Both Security Tokens are lost: phones without TVS are named beforehand, their CTL has to be deleted by hand."
            }
            Self::RenewalsInOrder => {
                "All certificates of two TFTP servers are renewed, one server after the other: phones always have one that they can trust."
            }
        }
    }

    /// The scenario with a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scenario| scenario.name() == name)
    }

    /// Whether Security Tokens take part.
    const fn has_tokens(self) -> bool {
        matches!(self, Self::TokensToTokenless | Self::TokenlessToTokens | Self::LostTokens)
    }

    /// Why it cannot be told of a release; `None` when it can.
    pub fn not_in(self, release: &Release) -> Option<&'static str> {
        let tokens_only = release.ctl_sasts.is_empty().then_some("only Security Tokens sign its CTL");
        match self {
            _ if self.has_tokens() && !release.ctl_provider => Some("it has no Cisco CTL Provider, so no tokens"),
            Self::ItlRecovery => (release.itl_reset == ItlReset::NotThere).then_some("it has no ITLRecovery"),
            Self::MoveBetweenClusters | Self::Rollback | Self::UpgradeAnchors | Self::LostTokens => None,
            // LSCs and ITLs need no CTL.
            Self::LscInstall | Self::CapfRegeneration | Self::EncryptedConfig | Self::RenewalsInOrder => None,
            _ => tokens_only,
        }
    }

    /// What this machine lacks for it, with the next step; `None` when nothing.
    pub fn lacks(self) -> Option<String> {
        if self.has_tokens() { desk::lacks() } else { None }
    }

    /// Runs it in a directory of its own. The world as it ended, and what was different.
    pub async fn run(
        self,
        release: &'static Release,
        directory: &Path,
        screen: Screen,
    ) -> Result<(World, Differences), Failure> {
        let transcript = Transcript::begin(screen, self.name(), self.purpose())?;
        let new = if self.has_tokens() { published::cluster_of_tokens(release) } else { published::cluster(release) };
        let mut world = World::new(&new, directory, transcript).await?;
        let mut differences = match self {
            Self::NonSecureToMixed => non_secure_to_mixed(&mut world).await?,
            Self::CertificateRegeneration => certificate_regeneration(&mut world).await?,
            Self::LegacyPhones => legacy_phones(&mut world).await?,
            Self::LscInstall => enrolment::lsc_install(&mut world).await?,
            Self::CapfRegeneration => enrolment::capf_regeneration(&mut world).await?,
            Self::EncryptedConfig => enrolment::encrypted_config(&mut world).await?,
            Self::MoveBetweenClusters => moves::move_between_clusters(&mut world, directory).await?,
            Self::ItlRecovery => recovery::itl_recovery(&mut world).await?,
            Self::Rollback => recovery::rollback(&mut world, directory).await?,
            Self::UpgradeAnchors => recovery::upgrade_anchors(&mut world).await?,
            Self::TokensToTokenless => tokens::tokens_to_tokenless(&mut world, directory).await?,
            Self::TokenlessToTokens => tokens::tokenless_to_tokens(&mut world, directory).await?,
            Self::LostTokens => tokens::lost_tokens(&mut world, directory).await?,
            Self::RenewalsInOrder => renewals::renewals_in_order(&mut world).await?,
        };
        differences.dedup();
        Ok((world, differences))
    }
}

const SECURITY_MODE: &str =
    "run sql select paramname,paramvalue from processconfig where paramname='ClusterSecurityMode'";

async fn non_secure_to_mixed(world: &mut World) -> Result<Differences, Failure> {
    let mut differences = Differences::new();
    world.add_phones(&["7975", "7965", "8861"]).await?;
    world.transcript.step("Before: no CTL on the nodes, phones hold an ITL only")?;
    world.types("show ctl", &[]).await?;
    world.types(SECURITY_MODE, &[]).await?;
    let reports = world.reset_phones(0).await?;
    expect(&mut differences, &reports, &[Outcome::Trusted; 3]);
    world.show_screen(0)?;
    world.remember_lists();

    world.transcript.step("The administrator sets the cluster to mixed mode")?;
    let said = world.types("utils ctl set-cluster mixed-mode", &["y"]).await?;
    must_say(&mut differences, &said, "Cluster set to Mixed Mode");
    let said = world.types(SECURITY_MODE, &[]).await?;
    must_say(&mut differences, &said, "ClusterSecurityMode 1");
    restart_services(world).await?;

    world.transcript.step("The phones are restarted and fetch the CTL")?;
    let reports = world.reset_phones(0).await?;
    expect(&mut differences, &reports, &[Outcome::Trusted; 3]);
    world.show_tvs_log("tvs.log of the publisher")?;
    world.types("show ctl", &[]).await?;
    check_size(&mut differences, world, sizes(world.release()).map(|(before, _)| before))?;
    world.show_screen(0)?;
    world.endings = vec![Ending::Takes(ListKind::Ctl, By::Listed(ListKind::Itl, ctl_signer(world.release()))); 3];
    Ok(differences)
}

async fn certificate_regeneration(world: &mut World) -> Result<Differences, Failure> {
    let mut differences = in_mixed_mode(world, &["7975", "7965", "8861"]).await?;
    world.show_screen(0)?;
    world.types("show ctl", &[]).await?;

    renew(world, &mut differences).await?;
    world.types("show ctl", &[]).await?;
    check_size(&mut differences, world, sizes(world.release()).map(|(_, after)| after))?;
    restart_services(world).await?;

    world.transcript.step("The phones are restarted; they meet a signer that is in none of their lists and ask TVS")?;
    let reports = world.reset_phones(0).await?;
    let log = world.show_tvs_log("tvs.log of the publisher")?;
    expect(&mut differences, &reports, &[Outcome::Trusted; 3]);
    if signer_changes(world.release()) {
        must_say(&mut differences, &log.join("\n"), "debug tvsHandleQueryCertReq");
        must_say(&mut differences, &log.join("\n"), "Found entry {rolecount : 2}");
    }
    world.show_screen(0)?;
    let signer = ctl_signer(world.release());
    let by = if signer_changes(world.release()) { By::Tvs(signer) } else { By::Listed(ListKind::Ctl, signer) };
    world.endings = vec![Ending::Takes(ListKind::Ctl, by); 3];
    Ok(differences)
}

async fn legacy_phones(world: &mut World) -> Result<Differences, Failure> {
    let mut differences = in_mixed_mode(world, &["7960", "Jabber", "7975"]).await?;
    renew(world, &mut differences).await?;
    restart_services(world).await?;

    world.transcript.step("The phones are restarted")?;
    let reports = world.reset_phones(0).await?;
    world.show_tvs_log("tvs.log of the publisher")?;
    if !signer_changes(world.release()) {
        // The ITLRecovery key signs the CTL of this release: its signer did not change, nobody stays behind.
        expect(&mut differences, &reports, &[Outcome::Trusted; 3]);
        let by = By::Listed(ListKind::Ctl, ctl_signer(world.release()));
        world.endings = vec![Ending::Takes(ListKind::Ctl, by); 3];
        return Ok(differences);
    }
    expect(&mut differences, &reports, &[Outcome::Refused, Outcome::Refused, Outcome::Trusted]);
    world.show_screen(0)?;

    world.transcript.step("Somebody walks to the 7960 and the Jabber and deletes their CTL by hand")?;
    for lab in world.phones.iter_mut().take(2) {
        let message = lab.phone.erase_lists().map_err(|error| Failure(error.to_string()))?;
        world.transcript.output(&format!("  {}: {message}", title(&lab.phone)))?;
    }
    let reports = world.reset_phones(0).await?;
    expect(&mut differences, &reports, &[Outcome::Trusted; 3]);
    world.show_screen(0)?;
    let tvs = By::Tvs(ctl_signer(world.release()));
    world.endings = [By::Faith, By::Faith, tvs].map(|by| Ending::Takes(ListKind::Ctl, by)).to_vec();
    Ok(differences)
}

/// Renews the CallManager certificate of the publisher and updates the CTL.
async fn renew(world: &mut World, differences: &mut Differences) -> Result<(), Failure> {
    world.transcript.step("The administrator renews the CallManager certificate of the publisher")?;
    world.types("show cert own CallManager", &[]).await?;
    let said = world.types("set cert regen CallManager", &["yes"]).await?;
    must_say(differences, &said, "Successfully Regenerated Certificate for CallManager.");
    world.types("show cert own CallManager", &[]).await?;
    let guard = world.types("set cert regen TVS", &["yes"]).await?;
    must_say(differences, &guard, "CallManager certificate was modified in the last 5 minutes.");
    world.transcript.step("The CTL still names the old certificate; the administrator updates it")?;
    let said = world.types("utils ctl update CTLFile", &["y"]).await?;
    must_say(differences, &said, "CTL file Updated");
    let log = world.show_tvs_log("tvs.log of the publisher")?;
    must_say(differences, &log.join("\n"), "CTLFile.tlv has been modified. Recaching CTL Certificate Cache");
    Ok(())
}

/// Whether a renewal of the CallManager certificate changes the signer of the CTL.
fn signer_changes(release: &Release) -> bool {
    release.ctl_sasts.first() == Some(&Unit::CallManager)
}
