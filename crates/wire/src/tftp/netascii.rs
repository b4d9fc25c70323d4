//! Text as it travels in mode `netascii` (RFC 764): LF goes as CR LF, CR as CR NUL.
//!
//! Every byte is converted by itself, as other servers do, so any file survives a round trip.

/// Length of `data` in netascii, bytes.
#[must_use]
pub fn encoded_len(data: &[u8]) -> u64 {
    let doubled: usize = data.iter().map(|&b| usize::from(b == b'\n') + usize::from(b == b'\r')).sum();
    data.len() as u64 + doubled as u64
}

/// Back to plain bytes: CR LF is LF, CR NUL is CR, anything else stays.
#[must_use]
pub fn decode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let pair = if byte == b'\r' { bytes.peek().copied() } else { None };
        match pair {
            Some(b'\n') => out.push(b'\n'),
            Some(0) => out.push(b'\r'),
            _ => {
                out.push(byte);
                continue;
            }
        }
        bytes.next();
    }
    out
}

/// A place in the converted text of a file. Blocks are converted while they are sent; a window that is sent again
/// starts from a copy of the place it began at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Next plain byte.
    next: usize,
    /// Second half of a pair that did not fit the block before.
    half: Option<u8>,
}

impl Cursor {
    /// Appends up to `count` converted bytes to `out` and moves on.
    pub fn read(&mut self, data: &[u8], count: usize, out: &mut Vec<u8>) {
        let mut left = count;
        while left > 0 {
            let byte = if let Some(half) = self.half.take() {
                half
            } else if let Some(&byte) = data.get(self.next) {
                self.next += 1;
                match byte {
                    b'\n' => {
                        self.half = Some(b'\n');
                        b'\r'
                    }
                    b'\r' => {
                        self.half = Some(0);
                        b'\r'
                    }
                    plain => plain,
                }
            } else {
                return;
            };
            out.push(byte);
            left -= 1;
        }
    }

    /// Moves on over `count` converted bytes.
    pub fn skip(&mut self, data: &[u8], count: usize) {
        let mut left = count;
        while left > 0 {
            if self.half.take().is_none() {
                let Some(&byte) = data.get(self.next) else {
                    return;
                };
                self.next += 1;
                self.half = match byte {
                    b'\n' => Some(b'\n'),
                    b'\r' => Some(0),
                    _ => None,
                };
            }
            left -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn line_ends() {
        let mut out = Vec::new();
        Cursor::default().read(b"a\nb\rc\r\n", usize::MAX, &mut out);
        assert_eq!(out, b"a\r\nb\r\0c\r\0\r\n");
        assert_eq!(encoded_len(b"a\nb\rc\r\n"), out.len() as u64);
        assert_eq!(decode(&out), b"a\nb\rc\r\n");
        assert_eq!(decode(b"a\rb\r"), b"a\rb\r");
    }

    proptest! {
        #[test]
        fn round_trip_in_pieces(
            data in prop::collection::vec(prop::sample::select(vec![b'\r', b'\n', 0, b'x']), 0..200),
            piece in 1usize..20,
        ) {
            let mut out = Vec::new();
            let mut cursor = Cursor::default();
            loop {
                let mut skipped = cursor;
                let before = out.len();
                cursor.read(&data, piece, &mut out);
                skipped.skip(&data, piece);
                prop_assert_eq!(skipped, cursor);
                if out.len() - before < piece {
                    break;
                }
            }
            prop_assert_eq!(out.len() as u64, encoded_len(&data));
            prop_assert_eq!(decode(&out), data);
        }
    }
}
