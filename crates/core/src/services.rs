//! The services of a node as faces and servers ask for them, and what is still to be restarted.

use cluster::restarts::{self, Pending};
use cluster::rows::{NodeRow, ServiceRow};
use cluster::service_control::{self, Acted};
use cluster::services::{self, Service};
use cluster::state::Asks;

use crate::CoreError;
use crate::cluster::Cluster;

impl Cluster {
    /// The services of a node in the order of `utils service list`, with what the release says of each.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn service_states(&self, node: &NodeRow) -> Result<Vec<(&'static Service, ServiceRow)>, CoreError> {
        let (rows, _) = (self.store().services().await?, self.parameters().await?);
        Ok(services::rows_of(self.release(), node, &rows))
    }

    /// The rows of the services of a node.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn services_of(&self, node: &NodeRow) -> Result<Vec<ServiceRow>, CoreError> {
        Ok(self.service_states(node).await?.into_iter().map(|(_, row)| row).collect())
    }

    /// What each service of a node is doing, in the order of `utils service list`.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn what_services_do(&self, node: &NodeRow) -> Result<Vec<Acted>, CoreError> {
        let served = self.is_served(node)?;
        Ok(service_control::doing(&self.state(Asks::default()).await?, node, served))
    }

    /// What is still to be done after changes of certificates, by node.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn pending_restarts(&self) -> Result<Vec<Pending>, CoreError> {
        Ok(restarts::pending(&self.state(Asks::default()).await?))
    }
}
