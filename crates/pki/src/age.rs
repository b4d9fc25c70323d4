//! Files behind a passphrase, in a format that other programs read: age v1 with its recipient `scrypt` (age-encryption.org/v1). Written
//! and read piece by piece, so a large one takes no more memory than a small one; what comes out of a reader was checked before.

use std::io::{Error, ErrorKind, Read, Result as IoResult, Write};

use openssl::base64::{decode_block, encode_block};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use zeroize::{Zeroize, Zeroizing};

use crate::Random;

/// Shortest passphrase, characters: who finds the file tries as many as he likes.
pub const LEAST_PASSPHRASE: usize = 8;

const VERSION: &str = "age-encryption.org/v1";

/// Work for a passphrase, as a power of two: what the program age writes, a second and 256 MB.
const WORK: u8 = 18;

/// The most that is done for a file that somebody brings: four times that.
const MOST_WORK: u8 = 20;

/// Bytes that are encrypted together, and what is added to them.
const PIECE: usize = 64 << 10;
const TAG: usize = 16;

/// Bytes of a header at most: four short lines.
const HEADER: usize = 512;

type Key = Zeroizing<[u8; 32]>;

/// Why a file was not opened.
#[derive(Debug, thiserror::Error)]
pub enum AgeError {
    /// It is no such file, or was made with something else than a passphrase.
    #[error("this is no file that age encrypted with a passphrase: {0}")]
    Format(&'static str),
    /// Nobody can tell these two apart.
    #[error("the passphrase is wrong, or the file was altered in its first lines")]
    Passphrase,
    /// It could not be read, or the library refused.
    #[error(transparent)]
    File(#[from] Error),
}

impl From<ErrorStack> for AgeError {
    fn from(error: ErrorStack) -> Self {
        Self::File(error.into())
    }
}

/// The first lines of such a file. Nothing of them is believed before the passphrase has opened its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    salt: [u8; 16],
    work: u8,
    /// The key of the file and its tag, encrypted with the passphrase.
    wrapped: [u8; 16 + TAG],
    mac: [u8; 32],
}

impl Header {
    /// Reads them: all four lines, spelled in the one way.
    ///
    /// # Errors
    /// [`AgeError::Format`].
    pub fn decode(lines: &[u8]) -> Result<Self, AgeError> {
        let text = std::str::from_utf8(lines).map_err(|_| AgeError::Format("its header is no text"))?;
        let mut parts = text.split('\n');
        if parts.next() != Some(VERSION) {
            return Err(AgeError::Format("it does not begin with the line of age v1"));
        }
        let words: Vec<&str> = parts.next().unwrap_or_default().split(' ').collect();
        let (["->", "scrypt", salt, work], Some(wrapped), Some(mac), Some(""), None) = (
            words.as_slice(),
            parts.next(),
            parts.next().and_then(|line| line.strip_prefix("--- ")),
            parts.next(),
            parts.next(),
        ) else {
            return Err(AgeError::Format("it was not made with a passphrase alone"));
        };
        let salt = unbase64(salt).ok_or(AgeError::Format("its salt is damaged"))?;
        let number = work.parse().ok().filter(|number: &u8| (1..=MOST_WORK).contains(number));
        let number = number.filter(|number| number.to_string() == *work);
        let work = number.ok_or(AgeError::Format("its work factor is damaged, or above 20"))?;
        let wrapped = unbase64(wrapped).ok_or(AgeError::Format("its key is damaged"))?;
        let mac = unbase64(mac).ok_or(AgeError::Format("its checksum is damaged"))?;
        Ok(Self { salt, work, wrapped, mac })
    }

    /// The lines.
    pub fn encode(&self) -> String {
        format!("{} {}\n", self.signed(), base64(&self.mac))
    }

    /// The work for the passphrase, as a power of two.
    pub const fn work(&self) -> u8 {
        self.work
    }

    /// What the checksum is made over.
    fn signed(&self) -> String {
        format!("{VERSION}\n-> scrypt {} {}\n{}\n---", base64(&self.salt), self.work, base64(&self.wrapped))
    }

    /// The key of the file.
    fn unwrap(&self, passphrase: &str) -> Result<Zeroizing<Vec<u8>>, AgeError> {
        let wrapping = from_passphrase(passphrase, &self.salt, self.work)?;
        let (body, tag) = self.wrapped.split_at(16);
        let secret = decrypt_aead(Cipher::chacha20_poly1305(), &*wrapping, Some(&[0; 12]), &[], body, tag);
        let secret = Zeroizing::new(secret.map_err(|_| AgeError::Passphrase)?);
        let expected = hmac(&*derived(&secret, &[0; 32], b"header")?, &[self.signed().as_bytes()])?;
        if openssl::memcmp::eq(&*expected, &self.mac) { Ok(secret) } else { Err(AgeError::Passphrase) }
    }
}

/// Encrypts what is written to it. Nothing counts before [`Self::finish`].
pub struct Sealer<W: Write> {
    inner: W,
    key: Key,
    number: u64,
    piece: Zeroizing<Vec<u8>>,
}

impl<W: Write> Sealer<W> {
    /// Writes the header.
    ///
    /// # Errors
    /// The writer's; no random bytes.
    pub fn begin(inner: W, passphrase: &str, random: &mut dyn Random) -> IoResult<Self> {
        Self::with_work(inner, passphrase, random, WORK)
    }

    /// The same with other work for the passphrase, as a power of two: for who tries many files.
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub fn with_work(mut inner: W, passphrase: &str, random: &mut dyn Random, work: u8) -> IoResult<Self> {
        let mut secret = Zeroizing::new([0; 16]);
        let (mut salt, mut nonce) = ([0; 16], [0; 16]);
        for bytes in [secret.as_mut_slice(), &mut salt, &mut nonce] {
            random.fill(bytes).map_err(Error::other)?;
        }
        let wrapping = from_passphrase(passphrase, &salt, work)?;
        let mut tag = [0; TAG];
        let body = encrypt_aead(Cipher::chacha20_poly1305(), &*wrapping, Some(&[0; 12]), &[], &*secret, &mut tag)?;
        let wrapped = [&body[..], &tag].concat().try_into().map_err(|_| Error::other("a key has another length"))?;
        let mut header = Header { salt, work, wrapped, mac: [0; 32] };
        header.mac = *hmac(&*derived(&*secret, &[0; 32], b"header")?, &[header.signed().as_bytes()])?;
        inner.write_all(header.encode().as_bytes())?;
        inner.write_all(&nonce)?;
        let key = derived(&*secret, &nonce, b"payload")?;
        Ok(Self { inner, key, number: 0, piece: Zeroizing::new(Vec::with_capacity(PIECE)) })
    }

    /// Writes the end.
    ///
    /// # Errors
    /// The writer's.
    pub fn finish(mut self) -> IoResult<W> {
        self.seal(true)?;
        Ok(self.inner)
    }

    fn seal(&mut self, last: bool) -> IoResult<()> {
        let mut tag = [0; TAG];
        let nonce = nonce(self.number, last);
        let sealed = encrypt_aead(Cipher::chacha20_poly1305(), &*self.key, Some(&nonce), &[], &self.piece, &mut tag)?;
        self.number += 1;
        self.piece.zeroize();
        self.inner.write_all(&sealed)?;
        self.inner.write_all(&tag)
    }
}

impl<W: Write> Write for Sealer<W> {
    fn write(&mut self, bytes: &[u8]) -> IoResult<usize> {
        // A full piece waits until it is known that it is not the last.
        if self.piece.len() == PIECE && !bytes.is_empty() {
            self.seal(false)?;
        }
        let taken = bytes.get(..PIECE - self.piece.len()).unwrap_or(bytes);
        self.piece.extend_from_slice(taken);
        Ok(taken.len())
    }

    fn flush(&mut self) -> IoResult<()> {
        self.inner.flush()
    }
}

/// Gives what is in such a file. An alteration is an error of the read that would have given it.
pub struct Opener<R: Read> {
    inner: R,
    key: Key,
    number: u64,
    /// What was read of the file: a piece, and the first byte of the next.
    sealed: Vec<u8>,
    open: Zeroizing<Vec<u8>>,
    given: usize,
    ended: bool,
}

impl<R: Read> Opener<R> {
    /// Reads the header, byte by byte: give it a reader with a buffer.
    ///
    /// # Errors
    /// [`AgeError`].
    pub fn begin(mut inner: R, passphrase: &str) -> Result<Self, AgeError> {
        let mut lines = Vec::new();
        // Byte by byte: what is behind the header is not text.
        while lines.len() < HEADER {
            let mut byte = [0];
            if inner.read(&mut byte)? == 0 {
                break;
            }
            lines.extend(byte);
            let [byte] = byte;
            if byte == b'\n' && lines.rsplit(|byte| *byte == b'\n').nth(1).is_some_and(|line| line.starts_with(b"---"))
            {
                break;
            }
        }
        let secret = Header::decode(&lines)?.unwrap(passphrase)?;
        let mut nonce = [0; 16];
        inner.read_exact(&mut nonce)?;
        let key = derived(&secret, &nonce, b"payload")?;
        let (sealed, open) = (Vec::with_capacity(PIECE + TAG + 1), Zeroizing::new(Vec::new()));
        Ok(Self { inner, key, number: 0, sealed, open, given: 0, ended: false })
    }

    fn next(&mut self) -> IoResult<()> {
        let wanted = (PIECE + TAG + 1 - self.sealed.len()) as u64;
        self.inner.by_ref().take(wanted).read_to_end(&mut self.sealed)?;
        let last = self.sealed.len() <= PIECE + TAG;
        let length = self.sealed.len().min(PIECE + TAG);
        let altered = || Error::new(ErrorKind::InvalidData, "the file was altered or cut short");
        let (piece, rest) = self.sealed.split_at_checked(length).ok_or_else(altered)?;
        let (body, tag) = length.checked_sub(TAG).and_then(|at| piece.split_at_checked(at)).ok_or_else(altered)?;
        // An empty piece stands only in an empty file.
        if body.is_empty() && self.number > 0 {
            return Err(altered());
        }
        let nonce = nonce(self.number, last);
        let open = decrypt_aead(Cipher::chacha20_poly1305(), &*self.key, Some(&nonce), &[], body, tag);
        self.open = Zeroizing::new(open.map_err(|_| altered())?);
        self.sealed = rest.to_vec();
        (self.number, self.given, self.ended) = (self.number + 1, 0, last);
        Ok(())
    }
}

impl<R: Read> Read for Opener<R> {
    fn read(&mut self, out: &mut [u8]) -> IoResult<usize> {
        while self.given == self.open.len() && !self.ended {
            self.next()?;
        }
        let rest = self.open.get(self.given..).unwrap_or_default();
        let length = rest.len().min(out.len());
        if let (Some(out), Some(rest)) = (out.get_mut(..length), rest.get(..length)) {
            out.copy_from_slice(rest);
        }
        self.given += length;
        Ok(length)
    }
}

/// Eleven bytes of the number of a piece, and whether it is the last.
fn nonce(number: u64, last: bool) -> [u8; 12] {
    let mut nonce = [0; 12];
    for (place, byte) in nonce.iter_mut().skip(3).zip(number.to_be_bytes().into_iter().chain([u8::from(last)])) {
        *place = byte;
    }
    nonce
}

fn from_passphrase(passphrase: &str, salt: &[u8], work: u8) -> Result<Key, ErrorStack> {
    let salt = [VERSION.as_bytes(), b"/scrypt", salt].concat();
    let mut key = Zeroizing::new([0; 32]);
    // Blocks of 1024 bytes (r = 8), and what the library needs beside them.
    let memory = (1024_u64 << work) + (1 << 20);
    openssl::pkcs5::scrypt(passphrase.as_bytes(), &salt, 1 << work, 8, 1, memory, key.as_mut_slice())?;
    Ok(key)
}

/// HKDF with SHA-256 (RFC 5869), one block.
fn derived(secret: &[u8], salt: &[u8], info: &[u8]) -> Result<Key, ErrorStack> {
    hmac(&*hmac(salt, &[secret])?, &[info, &[1]])
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> Result<Key, ErrorStack> {
    let key = PKey::hmac(key)?;
    let mut signer = Signer::new(MessageDigest::sha256(), &key)?;
    for part in parts {
        signer.update(part)?;
    }
    let mut out = Zeroizing::new([0; 32]);
    signer.sign(out.as_mut_slice())?;
    Ok(out)
}

/// Base64 without padding, as age has it.
fn base64(bytes: &[u8]) -> String {
    encode_block(bytes).trim_end_matches('=').to_owned()
}

fn unbase64<const LENGTH: usize>(text: &str) -> Option<[u8; LENGTH]> {
    let padding = "=".repeat(text.len().wrapping_neg() % 4);
    let bytes = decode_block(&format!("{text}{padding}")).ok()?;
    // The one way to spell it.
    (base64(&bytes) == text).then_some(bytes)?.try_into().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)] // tests may stop at the first surprise
mod tests {
    use super::*;
    use crate::OpensslRandom;

    const PASSPHRASE: &str = "correct horse";

    fn sealed(plain: &[u8]) -> Vec<u8> {
        let mut sealer = Sealer::with_work(Vec::new(), PASSPHRASE, &mut OpensslRandom, 4).unwrap();
        sealer.write_all(plain).unwrap();
        sealer.finish().unwrap()
    }

    fn opened(file: &[u8], passphrase: &str) -> Result<Vec<u8>, AgeError> {
        let mut plain = Vec::new();
        Opener::begin(file, passphrase)?.read_to_end(&mut plain)?;
        Ok(plain)
    }

    /// `printf 'hello world' | age -p`, age 1.1.1 of Debian 12.
    #[test]
    fn a_file_of_age_is_read() {
        let header = "age-encryption.org/v1\n-> scrypt rNZM5eQ7Qf4JiDDAVkNuOA 18\nSnMtIIsFDYgy8PI36s3Js6jYSk/Ggs7pRrcIy9cInRA\n\
                      --- 9DjbvxfjYA3Q9+Rz1Y2in86s3y1B6a1CoHP+oa1TDg0\n";
        let payload = "6d822d19dfdc6cccdf6175179054822b5a426e809c0454d267acfa98ab306811955356ba6d9fe3a7e5aff8";
        let payload = (0..payload.len()).step_by(2).map(|at| u8::from_str_radix(&payload[at..at + 2], 16).unwrap());
        let file: Vec<u8> = header.bytes().chain(payload).collect();
        assert_eq!(opened(&file, PASSPHRASE).unwrap(), b"hello world");
    }

    #[test]
    fn what_was_written_is_read_around_the_length_of_a_piece() {
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE] {
            let plain: Vec<u8> = (0..length).map(|at| at.to_le_bytes()[0]).collect();
            let file = sealed(&plain);
            assert!(opened(&file, PASSPHRASE).unwrap() == plain, "{length}");
        }
    }

    /// No other spelling of the same header, and no shorter key: each was taken once.
    #[test]
    fn a_header_has_one_spelling() {
        let file = sealed(b"x");
        let end = file.windows(4).position(|bytes| bytes == b"\n---").unwrap();
        let end = end + 2 + file[end + 1..].iter().position(|byte| *byte == b'\n').unwrap();
        let text = std::str::from_utf8(&file[..end]).unwrap();
        let header = Header::decode(text.as_bytes()).unwrap();
        assert_eq!((header.encode().as_str(), header.work()), (text, 4));
        let lines: Vec<&str> = text.lines().collect();
        let other = |line: usize, new: String| {
            let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            lines[line] = new;
            lines.join("\n") + "\n"
        };
        let shorter = |line: &str, bytes: usize| line[..line.len() - bytes].to_owned();
        for bad in [
            other(1, lines[1].replace(" 4", " +4")),
            other(1, lines[1].replace(" 4", " 04")),
            other(1, lines[1].replace(" 4", " 21")),
            other(1, lines[1].replace(" 4", " 0")),
            other(1, lines[1].replace("-> scrypt ", "-> scrypt  ")),
            other(2, shorter(lines[2], 3)),
            other(2, format!("{}=", lines[2])),
            other(2, shorter(lines[2], 20)),
            other(3, shorter(lines[3], 4)),
            other(3, lines[3].replacen("--- ", "---  ", 1)),
            other(0, format!("{VERSION}\r")),
            format!("{text}\n"),
            text.trim_end().to_owned(),
            String::new(),
        ] {
            assert!(matches!(Header::decode(bad.as_bytes()), Err(AgeError::Format(_))), "{bad:?}");
        }
    }

    proptest::proptest! {
        /// Whatever stands there is a header to the byte, or none.
        #[test]
        fn bytes_are_a_header_or_none(
            salt in proptest::prelude::any::<[u8; 16]>(),
            wrapped in proptest::prelude::any::<[u8; 32]>(),
            mac in proptest::prelude::any::<[u8; 32]>(),
            work in 1..=MOST_WORK,
            at in 0_usize..200,
            byte in proptest::prelude::any::<u8>(),
        ) {
            let header = Header { salt, work, wrapped, mac };
            let mut lines = header.encode().into_bytes();
            assert_eq!(Header::decode(&lines).unwrap(), header);
            let at = at % lines.len();
            lines[at] = byte;
            if let Ok(read) = Header::decode(&lines) {
                assert_eq!(read.encode().into_bytes(), lines);
            }
            lines.truncate(at);
            assert!(Header::decode(&lines).is_err());
        }

        /// However the reader cuts it, and whatever one byte becomes: the text, or an error.
        #[test]
        fn a_file_is_given_whole_or_not_at_all(
            plain in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300),
            cut in 1_usize..50,
            at in 0_usize..600,
            bit in 0_u8..8,
        ) {
            struct Cut<'a>(&'a [u8], usize);
            impl Read for Cut<'_> {
                fn read(&mut self, out: &mut [u8]) -> IoResult<usize> {
                    let length = self.1.min(out.len());
                    self.0.read(&mut out[..length])
                }
            }
            let mut sealer = Sealer::with_work(Vec::new(), PASSPHRASE, &mut OpensslRandom, 1).unwrap();
            sealer.write_all(&plain).unwrap();
            let mut file = sealer.finish().unwrap();
            let mut given = Vec::new();
            Opener::begin(Cut(&file, cut), PASSPHRASE).unwrap().read_to_end(&mut given).unwrap();
            assert_eq!(given, plain);
            let at = at % file.len();
            file[at] ^= 1 << bit;
            // One digit of work stays one digit, so none of them takes its time.
            assert!(opened(&file, PASSPHRASE).is_err(), "byte {at}");
        }
    }

    #[test]
    fn what_was_altered_is_not_given() {
        let plain = vec![7; PIECE + 100];
        let file = sealed(&plain);
        assert!(matches!(opened(&file, "wrong horse"), Err(AgeError::Passphrase)));
        let payload = file.len() - (PIECE + 100 + 2 * TAG);
        // Salt, wrapped key, MAC, nonce, first and second piece, last tag; and a bit of the first line.
        for at in [0, 40, 60, payload - 30, payload - 1, payload + 5, payload + PIECE + TAG + 5, file.len() - 1] {
            let mut altered = file.clone();
            altered[at] ^= 1;
            assert!(opened(&altered, PASSPHRASE).is_err(), "byte {at}");
        }
        // Cut at the end of a piece, in one, in the header; with something behind it.
        for length in [payload + PIECE + TAG, payload + 5, payload, payload - 20, 30, 0] {
            assert!(opened(&file[..length], PASSPHRASE).is_err(), "{length} bytes");
        }
        assert!(opened(&[&file[..], b"x"].concat(), PASSPHRASE).is_err());
    }
}
