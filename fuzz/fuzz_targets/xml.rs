//! The reader that decides whether a config is merged, encrypted or lived by: its events add up and stand where they say.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::xml::{DEEPEST, Event, LARGEST, MOST_ATTRIBUTES, Reader, attribute_value};

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut reader) = Reader::new(bytes) else { return };
    let encoding = reader.encoding();
    let (mut behind, mut depth, mut roots) = (0, 0_usize, 0);
    loop {
        let event = match reader.next_event() {
            Ok(Some(event)) => event,
            Ok(None) => break,
            Err(bad) => {
                assert!(bad.place.offset <= bytes.len() && bad.place.line >= 1 && bad.place.column >= 1);
                return;
            }
        };
        let span = reader.span();
        assert!(behind <= span.start && span.start <= span.end && span.end <= bytes.len());
        behind = span.end;
        match event {
            Event::Start { name, attributes, empty } => {
                roots += usize::from(depth == 0);
                depth += 1;
                assert!(bytes[span.clone()].starts_with(b"<") && bytes[span.clone()].ends_with(b">"));
                assert_eq!(empty, bytes[span].ends_with(b"/>"));
                assert!(!name.is_empty() && attributes.len() <= MOST_ATTRIBUTES);
                for attribute in attributes {
                    assert!(!attribute.raw.contains(&b'<'));
                    attribute_value(encoding, attribute.raw);
                }
            }
            Event::End => depth -= 1,
            Event::Text(text) => assert_eq!(text, &bytes[span]),
            Event::CData(_) | Event::Reference(_) => assert!(depth > 0),
        }
        assert_eq!(depth, reader.depth());
        assert!(depth <= DEEPEST);
    }
    // read to its end: one root, closed
    assert_eq!((depth, roots), (0, 1));
    assert!(bytes.len() <= LARGEST);
});
