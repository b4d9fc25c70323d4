//! PEM (RFC 7468) as it is found: blocks with the line that they begin on, and for what is wrong the line, the reason, the next step.
//!
//! What `PEM_read_bio` of OpenSSL reads is read. What it does not read is refused, because the phones' and other servers' tools would not
//! take the file either; but with a sentence instead of `bad end line`.

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";

/// Letters of a label at most: the longest of RFC 7468 has 21.
const LABEL_LIMIT: usize = 64;

/// What is wrong with the lines of a PEM text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} {what}")]
pub struct PemError {
    /// Counted from 1.
    pub line: usize,
    /// Reason and next step, to be read behind `line 20`.
    pub what: String,
}

/// A block between BEGIN and END.
#[derive(Debug, Clone)]
pub struct Block<'a> {
    /// What stands behind BEGIN, such as `CERTIFICATE`.
    pub label: &'a str,
    /// The line of BEGIN, from 1.
    pub line: usize,
    lines: Vec<(usize, &'a [u8])>,
    /// The first empty line, and the one that must not be.
    empty: Option<usize>,
    spoiled: Option<PemError>,
}

type Lines<'a> = std::slice::Split<'a, u8, fn(&u8) -> bool>;

/// The blocks of a text, one behind the other; ends behind the first that is broken.
#[derive(Debug, Clone)]
pub struct Blocks<'a> {
    lines: std::iter::Enumerate<Lines<'a>>,
    broken: bool,
}

/// Takes a text apart. Nothing is decoded yet.
#[must_use]
pub fn blocks(text: &[u8]) -> Blocks<'_> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let split: Lines<'_> = text.split(|byte| *byte == b'\n');
    Blocks { lines: split.enumerate(), broken: false }
}

impl<'a> Blocks<'a> {
    /// The next line with its number, without what OpenSSL takes from its end: blanks, control characters and bytes above ASCII.
    fn line(&mut self) -> Option<(usize, &'a [u8])> {
        let (number, line) = self.lines.next()?;
        let last = line.iter().rposition(|byte| (0x21..0x80).contains(byte));
        Some((number + 1, last.and_then(|last| line.get(..=last)).unwrap_or_default()))
    }

    fn begin(&mut self) -> Option<Result<(usize, &'a str), PemError>> {
        loop {
            let (number, line) = self.line()?;
            let Some(inside) = line.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(DASHES)) else { continue };
            let label = std::str::from_utf8(inside).ok().filter(|label| label.len() <= LABEL_LIMIT);
            return Some(match label.filter(|label| !label.contains("---") && !label.contains('\r')) {
                Some(label) => Ok((number, label)),
                None if inside.contains(&b'\r') => Err(cr_only(number)),
                None => Err(wrong(number, "holds more than BEGIN and its label: put a line end after it")),
            });
        }
    }

    fn block(&mut self, number: usize, label: &'a str) -> Result<Block<'a>, PemError> {
        let mut block = Block { label, line: number, lines: Vec::new(), empty: None, spoiled: None };
        let mut last = number;
        while let Some((number, line)) = self.line() {
            last = number;
            if let Some(rest) = line.strip_prefix(END) {
                let closed = rest.strip_prefix(label.as_bytes()).and_then(|rest| rest.strip_prefix(DASHES));
                return match closed {
                    Some([]) => Ok(block),
                    Some(behind) if behind.starts_with(b"-----BEGIN") => {
                        Err(wrong(number, "has BEGIN right after END: put a line end between them"))
                    }
                    Some(_) => Err(wrong(number, "holds more than END and its label: put a line end after it")),
                    None => Err(wrong(
                        number,
                        &format!(
                            "is not -----END {label}-----, as line {} wants it: look whether a part is missing",
                            block.line
                        ),
                    )),
                };
            }
            if line.starts_with(BEGIN) {
                let text = format!(
                    "begins another part before the -----END {label}----- of line {}: take the file from its source again",
                    block.line
                );
                return Err(wrong(number, &text));
            }
            if line.windows(8).any(|part| part == b"-----END") {
                return Err(wrong(number, "has -----END right after base64: put a line end between them"));
            }
            if line.is_empty() {
                block.empty_line(number);
            } else {
                block.lines.push((number, line));
            }
        }
        Err(wrong(
            last,
            &format!(
                "is the last, and -----END {label}----- is missing: the file was cut, take it from its source again"
            ),
        ))
    }
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Result<Block<'a>, PemError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.broken {
            return None;
        }
        let found = self.begin()?;
        let block = found.and_then(|(number, label)| self.block(number, label));
        self.broken = block.is_err();
        Some(block)
    }
}

impl Block<'_> {
    /// One empty line may stand between headers and base64, and there are no headers in certificates (RFC 1421 4.4). What is wrong
    /// counts when the block is decoded: a key beside a certificate is the affair of others.
    fn empty_line(&mut self, number: usize) {
        let headers = self.lines.iter().any(|(_, line)| line.contains(&b':'));
        if self.empty.is_none() && (self.lines.is_empty() || headers) {
            self.empty = Some(number);
            return;
        }
        let first = self.empty.filter(|_| self.lines.is_empty()).unwrap_or(number);
        self.spoiled.get_or_insert_with(|| wrong(first, "is empty: take the empty lines out"));
    }

    /// The bytes.
    ///
    /// # Errors
    /// [`PemError`]: a header, letters that base64 has not, letters that are missing.
    pub fn decode(&self) -> Result<Vec<u8>, PemError> {
        if let Some(error) = &self.spoiled {
            return Err(error.clone());
        }
        let mut text = String::new();
        let mut last = self.line;
        let mut padded = None;
        for (number, line) in &self.lines {
            last = *number;
            if line.contains(&b':') {
                return Err(wrong(
                    *number,
                    "is a header, which a certificate does not have: take the headers and the empty line out",
                ));
            }
            for byte in line.iter().filter(|byte| !matches!(byte, b' ' | b'\t' | b'\r')) {
                let letter = char::from(*byte);
                match byte {
                    b'=' => padded = Some(*number),
                    b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' if padded.is_none() => {}
                    b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => {
                        return Err(wrong(
                            *number,
                            "goes on after the `=` that ends base64: take the file from its source again",
                        ));
                    }
                    _ if !byte.is_ascii() => {
                        return Err(wrong(
                            *number,
                            "has a letter that is not ASCII: take the file from its source again",
                        ));
                    }
                    _ => {
                        let text = format!(
                            "has `{}`, which is not a base64 letter: take the file from its source again",
                            letter.escape_debug()
                        );
                        return Err(wrong(*number, &text));
                    }
                }
                text.push(letter);
            }
        }
        let missing = || {
            let text =
                "ends base64 in the middle: letters are missing or too many, take the file from its source again";
            wrong(last, text)
        };
        let padding = text.bytes().rev().take_while(|byte| *byte == b'=').count();
        if text.is_empty() {
            return Err(wrong(last, "is followed by nothing: the part is empty"));
        }
        if !text.len().is_multiple_of(4) || padding > 2 {
            return Err(missing());
        }
        openssl::base64::decode_block(&text).map_err(|_| missing())
    }
}

/// Why a text in which somebody expects PEM has no block, with the next step; `None` when nothing looks like one.
#[must_use]
pub fn why_none(text: &[u8]) -> Option<PemError> {
    let mut lines = text.split(|byte| *byte == b'\n').enumerate();
    let (index, line) = lines.find(|(_, line)| line.windows(DASHES.len() + 5).any(|part| part == b"-----BEGIN"))?;
    let number = index + 1;
    if line.contains(&b'\r') && !line.trim_ascii().ends_with(DASHES) {
        return Some(cr_only(number));
    }
    if !line.starts_with(b"-----BEGIN") {
        let text = if line.trim_ascii_start().starts_with(b"-----BEGIN") {
            "has blanks before -----BEGIN: take the blanks at the line starts out"
        } else {
            "has something before -----BEGIN: put a line end between"
        };
        return Some(wrong(number, text));
    }
    Some(wrong(number, "is not -----BEGIN CERTIFICATE----- alone: put a line end after it"))
}

/// Whether a text is the base64 of DER without the lines around it.
#[must_use]
pub fn is_bare_base64(text: &[u8]) -> bool {
    let letter =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=') || byte.is_ascii_whitespace();
    // SEQUENCE with a length of two bytes.
    text.trim_ascii_start().starts_with(b"MI") && text.len() > 64 && text.iter().all(letter)
}

/// A block with lines of 64 letters.
#[must_use]
pub fn write(label: &str, bytes: &[u8]) -> String {
    let body = openssl::base64::encode_block(bytes);
    let mut out = format!("-----BEGIN {label}-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, tail) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = tail;
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}

fn wrong(line: usize, what: &str) -> PemError {
    PemError { line, what: what.to_owned() }
}

fn cr_only(line: usize) -> PemError {
    wrong(line, "has CR alone as line ends, as on an old Mac: save the file with LF or CRLF")
}
