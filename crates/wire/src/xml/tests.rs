//! What is taken, what is refused and where; no input stops the reader.

use proptest::prelude::*;

use super::*;

fn events(document: &[u8]) -> Result<Vec<String>, BadXml> {
    let mut reader = Reader::new(document)?;
    let mut all = Vec::new();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    while let Some(event) = reader.next_event()? {
        assert!(reader.span().end <= document.len());
        all.push(match event {
            Event::Start { name, attributes, empty } => {
                let attributes: Vec<String> = attributes
                    .iter()
                    .map(|attribute| format!(" {}={}", text(attribute.name), text(attribute.raw)))
                    .collect();
                format!("<{}{}{}>", text(name), attributes.concat(), if empty { "/" } else { "" })
            }
            Event::End => "</>".to_owned(),
            Event::Text(bytes) | Event::CData(bytes) => text(bytes),
            Event::Reference(letter) => format!("&{letter}"),
        });
    }
    Ok(all)
}

#[test]
fn events_in_their_order() {
    let document = "\u{feff}<?xml version='1.0' encoding=\"utf-8\" standalone='no' ?>\n<!-- a - b --><?go on?>\
                    <!DOCTYPE device SYSTEM \"x.dtd\" >\n<device a = '1'\n b=\"&lt;&#x41;\"><größe/>&amp;&#65;x\
                    <![CDATA[<&]]>\r\n</device >\n<!---->\n";
    assert_eq!(
        events(document.as_bytes()).unwrap(),
        ["<device a=1 b=&lt;&#x41;>", "<größe/>", "</>", "&&", "&A", "x", "<&", "\r\n", "</>"]
    );
    let latin = b"<?xml version=\"1.0\" encoding=\"iso-8859-1\"?><device>\xe4\x80</device>";
    let mut reader = Reader::new(latin).unwrap();
    reader.next_event().unwrap();
    let Some(Event::Text(text)) = reader.next_event().unwrap() else { panic!("no text") };
    assert_eq!(reader.encoding().text(text), "\u{e4}\u{80}");
    assert_eq!(attribute_value(Encoding::Utf8, b"a\tb&#9;&amp;&quot;c"), "a b\t&\"c");
}

#[test]
fn every_refusal_has_its_place_and_reason() {
    let deep = format!("<device>{}{}</device>", "<a>".repeat(10_000), "</a>".repeat(10_000));
    let wide: String = (0..=MOST_ATTRIBUTES).map(|number| format!(" a{number}=''")).collect();
    let wide = format!("<device{wide}/>");
    let large = " ".repeat(LARGEST + 1);
    let bomb = "<!DOCTYPE d [<!ENTITY a \"x\"><!ENTITY b \"&a;&a;\">]><device>&b;</device>";
    let long = format!("<{}/>", "N".repeat(1025));
    assert_eq!(events(format!("<{}/>", "N".repeat(1024)).as_bytes()).err(), None);
    let cases: &[(&str, &str)] = &[
        ("", "line 1, column 1 (offset 0): not well-formed XML: the file ends before the root element"),
        ("x", "line 1, column 1 (offset 0): not well-formed XML: text before the root element"),
        ("<device>\nü<a>", "line 2, column 5 (offset 14): not well-formed XML: the file ends too early"),
        (
            "<device></devise>",
            "column 9 (offset 8): not well-formed XML: `</devise>` stands where `</device>` must stand",
        ),
        ("<device/>\n<device/>", "line 2, column 1 (offset 10): not well-formed XML: a second root element"),
        ("<device/>\u{1a}", "column 10 (offset 9): not well-formed XML: text after the root element"),
        ("<device/>\0", "text after the root element"),
        ("\n<?xml version=\"1.0\"?><device/>", "an XML declaration stands at the very start"),
        ("<device><?XML a?></device>", "an XML declaration stands at the very start"),
        ("<?xml version=\"1.1\"?><device/>", "the version is not 1.0"),
        ("<?xml encoding=\"UTF-8\"?><device/>", "version, encoding and standalone, in this order"),
        ("<?xml version=\"1.0\" standalone=\"no\" encoding=\"UTF-8\"?><device/>", "in this order"),
        ("<?xml version=\"1.0\"encoding=\"UTF-8\"?><device/>", "in this order"),
        ("<?xml version=\"1.0\" standalone=\"maybe\"?><device/>", "standalone must be yes or no"),
        (
            "<?xml version=\"1.0\" encoding=\"UTF-7\"?><device/>",
            "the encoding `UTF-7` is not read; save the config as UTF-8",
        ),
        (
            // expat knows UTF-8 by its full name only
            "<?xml version=\"1.0\" encoding=\"UTF8\"?><device/>",
            "the encoding `UTF8` is not read; save the config as UTF-8",
        ),
        (
            "<?xml version=\"1.0\" encoding=\"US-ASCII\"?><device>ü</device>",
            "is not ASCII, and of the encoding that it declares nothing else is read",
        ),
        ("\u{feff}<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><device/>", "begins with the mark of UTF-8"),
        ("<device>\u{b}</device>", "column 9 (offset 8): not well-formed XML: the control character U+000B"),
        ("<device>\u{ffff}</device>", "a code point that is not a character"),
        ("<device>]]></device>", "`]]>` in text"),
        ("<device><!-- -- --></device>", "`--` in a comment"),
        ("<device><!-- ---></device>", "`--` in a comment"),
        ("<device><!-- </device>", "a comment is not closed"),
        ("<device><![CDATA[</device>", "a CDATA section is not closed"),
        ("<device><?a </device>", "a processing instruction is not closed"),
        ("<device><? a?></device>", "the name of a processing instruction must stand here"),
        ("<device><?a+?></device>", "a blank must follow the name of a processing instruction"),
        ("<![CDATA[x]]><device/>", "the name of an element must stand here"),
        ("<device><!DOCTYPE device></device>", "a DOCTYPE stands before the root"),
        ("<!DOCTYPE a><!DOCTYPE a><device/>", "a second DOCTYPE"),
        ("<!DOCTYPE a PUBLIC \"^\" \"\"><device/>", "a letter that no public identifier has"),
        ("<!DOCTYPE a PUBLIC \"\"><device/>", "a blank must stand here in a DOCTYPE"),
        (bomb, "the DOCTYPE declares the entity `a`, and phones read no declarations"),
        ("<!DOCTYPE d [<!ELEMENT d EMPTY>]><d/>", "the DOCTYPE has declarations"),
        ("<device>&nbsp;</device>", "column 9 (offset 8): `&nbsp;` is an entity that phones do not know"),
        ("<device a='&nbsp;'/>", "`&nbsp;` is an entity"),
        ("<device>&#0;</device>", "a reference to something that is not a character"),
        ("<device>&#xD800;</device>", "a reference to something that is not a character"),
        ("<device>&#99999999999;</device>", "a reference to something that is not a character"),
        ("<device>&#xZZ;</device>", "a character reference has hexadecimal digits"),
        ("<device>&#X41;</device>", "a character reference has digits"),
        (
            "<device>a & b</device>",
            "column 11 (offset 10): not well-formed XML: `&` begins no reference; write `&amp;`",
        ),
        ("<device>&amp </device>", "a reference ends with `;`"),
        ("<device a='<'/>", "column 12 (offset 11): not well-formed XML: `<` in the value of an attribute"),
        ("<device a='A & B'/>", "`&` begins no reference"),
        ("<device a=0/>", "a value in quotes must stand here"),
        ("<device a/>", "`=` must follow the name of an attribute"),
        ("<device a='", "the closing quote is missing"),
        ("<device a='1'b='2'/>", "a blank, `>` or `/>` must follow here"),
        ("<device a='1' a='2'/>", "the attribute `a` stands there twice"),
        ("<device / >", "the name of an attribute must stand here"),
        ("< device/>", "the name of an element must stand here"),
        ("<device><1a/></device>", "the name of an element must stand here"),
        (&wide, "more than 64 attributes of one element"),
        (&long, "column 2 (offset 1): a name of more than 1024 bytes"),
        (&deep, "column 198 (offset 197): more than 64 elements inside each other"),
        (&large, "4194305 bytes are above the limit of 4194304 for a config"),
    ];
    for (document, says) in cases {
        let said = events(document.as_bytes()).unwrap_err().to_string();
        assert!(said.contains(says), "{:.80}: {said}", document);
    }
    for (bytes, says) in [
        (&b"<device>\xff</device>"[..], "column 9 (offset 8): is not UTF-8; save the config as UTF-8"),
        (b"\xff\xfe<\0d\0", "the encoding `UTF-16` is not read"),
        (b"<\0d\0e\0/\0>\0", "the name of an element must stand here"),
        (b"<device>\xef\xbf\xbe</device>", "a code point that is not a character"),
    ] {
        let said = events(bytes).unwrap_err().to_string();
        assert!(said.contains(says), "{said}");
    }
}

#[test]
fn sixty_four_levels_are_taken() {
    let document = format!("{}{}", "<a>".repeat(DEEPEST), "</a>".repeat(DEEPEST));
    assert_eq!(events(document.as_bytes()).unwrap().len(), 2 * DEEPEST);
}

proptest! {
    #[test]
    fn no_input_stops_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        drop(events(&bytes));
    }

    #[test]
    fn pieces_of_documents(text in "(<device>|</device>|<a b=\"|'|\">|<c/>|&amp;|&#x|;|<!--|-->|<\\?|\\?>|<!\\[CDATA\\[|\\]\\]>|<!DOCTYPE |\\[|[a-z0-9 ü]){0,30}") {
        if let Ok(events) = events(text.as_bytes()) {
            let starts = events.iter().filter(|event| event.starts_with('<') && *event != "</>").count();
            let ends = events.iter().filter(|event| *event == "</>").count();
            prop_assert_eq!(starts, ends);
        }
    }
}
