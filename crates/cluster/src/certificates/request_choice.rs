//! What an administrator chooses for a request to a CA [sources/shell#certificate-commands].

use pki::request::RequestDigest;

/// What an administrator chose for a request. The default is what the page of the original shows first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestChoice {
    /// The certificate is for this unit of all nodes.
    pub multi_server: bool,
    /// CN; `None` for the name of the node.
    pub common_name: Option<String>,
    /// Which domain stands in the subjectAltName.
    pub parent_domain: ParentDomain,
    /// More names for the subjectAltName.
    pub names: Vec<String>,
    /// RSA size or curve in bits.
    pub bits: Option<u32>,
    /// Digest of the request's signature.
    pub digest: Option<RequestDigest>,
    /// Whether the subject has its OU; `None` for the default of the release.
    pub with_ou: Option<bool>,
}

/// Which domain stands in the subjectAltName.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ParentDomain {
    /// That of the node.
    #[default]
    OfNode,
    /// None.
    Left,
    /// This one.
    Named(String),
}
