//! Certificates from strangers: in a TVS request, a trust list, an upload. What is read can be printed and written again.

#![no_main]

use jiff::tz::TimeZone;
use libfuzzer_sys::fuzz_target;
use pki::certificate::CERTIFICATE_LIMIT;
use pki::text::certificate_text;
use pki::{Certificate, NameForm};

fuzz_target!(|bytes: &[u8]| {
    let Ok(certificate) = Certificate::from_pem_or_der(bytes) else {
        return;
    };
    assert!(certificate.der().len() <= CERTIFICATE_LIMIT);
    let again = Certificate::from_der(certificate.der()).expect("what was read reads again");
    assert_eq!(again, certificate);
    assert_eq!(again.sha256(), certificate.sha256());

    let mut reversed = certificate.serial_reversed();
    reversed.reverse();
    assert_eq!(reversed, certificate.serial());
    // the parts that a trust list copies stand in the certificate
    let stands_in = |part: &[u8]| part.is_empty() || certificate.der().windows(part.len()).any(|window| window == part);
    assert!(stands_in(certificate.serial()));
    assert!(stands_in(certificate.signature_bits()));
    for form in [NameForm::Cucm, NameForm::Peer, NameForm::CtlClient, NameForm::Text] {
        certificate.with_fields(form, |fields| assert_eq!(fields.der, certificate.der()));
    }

    let text = certificate_text(&certificate, &TimeZone::UTC);
    assert!(!text.chars().any(|c| c.is_control() && c != '\n' && c != '\t'), "a stranger's bytes steer the terminal");
});
