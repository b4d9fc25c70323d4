//! What several stories use.

pub mod company;
pub mod enrolling;
pub mod log;
pub mod node;
pub mod root;
pub mod terminal;
pub mod tftpd_hpa;
pub mod token_desk;
