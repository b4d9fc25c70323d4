//! The stub that stands before an encrypted config: what a phone reads before it fetches the config itself
//! [sources/signed-files#stub].

use wire::xml::{Event, Reader};

use super::merge::{MergeError, Root, read};

/// Children of `<device>` that a phone needs before it can open its config.
const COPIED: [&[u8]; 4] = [b"ipAddressMode", b"loadInformation", b"capfAuthMode", b"capfList"];

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

/// The stub of a whole config. `cert_hash` names the certificate that the config is encrypted for; it is empty when there is none
/// yet.
///
/// # Errors
/// [`MergeError`]: not a well-formed `<device>`.
pub fn stub(config: &[u8], cert_hash: &str, encr_config: &str) -> Result<Vec<u8>, MergeError> {
    read(config, Root::Device)?;
    let mut out =
        String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<device>\n  <fullConfig>false</fullConfig>\n");
    for element in copied(config)? {
        print(&mut out, &element, 1);
    }
    line(&mut out, 1, &format!("<certHash>{cert_hash}</certHash>"));
    line(&mut out, 1, &format!("<encrConfig>{encr_config}</encrConfig>"));
    out.push_str("</device>\n");
    // As every file that is signed: it must be read by a phone.
    read(out.as_bytes(), Root::Device)?;
    Ok(out.into_bytes())
}

/// The children of `<device>` that are copied.
fn copied(config: &[u8]) -> Result<Vec<Element>, MergeError> {
    let mut reader = Reader::new(config)?;
    // Those that are open below a copied child, from that one on.
    let mut open: Vec<Element> = Vec::new();
    let mut kept = Vec::new();
    while let Some(event) = reader.next_event()? {
        let depth = reader.depth();
        let text = |bytes| reader.encoding().text(bytes).into_owned();
        match event {
            Event::Start { name, attributes, .. } if !open.is_empty() || (depth == 2 && COPIED.contains(&name)) => {
                let name = text(name);
                let mut tag = name.clone();
                for attribute in attributes {
                    // The value may have stood between single quotes.
                    let value = text(attribute.raw).replace('"', "&quot;");
                    tag.push_str(&format!(" {}=\"{value}\"", text(attribute.name)));
                }
                open.push(Element { tag, name, children: Vec::new() });
            }
            Event::End => match (open.pop(), open.last_mut()) {
                (Some(element), Some(parent)) => parent.children.push(Node::Element(element)),
                (Some(element), None) => kept.push(element),
                (None, _) => {}
            },
            Event::Text(bytes) => add_text(&mut open, &text(bytes)),
            Event::CData(bytes) => add_text(&mut open, &escaped(&text(bytes))),
            Event::Reference(_) => {
                let written = config.get(reader.span()).unwrap_or_default();
                add_text(&mut open, &text(written));
            }
            Event::Start { .. } => {}
        }
    }
    Ok(kept)
}

fn add_text(open: &mut [Element], text: &str) {
    let Some(parent) = open.last_mut() else { return };
    match parent.children.last_mut() {
        Some(Node::Text(before)) => before.push_str(text),
        _ => parent.children.push(Node::Text(text.to_owned())),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
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
