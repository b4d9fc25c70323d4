//! A server in the network that a command speaks to: where it is, how long is waited, whether it is the one that was meant.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use pki::date::utc;
use pki::hash::{hex, sha256, spell};
use pki::verify::{Verdict, check_against_itself};
use pki::{Certificate, NameForm};
use serde_json::{Value, json};
use trust::{Belief, Decision, Model, Offer, Party, judge};
use wire::header::CTL_FILE_NAME;
use wire::role::Role;
use wire::trust_list::TrustList;

use crate::exit::Failure;
use crate::files::input::{self, Input};
use crate::terminal::one_line;

/// Bounds of --timeout: no network answers faster than a millisecond for sure, and nobody waits longer than an hour.
const SECONDS: std::ops::RangeInclusive<f64> = 0.001..=3600.0;

/// Any model that knows trust lists: they all check servers alike.
const MODEL: &str = "8861";

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Address or name, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl Place {
    /// Reads `HOST`, `HOST:PORT`, `[ADDRESS]:PORT`.
    pub fn parse(text: &str, port: u16) -> Result<Self, String> {
        let bare = text.trim_start_matches('[').trim_end_matches(']');
        if bare.parse::<IpAddr>().is_ok() {
            return Ok(Self { host: bare.to_owned(), port });
        }
        let (host, port) = match text.rsplit_once(':') {
            None => (text, port),
            Some((host, port)) => {
                let number = port.parse().ok().filter(|port| *port != 0);
                (host, number.ok_or_else(|| format!("`{port}` is not a port; ports are 1 to 65535"))?)
            }
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err("name the host in front of the port".to_owned());
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(out, "[{host}]:{port}") } else { write!(out, "{host}:{port}") }
    }
}

/// Reads the value of --timeout.
pub fn timeout(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "write it as seconds, such as 2 or 0.5".to_owned())?;
    if SECONDS.contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err(format!("must be {} to {} seconds", SECONDS.start(), SECONDS.end()))
    }
}

/// What the certificate of the server is held against.
pub enum Check {
    Nothing,
    Certificate(String, Box<Certificate>),
    List(String, Box<Belief>),
}

impl Check {
    /// Reads the files of --expect and --trust.
    pub fn of(expect: Option<&Path>, trust: Option<&Path>) -> Result<Self, Failure> {
        if let Some(path) = expect {
            return Ok(Self::Certificate(path.display().to_string(), Box::new(input::certificate(path)?)));
        }
        let Some(path) = trust else { return Ok(Self::Nothing) };
        let input = Input::read(path)?;
        let list = TrustList::decode(input.bytes.clone()).map_err(|error| input.malformed(&error))?;
        // A list without its own signer is fine: the phone checked it with another list.
        if !matches!(check_against_itself(&list).verdict, Verdict::Valid | Verdict::Untrusted) {
            let reason = "no phone would hold this list: its SIGNATURE does not hold; `ringfence verify` tells more";
            return Err(Failure::of(&input.name, reason));
        }
        let model = Model::find(MODEL).ok_or_else(|| Failure::of(MODEL, "model is not known"))?;
        let is_ctl = list.header().file_name().is_some_and(|name| name == CTL_FILE_NAME.as_bytes());
        let (ctl, itl) = if is_ctl { (Some(list), None) } else { (None, Some(list)) };
        Ok(Self::List(input.name, Box::new(Belief::holding(model, ctl, itl))))
    }

    /// Whether it is the server that was meant: the right certificate, or one that the list names in this role.
    pub fn judge(&self, der: &[u8], role: Role) -> Result<(), String> {
        match self {
            Self::Nothing => Ok(()),
            Self::Certificate(_, expected) if expected.der() == der => Ok(()),
            Self::Certificate(name, _) => {
                let shown = Certificate::from_der(der).map_or_else(
                    |_| format!("SHA-256 {}", hex(&sha256(der))),
                    |certificate| Party::owner(&certificate).to_string(),
                );
                Err(format!(
                    "the server showed {shown}, which is not the certificate in {name}; nothing was said to it"
                ))
            }
            Self::List(name, belief) => match judge(belief, &Offer::TlsServer { role, certificate: der }) {
                Decision::Final(verdict) if verdict.is_accepted() => Ok(()),
                Decision::Final(verdict) => Err(format!("{name}: {}; nothing was said to it", verdict.reason())),
                Decision::AskTvs(question) => {
                    Err(format!("{name} does not name {} as {role}; nothing was said to it", question.about))
                }
            },
        }
    }

    /// The option and the file that vouched; `None`: nobody did.
    pub fn vouched(self) -> Option<(&'static str, String)> {
        match self {
            Self::Nothing => None,
            Self::Certificate(name, _) => Some(("expect", name)),
            Self::List(name, _) => Some(("trust", name)),
        }
    }
}

/// A certificate that a server showed.
pub fn certificate_json(certificate: Option<&Certificate>, der: &[u8]) -> Value {
    let validity = certificate.map(Certificate::dates);
    json!({
        "subject": certificate.map(|certificate| certificate.subject(NameForm::Cucm)),
        "issuer": certificate.map(|certificate| certificate.issuer(NameForm::Cucm)),
        "serial": certificate.map(Certificate::serial_hex),
        "not_before": validity.map(|(first, _)| utc(first)),
        "not_after": validity.map(|(_, last)| utc(last)),
        "sha256": hex(&sha256(der)),
    })
}

/// The same as lines below another one.
pub fn certificate_text(certificate: Option<&Certificate>, der: &[u8]) -> String {
    let mut out = String::new();
    if let Some(certificate) = certificate {
        out.push_str(&format!("             {}\n", one_line(&certificate.subject(NameForm::Cucm))));
        if !certificate.is_self_issued() {
            out.push_str(&format!("             issued by {}\n", one_line(&certificate.issuer(NameForm::Cucm))));
        }
        out.push_str(&format!("             serial {}\n", certificate.serial_text(":", true)));
    }
    out.push_str(&format!("             SHA-256 {}\n", spell(&sha256(der), ":", true)));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_options() {
        let at = |host: &str, port| Ok(Place { host: host.to_owned(), port });
        let place = |text| Place::parse(text, 2445);
        assert_eq!(place("cucm-pub"), at("cucm-pub", 2445));
        assert_eq!(place("10.0.0.5:12445"), at("10.0.0.5", 12445));
        assert_eq!(place("::1"), at("::1", 2445));
        assert_eq!(place("[::1]"), at("::1", 2445));
        assert_eq!(place("[::1]:99"), at("::1", 99));
        for wrong in ["", ":2445", "cucm-pub:", "cucm-pub:tvs", "cucm-pub:0", "cucm-pub:65536"] {
            assert!(place(wrong).is_err(), "{wrong}");
        }
        assert_eq!(place("::1").map(|place| place.to_string()), Ok("[::1]:2445".to_owned()));
        assert_eq!(timeout("0.5"), Ok(Duration::from_millis(500)));
        for wrong in ["0", "1e-30", "-1", "NaN", "inf", "3601", "soon"] {
            assert!(timeout(wrong).is_err(), "{wrong}");
        }
    }
    /// A serial number keeps its sign, and a date before 1970 is one.
    #[test]
    fn a_strange_certificate_is_told_as_it_is() {
        use openssl::asn1::Asn1Time;
        use openssl::bn::BigNum;
        use openssl::pkey::PKey;
        use openssl::x509::X509;

        let key =
            PKey::private_key_from_pem(pki::SoftKey::generate_rsa(1024).unwrap().to_pem().unwrap().as_slice()).unwrap();
        let mut builder = X509::builder().unwrap();
        let mut serial = BigNum::from_u32(0x80).unwrap();
        serial.set_negative(true);
        builder.set_serial_number(&serial.to_asn1_integer().unwrap()).unwrap();
        builder.set_not_before(&Asn1Time::from_str_x509("19500101000000Z").unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::from_str_x509("20440101000000Z").unwrap()).unwrap();
        builder.set_pubkey(&key).unwrap();
        builder.sign(&key, openssl::hash::MessageDigest::sha256()).unwrap();
        let certificate = Certificate::from_der(&builder.build().to_der().unwrap()).unwrap();
        let told = certificate_json(Some(&certificate), certificate.der());
        assert_eq!((&told["serial"], &told["not_before"]), (&json!("-80"), &json!("1950-01-01T00:00:00Z")));
        assert!(certificate_text(Some(&certificate), certificate.der()).contains("serial -80\n"));
    }
}
