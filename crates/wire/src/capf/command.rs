//! The commands and their names.

/// The commands [sources/capf#commands]. Those of which only the name is known are neither sent nor taken by either
/// half.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Command {
    /// Server: who are you?
    AuthRequest = 1,
    /// Phone: answer to [`Command::AuthRequest`].
    AuthResponse = 2,
    /// Server: make a key pair.
    KeyGenerateRequest = 3,
    /// Phone: answer to [`Command::KeyGenerateRequest`].
    KeyGenerateResponse = 4,
    /// Only the name is known. 5 and 6 stand in this odd order.
    EncryptResponse = 5,
    /// Only the name is known.
    EncryptRequest = 6,
    /// Only the name is known.
    DecryptRequest = 7,
    /// Only the name is known.
    DecryptResponse = 8,
    /// Server: this is your certificate.
    StoreCertificateRequest = 9,
    /// Phone: answer to [`Command::StoreCertificateRequest`].
    StoreCertificateResponse = 10,
    /// Server: show your certificate.
    FetchCertificateRequest = 11,
    /// Phone: answer to [`Command::FetchCertificateRequest`].
    FetchCertificateResponse = 12,
    /// Server: delete your certificate.
    DeleteCertificateRequest = 13,
    /// Phone: answer to [`Command::DeleteCertificateRequest`].
    DeleteCertificateResponse = 14,
    /// Server: this was it.
    EndSession = 15,
    /// Only the name is known.
    RetryLater = 16,
    /// Phone: the key is being made.
    RequestInProgress = 17,
    /// Only the name is known.
    StatusRequest = 18,
    /// Only the name is known.
    StatusResponse = 19,
    /// Only the name is known.
    AbortRequest = 20,
    /// Only the name is known.
    AbortResponse = 21,
    /// Only the name is known.
    SignCertificateRequest = 22,
    /// Only the name is known.
    SignCertificateResponse = 23,
}

impl Command {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 23] = [
        Self::AuthRequest,
        Self::AuthResponse,
        Self::KeyGenerateRequest,
        Self::KeyGenerateResponse,
        Self::EncryptResponse,
        Self::EncryptRequest,
        Self::DecryptRequest,
        Self::DecryptResponse,
        Self::StoreCertificateRequest,
        Self::StoreCertificateResponse,
        Self::FetchCertificateRequest,
        Self::FetchCertificateResponse,
        Self::DeleteCertificateRequest,
        Self::DeleteCertificateResponse,
        Self::EndSession,
        Self::RetryLater,
        Self::RequestInProgress,
        Self::StatusRequest,
        Self::StatusResponse,
        Self::AbortRequest,
        Self::AbortResponse,
        Self::SignCertificateRequest,
        Self::SignCertificateResponse,
    ];

    /// The command of a header byte.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|command| *command as u8 == byte)
    }

    /// The name as [sources/capf#commands] has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AuthRequest => "AUTH_REQUEST",
            Self::AuthResponse => "AUTH_RESPONSE",
            Self::KeyGenerateRequest => "KEY_GENERATE_REQUEST",
            Self::KeyGenerateResponse => "KEY_GENERATE_RESPONSE",
            Self::EncryptResponse => "ENCRYPT_RESPONSE",
            Self::EncryptRequest => "ENCRYPT_REQUEST",
            Self::DecryptRequest => "DECRYPT_REQUEST",
            Self::DecryptResponse => "DECRYPT_RESPONSE",
            Self::StoreCertificateRequest => "STORE_CERTIFICATE_REQUEST",
            Self::StoreCertificateResponse => "STORE_CERTIFICATE_RESPONSE",
            Self::FetchCertificateRequest => "FETCH_CERTIFICATE_REQUEST",
            Self::FetchCertificateResponse => "FETCH_CERTIFICATE_RESPONSE",
            Self::DeleteCertificateRequest => "DELETE_CERTIFICATE_REQUEST",
            Self::DeleteCertificateResponse => "DELETE_CERTIFICATE_RESPONSE",
            Self::EndSession => "END_SESSION",
            Self::RetryLater => "RETRY_LATER",
            Self::RequestInProgress => "REQUEST_IN_PROGRESS",
            Self::StatusRequest => "STATUS_REQUEST",
            Self::StatusResponse => "STATUS_RESPONSE",
            Self::AbortRequest => "ABORT_REQUEST",
            Self::AbortResponse => "ABORT_RESPONSE",
            Self::SignCertificateRequest => "SIGN_CERTIFICATE_REQUEST",
            Self::SignCertificateResponse => "SIGN_CERTIFICATE_RESPONSE",
        }
    }
}

/// The name of a command byte, or `UNKNOWN`.
pub(super) fn command_name(byte: u8) -> &'static str {
    Command::from_byte(byte).map_or("UNKNOWN", Command::name)
}
