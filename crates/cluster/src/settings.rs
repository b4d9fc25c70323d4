//! `set parameter`.

use crate::Refusal;
use crate::draft::Draft;
use crate::operation::{Context, Decided, Kind, Lists, Made, Operation};
use crate::parameters::{self, CAPF_PORT, TVS_PORT};
use crate::rows::NodeRow;
use crate::write::Write;

/// Sets a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetParameter {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl SetParameter {
    /// A name and a value.
    pub fn new(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), value: value.to_owned() }
    }
}

impl Operation for SetParameter {
    type Done = ();
    const KIND: Kind = Kind::SetParameter;

    fn words(&self, _at: &NodeRow) -> String {
        format!("set parameter {}", parameters::spelled(&self.name))
    }

    fn decide(&self, draft: &mut Draft, _made: &[Made], _context: &Context<'_>) -> Result<Decided<()>, Refusal> {
        let name = parameters::check(&self.name, &self.value, draft.state().release)?;
        let before = draft.state().parameters.get(name).to_owned();
        draft.set_parameter(name, &self.value);
        if [CAPF_PORT, TVS_PORT].contains(&name) {
            // A start may name it still.
            draft.write(Write::FormerSetting { setting: name.to_owned(), node: String::new(), value: before });
        }
        draft.tell("parameter", name);
        Ok(Decided { done: (), result: self.value.clone(), lists: Lists::Follow })
    }
}
