//! Who knows the certificates.

use arc_swap::ArcSwap;
use cluster::tvs::TvsCache;
use wire::tvs::Answer;

/// Answers from memory, without waiting: it is called on the reactor.
///
/// `log` takes the text of each log line behind the time stamp (`debug tvsHandleQueryCertReq` ...). Text of a phone in
/// it must be escaped by the source.
pub trait TrustSource: Send + Sync + 'static {
    /// Is this certificate (DER, any bytes) known? [`Answer::Verified`] or [`Answer::NotValid`].
    fn verify(&self, certificate: &[u8], log: &mut dyn FnMut(&str)) -> Answer;

    /// Whose certificate has these names and this serial number? Names without NUL, any bytes; the serial as it stands
    /// in trust lists. [`Answer::Found`] or [`Answer::NotValid`].
    fn query(&self, subject: &[u8], issuer: &[u8], serial: &[u8], log: &mut dyn FnMut(&str)) -> Answer;
}

/// The snapshot of `core`: each request is answered from the one that is current when it comes.
impl TrustSource for ArcSwap<TvsCache> {
    fn verify(&self, certificate: &[u8], log: &mut dyn FnMut(&str)) -> Answer {
        self.load().verify(certificate, log)
    }

    fn query(&self, subject: &[u8], issuer: &[u8], serial: &[u8], log: &mut dyn FnMut(&str)) -> Answer {
        self.load().query(subject, issuer, serial, log)
    }
}
