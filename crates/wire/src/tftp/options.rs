//! Options of a request and what is granted of them.

use std::ops::RangeInclusive;

use super::DEFAULT_BLOCK_SIZE;
use super::malformed::{BadPacket, take_text};

/// Block sizes of RFC 2348, bytes.
pub const BLOCK_SIZES: RangeInclusive<u16> = 8..=65464;

/// Time-outs of RFC 2349, seconds.
pub const TIMEOUTS: RangeInclusive<u8> = 1..=255;

/// Windows of RFC 7440, blocks.
pub const WINDOWS: RangeInclusive<u16> = 1..=65535;

/// The options known here; `None` is "not asked for" or "not granted".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// `blksize`, bytes, within [`BLOCK_SIZES`].
    pub block_size: Option<u16>,
    /// `timeout`, seconds, within [`TIMEOUTS`].
    pub timeout: Option<u8>,
    /// `tsize`, bytes; 0 in a read request.
    pub transfer_size: Option<u64>,
    /// `windowsize`, blocks, within [`WINDOWS`].
    pub window: Option<u16>,
}

/// What a server grants at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// Largest block in bytes.
    pub block_size: u16,
    /// Largest window in blocks.
    pub window: u16,
    /// Most bytes in flight: a window of large blocks is cut to fit.
    pub window_bytes: u32,
}

impl Default for Caps {
    /// Any block size; windows up to 64 blocks and 128 KiB. Linux gives a socket 208 KiB by default, so more would
    /// be dropped at the receiver and sent again; 64 datagrams are what segmentation offload takes in one call.
    fn default() -> Self {
        Self { block_size: *BLOCK_SIZES.end(), window: 64, window_bytes: 128 * 1024 }
    }
}

impl Options {
    /// Nothing asked for: plain RFC 1350.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What a server that sends `size` bytes grants: smaller values where `caps` say so, nothing unasked.
    #[must_use]
    pub fn grant(&self, caps: &Caps, size: u64) -> Self {
        let block_size = self.block_size.map(|asked| asked.min(caps.block_size).max(*BLOCK_SIZES.start()));
        let fits = caps.window_bytes / u32::from(block_size.unwrap_or(DEFAULT_BLOCK_SIZE));
        let window_cap = caps.window.min(u16::try_from(fits).unwrap_or(u16::MAX)).max(1);
        Self {
            block_size,
            timeout: self.timeout,
            // curl takes a size of 0 for an error; without the answer it reads the empty file
            transfer_size: self.transfer_size.filter(|_| size > 0).map(|_| size),
            window: self.window.map(|asked| asked.min(window_cap)),
        }
    }

    /// The option list of a request. What is out of range counts as not asked for, so that it is not acknowledged
    /// (RFC 2347 section 2).
    pub(super) fn decode_request(rest: &[u8]) -> Result<Self, BadPacket> {
        let mut options = Self::default();
        each_option(rest, |known, value| {
            known.store(&mut options, value);
            Ok(())
        })?;
        Ok(options)
    }

    /// The option list of an OACK: a value out of range is an error.
    pub(super) fn decode_ack(rest: &[u8]) -> Result<Self, BadPacket> {
        let mut options = Self::default();
        each_option(rest, |known, value| {
            if known.store(&mut options, value) { Ok(()) } else { Err(BadPacket::OptionValue(known.name())) }
        })?;
        Ok(options)
    }

    /// Appends the list as pairs of texts.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let pairs = [
            (Known::BlockSize, self.block_size.map(u64::from)),
            (Known::Timeout, self.timeout.map(u64::from)),
            (Known::TransferSize, self.transfer_size),
            (Known::Window, self.window.map(u64::from)),
        ];
        for (known, value) in pairs {
            if let Some(value) = value {
                out.extend_from_slice(known.name().as_bytes());
                out.push(0);
                out.extend_from_slice(value.to_string().as_bytes());
                out.push(0);
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Known {
    BlockSize,
    Timeout,
    TransferSize,
    Window,
}

impl Known {
    const ALL: [Self; 4] = [Self::BlockSize, Self::Timeout, Self::TransferSize, Self::Window];

    const fn name(self) -> &'static str {
        match self {
            Self::BlockSize => "blksize",
            Self::Timeout => "timeout",
            Self::TransferSize => "tsize",
            Self::Window => "windowsize",
        }
    }

    /// Keeps the value; false if it is no number or out of range. The first of several wins (RFC 2347: once only).
    fn store(self, options: &mut Options, value: &[u8]) -> bool {
        let Some(number) = decimal(value) else {
            return false;
        };
        match self {
            Self::BlockSize => keep(&mut options.block_size, number, &BLOCK_SIZES),
            Self::Timeout => keep(&mut options.timeout, number, &TIMEOUTS),
            Self::TransferSize => keep(&mut options.transfer_size, number, &(0..=u64::MAX)),
            Self::Window => keep(&mut options.window, number, &WINDOWS),
        }
    }
}

fn keep<T: TryFrom<u64> + PartialOrd + Copy>(place: &mut Option<T>, number: u64, range: &RangeInclusive<T>) -> bool {
    match T::try_from(number) {
        Ok(value) if range.contains(&value) => {
            place.get_or_insert(value);
            true
        }
        _ => false,
    }
}

/// Digits only: no sign, no blanks.
fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Calls `each` for the known options of a list of NUL-ended pairs.
fn each_option(mut rest: &[u8], mut each: impl FnMut(Known, &[u8]) -> Result<(), BadPacket>) -> Result<(), BadPacket> {
    const UNENDED: BadPacket = BadPacket::Unended { field: "option" };
    while !rest.is_empty() {
        let (name, after) = take_text(rest).ok_or(UNENDED)?;
        if name.is_empty() {
            // padding after the last option: some clients fill their requests with zeros
            return Ok(());
        }
        let (value, after) = take_text(after).ok_or(UNENDED)?;
        if let Some(known) = Known::ALL.into_iter().find(|k| name.eq_ignore_ascii_case(k.name().as_bytes())) {
            each(known, value)?;
        }
        rest = after;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(list: &[u8]) -> Options {
        Options::decode_request(list).unwrap()
    }

    #[test]
    fn ranges_of_the_rfcs() {
        for (list, wanted) in [
            (b"blksize\x008\0".as_slice(), Some(8)),
            (b"blksize\x0065464\0", Some(65464)),
            (b"blksize\x007\0", None),
            (b"blksize\x0065465\0", None),
            (b"blksize\x00-8\0", None),
            (b"blksize\x00+512\0", None),
            (b"blksize\x00 512\0", None),
            (b"blksize\0\0", None),
            (b"blksize\x0099999999999999999999999\0", None),
            (b"blksize\x001024\0blksize\x00512\0", Some(1024)),
        ] {
            assert_eq!(request(list).block_size, wanted, "{:?}", String::from_utf8_lossy(list));
        }
        assert_eq!(request(b"timeout\x000\0").timeout, None);
        assert_eq!(request(b"timeout\x00255\0").timeout, Some(255));
        assert_eq!(request(b"timeout\x00256\0").timeout, None);
        assert_eq!(request(b"windowsize\x000\0").window, None);
        assert_eq!(request(b"WindowSize\x0065535\0").window, Some(65535));
        assert_eq!(request(b"windowsize\x0065536\0").window, None);
        assert_eq!(request(b"tsize\x000\0multicast\0\0windowsize\x004\0").window, Some(4));
    }

    #[test]
    fn a_server_grants_what_it_can() {
        let caps = Caps { block_size: 1468, window: 16, window_bytes: 8192 };
        let asked = Options { block_size: Some(8192), timeout: Some(3), transfer_size: Some(0), window: Some(64) };
        let wanted = Options { block_size: Some(1468), timeout: Some(3), transfer_size: Some(4947), window: Some(5) };
        assert_eq!(asked.grant(&caps, 4947), wanted);
        assert_eq!(Options::default().grant(&caps, 1), Options::default());
        assert_eq!(asked.grant(&caps, 0).transfer_size, None);
        let only_window = Options { window: Some(64), ..Options::default() };
        assert_eq!(only_window.grant(&caps, 1).window, Some(16));
        // one block is always granted, however large
        let large = Options { block_size: Some(65464), window: Some(9), ..Options::default() };
        assert_eq!(large.grant(&Caps { window_bytes: 1, ..Caps::default() }, 1).window, Some(1));
    }
}
