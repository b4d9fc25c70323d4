//! What the service answers.

use std::sync::Arc;

use super::message::{Command, Elements, Header, begin, tag};
use super::request::Ask;
use super::{Error, MAX_TTL_SECONDS, VERSION};

/// Most roles of one certificate. A role is one byte, so more than 256 would say something twice; real answers have
/// one to seven.
pub const MAX_ROLES: usize = 256;

const VALID: u8 = 0;
const NOT_VALID: u8 = 1;

/// What makes a [`Trust`] impossible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTrust {
    /// A certificate without roles is not valid for anything.
    #[error("no role: a certificate without roles is answered as not valid")]
    NoRole,
    /// More than [`MAX_ROLES`].
    #[error("{0} roles, at most 256 are possible")]
    TooManyRoles(usize),
    /// Not in 1..=2592000.
    #[error("a time to live of {0} seconds, it must be 1 to 2592000")]
    Ttl(u32),
}

/// What a known certificate may be used for, and for how long a phone may remember it. At least one role; a time to
/// live of 1 to 2592000 seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    roles: Vec<u8>,
    ttl_seconds: u32,
}

impl Trust {
    /// `roles` are the values of the trust lists (0 SAST, 2 CCM+TFTP ...), sent in this order.
    ///
    /// # Errors
    /// [`InvalidTrust`].
    pub fn new(roles: impl Into<Vec<u8>>, ttl_seconds: u32) -> Result<Self, InvalidTrust> {
        let roles = roles.into();
        if roles.is_empty() {
            return Err(InvalidTrust::NoRole);
        }
        if roles.len() > MAX_ROLES {
            return Err(InvalidTrust::TooManyRoles(roles.len()));
        }
        if ttl_seconds == 0 || ttl_seconds > MAX_TTL_SECONDS {
            return Err(InvalidTrust::Ttl(ttl_seconds));
        }
        Ok(Self { roles, ttl_seconds })
    }

    /// At least one.
    #[must_use]
    pub fn roles(&self) -> &[u8] {
        &self.roles
    }

    /// 1 to 2592000.
    #[must_use]
    pub const fn ttl_seconds(&self) -> u32 {
        self.ttl_seconds
    }
}

/// A certificate that a QUERY found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// DER; shared with the snapshot it comes from.
    pub certificate: Arc<[u8]>,
    /// What it may be used for.
    pub trust: Trust,
}

/// An answer to either question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// To VERIFY: the certificate is known.
    Verified(Trust),
    /// To QUERY: this is the certificate.
    Found(Found),
    /// To both: not known, or without roles.
    NotValid,
}

impl Answer {
    /// The bytes of the answer to `ask`. VERIFY: status, roles, TTL. QUERY: status, certificate, roles, TTL. Not known:
    /// status 1 alone [sources/tvs#verify], [sources/tvs#query].
    ///
    /// # Errors
    /// [`Error::Mismatch`] when the answer is one to the other question, [`Error::TooLong`] when the certificate does
    /// not fit a message.
    pub fn encode(&self, ask: &Ask, session_id: u32) -> Result<Vec<u8>, Error> {
        let body = match self {
            Self::Found(found) => found.certificate.len() + 64,
            Self::Verified(_) | Self::NotValid => 64,
        };
        let mut writer = begin(ask.response(), session_id, body);
        let trust = match (self, ask) {
            (Self::NotValid, _) => {
                writer.element(tag::STATUS, &[&[NOT_VALID]])?;
                return writer.finish();
            }
            (Self::Verified(trust), Ask::Verify { .. }) => {
                writer.element(tag::STATUS, &[&[VALID]])?;
                trust
            }
            (Self::Found(found), Ask::Query { .. }) => {
                writer.element(tag::STATUS, &[&[VALID]])?;
                writer.element(tag::CERTIFICATE, &[&found.certificate])?;
                &found.trust
            }
            (Self::Verified(_), Ask::Query { .. }) => {
                return Err(Error::Mismatch { asked: "QUERY", given: "roles without a certificate" });
            }
            (Self::Found(_), Ask::Verify { .. }) => {
                return Err(Error::Mismatch { asked: "VERIFY", given: "a certificate" });
            }
        };
        writer.element(tag::ROLES, &[&trust.roles])?;
        writer.element(tag::TTL, &[&trust.ttl_seconds.to_be_bytes()])?;
        writer.finish()
    }

    /// Reads the elements of an answer of the kind `command`. The header has been checked against the question.
    pub(super) fn decode(command: Command, body: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::default();
        for element in Elements::new(body) {
            let element = element?;
            let place = match element.tag {
                tag::STATUS => &mut fields.status,
                tag::CERTIFICATE => &mut fields.certificate,
                tag::ROLES => &mut fields.roles,
                tag::TTL => &mut fields.ttl,
                // a newer server may say more than we understand
                _ => continue,
            };
            if place.replace((element.offset, element.value)).is_some() {
                let (offset, tag) = (element.offset, element.tag);
                return Err(Error::Repeated { offset, tag, name: tag::name(tag) });
            }
        }
        let (offset, status) = wanted(fields.status, tag::STATUS)?;
        match status {
            [NOT_VALID] => return Ok(Self::NotValid),
            [VALID] => {}
            [other] => {
                return Err(value(offset, tag::STATUS, format!("is {other}, 0 and 1 are known")));
            }
            _ => {
                return Err(value(offset, tag::STATUS, format!("has {} bytes instead of 1", status.len())));
            }
        }
        let certificate = if command == Command::QueryResponse {
            let (offset, der) = wanted(fields.certificate, tag::CERTIFICATE)?;
            if der.is_empty() {
                return Err(value(offset, tag::CERTIFICATE, "is empty".to_owned()));
            }
            Some(Arc::from(der))
        } else {
            None
        };
        let (roles_offset, roles) = wanted(fields.roles, tag::ROLES)?;
        let (ttl_offset, ttl) = wanted(fields.ttl, tag::TTL)?;
        let Ok(ttl) = <[u8; 4]>::try_from(ttl) else {
            return Err(value(ttl_offset, tag::TTL, format!("has {} bytes instead of 4", ttl.len())));
        };
        let trust = Trust::new(roles, u32::from_be_bytes(ttl)).map_err(|invalid| match invalid {
            InvalidTrust::Ttl(ttl) => value(ttl_offset, tag::TTL, format!("is {ttl} seconds, it must be 1 to 2592000")),
            InvalidTrust::NoRole => value(roles_offset, tag::ROLES, "is empty although the status is valid".to_owned()),
            InvalidTrust::TooManyRoles(count) => {
                value(roles_offset, tag::ROLES, format!("has {count} roles, at most 256 are possible"))
            }
        })?;
        Ok(match certificate {
            Some(certificate) => Self::Found(Found { certificate, trust }),
            None => Self::Verified(trust),
        })
    }
}

/// Checks that `header` is the answer to `ask` with `session_id`.
pub(super) const fn check_header(header: Header, ask: Command, session_id: u32) -> Result<(), Error> {
    if header.command != ask as u8 {
        return Err(Error::Command { found: header.command, wanted: ask.name() });
    }
    if header.session_id != session_id {
        return Err(Error::SessionId { found: header.session_id, asked: session_id });
    }
    if header.version != VERSION {
        return Err(Error::Version { found: header.version });
    }
    if header.length == 0 {
        return Err(Error::EmptyBody);
    }
    Ok(())
}

/// Offset and value of an element.
type Field<'a> = Option<(usize, &'a [u8])>;

#[derive(Default)]
struct Fields<'a> {
    status: Field<'a>,
    certificate: Field<'a>,
    roles: Field<'a>,
    ttl: Field<'a>,
}

const fn wanted(field: Field<'_>, tag: u8) -> Result<(usize, &[u8]), Error> {
    match field {
        Some(field) => Ok(field),
        None => Err(Error::Missing { tag, name: tag::name(tag) }),
    }
}

const fn value(offset: usize, tag: u8, reason: String) -> Error {
    Error::Value { offset, name: tag::name(tag), reason }
}
