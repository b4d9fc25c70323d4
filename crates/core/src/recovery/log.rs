//! `log/itlreset.log`: what `utils itl reset` did, in the lines of the original [sources/recovery#itl-reset-log]. Lines
//! about what has no counterpart here (its database user, SOAP answers, numbers of the parser's debugging) are left
//! out; those about a subscriber and about what fails are ours, because the print shows neither.

use std::path::Path;

use jiff::Timestamp;
use pki::{Certificate, NameForm};
use store::append;
use wire::trust_list::TrustList;

use crate::CoreError;
use crate::cluster::Cluster;

/// Name of the file in the log directory of the publisher.
pub const FILE: &str = "itlreset.log";

/// Writes the log of one reset.
pub(crate) struct ResetLog<'a> {
    cluster: &'a Cluster,
    path: std::path::PathBuf,
    now: i64,
}

impl<'a> ResetLog<'a> {
    /// The log in a directory; `now` in milliseconds since 1970 UTC.
    pub(crate) fn new(cluster: &'a Cluster, directory: &Path, now: i64) -> Self {
        Self { cluster, path: directory.join(FILE), now }
    }

    pub(crate) fn info(&self, text: &str) -> Result<(), CoreError> {
        self.dated("INFO", text)
    }

    pub(crate) fn debug(&self, text: &str) -> Result<(), CoreError> {
        self.dated("DEBUG", text)
    }

    pub(crate) fn error(&self, text: &str) -> Result<(), CoreError> {
        self.dated("ERROR", text)
    }

    fn dated(&self, level: &str, text: &str) -> Result<(), CoreError> {
        let time = Timestamp::from_millisecond(self.now).map_err(CoreError::internal)?;
        let time = time.to_zoned(self.cluster.zone().clone()).strftime("%a %b %d %H:%M:%S %Y");
        self.plain(&format!("{time} itlreset {level}: {text}"))
    }

    fn plain(&self, text: &str) -> Result<(), CoreError> {
        Ok(append::line(&self.path, text)?)
    }

    /// The lines about a file: what it was, who signs it now, what it became.
    pub(crate) fn file(
        &self,
        path: &Path,
        old: &TrustList,
        signer: &Certificate,
        new: &TrustList,
    ) -> Result<(), CoreError> {
        let (bytes, header) = (old.bytes(), old.header());
        let name = |value: Option<&[u8]>| String::from_utf8_lossy(value.unwrap_or_default()).into_owned();
        let signature = header.signature(bytes).map_or(0, <[u8]>::len);
        let begin = new.header().field(wire::header::SIGNATURE).map_or(0, |field| field.value.start);
        self.debug(&format!("Generating the reset ITL file.....Location of ITL = {}", path.display()))?;
        for line in [
            format!("Length of ITL File {}", bytes.len()),
            format!("Header Length = {}", header.length()),
            format!("Printing the Cisco SAST signerName{}", signer.subject(NameForm::Row)),
            format!("Printing the Cisco SAST issuerName{}", signer.issuer(NameForm::Row)),
            format!("SIGNERNAME =  {}", name(header.signer_name(bytes))),
            format!("CANAME = {}", name(header.issuer_name(bytes))),
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
        ] {
            self.plain(&line)?;
        }
        self.info("The reset ITL file was generated successfully")
    }
}
