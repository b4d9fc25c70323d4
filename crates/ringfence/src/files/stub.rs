//! The stub of an encrypted config: what a phone reads before it fetches the config itself [signed-config.md 3].

use std::fmt::Write;

use pki::Certificate;
use pki::hash::hex;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// Children of `<device>` that the phone needs before it can open the config.
const COPIED: [&str; 4] = ["ipAddressMode", "loadInformation", "capfAuthMode", "capfList"];

/// Deepest nesting taken. Real configs have about ten levels; the printer recurses once a level.
const DEPTH_LIMIT: usize = 64;

/// Why there is no stub.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("offset {offset}: XML: {reason}")]
pub struct StubError {
    offset: u64,
    reason: String,
}

/// An element that is copied: its start tag without brackets, and what is in it.
struct Element {
    tag: String,
    name: String,
    children: Vec<Node>,
}

enum Node {
    Element(Element),
    /// Character data as it is to be printed.
    Text(String),
}

/// Makes the stub of `config` for the device whose certificate opens the encrypted form.
pub fn make(config: &[u8], device: &Certificate) -> Result<String, StubError> {
    let text = std::str::from_utf8(config).map_err(|error| StubError {
        offset: error.valid_up_to() as u64,
        reason: "is not UTF-8; save the config as UTF-8".to_owned(),
    })?;
    let mut out =
        String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<device>\n  <fullConfig>false</fullConfig>\n");
    for element in copied(text)? {
        print(&mut out, &element, 1);
    }
    line(&mut out, 1, &format!("<certHash>{}</certHash>", hex(&device.md5())));
    line(&mut out, 1, "<encrConfig>true</encrConfig>");
    out.push_str("</device>\n");
    Ok(out)
}

/// Reads the whole config: what is not well-formed is refused here and not by the phone.
fn copied(text: &str) -> Result<Vec<Element>, StubError> {
    let mut reader = Reader::from_str(text);
    // Open elements from the root down; only what is below a copied child is kept.
    let mut open: Vec<Element> = Vec::new();
    let mut kept = Vec::new();
    let mut root_seen = false;
    loop {
        let event = reader
            .read_event()
            .map_err(|error| StubError { offset: reader.error_position(), reason: error.to_string() })?;
        let at = |reason: &str| StubError { offset: reader.buffer_position(), reason: reason.to_owned() };
        match event {
            Event::Start(start) => {
                check_root(open.len(), &mut root_seen, &start).map_err(at)?;
                if open.len() >= DEPTH_LIMIT {
                    return Err(at("elements are nested deeper than 64 levels"));
                }
                open.push(element(&start).map_err(|reason| at(&reason))?);
            }
            Event::Empty(start) => {
                check_root(open.len(), &mut root_seen, &start).map_err(at)?;
                close(&mut open, &mut kept, element(&start).map_err(|reason| at(&reason))?);
            }
            Event::End(_) => {
                let element = open.pop().ok_or_else(|| at("an element ends that was not opened"))?;
                close(&mut open, &mut kept, element);
            }
            Event::Text(text) => add_text(&mut open, text.as_ref()),
            Event::CData(text) => {
                let escaped = text.escape().map_err(|error| at(&error.to_string()))?;
                add_text(&mut open, escaped.as_ref());
            }
            Event::GeneralRef(reference) => {
                let name: &str = reference.as_ref();
                let known = name.starts_with('#') || matches!(name, "amp" | "lt" | "gt" | "quot" | "apos");
                if !known {
                    return Err(at("holds an entity that phones do not know"));
                }
                add_text(&mut open, &format!("&{name};"));
            }
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            Event::Eof if !open.is_empty() || !root_seen => {
                return Err(at("ends before </device>"));
            }
            Event::Eof => return Ok(kept),
        }
    }
}

fn check_root(depth: usize, root_seen: &mut bool, start: &BytesStart<'_>) -> Result<(), &'static str> {
    if depth > 0 {
        return Ok(());
    }
    if *root_seen {
        return Err("a second root element follows");
    }
    *root_seen = true;
    if start.name().as_ref() == "device" { Ok(()) } else { Err("the root element is not <device>") }
}

fn element(start: &BytesStart<'_>) -> Result<Element, String> {
    let name = start.name().as_ref().to_owned();
    let mut tag = name.clone();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        // The value may have stood between single quotes.
        let value = attribute.value.replace('"', "&quot;");
        let written = write!(tag, " {}=\"{value}\"", attribute.key.as_ref());
        debug_assert!(written.is_ok(), "a String takes everything");
    }
    Ok(Element { tag, name, children: Vec::new() })
}

fn close(open: &mut [Element], kept: &mut Vec<Element>, element: Element) {
    match open {
        // The root itself.
        [] => {}
        [_root] if COPIED.contains(&element.name.as_str()) => kept.push(element),
        [_root] => {}
        [.., parent] => parent.children.push(Node::Element(element)),
    }
}

fn add_text(open: &mut [Element], text: &str) {
    let [_root, .., parent] = open else { return };
    match parent.children.last_mut() {
        Some(Node::Text(before)) => before.push_str(text),
        _ => parent.children.push(Node::Text(text.to_owned())),
    }
}

fn line(out: &mut String, depth: usize, text: &str) {
    for _ in 0..depth {
        out.push_str("  ");
    }
    out.push_str(text);
    out.push('\n');
}

/// Two blanks a level; an element with text in it stays on its line, blank-only text goes.
fn print(out: &mut String, element: &Element, depth: usize) {
    let children: Vec<&Node> =
        element.children.iter().filter(|child| !matches!(child, Node::Text(text) if text.trim().is_empty())).collect();
    let Element { tag, name, .. } = element;
    if children.is_empty() {
        line(out, depth, &format!("<{tag}/>"));
    } else if children.iter().any(|child| matches!(child, Node::Text(_))) {
        let mut inner = String::new();
        element.children.iter().for_each(|child| inline(&mut inner, child));
        line(out, depth, &format!("<{tag}>{inner}</{name}>"));
    } else {
        line(out, depth, &format!("<{tag}>"));
        for child in children {
            if let Node::Element(child) = child {
                print(out, child, depth + 1);
            }
        }
        line(out, depth, &format!("</{name}>"));
    }
}

fn inline(out: &mut String, node: &Node) {
    match node {
        Node::Text(text) => out.push_str(text),
        Node::Element(element) if element.children.is_empty() => {
            out.push_str(&format!("<{}/>", element.tag));
        }
        Node::Element(element) => {
            out.push_str(&format!("<{}>", element.tag));
            element.children.iter().for_each(|child| inline(out, child));
            out.push_str(&format!("</{}>", element.name));
        }
    }
}
