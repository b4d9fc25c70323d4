//! The services of a node that have a server: each takes over what it shows, and runs, rests or starts again as the rows say. A service that is
//! stopped gives up its ports.
//!
//! A new one is a file in this folder, behind [`Served`], and a line in [`Services::all`].
//!
//! * `files`: TFTP and HTTP; `tvs`; `capf`; `ctl_provider`; `run`: starting, stopping and draining all of them

pub(crate) mod capf;
pub(crate) mod ctl_provider;
pub(crate) mod files;
pub(crate) mod run;
pub(crate) mod served;
pub(crate) mod tvs;

use std::sync::Arc;

use self::capf::Capf;
use self::ctl_provider::CtlProvider;
use self::files::Files;
use self::served::Served;
use self::tvs::Tvs;

/// The services of a node.
pub(crate) struct Services {
    pub(crate) files: Arc<Files>,
    pub(crate) tvs: Arc<Tvs>,
    /// On the publisher.
    pub(crate) capf: Option<Arc<Capf>>,
    /// On the publisher.
    pub(crate) ctl_provider: Option<Arc<CtlProvider>>,
}

impl Services {
    /// All of them, in the order in which they are started.
    pub(crate) fn all(&self) -> Vec<Arc<dyn Served>> {
        let mut all: Vec<Arc<dyn Served>> = vec![Arc::clone(&self.files) as _, Arc::clone(&self.tvs) as _];
        all.extend(self.capf.iter().map(|capf| Arc::clone(capf) as _));
        all.extend(self.ctl_provider.iter().map(|provider| Arc::clone(provider) as _));
        all
    }
}
