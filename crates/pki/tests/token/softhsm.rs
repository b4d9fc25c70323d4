//! SoftHSM2, a token in software that nobody here wrote, and a module in front of it that misbehaves on purpose.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use pki::profile::{CertificateProfile, SelfSigned, self_signed};
use pki::token::prepare::{Preparation, prepare};
use pki::token::{TokenInfo, TokenModule};
use pki::{Certificate, SoftKey};
use wire::digest::DigestId;
use zeroize::Zeroizing;

/// The password that tokens come with [sources/ctl-client#tokens].
pub const PIN: &str = "Cisco123";
/// Inside the validity of everything made here, seconds since 1970 UTC: 2015-03-06.
pub const NOW: u64 = 1_425_600_000;
/// More than a call takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

const FOLDER: &str = "RINGFENCE_TEST_TOKENS";

pub fn module_file() -> PathBuf {
    let places = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/libsofthsm2.so", "/usr/lib/libsofthsm2.so"];
    let found = places.iter().map(Path::new).find(|path| path.exists());
    found.expect("SoftHSM2 is installed (package softhsm2)").to_path_buf()
}

/// Runs a test again in a process of its own, with token storage of its own: SoftHSM reads where its tokens are from the
/// environment, once.
pub fn with_tokens(test: &str, variables: &[(&str, &str)], body: impl FnOnce(&Path)) {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return body(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let tokens = folder.path().join("tokens");
    std::fs::create_dir(&tokens).unwrap();
    let config = folder.path().join("softhsm2.conf");
    let text = format!("directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n", tokens.display());
    std::fs::write(&config, text).unwrap();
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", test, "--nocapture"]);
    again.env(FOLDER, folder.path()).env("SOFTHSM2_CONF", &config).envs(variables.iter().copied());
    again.env("STUB_REAL", module_file()).env("STUB_LOG", folder.path().join("logins"));
    let output = again.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}\n{complained}");
}

/// An empty token with a label.
pub fn init(label: &str) {
    let done = Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", label, "--so-pin", "87654321", "--pin", PIN])
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// Puts a key on a token.
pub fn import_key(label: &str, id: &str, folder: &Path, pem: &[u8]) {
    let file = folder.join("key.pem");
    std::fs::write(&file, pem).unwrap();
    let done = Command::new("softhsm2-util")
        .args(["--import", file.to_str().unwrap(), "--token", label, "--label", label, "--id", id, "--pin", PIN])
        .args(["--force"])
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

pub fn open() -> TokenModule {
    TokenModule::open(&module_file(), LIMIT).unwrap()
}

pub fn pin() -> Zeroizing<String> {
    Zeroizing::new(PIN.to_owned())
}

/// The module in front of SoftHSM, compiled.
pub fn stub(folder: &Path, limit: Duration) -> TokenModule {
    let library = folder.join("stub.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/token/stub.c");
    let done =
        Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source).arg("-ldl").output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    TokenModule::open(&library, limit).unwrap()
}

/// The CA that issues the certificates of tokens.
pub fn manufacturing_ca() -> (Certificate, SoftKey) {
    let key = SoftKey::generate_rsa(2048).unwrap();
    let profile = CertificateProfile {
        digest: DigestId::SHA1,
        days: 7300,
        usage: &[],
        purposes: &[],
        ca_path_length: Some(0),
        alt_names: false,
    };
    let subject = pki::name::Subject {
        country: String::new(),
        organization: "Cisco Systems".to_owned(),
        unit: String::new(),
        common_name: "Cisco Manufacturing CA".to_owned(),
        state: String::new(),
        locality: String::new(),
    };
    let request = SelfSigned { subject, serial: vec![1], not_before: 1_100_000_000, dns_names: Vec::new() };
    (self_signed(&profile, &request, &key).unwrap(), key)
}

/// The second token of [sources/ctl-client#tokens].
pub fn preparation(bits: u32) -> Preparation<'static> {
    Preparation {
        name: "SAST-ADN008580ef",
        bits,
        serial: &[0x31, 0xAF, 0x45, 0x55, 0x00, 0x00, 0x00, 0x08, 0xE9, 0x83],
        validity: (1_337_212_800, 1_652_745_600),
        size: None,
    }
}

/// A token with key and certificate.
pub fn prepared(module: &TokenModule, label: &str, what: &Preparation<'_>) -> (TokenInfo, Certificate) {
    let (ca, key) = manufacturing_ca();
    let token = module.find(label).unwrap();
    let certificate = prepare(module, &token, &pin(), what, (&ca, &key)).unwrap();
    (token, certificate)
}
