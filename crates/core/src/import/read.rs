//! Rows of a peer's databases -> what they mean. What does not fit is refused with its row, column and reason.

use std::collections::HashSet;
use std::path::Path;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use pki::{Certificate, NameForm};
use store::peer::{PeerRow, PeerTable, read_file, read_table};
use wire::capf::{Curve, RsaSize};
use wire::printable::is_printable;
use wire::role::Role;

use crate::CoreError;
use crate::enrolment::AuthenticationString;
use cluster::enrolment::{AuthenticationMode, KeyOrder, KeyPlan, Operation};

/// Seconds that phones may keep an answer, when the peer's file says nothing: its first version had no column for it.
pub(super) const TIME_TO_LIVE: i64 = 86_400;

/// Seconds at most, as for our own parameter.
const MOST_TIME_TO_LIVE: i64 = 2_592_000;

/// Bytes of a `<device>.pem` at most.
const PEM_LIMIT: u64 = 64 << 10;

const CERTIFICATES: PeerTable = PeerTable {
    name: "certificates",
    columns: &["certificate_hash", "certificate", "roles", "serial_number", "subject_name", "issuer_name", "ttl"],
    needed: 3,
};

const DEVICES: PeerTable = PeerTable {
    name: "devices",
    columns: &[
        "device_name",
        "operation",
        "authentication",
        "password",
        "key_size",
        "curve_name|curve",
        "certificate",
        "serial_number",
        "not_valid_before",
        "not_valid_after",
    ],
    needed: 2,
};

/// Role names of the peer.
const ROLES: [(&str, Role); 7] = [
    ("SAST", Role::SAST),
    ("CCM", Role::CCM),
    ("CCM+TFTP", Role::CCM_TFTP),
    ("TFTP", Role::TFTP),
    ("CAPF", Role::CAPF),
    ("APP-SERVER", Role::APP_SERVER),
    ("TVS", Role::TVS),
];

/// A certificate of a peer's TVS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerCertificate {
    /// The certificate.
    pub certificate: Certificate,
    /// What it may be used for.
    pub roles: Vec<Role>,
    /// Seconds that phones may keep an answer about it, 1 to 2592000.
    pub time_to_live: i64,
}

/// A device of a peer's CAPF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerDevice {
    /// Where it stands, for messages.
    pub place: String,
    /// Name, `SEP` and twelve digits.
    pub name: String,
    /// What is scheduled.
    pub operation: Operation,
    /// How it authenticates.
    pub mode: AuthenticationMode,
    /// Its authentication string.
    pub string: Option<AuthenticationString>,
    /// Key order and size.
    pub keys: KeyPlan,
    /// Its LSC.
    pub lsc: Option<Certificate>,
}

/// Reads the certificates of a peer's TVS.
///
/// # Errors
/// [`CoreError`] with file, row, column and reason.
pub async fn read_tvs(path: &Path) -> Result<Vec<PeerCertificate>, CoreError> {
    let rows = read_table(path, &CERTIFICATES).await?;
    rows.iter().map(|row| peer_certificate(row).map_err(|reason| at(path, "certificates", row, &reason))).collect()
}

fn at(path: &Path, table: &str, row: &PeerRow, reason: &str) -> CoreError {
    let key = row.fields.first().and_then(Option::as_deref).unwrap_or_default();
    let mut letters = key.chars().filter(|letter| !letter.is_control());
    let short: String = letters.by_ref().take(64).collect();
    let more = if letters.next().is_some() { "..." } else { "" };
    CoreError::BadInput(format!("{}: {table} row {} ({short}{more}): {reason}", path.display(), row.number))
}

fn peer_certificate(row: &PeerRow) -> Result<PeerCertificate, String> {
    let [hash, pem, roles, serial, subject, issuer, time_to_live] = fields(row);
    let certificate = read_pem(pem.ok_or("certificate: is missing")?)?;
    let (found, said) = (pki::hash::hex(&certificate.sha256()), hash.unwrap_or_default());
    if !found.eq_ignore_ascii_case(said) {
        return Err(format!("certificate_hash: the certificate has {found}; the row is damaged"));
    }
    check_serial(&certificate, serial)?;
    for (column, said, found) in [
        ("subject_name", subject, certificate.subject(NameForm::Peer)),
        ("issuer_name", issuer, certificate.issuer(NameForm::Peer)),
    ] {
        if said.is_some_and(|said| said != found) {
            return Err(format!("{column}: the certificate says {found}; the row is damaged"));
        }
    }
    let mut taken = Vec::new();
    for name in roles.unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let role = ROLES.iter().find(|(known, _)| *known == name).map(|(_, role)| *role);
        let role = role
            .ok_or_else(|| format!("roles: {} is none of {}", visible(name), ROLES.map(|(name, _)| name).join(", ")))?;
        if !taken.contains(&role) {
            taken.push(role);
        }
    }
    if taken.is_empty() {
        return Err("roles: is empty; take the row out, phones could not use it".to_owned());
    }
    let time_to_live = match time_to_live {
        None => TIME_TO_LIVE,
        Some(text) => text
            .parse()
            .ok()
            .filter(|seconds| (1..=MOST_TIME_TO_LIVE).contains(seconds))
            .ok_or_else(|| format!("ttl: {} is not 1 to {MOST_TIME_TO_LIVE} seconds", visible(text)))?,
    };
    Ok(PeerCertificate { certificate, roles: taken, time_to_live })
}

/// Reads the devices of a peer's CAPF, and compares the `<device>.pem` that lie beside the database. The second list says which
/// of those differ; the database counts.
///
/// # Errors
/// [`CoreError`] with file, row, column and reason.
pub async fn read_capf(path: &Path) -> Result<(Vec<PeerDevice>, Vec<String>), CoreError> {
    let rows = read_table(path, &DEVICES).await?;
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    let mut devices: Vec<PeerDevice> = Vec::with_capacity(rows.len());
    let mut names = HashSet::new();
    let mut differing = Vec::new();
    for row in &rows {
        let device = peer_device(path, row).map_err(|reason| at(path, "devices", row, &reason))?;
        if !names.insert(device.name.clone()) {
            return Err(at(path, "devices", row, "device_name: stands there twice"));
        }
        let file = folder.join(format!("{}.pem", device.name));
        if let Some(lsc) = device.lsc.as_ref().filter(|_| file.is_file()) {
            let bytes = read_file(&file, PEM_LIMIT)?;
            let beside = Certificate::from_pem(&bytes);
            let beside = beside.map_err(|error| CoreError::BadInput(format!("{}: {error}", file.display())))?;
            if beside != *lsc {
                differing
                    .push(format!("{}: is another certificate than in the database, which counts", file.display()));
            }
        }
        devices.push(device);
    }
    Ok((devices, differing))
}

fn peer_device(path: &Path, row: &PeerRow) -> Result<PeerDevice, String> {
    let [name, operation, authentication, password, key_size, curve, pem, serial, not_before, not_after] = fields(row);
    let name = name.unwrap_or_default();
    let digits = name.strip_prefix("SEP").unwrap_or_default();
    let is_digit = |digit: u8| digit.is_ascii_digit() || (b'A'..=b'F').contains(&digit);
    if digits.len() != 12 || !digits.bytes().all(is_digit) {
        return Err("device_name: is not SEP and twelve upper-case hexadecimal digits".to_owned());
    }
    let operation = match operation {
        Some("install") => Operation::Install,
        Some("fetch") => Operation::Troubleshoot,
        Some("delete") => Operation::Delete,
        Some("none") | None => Operation::None,
        Some(other) => return Err(format!("operation: {} is not install, fetch, delete or none", visible(other))),
    };
    let password = password.filter(|text| !text.is_empty());
    let mode = match authentication {
        Some("no password") => AuthenticationMode::NullString,
        Some("password") => AuthenticationMode::AuthenticationString,
        Some("certificate") => AuthenticationMode::ExistingLsc,
        // Files from before there was that column.
        None if password.is_some() => AuthenticationMode::AuthenticationString,
        None => AuthenticationMode::NullString,
        Some(other) => {
            return Err(format!("authentication: {} is not no password, password or certificate", visible(other)));
        }
    };
    let string =
        password.map(AuthenticationString::imported).transpose().map_err(|error| format!("password: {error}"))?;
    if mode == AuthenticationMode::AuthenticationString && string.is_none() && operation != Operation::None {
        return Err("password: is missing, and the device authenticates by it".to_owned());
    }
    let keys = key_plan(key_size, curve)?;
    let lsc = pem.filter(|text| !text.trim().is_empty()).map(read_pem).transpose()?;
    if let Some(lsc) = &lsc {
        if !pki::capf::names_device(lsc, name) {
            let whose = lsc.common_name().unwrap_or_default();
            return Err(format!("certificate: is that of {}, not of {name}", visible(&whose)));
        }
        check_serial(lsc, serial)?;
        let (first, last) = lsc.dates();
        check_time("not_valid_before", not_before, first)?;
        check_time("not_valid_after", not_after, last)?;
    }
    let place = format!("{}: devices row {} ({name})", path.display(), row.number);
    Ok(PeerDevice { place, name: name.to_owned(), operation, mode, string, keys, lsc })
}

fn key_plan(key_size: Option<&str>, curve: Option<&str>) -> Result<KeyPlan, String> {
    let default = KeyPlan::default();
    match (key_size.filter(|text| !text.is_empty()), curve.filter(|text| !text.is_empty())) {
        (None, None) => Ok(default),
        (Some(_), Some(_)) => Err("key_size: a curve is named too; one of them has to be empty".to_owned()),
        (Some(bits), None) => {
            let rsa = bits.parse().ok().and_then(RsaSize::from_bits);
            let rsa = rsa.ok_or_else(|| format!("key_size: {} is not 512, 1024, 2048, 3072 or 4096", visible(bits)))?;
            Ok(KeyPlan { order: KeyOrder::RsaOnly, rsa, ..default })
        }
        (None, Some(name)) => {
            let ec = Curve::ALL.into_iter().find(|curve| curve.name() == name);
            let ec =
                ec.ok_or_else(|| format!("curve_name: {} is not secp256r1, secp384r1 or secp521r1", visible(name)))?;
            Ok(KeyPlan { order: KeyOrder::EcOnly, ec, ..default })
        }
    }
}

/// The fields of a row by their places.
fn fields<const COUNT: usize>(row: &PeerRow) -> [Option<&str>; COUNT] {
    std::array::from_fn(|index| row.fields.get(index).and_then(Option::as_deref))
}

fn read_pem(text: &str) -> Result<Certificate, String> {
    Certificate::from_pem(text.as_bytes()).map_err(|error| format!("certificate: {error}"))
}

/// Compares the column with the certificate; leading zeros are nothing.
fn check_serial(certificate: &Certificate, said: Option<&str>) -> Result<(), String> {
    let bare = |text: &str| text.trim_start_matches('0').to_ascii_lowercase();
    let found = certificate.serial_hex();
    match said {
        Some(said) if bare(said) != bare(&found) => {
            Err(format!("serial_number: the certificate has {found}; the row is damaged"))
        }
        _ => Ok(()),
    }
}

/// Compares a time `YYYY-MM-DD HH:MM:SS` with that of the certificate, seconds since 1970 UTC.
fn check_time(column: &str, said: Option<&str>, found: i64) -> Result<(), String> {
    let Some(said) = said else { return Ok(()) };
    let read = DateTime::strptime("%Y-%m-%d %H:%M:%S", said).and_then(|time| time.to_zoned(TimeZone::UTC));
    let seconds = read.map_err(|_| format!("{column}: {} is not YYYY-MM-DD HH:MM:SS", visible(said)))?;
    if seconds.timestamp().as_second() == found {
        return Ok(());
    }
    Err(format!("{column}: {} is not what the certificate says; the row is damaged", visible(said)))
}

/// A text of a foreign file in a message: short, `...` where it goes on, and without control characters.
pub(super) fn visible(text: &str) -> String {
    let short: String = text.chars().take(40).map(|letter| if is_printable(letter) { letter } else { '?' }).collect();
    let more = if text.chars().nth(40).is_some() { "..." } else { "" };
    format!("`{short}{more}`")
}
