//! Puts elements of ours into a config that somebody wrote by hand, such as TVS and CAPF of the cluster; everything else stays
//! to the byte.

use std::ops::Range;

use quick_xml::Writer;
use wire::xml::{BadXml, Event, LARGEST, Reader};

use super::elements::{capf, tvs};
use super::parts::ClusterPart;

/// What is ours in every config.
const OF_THE_CLUSTER: [&str; 2] = ["TVS", "capfList"];

/// Why a config stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// Not well-formed, or beyond what is read of XML.
    #[error(transparent)]
    NotXml(#[from] BadXml),
    /// The root element is another one.
    #[error("the root element is `{found}`, this config has `{}`", wanted.name())]
    Root {
        /// Its name.
        found: String,
        /// What it should be.
        wanted: Root,
    },
    /// Larger than what is read.
    #[error("with the elements of the cluster it has {0} bytes, above the limit of {LARGEST} for a config")]
    TooLarge(usize),
    /// The elements of the cluster cannot be written.
    #[error("{0}")]
    Unwritten(String),
}

/// The root element of a config.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// That of a phone.
    Device,
    /// That of XMLDefault.cnf.xml.
    Default,
}

impl Root {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Default => "Default",
        }
    }
}

/// Replaces the `TVS` and `capfList` children of the root, or adds them before its end; the same with `others`, which are text of
/// these elements.
///
/// # Errors
/// [`MergeError`]; the caller serves the file unmerged then, and says so.
pub fn merge(
    config: &[u8],
    root: Root,
    cluster: &ClusterPart,
    others: Option<&Others<'_>>,
) -> Result<Vec<u8>, MergeError> {
    let mut elements = elements(cluster).map_err(|error| MergeError::Unwritten(error.to_string()))?;
    let written = read(config, root)?;
    let mut names = OF_THE_CLUSTER.to_vec();
    if let Some(others) = others.filter(|others| others.always || written.has(others.names)) {
        names.extend(others.names);
        elements.extend_from_slice(others.text.as_bytes());
    }
    written.replaced(&names, &elements)
}

/// Elements of one device beside those of the cluster.
#[derive(Debug, Clone)]
pub struct Others<'a> {
    /// Their names.
    pub names: &'a [&'a str],
    /// They are added where the config has none of them too.
    pub always: bool,
    /// What is written.
    pub text: String,
}

fn elements(cluster: &ClusterPart) -> std::io::Result<Vec<u8>> {
    let mut xml = Writer::new(Vec::with_capacity(512));
    tvs(&mut xml, &cluster.tvs)?;
    capf(&mut xml, &cluster.capf)?;
    let mut bytes = xml.into_inner();
    bytes.push(b'\n');
    Ok(bytes)
}

/// A config that is well-formed, and where the children of its root stand.
pub struct Written<'a> {
    config: &'a [u8],
    root: Root,
    children: Vec<Child<'a>>,
    /// The end tag of the root, or the `/>` of an empty one.
    end: Range<usize>,
    empty: bool,
}

/// A child of the root: its name and where it stands.
struct Child<'a> {
    name: &'a [u8],
    place: Range<usize>,
}

impl<'a> Written<'a> {
    /// Whether the root has a child of one of these names.
    pub fn has(&self, names: &[&str]) -> bool {
        self.named(names).next().is_some()
    }

    fn named(&self, names: &[&str]) -> impl Iterator<Item = &Child<'a>> {
        self.children.iter().filter(move |child| names.iter().any(|name| name.as_bytes() == child.name))
    }

    /// The config without the children of these names, and with `elements` before the end of the root.
    ///
    /// # Errors
    /// [`MergeError`]: it would be too large.
    pub fn replaced(&self, names: &[&str], elements: &[u8]) -> Result<Vec<u8>, MergeError> {
        let mut out = Vec::with_capacity(self.config.len() + elements.len());
        let mut from = 0;
        let mut copy = |out: &mut Vec<u8>, to: usize, next: usize| {
            out.extend_from_slice(self.config.get(from..to).unwrap_or_default());
            from = next;
        };
        for child in self.named(names) {
            copy(&mut out, child.place.start, child.place.end);
        }
        copy(&mut out, self.end.start, if self.empty { self.end.end } else { self.end.start });
        if self.empty {
            out.push(b'>');
        }
        out.extend_from_slice(elements);
        if self.empty {
            out.extend_from_slice(format!("</{}>", self.root.name()).as_bytes());
        }
        copy(&mut out, self.config.len(), self.config.len());
        if out.len() > LARGEST {
            return Err(MergeError::TooLarge(out.len()));
        }
        // What is signed must be read by a phone: it is read once more here.
        read(&out, self.root)?;
        Ok(out)
    }
}

/// Reads a whole config: what is not well-formed is refused here and not by the phone.
///
/// # Errors
/// [`MergeError`].
pub fn read(config: &[u8], root: Root) -> Result<Written<'_>, MergeError> {
    let mut reader = Reader::new(config)?;
    let mut written = Written { config, root, children: Vec::new(), end: 0..0, empty: false };
    while let Some(event) = reader.next_event()? {
        let place = reader.span();
        // how many elements are open behind the event
        match (event, reader.depth()) {
            (Event::Start { name, empty, .. }, 1) => {
                if name != root.name().as_bytes() {
                    let found = reader.encoding().text(name).chars().take(40).collect();
                    return Err(MergeError::Root { found, wanted: root });
                }
                written.empty = empty;
                written.end = place.end.saturating_sub(2)..place.end;
            }
            (Event::Start { name, .. }, 2) => written.children.push(Child { name, place }),
            (Event::End, 1) => {
                if let Some(child) = written.children.last_mut() {
                    child.place.end = place.end;
                }
            }
            (Event::End, 0) if !written.empty => written.end = place,
            _ => {}
        }
    }
    Ok(written)
}
