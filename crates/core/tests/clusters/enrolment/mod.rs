//! Enrolment without sockets: the questions of CAPF sessions answered from real rows, and what an administrator does to CAPF.

mod attacks;
mod authentication;
mod authority;
mod broken;
mod encrypted;
mod fetched;
mod install;
pub(crate) mod place;
mod waves;
