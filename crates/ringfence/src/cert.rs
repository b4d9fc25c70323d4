//! `ringfence cert UNIT`: a certificate or a request of a node as a file that `openssl x509` and `openssl req` read.

use std::path::Path;

use ringfence_core::CoreError;

use crate::exit::{Answer, Failure};
use crate::files::output::{Readers, Target};
use crate::opened::{Data, Opened, could_not};

/// Give out a certificate of a node, or its request for a CA
///
/// PEM as every other program reads it: `openssl x509 -in FILE`, with --csr `openssl req -in FILE`. Private keys are never given out.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: ringfence cert tomcat --csr -o tomcat.csr\n\nExit codes: 0 written, 1 there is none, 2 could not be \
                        done, 64 wrong usage."
)]
pub struct Args {
    #[command(flatten)]
    data: Data,
    /// Unit, such as tomcat or CallManager; `show cert list own` names them. Of requests UNIT/FILE too, as `show csr list own` has them
    unit: String,
    /// Node; the publisher without it
    #[arg(long, value_name = "NAME")]
    node: Option<String>,
    /// The request (CSR) that waits for its certificate, for the CA
    #[arg(long)]
    csr: bool,
    /// DER instead of PEM
    #[arg(long)]
    der: bool,
    #[command(flatten)]
    target: Target,
}

impl Args {
    /// Writes it; to standard output when nothing else is said.
    pub fn run(self) -> Result<Answer, Failure> {
        let path = self.target.path_or(Some("-".into()))?;
        self.data.settle()?;
        self.target.check(&path)?;
        let opened = self.data.open()?;
        let bytes = if self.csr { self.request(&opened)? } else { self.certificate(&opened)? };
        self.target.write(Path::new(&path), &bytes, Readers::Everybody)?;
        Ok(Answer::Yes)
    }

    fn certificate(&self, opened: &Opened) -> Result<Vec<u8>, Failure> {
        let node = opened.runtime.block_on(opened.cluster.node(self.node.as_deref())).map_err(refused)?;
        let found = opened.runtime.block_on(opened.cluster.find_certificate(&node, false, &self.unit));
        let certificate = found.map_err(refused)?;
        Ok(if self.der { certificate.der().to_vec() } else { certificate.to_pem().into_bytes() })
    }

    fn request(&self, opened: &Opened) -> Result<Vec<u8>, Failure> {
        let node = opened.runtime.block_on(opened.cluster.node(self.node.as_deref())).map_err(refused)?;
        let found = opened.runtime.block_on(opened.cluster.find_request(&node, &self.unit)).map_err(could_not)?;
        let found = found.ok_or_else(|| {
            let unit = self.unit.split('/').next().unwrap_or_default();
            Failure::Refused(format!(
                "{} has no request {}; `set csr gen {unit}` makes one, `show csr list own` names those that are there",
                node.name, self.unit
            ))
        })?;
        let request = found.request;
        Ok(if self.der { request.der().to_vec() } else { request.to_pem().as_bytes().to_vec() })
    }
}

/// A name that there is not is an answer; anything else could not be told.
fn refused(error: CoreError) -> Failure {
    match error {
        CoreError::BadInput(reason) => Failure::Refused(reason),
        other => could_not(other),
    }
}
