//! The codec and the sessions against the vectors, and against everything else.

mod client;
mod properties;
mod vectors;

use super::*;

/// A folder of vectors.
fn folder(name: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/vectors").join(name)
}

fn json(name: &str) -> serde_json::Value {
    let path = folder("tvs").join(name);
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap()
}

fn bytes(value: &serde_json::Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

/// A request with a usual device name.
fn verify(session_id: u32, certificate: &[u8]) -> Request {
    Request {
        session_id,
        device_name: Some(DeviceName::new("CP-8861-SEPB000B4BA0AEE")),
        ask: Ask::Verify { certificate: certificate.to_vec() },
    }
}

/// Everything that a session makes of one piece of bytes.
fn requests(session: &mut ServerSession, bytes: &[u8]) -> Result<Vec<Received>, Error> {
    session.receive(bytes)?;
    let mut all = Vec::new();
    while let Some(received) = session.next_request()? {
        all.push(received);
    }
    Ok(all)
}
