//! Authentication strings: 4 to 10 digits that the user types at the phone.
//!
//! In the database they are sealed ([`pki::lsc::string`]) under a key in the publisher's key store, made when first needed, so
//! neither `run sql` nor a copy of the database shows them. They are in no log and no audit entry; an administrator with the
//! level to set one may read it. A data directory that lost the key needs new strings.

use pki::lsc::string::{self, KEY_BYTES};
use store::StoreError;
use store::keys::KeyStore;
use zeroize::Zeroizing;

use crate::CoreError;
use cluster::surroundings::Surroundings;

/// Digits at least and at most [sources/capf#authentication].
pub const LEAST_DIGITS: usize = 4;
/// See [`LEAST_DIGITS`].
pub const MOST_DIGITS: usize = 10;

/// Name of the key in the key store, before it is hashed.
const KEY_NAME: &[u8] = b"ringfence: key of authentication strings";

/// An authentication string. Never printed by `{:?}`, overwritten when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthenticationString(Zeroizing<String>);

impl AuthenticationString {
    /// A string that an administrator gives: 4 to 10 digits.
    ///
    /// # Errors
    /// [`CoreError::BadInput`].
    pub fn new(text: &str) -> Result<Self, CoreError> {
        let fits =
            (LEAST_DIGITS..=MOST_DIGITS).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_digit());
        if fits {
            return Ok(Self(Zeroizing::new(text.to_owned())));
        }
        let text = format!("an authentication string has {LEAST_DIGITS} to {MOST_DIGITS} digits and nothing else");
        Err(CoreError::BadInput(text))
    }

    /// A random one, *Generate String*.
    ///
    /// # Errors
    /// [`CoreError`]: a number of digits outside 4 to 10, no random bytes.
    pub fn generate(digits: usize, surroundings: &mut dyn Surroundings) -> Result<Self, CoreError> {
        let mut text = Zeroizing::new(String::with_capacity(digits));
        while text.len() < digits.min(MOST_DIGITS + 1) {
            let mut byte = [0_u8];
            surroundings.random().fill(&mut byte)?;
            // 250 is the last multiple of ten in a byte: above it, low digits would come more often
            if byte[0] < 250 {
                text.push(char::from(b'0' + byte[0] % 10));
            }
        }
        Self::new(&text)
    }

    /// One that was used elsewhere: 1 to 64 printable characters, as other servers take them.
    ///
    /// # Errors
    /// [`CoreError::BadInput`].
    pub fn imported(text: &str) -> Result<Self, CoreError> {
        let fits =
            !text.is_empty() && text.len() <= wire::capf::MAX_PASSWORD && text.bytes().all(|c| c.is_ascii_graphic());
        if fits {
            return Ok(Self(Zeroizing::new(text.to_owned())));
        }
        Err(CoreError::BadInput("an authentication string that is empty, too long or not printable".to_owned()))
    }

    /// The digits, for the person at the phone.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for AuthenticationString {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("AuthenticationString(...)")
    }
}

/// Which string a schedule sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StringChoice {
    /// The one that the device has; none is needed in the other modes.
    Keep,
    /// This one.
    Given(AuthenticationString),
    /// A random one for each device, of so many digits.
    Generate(usize),
}

/// The key that strings are sealed with.
#[derive(Clone)]
pub(crate) struct StringKey(Zeroizing<[u8; KEY_BYTES]>);

impl StringKey {
    /// The name of its file in the key store.
    pub(crate) fn file() -> String {
        format!("{}.pem", pki::hash::hex(&pki::hash::sha256(KEY_NAME)))
    }

    /// Loads the key; `None` when there is none yet.
    pub(crate) fn load(keys: &KeyStore) -> Result<Option<Self>, CoreError> {
        let Some(bytes) = keys.load(&pki::hash::sha256(KEY_NAME))? else { return Ok(None) };
        let key = Self::read(&bytes).map_err(|reason| {
            CoreError::Unreadable(cluster::rows::unreadable::of_file(
                cluster::rows::unreadable::KEYS,
                &keys.folder().join(Self::file()),
                &reason,
            ))
        })?;
        Ok(Some(Self(Zeroizing::new(key))))
    }

    /// The key of a file; or what is wrong with it.
    pub(crate) fn read(bytes: &[u8]) -> Result<[u8; KEY_BYTES], String> {
        bytes.try_into().map_err(|_| {
            format!(
                "the key of the authentication strings has {} bytes, {KEY_BYTES} are right; without it they have to be set again",
                bytes.len()
            )
        })
    }

    /// Loads the key, or makes it.
    pub(crate) fn load_or_make(keys: &KeyStore, surroundings: &mut dyn Surroundings) -> Result<Self, CoreError> {
        if let Some(key) = Self::load(keys)? {
            return Ok(key);
        }
        let mut key = Zeroizing::new([0_u8; KEY_BYTES]);
        surroundings.random().fill(key.as_mut_slice())?;
        keys.save(&pki::hash::sha256(KEY_NAME), key.as_slice()).map_err(|error: StoreError| CoreError::from(error))?;
        Ok(Self(key))
    }

    pub(crate) fn seal(
        &self,
        device: &str,
        text: &AuthenticationString,
        surroundings: &mut dyn Surroundings,
    ) -> Result<String, CoreError> {
        self.seal_text(device, text.reveal(), surroundings)
    }

    /// Seals any other secret text, bound to what it is for.
    pub(crate) fn seal_text(
        &self,
        purpose: &str,
        text: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<String, CoreError> {
        string::seal(&self.0, purpose, text, surroundings.random()).map_err(CoreError::internal)
    }

    pub(crate) fn open_text(&self, purpose: &str, sealed: &str) -> Result<Zeroizing<String>, CoreError> {
        string::open(&self.0, purpose, sealed).map_err(CoreError::internal)
    }

    pub(crate) fn open(&self, device: &str, sealed: &str) -> Result<AuthenticationString, CoreError> {
        self.open_text(device, sealed).map(AuthenticationString)
    }
}
