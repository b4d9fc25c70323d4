//! Puts elements of ours into a config that somebody wrote by hand, such as TVS and CAPF of the cluster; everything else stays
//! to the byte.

use quick_xml::events::Event;
use quick_xml::{Reader, Writer};

use crate::config::{ClusterPart, capf, tvs};

/// Largest config taken, in bytes: phones read some hundred kB at most.
pub const CONFIG_LIMIT: usize = 4 << 20;

/// UTF-8's byte order mark, which some editors put in front.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Elements nested in a config at most: real ones have about ten, and a reader must not be led further.
const DEPTH_LIMIT: usize = 64;

/// What is ours in every config.
const OF_THE_CLUSTER: [&str; 2] = ["TVS", "capfList"];

/// Why a config stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// Not well-formed.
    #[error("not well-formed XML at byte {0}: {1}")]
    NotXml(u64, String),
    /// The root element is another one.
    #[error("the root element is `{0}`, a phone config has `device`")]
    NotADevice(String),
    /// An entity that only its document type knows, which a stub does not take over.
    #[error("`&{0};` is an entity that phones do not know")]
    Entity(String),
    /// Above a limit.
    #[error("{0}")]
    TooMuch(String),
}

/// Replaces the `TVS` and `capfList` children of `device`, or adds them before its end.
///
/// # Errors
/// [`MergeError`]; the caller serves the file unmerged then, and says so.
pub fn merge(config: &[u8], cluster: &ClusterPart) -> Result<Vec<u8>, MergeError> {
    let elements = elements(cluster).map_err(|error| MergeError::TooMuch(error.to_string()))?;
    read(config)?.replaced(&OF_THE_CLUSTER, &elements)
}

fn elements(cluster: &ClusterPart) -> std::io::Result<Vec<u8>> {
    let mut xml = Writer::new(Vec::with_capacity(512));
    tvs(&mut xml, &cluster.tvs)?;
    capf(&mut xml, &cluster.capf)?;
    let mut bytes = xml.into_inner();
    bytes.push(b'\n');
    Ok(bytes)
}

/// A config that is well-formed, and where the children of its `<device>` stand.
pub(crate) struct Written<'a> {
    /// The byte order mark, when it has one. The reader passes over it without counting it, so all offsets are those behind it.
    mark: &'a [u8],
    text: &'a [u8],
    children: Vec<Child>,
    /// Offset of `</device>`.
    end: usize,
    /// The first entity that is not one of XML itself.
    entity: Option<String>,
}

/// A child of `<device>`: its name and where it stands.
struct Child {
    name: String,
    start: usize,
    end: usize,
}

impl Written<'_> {
    /// Whether `<device>` has a child of one of these names.
    pub(crate) fn has(&self, names: &[&str]) -> bool {
        self.children.iter().any(|child| names.contains(&child.name.as_str()))
    }

    /// The children of these names, in the order of the config, each to the byte.
    ///
    /// # Errors
    /// [`MergeError::Entity`]: they could mean nothing in another file.
    pub(crate) fn taken_out(&self, names: &[&str]) -> Result<Vec<&[u8]>, MergeError> {
        if let Some(entity) = &self.entity {
            return Err(MergeError::Entity(entity.clone()));
        }
        let named = self.children.iter().filter(|child| names.contains(&child.name.as_str()));
        Ok(named.map(|child| self.text.get(child.start..child.end).unwrap_or_default()).collect())
    }

    /// The config without the children of these names, and with `elements` before the end of `<device>`.
    ///
    /// # Errors
    /// [`MergeError`]: it would be too large.
    pub(crate) fn replaced(&self, names: &[&str], elements: &[u8]) -> Result<Vec<u8>, MergeError> {
        let mut out = Vec::with_capacity(self.mark.len() + self.text.len() + elements.len());
        out.extend_from_slice(self.mark);
        let mut from = 0;
        for child in self.children.iter().filter(|child| names.contains(&child.name.as_str())) {
            out.extend_from_slice(self.text.get(from..child.start).unwrap_or_default());
            from = child.end;
        }
        out.extend_from_slice(self.text.get(from..self.end).unwrap_or_default());
        out.extend_from_slice(elements);
        out.extend_from_slice(self.text.get(self.end..).unwrap_or_default());
        // What is signed must be read by a phone: it is read once more here.
        read(&out)?;
        Ok(out)
    }
}

/// Reads a whole config: what is not well-formed is refused here and not by the phone.
///
/// # Errors
/// [`MergeError`].
pub(crate) fn read(config: &[u8]) -> Result<Written<'_>, MergeError> {
    if config.len() > CONFIG_LIMIT {
        let reason = format!("{} bytes are above the limit of {CONFIG_LIMIT} for a config", config.len());
        return Err(MergeError::TooMuch(reason));
    }
    let (mark, text) = match config.strip_prefix(BYTE_ORDER_MARK) {
        Some(rest) => (BYTE_ORDER_MARK, rest),
        None => (&[][..], config),
    };
    let mut reader = Reader::from_reader(text);
    reader.config_mut().check_end_names = true;
    let mut depth = 0_usize;
    let mut open: Option<(String, usize)> = None;
    let mut written = Written { mark, text, children: Vec::new(), end: 0, entity: None };
    let mut ended = false;
    loop {
        let start = offset(&reader);
        let event = reader.read_event();
        let event = event.map_err(|error| MergeError::NotXml(reader.error_position(), error.to_string()))?;
        let end = offset(&reader);
        match event {
            Event::Start(tag) => {
                let name = tag.name().as_ref().to_owned();
                if depth == 0 && ended {
                    return Err(MergeError::NotXml(start as u64, "a second root element".to_owned()));
                }
                if depth == 0 && name != "device" {
                    return Err(MergeError::NotADevice(name));
                }
                if depth == 1 {
                    open = Some((name, start));
                }
                depth += 1;
                if depth > DEPTH_LIMIT {
                    return Err(MergeError::TooMuch(format!("more than {DEPTH_LIMIT} elements inside each other")));
                }
            }
            Event::Empty(tag) => {
                let name = tag.name().as_ref().to_owned();
                match depth {
                    0 => return Err(MergeError::NotADevice(name)),
                    1 => written.children.push(Child { name, start, end }),
                    _ => {}
                }
            }
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                if depth == 1
                    && let Some((name, start)) = open.take()
                {
                    written.children.push(Child { name, start, end });
                }
                if depth == 0 {
                    written.end = start;
                    ended = true;
                }
            }
            Event::GeneralRef(reference) => {
                let name: &str = reference.as_ref();
                if !name.starts_with('#') && !matches!(name, "amp" | "lt" | "gt" | "quot" | "apos") {
                    written.entity.get_or_insert_with(|| name.chars().take(40).collect());
                }
            }
            Event::Eof if ended => return Ok(written),
            Event::Eof => {
                return Err(MergeError::NotXml(reader.buffer_position(), "the file ends too early".to_owned()));
            }
            _ => {}
        }
    }
}

fn offset(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}
