//! `set cli pagination`, `show cli pagination` [sources/shell#conventions].

use crate::session::{Reply, Session};

impl Session {
    pub(crate) fn set_pagination(&mut self, on: bool) -> Reply {
        self.pagination = on;
        let state = if on { "on" } else { "off" };
        Reply::done(format!("Automatic pagination is turned {state}\n"))
    }

    pub(crate) fn show_pagination(&self) -> Reply {
        let state = if self.pagination { "On" } else { "Off" };
        Reply::done(format!("Automatic Pagination : {state}.\n"))
    }
}
