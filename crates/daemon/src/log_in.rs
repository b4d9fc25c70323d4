//! Somebody logs in from elsewhere with a name and a password: the one way for all servers that ask for them.

use std::net::IpAddr;

use ringfence_core::administrators::Password;
use ringfence_core::{Actor, Cluster, CoreError};

use crate::surroundings::now;

/// Logs somebody in; waits as long as he has to (`ringfence_core::log_ins`).
///
/// # Errors
/// [`CoreError::Refused`] with the label `login` or `too-many-attempts`.
pub async fn log_in(cluster: &Cluster, name: &str, password: Password, from: IpAddr) -> Result<Actor, CoreError> {
    let begun = cluster.begin_log_in(name, from, now()).await?;
    tokio::time::sleep(begun.delay).await;
    cluster.finish_log_in(begun, password, now()).await
}
