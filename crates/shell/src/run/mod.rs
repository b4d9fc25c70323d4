//! What the commands do, one module per noun; each is a few words around an operation of `core`.

mod certificates;
mod files;
mod parameters;
mod services;
mod sql;
mod terminal;
mod trust_lists;
