//! *Prepare Cluster for Rollback to pre 8.0*: the ITL is blanked (its TFTP and TVS records; CAPF stays, the CTL is not touched), so that
//! phones without a CTL accept unsigned files and any list [sources/trust-lists#blank-list].

use crate::Refusal;
use crate::alarms::{ROLLBACK_DISABLED, ROLLBACK_ENABLED};
use crate::draft::Draft;
use crate::operation::{Context, Decided, Kind, Lists, Made, Operation};
use crate::parameters::{ROLLBACK, ROLLBACK_ENDED, ROLLBACK_ENDS};
use crate::rows::NodeRow;
use crate::write::Write;

/// What stands above everything that the shell shows of trust while it is on.
pub const WARNING: &str = "WARNING: Prepare Cluster for Rollback to pre 8.0 is on. The ITL file is blank: phones that fetch it \
                           check neither configs nor lists, and their HTTPS services fail. `set rollback disable` ends it.";

/// `set rollback enable|disable`. Whether that changed anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetRollback {
    /// On or off.
    pub on: bool,
}

impl Operation for SetRollback {
    type Done = bool;
    const KIND: Kind = Kind::SetRollback;

    fn words(&self, _at: &NodeRow) -> String {
        format!("set rollback {}", if self.on { "enable" } else { "disable" })
    }

    fn decide(&self, draft: &mut Draft, _made: &[Made], context: &Context<'_>) -> Result<Decided<bool>, Refusal> {
        let value = if self.on { "T" } else { "F" };
        let decided = |done| Decided { done, result: value.to_owned(), lists: Lists::Follow };
        if draft.state().parameters.rollback() == self.on {
            return Ok(decided(false));
        }
        draft.set_parameter(ROLLBACK, value);
        if !self.on {
            // What is fetched until the lists follow may still be blank.
            draft.set_parameter(ROLLBACK_ENDED, ROLLBACK_ENDS);
        }
        draft.tell("parameter", ROLLBACK);
        draft.tell("reset", "all phones (Prepare Cluster for Rollback to pre 8.0)");
        let message = format!("{ROLLBACK} set to {value} by {}", context.actor.name());
        let node = context.at.clone();
        if self.on {
            let alarm = &ROLLBACK_ENABLED;
            draft.write(Write::AlarmStands { node, alarm, subject: String::new(), message });
        } else {
            draft.write(Write::AlarmEnds { name: ROLLBACK_ENABLED.name, subject: String::new(), told: true });
            draft.write(Write::Alarm { node, alarm: &ROLLBACK_DISABLED, message });
        }
        Ok(decided(true))
    }
}
