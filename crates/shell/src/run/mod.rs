//! What the commands do, one module per noun; each is a few words around an operation of `core`.

mod accounts;
mod audit;
mod bulk;
pub(crate) mod capf;
pub(crate) mod capf_devices;
mod capf_offline;
mod capf_waves;
mod certificates;
pub(crate) mod csr;
mod default_cas;
mod files;
mod keys;
mod monitor;
mod network;
mod parameters;
mod recovery;
pub(crate) mod requests;
mod services;
pub(crate) mod sql;
mod system;
mod terminal;
mod trust_lists;
pub(crate) mod unreadable;
