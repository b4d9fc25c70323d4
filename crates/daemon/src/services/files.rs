//! TFTP and HTTP, one service.

use std::net::SocketAddr;
use std::sync::Arc;

use cluster::services::TFTP;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::served::{Address, Later, Served, ended};
use crate::files::Fetcher;
use crate::places::Share;
use crate::tftp::BindError;
use crate::{http, tftp};

/// TFTP and HTTP.
pub(crate) struct Files {
    pub(crate) tftp: Address,
    pub(crate) http: Address,
    share: Share,
    fetcher: Arc<Fetcher>,
}

impl Files {
    pub(crate) fn new(tftp: SocketAddr, http: SocketAddr, share: Share, fetcher: Arc<Fetcher>) -> Self {
        Self { tftp: Address::new(tftp), http: Address::new(http), share, fetcher }
    }
}

impl Served for Files {
    fn service(&self) -> &'static str {
        TFTP
    }

    fn listen(&self, stopped: watch::Receiver<bool>) -> Later<'_, Result<JoinSet<()>, BindError>> {
        Box::pin(async move {
            let config = tftp::Config { listen: vec![self.tftp.get()], ..tftp::Config::default().shared(&self.share) };
            let tftp = tftp::Server::bind(config, Arc::clone(&self.fetcher))?;
            let config = http::Config { listen: vec![self.http.get()], ..http::Config::default().shared(&self.share) };
            let http = http::Server::bind(config, Arc::clone(&self.fetcher)).await?;
            tftp.local_addrs().first().into_iter().for_each(|chosen| self.tftp.set(*chosen));
            http.local_addrs().first().into_iter().for_each(|chosen| self.http.set(*chosen));
            let mut tasks = JoinSet::new();
            tasks.spawn(ended("TFTP", tftp.run(stopped.clone())));
            tasks.spawn(ended("HTTP", http.run(stopped)));
            Ok(tasks)
        })
    }
}
