//! Parse and verify, build and sign the 4947-byte CTL, held against bare RSA operations of the same process and against
//! `openssl speed` of the same run. `cargo bench -p ringfence --bench trust_list`
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // a measurement may stop

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::Padding;
use pki::sign::{ListSpec, SigningIdentity, sign_list};
use pki::verify::check_against_itself;
use pki::{Certificate, NameForm, SoftKey};
use wire::digest::DigestId;
use wire::header::{CTL_FILE_NAME, Layout};
use wire::role::Role;
use wire::trust_list::{RecordSpec, TrustList};

/// One round of one contender. Rounds of all contenders and of `openssl speed` alternate, and the fastest round of each
/// counts: what else runs on the machine can only add time.
const ROUND: Duration = Duration::from_millis(200);
/// Rounds; `openssl speed` takes two seconds of each.
const ROUNDS: usize = 7;
/// The goal of issue 2, section 7 (a).
const GOAL: f64 = 1.2;

/// A name and what is measured under it.
type Contender<'a> = (&'static str, Box<dyn FnMut() + 'a>);

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/vectors")
}

fn certificate(name: &str) -> Certificate {
    let pem = std::fs::read(vectors().join("certs").join(format!("{name}.crt.pem"))).unwrap();
    Certificate::from_pem(&pem).unwrap()
}

/// Seconds of one call, over one round.
fn round(call: &mut dyn FnMut()) -> f64 {
    let start = Instant::now();
    let mut calls = 0_u32;
    while start.elapsed() < ROUND {
        for _ in 0..16 {
            call();
        }
        calls += 16;
    }
    start.elapsed().as_secs_f64() / f64::from(calls)
}

fn fastest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

/// Seconds of one signature and one verification by `openssl speed rsa1024`.
fn openssl_speed() -> (f64, f64) {
    let output =
        Command::new("openssl").args(["speed", "-seconds", "1", "rsa1024"]).output().expect("openssl(1) is installed");
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text
        .lines()
        .find(|line| line.trim_start().starts_with("rsa 1024"))
        .unwrap_or_else(|| panic!("no line for rsa 1024 in:\n{text}"));
    let mut numbers = line.split_whitespace().filter_map(|word| word.parse::<f64>().ok()).rev();
    let (verifies, signs) = (numbers.next().unwrap(), numbers.next().unwrap());
    (1.0 / signs, 1.0 / verifies)
}

fn main() {
    let file = std::fs::read(vectors().join("trustlist/cucm-ctl-4947.tlv")).unwrap();
    let bundle = std::fs::read(vectors().join("certs/ccm-pub-1024.bundle.pem")).unwrap();
    let key = SoftKey::from_pem(&bundle).unwrap();
    let publisher = certificate("ccm-pub-1024");
    let capf = certificate("capf-1024");
    let subscriber = certificate("ccm-sub-1024");
    let identity = SigningIdentity::new(&publisher, &key).unwrap();
    let spec = ListSpec {
        layout: Layout::Cucm,
        signer_form: None,
        signer_version: None,
        digest: DigestId::SHA1,
        file_name: CTL_FILE_NAME,
        timestamp: 1_425_675_879,
    };
    let build = || {
        let [first, second] = ["10.48.47.155", "10.48.47.156"].map(|ip| ip.parse().unwrap());
        let record = |role, certificate: &Certificate, name: &str, address| {
            certificate.with_fields(NameForm::Cucm, |fields| RecordSpec::cucm(role, fields, name, address))
        };
        let records = [
            record(Role::SAST, &publisher, "cucm-1051-a-pub", first),
            record(Role::CCM_TFTP, &publisher, "cucm-1051-a-pub", first),
            record(Role::CAPF, &capf, "cucm-1051-a-pub", first),
            record(Role::CCM_TFTP, &subscriber, "cucm-1051-a-sub1", second),
        ];
        sign_list(&spec, &records, &identity).unwrap()
    };
    assert_eq!(build(), file, "what is measured must be the file itself");
    let read = || {
        let list = TrustList::decode(file.as_slice()).unwrap();
        assert!(check_against_itself(&list).verdict.is_valid());
    };

    // The bare operations: a context made once, a hash made before, as `openssl speed` does it.
    let private = PKey::private_key_from_pem(&bundle).unwrap();
    let hash = openssl::hash::hash(MessageDigest::sha1(), &file).unwrap();
    let mut signature = vec![0; 128];
    let mut signer = PkeyCtx::new(&private).unwrap();
    signer.sign_init().unwrap();
    signer.set_rsa_padding(Padding::PKCS1).unwrap();
    signer.set_signature_md(openssl::md::Md::sha1()).unwrap();
    signer.sign(&hash, Some(&mut signature)).unwrap();
    let known = signature.clone();
    let mut verifier = PkeyCtx::new(&private).unwrap();
    verifier.verify_init().unwrap();
    verifier.set_rsa_padding(Padding::PKCS1).unwrap();
    verifier.set_signature_md(openssl::md::Md::sha1()).unwrap();

    let mut contenders: [Contender<'_>; 5] = [
        (
            "bare RSA-1024 sign",
            Box::new(|| {
                black_box(signer.sign(black_box(&hash), Some(&mut signature)).unwrap());
            }),
        ),
        (
            "build and sign",
            Box::new(|| {
                black_box(build());
            }),
        ),
        (
            "bare RSA-1024 verify",
            Box::new(|| {
                assert!(verifier.verify(black_box(&hash), &known).unwrap());
            }),
        ),
        (
            "parse",
            Box::new(|| {
                black_box(TrustList::decode(black_box(file.as_slice())).unwrap());
            }),
        ),
        ("parse and verify", Box::new(read)),
    ];
    let mut times = vec![Vec::new(); contenders.len()];
    let mut speeds = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (sign, verify) = openssl_speed();
        speeds.0.push(sign);
        speeds.1.push(verify);
        for (place, (_, call)) in contenders.iter_mut().enumerate() {
            times[place].push(round(call.as_mut()));
        }
    }
    let times: Vec<f64> = times.iter().map(|rounds| fastest(rounds)).collect();
    let (speed_sign, speed_verify) = (fastest(&speeds.0), fastest(&speeds.1));

    println!("4947-byte CTL, 4 records, RSA-1024, SHA-1; fastest of {ROUNDS} rounds\n");
    println!("{:<34} {:>9}  {:>9}  {:>13}", "", "us", "x in-proc", "x openssl(1)");
    let row = |name: &str, seconds: f64, bare: f64, speed: f64| {
        println!("{name:<34} {:>9.2}  {:>9.2}  {:>13.2}", seconds * 1e6, seconds / bare, seconds / speed);
    };
    row("openssl speed rsa1024, sign", speed_sign, times[0], speed_sign);
    row(contenders[0].0, times[0], times[0], speed_sign);
    row(contenders[1].0, times[1], times[0], speed_sign);
    println!();
    row("openssl speed rsa1024, verify", speed_verify, times[2], speed_verify);
    row(contenders[2].0, times[2], times[2], speed_verify);
    row(contenders[3].0, times[3], times[2], speed_verify);
    row(contenders[4].0, times[4], times[2], speed_verify);
    let ratios = (times[1] / times[0], times[1] / speed_sign);
    let word = |ratio: f64| if ratio <= GOAL { "met" } else { "missed" };
    println!(
        "\nbuild and sign: {:.2} of a bare signature ({}), {:.2} of openssl speed ({}); goal {GOAL}",
        ratios.0,
        word(ratios.0),
        ratios.1,
        word(ratios.1)
    );
}
