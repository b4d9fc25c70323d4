//! The connection to the provider. What was signed is not lost with it: it is sent again, and kept in a file when nobody takes it.

use std::time::Duration;

use daemon::ctl_provider::{ClientError, CtlProviderClient, Fingerprint};
use pki::hash::spell;
use wire::ctl_provider::{ClusterState, Login, NodeStatus, Password, Upload};
use zeroize::Zeroizing;

use super::asked::{could_not, in_one_line};
use super::kept::Kept;
use crate::exit::{Answer, Failure};
use crate::terminal;

/// Tries to send a signed CTL, and the pause between them: a provider that is restarted is back in some seconds.
const TRIES: u32 = 15;
const PAUSE: Duration = Duration::from_secs(2);

/// A provider and who logs in there.
pub struct Provider {
    host: String,
    port: u16,
    user: String,
    password: Zeroizing<String>,
    fingerprint: Option<Fingerprint>,
}

impl Provider {
    pub fn new(
        host: String,
        port: u16,
        user: String,
        password: Zeroizing<String>,
        fingerprint: Option<Fingerprint>,
    ) -> Self {
        Self { host, port, user, password, fingerprint }
    }

    /// Trusts this certificate from now on.
    pub fn trust(&mut self, fingerprint: Fingerprint) {
        self.fingerprint = Some(fingerprint);
    }

    /// The certificate that the provider shows; nothing is said to it.
    pub async fn shown(&self) -> Result<Fingerprint, Failure> {
        Ok(*CtlProviderClient::connect(&self.host, self.port).await.map_err(failure)?.fingerprint())
    }

    /// What the cluster has.
    pub async fn look(&mut self) -> Result<ClusterState, Failure> {
        let mut client = self.connect().await?.map_err(failure)?;
        client.look().await.map_err(failure)
    }

    /// Connects and logs in. The outer error ends everything, the inner one may pass.
    async fn connect(&self) -> Result<Result<CtlProviderClient, ClientError>, Failure> {
        let mut client = match CtlProviderClient::connect(&self.host, self.port).await {
            Ok(client) => client,
            Err(error) => return Ok(Err(error)),
        };
        if self.fingerprint.as_ref() != Some(client.fingerprint()) {
            return Err(Failure::CouldNotTell(format!(
                "{} port {} shows a certificate that was not expected; its SHA-256 is {}. Nothing was said to it. Compare it with the \
                 tomcat certificate of the publisher, then give it with --fingerprint",
                self.host,
                self.port,
                digits(client.fingerprint())
            )));
        }
        let password = Password::new(self.password.as_bytes().to_vec());
        let logged_in = client.log_in(Login { user: self.user.clone(), password }).await;
        Ok(logged_in.map(|_| client))
    }

    /// Sends a signed CTL and shows what became of it. It stays where it is kept until a provider has taken it.
    pub async fn store(&self, upload: Upload, kept: &Kept) -> Result<Answer, Failure> {
        match self.deliver(upload).await {
            Ok(Delivery::Stored(nodes, warnings)) => {
                kept.taken();
                show(&nodes, &warnings)
            }
            Ok(Delivery::Refused { label, text }) => {
                terminal::print(&format!("{text}\n"))?;
                kept.refused(&label);
                Ok(Answer::No)
            }
            Err(failure) => match kept.next() {
                Some(next) => Err(could_not(format!("{failure}. {next}"))),
                None => Err(failure),
            },
        }
    }

    /// A connection that breaks off is made again, for half a minute.
    async fn deliver(&self, upload: Upload) -> Result<Delivery, Failure> {
        let mut last = String::new();
        for attempt in 0..TRIES {
            if attempt > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            let stored = match self.connect().await? {
                Ok(mut client) => client.store(upload.clone()).await,
                Err(error) => Err(error),
            };
            match stored {
                Ok((nodes, warnings)) => return Ok(Delivery::Stored(nodes, warnings)),
                // Somebody else at the desk, or our own connection that the provider has not missed yet.
                Err(ClientError::Refused { label, text }) if label == "busy" => last = text,
                Err(ClientError::Refused { label, text }) => return Ok(Delivery::Refused { label, text }),
                Err(error @ (ClientError::Unreachable { .. } | ClientError::Lost(_))) => last = error.to_string(),
                Err(error) => return Err(could_not(error)),
            }
            if attempt == 0 {
                terminal::warn(&format!("{last}; trying again"));
            }
        }
        Err(Failure::CouldNotTell(last))
    }
}

/// A refusal, such as that of a wrong password, is an answer; anything else could not be told.
fn failure(error: ClientError) -> Failure {
    match error {
        ClientError::Refused { text, .. } => Failure::Refused(text),
        other => could_not(other),
    }
}

/// What a provider said about a CTL.
enum Delivery {
    /// Node by node, and warnings.
    Stored(Vec<NodeStatus>, Vec<String>),
    /// Why not.
    Refused { label: String, text: String },
}

/// The table of the last step [sources/ctl-client#wizard].
fn show(nodes: &[NodeStatus], warnings: &[String]) -> Result<Answer, Failure> {
    let widest =
        |of: fn(&NodeStatus) -> &str| nodes.iter().map(|node| of(node).chars().count()).max().unwrap_or_default();
    let (host, location) = (widest(|node| &node.host).max(6), widest(|node| &node.location).max(13));
    terminal::print(&format!("\n{:host$}  {:location$}  Status\n", "Server", "File Location"))?;
    for node in nodes {
        let status = node.failure.as_ref().map_or_else(|| "Passed".to_owned(), |why| format!("Failed: {why}"));
        terminal::print(&format!("{:host$}  {:location$}  {status}\n", node.host, node.location))?;
    }
    terminal::print(
        "\nYou must restart all the Cisco Unified Communications Manager and TFTP nodes in the Cluster.\n",
    )?;
    for warning in warnings {
        terminal::warn(&in_one_line(warning));
    }
    if nodes.iter().all(|node| node.failure.is_none()) {
        return Ok(Answer::Yes);
    }
    terminal::warn(
        "THE NODES GIVE OUT DIFFERENT CTL FILES. Mend the nodes that failed, then run `utils ctl distribute` on the publisher",
    );
    Ok(Answer::No)
}

/// `5F:2C:...`.
pub fn digits(fingerprint: &Fingerprint) -> String {
    spell(fingerprint, ":", true)
}

/// Reads 64 digits, with or without colons.
pub fn fingerprint(text: &str) -> Result<Fingerprint, Failure> {
    let bare: String = text.chars().filter(|letter| *letter != ':').collect();
    let bytes = hex::decode(&bare).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| Failure::WrongUsage(format!("`{}` is not a SHA-256 of 64 digits", terminal::one_line(text))))
}
