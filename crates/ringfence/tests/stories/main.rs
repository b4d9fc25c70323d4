//! Stories: the built program, as people run it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // tests may stop at the first surprise

mod admin_cluster;
mod peer;
#[path = "../../../daemon/tests/servers/receiver/mod.rs"]
mod receiver;
mod support;

mod admin_audit;
mod admin_capf;
mod admin_commands;
mod admin_device;
mod admin_paste;
mod admin_terminal;
mod attack;
mod away;
mod backup;
mod capf_chain;
mod capf_client;
mod capf_settings;
mod cert;
mod ctl_client;
mod damaged_rows;
mod done_means_done;
mod everyday_files;
mod few_lines;
mod first_boot;
mod import_peer;
mod inventory;
mod killed;
mod killed_changes;
mod killed_enrolment;
mod live_changes;
mod local_users;
mod log_lines;
mod monitor_serve;
mod moved_node;
mod never_held_up;
mod new_recovery;
mod nobody_added;
mod offline_ca;
mod open_files;
mod part_behind;
mod printable;
mod readme;
mod regenerated_at_once;
mod rights;
mod roots_commands;
mod serve;
mod terminal_width;
mod tftpboot;
mod troubled_disks;
mod truth;
mod tvs_client;
