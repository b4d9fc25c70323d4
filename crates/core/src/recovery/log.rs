//! `log/itlreset.log`: what `utils itl reset` did, in the lines of the original [sources/recovery#itl-reset-log]. Lines
//! about what has no counterpart here (its database user, SOAP answers, numbers of the parser's debugging) are left
//! out; those about a subscriber and about what fails are ours, because the print shows neither.
//!
//! They are kept with the changes that they tell of, as those of other logs: a reset is made when a list is lost, and no log stops it.

use std::path::Path;

use jiff::Timestamp;
use pki::{Certificate, NameForm};
use store::Transaction;
use store::directory::NodeDirectory;
use wire::trust_list::TrustList;

use crate::CoreError;
use crate::cluster::Cluster;

/// Name of the file in the log directory of the publisher.
pub const FILE: &str = "itlreset.log";

/// The log of one reset.
pub(crate) struct ResetLog<'a> {
    cluster: &'a Cluster,
    directory: NodeDirectory,
    now: i64,
    /// Those that are in no change yet.
    lines: Vec<String>,
}

impl<'a> ResetLog<'a> {
    /// The log of a node; `now` in milliseconds since 1970 UTC.
    pub(crate) const fn new(cluster: &'a Cluster, directory: NodeDirectory, now: i64) -> Self {
        Self { cluster, directory, now, lines: Vec::new() }
    }

    /// Puts what was said since the last time into a change.
    pub(crate) async fn put(&mut self, transaction: &mut Transaction) -> Result<(), CoreError> {
        let lines = std::mem::take(&mut self.lines);
        Ok(transaction.put_log_lines(&self.directory, FILE, &lines).await?)
    }

    /// Puts it into a change of its own, when there is no other.
    pub(crate) async fn put_alone(&mut self) -> Result<(), CoreError> {
        let mut transaction = self.cluster.store().begin().await?;
        self.put(&mut transaction).await?;
        Ok(transaction.commit().await?)
    }

    pub(crate) fn info(&mut self, text: &str) -> Result<(), CoreError> {
        self.dated("INFO", text)
    }

    pub(crate) fn debug(&mut self, text: &str) -> Result<(), CoreError> {
        self.dated("DEBUG", text)
    }

    pub(crate) fn error(&mut self, text: &str) -> Result<(), CoreError> {
        self.dated("ERROR", text)
    }

    fn dated(&mut self, level: &str, text: &str) -> Result<(), CoreError> {
        let time = Timestamp::from_millisecond(self.now).map_err(CoreError::internal)?;
        let time = time.to_zoned(self.cluster.zone().clone()).strftime("%a %b %d %H:%M:%S %Y");
        self.lines.push(format!("{time} itlreset {level}: {text}"));
        Ok(())
    }

    /// The lines about a file: what it was, who signs it now, what it became.
    pub(crate) fn file(
        &mut self,
        path: &Path,
        old: &TrustList,
        signer: &Certificate,
        new: &TrustList,
    ) -> Result<(), CoreError> {
        let header = old.header();
        let name = |value: Option<&[u8]>| String::from_utf8_lossy(value.unwrap_or_default()).into_owned();
        let signature = header.signature().map_or(0, <[u8]>::len);
        let begin = new.header().field(wire::header::SIGNATURE).map_or(0, |field| field.value.start);
        self.debug(&format!("Generating the reset ITL file.....Location of ITL = {}", path.display()))?;
        self.lines.extend([
            format!("Length of ITL File {}", old.bytes().len()),
            format!("Header Length = {}", header.length()),
            format!("Printing the Cisco SAST signerName{}", signer.subject(NameForm::Row)),
            format!("Printing the Cisco SAST issuerName{}", signer.issuer(NameForm::Row)),
            format!("SIGNERNAME =  {}", name(header.signer_name())),
            format!("CANAME = {}", name(header.issuer_name())),
            "SIGNATUREINFO = DIGESTALGORTITHM 1".to_owned(),
            "SIGNATUREALGOINFO 2 8".to_owned(),
            "SIGNATUREALGORTITHM 1".to_owned(),
            format!("SIGNATUREMODULUS 1 Modulus : {}", signature * 8),
            format!("Printing the length of the signature : {signature}"),
            format!("SIGNATURE {signature}"),
            format!("hdrLength: {}", header.length()),
            format!("Print the value of ITL new Header Length : {}", new.header().length()),
            format!("The new pITL file length is {}", new.bytes().len()),
            "got privKey".to_owned(),
            format!("SIG_BEGIN: {begin}"),
        ]);
        self.info("The reset ITL file was generated successfully")
    }
}
