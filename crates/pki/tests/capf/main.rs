//! CAPF with a cipher: the golden proofs, the golden sessions with certificates, and keys that get no certificate.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // tests may stop at the first surprise

mod credentials;
mod keys;
mod proofs;
mod sessions;

use std::path::{Path, PathBuf};

use pki::{Certificate, SoftKey};
use wire::capf::DeviceName;

/// The device of the vectors.
const DEVICE: &str = "SEPB000B4BA0AEE";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/vectors")
}

fn read(name: &str) -> Vec<u8> {
    let path = folder().join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn json(name: &str) -> serde_json::Value {
    serde_json::from_slice(&read(name)).unwrap()
}

fn certificate(name: &str) -> Certificate {
    Certificate::from_pem(&read(&format!("certs/{name}.crt.pem"))).unwrap()
}

fn key(name: &str) -> SoftKey {
    SoftKey::from_pem(&read(&format!("certs/{name}.key.pem"))).unwrap()
}

fn device() -> DeviceName {
    DeviceName::new(DEVICE).unwrap()
}

/// An hour after the certificates of the vectors were made.
fn now() -> u64 {
    certificate("lsc-2048").validity().0 + 3600
}
