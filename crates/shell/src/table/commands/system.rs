//! `utils system`.

use ringfence_core::Level;

use super::{needed, optional};
use crate::table::{Action, Command, Kind, Origin, Place};

pub(super) const COMMANDS: &[Command] = &[Command {
    words: &["utils", "system", "switch-version"],
    arguments: &[needed("release", Kind::Word), optional("renew", Kind::Choice(&["renew-itlrecovery"]))],
    level: Level::ReadWrite,
    place: Place::Publisher,
    origin: Origin::Original,
    summary: "switches the cluster to another release",
    help: "This will make the cluster follow another release, newer or older. Certificates and the CTL file stay as they\n\
           are, the ITL files are built anew. The original switches to the version on its other partition; here the release\n\
           is named: 9.1, 10.5, 11.5, 12.5, 14 or 15. With `renew-itlrecovery` an upgrade to 12.5 makes another ITLRecovery\n\
           certificate, as 12.5(1) before SU3 did: that rehearses field notice 70613.",
    example: "utils system switch-version 15",
    action: Action::SwitchVersion,
}];
