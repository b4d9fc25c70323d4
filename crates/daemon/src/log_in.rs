//! Somebody logs in from elsewhere with a name and a password: the one way for all servers that ask for them.

use std::net::IpAddr;

use cluster::Actor;
use ringfence_core::administrators::Password;
use ringfence_core::{Cluster, CoreError};

use crate::surroundings::now;

/// Logs somebody in; waits as long as he has to (`ringfence_core::log_ins`), then looks whether he is `still_here`.
///
/// # Errors
/// [`CoreError::Refused`] with the label `login`, `too-many-attempts` or `gone`.
pub async fn log_in(
    cluster: &Cluster,
    name: &str,
    password: Password,
    from: IpAddr,
    still_here: impl FnOnce() -> bool,
) -> Result<Actor, CoreError> {
    let begun = cluster.begin_log_in(name, from, now()).await?;
    tokio::time::sleep(begun.delay).await;
    if !still_here() {
        return Err(CoreError::refused("gone", "The connection was closed for somebody else"));
    }
    cluster.finish_log_in(begun, password, now()).await
}
