//! Streams of the CTL provider and its client: what is read is written again and means the same, however it is cut.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::ctl_provider::{ClientStream, ServerStream};

fuzz_target!(|bytes: &[u8]| {
    let Some((cut, bytes)) = bytes.split_first() else { return };
    let (first, second) = bytes.split_at(bytes.len().min(usize::from(*cut)));
    let mut whole = ServerStream::default();
    whole.admit();
    if let Ok(Some(request)) = whole.receive(bytes) {
        let mut again = ServerStream::default();
        again.admit();
        assert_eq!(again.receive(&request.encode().unwrap()), Ok(Some(request.clone())));
        let mut pieces = ServerStream::default();
        pieces.admit();
        let found = match pieces.receive(first) {
            Ok(None) => pieces.receive(second),
            found => found,
        };
        assert_eq!(found, Ok(Some(request)));
    }
    let mut stranger = ServerStream::default();
    drop(stranger.receive(bytes));
    if let Ok(Some(reply)) = ClientStream::default().receive(bytes) {
        assert_eq!(ClientStream::default().receive(&reply.encode().unwrap()), Ok(Some(reply)));
    }
});
