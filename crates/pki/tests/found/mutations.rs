//! What one reader takes, every other takes: the files of the project, and hundreds of damaged copies of each. The judge is OpenSSL.

use std::collections::BTreeSet;

use openssl::ssl::SslFiletype;
use openssl::x509::X509;
use openssl::x509::store::{X509Lookup, X509StoreBuilder};
use pki::bundle::{NAME_LIMIT, certificates};
use pki::text::certificate_text;
use pki::{Certificate, NameForm};

use crate::files_below;

/// Numbers that are the same in every run (xorshift64*).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit as u64).unwrap()
    }
}

/// Every certificate of the project as DER.
fn all_der() -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for (name, bytes) in files_below("found").into_iter().chain(files_below("vectors/certs")) {
        if bytes.first() == Some(&0x30) {
            all.push((name, bytes));
        } else if let Ok(one) = X509::from_pem(&bytes) {
            all.push((name, one.to_der().unwrap()));
        }
    }
    assert!(all.len() > 40, "{}", all.len());
    all
}

/// The promise: what `from_der` takes, the rows, the door, OpenSSL (and with it every server) and everything that prints takes too.
fn hold(name: &str, der: &[u8]) -> bool {
    let Ok(one) = Certificate::from_der(der) else { return false };
    let x509 = X509::from_der(der)
        .unwrap_or_else(|error| panic!("{name}: OpenSSL does not take it: {error}\n{}", pki::hash::hex(der)));
    assert_eq!(x509.to_der().unwrap(), der, "{name}");
    let pem = one.to_pem();
    assert_eq!(Certificate::from_pem(pem.as_bytes()).unwrap(), one, "{name}");
    X509::from_pem(pem.as_bytes()).unwrap();
    match certificates(pem.as_bytes()) {
        Ok(read) => assert_eq!(read, std::slice::from_ref(&one), "{name}"),
        Err(error) => {
            assert!(error.to_string().contains(&format!("above the limit of {NAME_LIMIT}")), "{name}: {error}")
        }
    }
    for form in [NameForm::Cucm, NameForm::Peer, NameForm::CtlClient, NameForm::Text, NameForm::Row] {
        one.with_fields(form, |fields| assert_eq!(fields.der, der));
    }
    assert!(certificate_text(&one, &jiff::tz::TimeZone::UTC).contains(&one.serial_text("", true)));
    assert!(one.is_self_issued() || !one.names_as_issuer(&one));
    assert!(one.extensions().names.len() < 1000);
    true
}

#[test]
fn what_is_taken_is_read_by_every_reader() {
    let mut numbers = Numbers(0x5eed_0001);
    let (mut taken, mut tried) = (0, 0);
    for (name, der) in all_der() {
        hold(&name, &der);
        for _ in 0..100 {
            let mut damaged = der.clone();
            for _ in 0..=numbers.below(2) {
                let place = numbers.below(damaged.len());
                match numbers.below(5) {
                    // string types, tags and lengths are where readers differ
                    0 | 1 => {
                        damaged[place] = [
                            0x01, 0x03, 0x05, 0x06, 0x0c, 0x13, 0x14, 0x16, 0x17, 0x18, 0x1a, 0x1b, 0x1c, 0x1e, 0x30,
                            0x31, 0x80, 0xff,
                        ][numbers.below(18)]
                    }
                    2 => damaged[place] ^= 1 << numbers.below(8),
                    3 => damaged[place] = 0,
                    _ => damaged[place] = u8::try_from(numbers.below(256)).unwrap(),
                }
            }
            tried += 1;
            taken += usize::from(hold(&name, &damaged));
        }
    }
    // most of a certificate is key and signature, where every byte will do
    assert!(taken > tried / 4 && taken < tried, "{taken} of {tried}");
}

/// Every attribute of a name with every tag: lengths stay, so only the type decides.
#[test]
fn every_type_of_an_attribute_is_judged_as_by_openssl() {
    let (_, der) = all_der().into_iter().find(|(name, _)| name.ends_with("leaf-issuer-same.pem")).unwrap();
    let values: Vec<usize> = der
        .windows(5)
        .enumerate()
        .filter(|(_, five)| five[..2] == [0x55, 4] && matches!(five[3], 0x0c | 0x13))
        .map(|(place, _)| place + 3)
        .collect();
    assert!(values.len() >= 6, "{values:?}");
    for place in values {
        for tag in 0..=0xff {
            let mut changed = der.clone();
            changed[place] = tag;
            let ours = hold("another tag", &changed);
            // Constructed strings are BER; OpenSSL joins their parts, we want none.
            if tag & 0x20 == 0 || tag == 0x30 {
                assert_eq!(ours, X509::from_der(&changed).is_ok(), "tag {tag:#04x} at {place}");
            }
        }
    }
}

/// The certificates that `PEM_read_bio_X509_AUX` gives one by one from a file.
fn judged(text: &[u8]) -> Option<BTreeSet<Vec<u8>>> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let mut store = X509StoreBuilder::new().unwrap();
    store.add_lookup(X509Lookup::file()).unwrap().load_cert_file(file.path(), SslFiletype::PEM).ok()?;
    Some(store.build().all_certificates().iter().map(|one| one.to_der().unwrap()).collect())
}

#[test]
fn what_openssl_reads_of_a_pem_text_is_read() {
    let mut texts: Vec<(String, Vec<u8>)> = files_below("found/pem");
    texts.extend(files_below("vectors/certs").into_iter().filter(|(name, _)| name.ends_with(".pem")).take(8));
    let mut numbers = Numbers(0x5eed_0002);
    let (mut both, mut only_us) = (0, 0);
    for (name, text) in &texts {
        for round in 0..120 {
            let mut damaged = text.clone();
            for _ in 0..round.min(1 + numbers.below(2)) {
                damage(&mut damaged, &mut numbers);
            }
            let ours = certificates(&damaged);
            if let (Ok(all), Ok(one)) = (&ours, Certificate::from_pem(&damaged)) {
                assert_eq!(all.first(), Some(&one), "{name}");
            }
            match judged(&damaged) {
                // `-` ends base64 for OpenSSL, whatever follows; for us a file with such a letter is a damaged one.
                Some(_) if ours.as_ref().is_err_and(|error| dash(&error.to_string())) => {}
                Some(theirs) => {
                    let ours =
                        ours.unwrap_or_else(|error| panic!("{name}: {error}\n{}", String::from_utf8_lossy(&damaged)));
                    assert_eq!(ours.iter().map(|one| one.der().to_vec()).collect::<BTreeSet<_>>(), theirs, "{name}");
                    both += 1;
                }
                None => only_us += usize::from(ours.is_ok() && damaged.first() != Some(&0x30)),
            }
        }
    }
    assert!(both > 200, "{both}");
    // Lines of other lengths behind an empty line and the like: nothing that changes what is read.
    assert!(only_us < both / 4, "{only_us} beside {both}");
}

fn dash(error: &str) -> bool {
    error.contains("`-`, which is not a base64 letter") || error.contains("has -----END right after base64")
}

fn damage(text: &mut Vec<u8>, numbers: &mut Numbers) {
    let breaks: Vec<usize> =
        text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(place, _)| place).collect();
    let line = if breaks.is_empty() { 0 } else { breaks[numbers.below(breaks.len())] };
    let any = numbers.below(text.len().max(1));
    let insert = |text: &mut Vec<u8>, place: usize, what: &[u8]| drop(text.splice(place..place, what.iter().copied()));
    match numbers.below(9) {
        0 => insert(text, line, b"\n"),
        1 => insert(text, line, b"  \r"),
        2 if !breaks.is_empty() => drop(text.remove(line)),
        3 => insert(text, (line + 1).min(text.len()), b" "),
        4 => insert(text, any, &[b"A=:\t\r\xc3+"[numbers.below(7)]]),
        5 => insert(text, 0, b"subject=CN = a: b\n\n"),
        6 => insert(text, 0, b"\xef\xbb\xbf"),
        7 => {
            let again = text.clone();
            text.extend(again);
        }
        _ if any < text.len() => drop(text.remove(any)),
        _ => {}
    }
}
