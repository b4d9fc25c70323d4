//! Keys of phones that wait for the certificate of an offline CA.

use super::Kept;

/// A request that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRequestRow {
    /// Name of the device.
    pub device: String,
    /// PKCS#10, PEM.
    pub request: Kept,
    /// SubjectPublicKeyInfo, PEM.
    pub public_key: String,
    /// SHA-256 of the SubjectPublicKeyInfo, lower-case hexadecimal.
    pub key_id: String,
    /// When the operation was scheduled under which the phone made the key.
    pub scheduled_at: i64,
    /// Milliseconds since 1970 UTC.
    pub created_at: i64,
}
