//! Puts the TVS and CAPF elements of the cluster into a config that somebody wrote by hand; everything else stays to the
//! byte.

use quick_xml::events::Event;
use quick_xml::{Reader, Writer};

use crate::config::{ClusterPart, capf, tvs};

/// Largest config taken, in bytes: phones read some hundred kB at most.
pub const CONFIG_LIMIT: usize = 4 << 20;

/// UTF-8's byte order mark, which some editors put in front.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Elements nested in a config at most: real ones have about ten, and a reader must not be led further.
const DEPTH_LIMIT: usize = 64;

/// Why a config stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// Not well-formed.
    #[error("not well-formed XML at byte {0}: {1}")]
    NotXml(u64, String),
    /// The root element is another one.
    #[error("the root element is `{0}`, a phone config has `device`")]
    NotADevice(String),
    /// Above a limit.
    #[error("{0}")]
    TooMuch(String),
}

/// Replaces the `TVS` and `capfList` children of `device`, or adds them before its end.
///
/// # Errors
/// [`MergeError`]; the caller serves the file unmerged then, and says so.
pub fn merge(config: &[u8], cluster: &ClusterPart) -> Result<Vec<u8>, MergeError> {
    if config.len() > CONFIG_LIMIT {
        let reason = format!("{} bytes are above the limit of {CONFIG_LIMIT} for a config", config.len());
        return Err(MergeError::TooMuch(reason));
    }
    // The reader passes over a byte order mark without counting it, so its offsets would be wrong behind one.
    let (mark, config) = match config.strip_prefix(BYTE_ORDER_MARK) {
        Some(rest) => (BYTE_ORDER_MARK, rest),
        None => (&[][..], config),
    };
    let places = find_places(config)?;
    let mut out = Vec::with_capacity(config.len() + 1024);
    out.extend_from_slice(mark);
    let mut from = 0;
    for (start, end) in places.cuts {
        out.extend_from_slice(config.get(from..start).unwrap_or_default());
        from = end;
    }
    out.extend_from_slice(config.get(from..places.insert).unwrap_or_default());
    out.extend_from_slice(&elements(cluster).map_err(|error| MergeError::TooMuch(error.to_string()))?);
    out.extend_from_slice(config.get(places.insert..).unwrap_or_default());
    // What is signed must be read by a phone: it is read once more here.
    find_places(out.get(mark.len()..).unwrap_or_default())?;
    Ok(out)
}

fn elements(cluster: &ClusterPart) -> std::io::Result<Vec<u8>> {
    let mut xml = Writer::new(Vec::with_capacity(512));
    tvs(&mut xml, &cluster.tvs)?;
    capf(&mut xml, &cluster.capf)?;
    let mut bytes = xml.into_inner();
    bytes.push(b'\n');
    Ok(bytes)
}

/// Offsets of what is cut out, in order, and of the end tag of `device`.
struct Places {
    cuts: Vec<(usize, usize)>,
    insert: usize,
}

fn find_places(config: &[u8]) -> Result<Places, MergeError> {
    let mut reader = Reader::from_reader(config);
    reader.config_mut().check_end_names = true;
    let mut depth = 0_usize;
    let mut cut_from = None;
    let mut places = Places { cuts: Vec::new(), insert: 0 };
    let mut ended = false;
    loop {
        let before = offset(&reader);
        let event = reader.read_event();
        let event = event.map_err(|error| MergeError::NotXml(reader.error_position(), error.to_string()))?;
        let after = offset(&reader);
        match event {
            Event::Start(start) => {
                let name = start.name().as_ref().to_owned();
                if depth == 0 && name != "device" {
                    return Err(MergeError::NotADevice(name));
                }
                if depth == 1 && is_ours(&name) {
                    cut_from = Some(before);
                }
                depth += 1;
                if depth > DEPTH_LIMIT {
                    return Err(MergeError::TooMuch(format!("more than {DEPTH_LIMIT} elements inside each other")));
                }
            }
            Event::Empty(start) => {
                let name = start.name().as_ref().to_owned();
                if depth == 0 {
                    return Err(MergeError::NotADevice(name));
                }
                if depth == 1 && is_ours(&name) {
                    places.cuts.push((before, after));
                }
            }
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                if depth == 1
                    && let Some(start) = cut_from.take()
                {
                    places.cuts.push((start, after));
                }
                if depth == 0 {
                    places.insert = before;
                    ended = true;
                }
            }
            Event::Eof if ended => return Ok(places),
            Event::Eof => {
                return Err(MergeError::NotXml(reader.buffer_position(), "the file ends too early".to_owned()));
            }
            _ => {}
        }
    }
}

fn is_ours(name: &str) -> bool {
    name == "TVS" || name == "capfList"
}

fn offset(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}
