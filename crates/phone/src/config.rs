//! The elements of a config that concern security [sources/phones#config-elements].

use trust::TvsServer;
use wire::xml::{Attribute, BadXml, Encoding, Event, Reader, attribute_value};

/// Most servers of a kind that are taken: CUCM gives three, other makers up to five.
const MOST_SERVERS: usize = 5;
/// Longest value that is taken, in bytes: a host name of 253 or a URL.
const LONGEST: usize = 2048;

/// What a phone takes from its config.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// The root element: `device`, or `Default` in XMLDefault.cnf.xml.
    pub root: String,
    /// `fullConfig`; `Some(false)` is the stub of an encrypted config.
    pub full_config: Option<bool>,
    /// `encrConfig`: the full config comes as `.enc.sgn` only.
    pub encrypted: bool,
    /// `certHash`: the certificate that the full config is encrypted for.
    pub certificate_hash: String,
    /// `deviceProtocol`: SIP or SCCP.
    pub protocol: String,
    /// `loadInformation`: firmware.
    pub load: String,
    /// `deviceSecurityMode`: 1 non-secure, 2 authenticated, 3 encrypted.
    pub security_mode: Option<u8>,
    /// `transportLayerProtocol`: 1 TCP, 2 UDP, 3 TLS.
    pub transport: Option<u8>,
    /// `capfAuthMode`: 0 no operation, 1 password, 2 null string, 3 LSC, 4 MIC.
    pub capf_mode: Option<u8>,
    /// CAPF servers in order.
    pub capf: Vec<TvsServer>,
    /// TVS servers by priority.
    pub tvs: Vec<TvsServer>,
    /// Call processing nodes by priority.
    pub nodes: Vec<String>,
    /// `versionStamp`.
    pub version_stamp: String,
}

/// Why a config cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadConfig {
    /// Not XML, cut, or beyond a limit.
    #[error(transparent)]
    NotXml(#[from] BadXml),
    /// Another root element.
    #[error("the root element is `{0}`, not `device`; this is no phone config")]
    Root(String),
}

/// Server entry while it is read.
#[derive(Debug, Default)]
struct Member {
    priority: u32,
    address: String,
    port: Option<u16>,
}

/// Reads a config. Unknown elements are skipped; entities other than the five of XML are refused, so nothing expands.
///
/// # Errors
/// [`BadConfig`].
pub fn parse(bytes: &[u8]) -> Result<Config, BadConfig> {
    let mut reader = Reader::new(bytes)?;
    let encoding = reader.encoding();
    let mut parser = Parser::default();
    while let Some(event) = reader.next_event()? {
        match event {
            Event::Start { name, attributes, .. } => parser.open(&encoding.text(name), encoding, &attributes),
            Event::End => parser.close(),
            Event::Text(text) | Event::CData(text) => parser.text.push_str(&encoding.text(text)),
            Event::Reference(letter) => parser.text.push(letter),
        }
    }
    parser.finish()
}

#[derive(Debug, Default)]
struct Parser {
    path: Vec<String>,
    text: String,
    config: Config,
    tvs: Vec<Member>,
    capf: Vec<Member>,
    nodes: Vec<Member>,
}

impl Parser {
    fn open(&mut self, name: &str, encoding: Encoding, attributes: &[Attribute<'_>]) {
        if self.path.is_empty() {
            name.clone_into(&mut self.config.root);
        }
        self.path.push(name.to_owned());
        self.text.clear();
        let members = match self.place() {
            "TVS/members/member" => &mut self.tvs,
            "capfList/capf" => &mut self.capf,
            "devicePool/callManagerGroup/members/member" | "callManagerGroup/members/member" => &mut self.nodes,
            _ => return,
        };
        // One place more: what the next ones say goes there, and not to the last that is taken.
        if members.len() <= MOST_SERVERS {
            let mut member = Member { priority: u32::try_from(members.len()).unwrap_or(u32::MAX), ..Member::default() };
            if let Some(priority) = attributes.iter().find(|attribute| attribute.name == b"priority") {
                let value = attribute_value(encoding, priority.raw);
                member.priority = value.trim().parse().unwrap_or(member.priority);
            }
            members.push(member);
        }
    }

    /// The path below the root, in a static form; empty for places that nothing is taken from.
    fn place(&self) -> &'static str {
        const PLACES: &[&str] = &[
            "fullConfig",
            "encrConfig",
            "certHash",
            "deviceProtocol",
            "loadInformation",
            "deviceSecurityMode",
            "transportLayerProtocol",
            "capfAuthMode",
            "versionStamp",
            "TVS/members/member",
            "TVS/members/member/port",
            "TVS/members/member/address",
            "capfList/capf",
            "capfList/capf/phonePort",
            "capfList/capf/processNodeName",
            "callManagerGroup/members/member",
            "callManagerGroup/members/member/callManager/processNodeName",
            "devicePool/callManagerGroup/members/member",
            "devicePool/callManagerGroup/members/member/callManager/processNodeName",
        ];
        let below = self.path.get(1..).unwrap_or_default();
        PLACES.iter().find(|place| place.split('/').eq(below.iter().map(String::as_str))).copied().unwrap_or("")
    }

    fn close(&mut self) {
        let place = self.place();
        self.path.pop();
        let text = std::mem::take(&mut self.text);
        let value = text.trim();
        if value.len() > LONGEST {
            return;
        }
        let number = || value.parse::<u8>().ok();
        let config = &mut self.config;
        match place {
            "fullConfig" => config.full_config = Some(value.eq_ignore_ascii_case("true")),
            "encrConfig" => config.encrypted = value.eq_ignore_ascii_case("true"),
            "certHash" => config.certificate_hash = value.to_ascii_lowercase(),
            "deviceProtocol" => config.protocol = value.to_owned(),
            "loadInformation" => config.load = value.to_owned(),
            "deviceSecurityMode" => config.security_mode = number(),
            "transportLayerProtocol" => config.transport = number(),
            "capfAuthMode" => config.capf_mode = number(),
            "versionStamp" => config.version_stamp = value.to_owned(),
            "TVS/members/member/port" => set_port(&mut self.tvs, value),
            "TVS/members/member/address" => set_address(&mut self.tvs, value),
            "capfList/capf/phonePort" => set_port(&mut self.capf, value),
            "capfList/capf/processNodeName" => set_address(&mut self.capf, value),
            "callManagerGroup/members/member/callManager/processNodeName"
            | "devicePool/callManagerGroup/members/member/callManager/processNodeName" => {
                set_address(&mut self.nodes, value);
            }
            _ => {}
        }
    }

    fn finish(mut self) -> Result<Config, BadConfig> {
        if !matches!(self.config.root.as_str(), "device" | "Default") {
            return Err(BadConfig::Root(self.config.root.chars().take(40).flat_map(char::escape_debug).collect()));
        }
        self.config.tvs = in_order(self.tvs, wire::tvs::PORT);
        self.config.capf = in_order(self.capf, wire::capf::PORT);
        self.config.nodes = in_order(self.nodes, 0).into_iter().map(|server| server.address).collect();
        Ok(self.config)
    }
}

fn set_port(members: &mut [Member], value: &str) {
    if let Some(member) = members.last_mut() {
        member.port = value.parse().ok();
    }
}

fn set_address(members: &mut [Member], value: &str) {
    if let Some(member) = members.last_mut() {
        value.clone_into(&mut member.address);
    }
}

fn in_order(mut members: Vec<Member>, port: u16) -> Vec<TvsServer> {
    members.truncate(MOST_SERVERS);
    members.sort_by_key(|member| member.priority);
    members
        .into_iter()
        .filter(|member| !member.address.is_empty())
        .map(|member| TvsServer { address: member.address, port: member.port.unwrap_or(port) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<device>
  <fullConfig>true</fullConfig>
  <deviceProtocol>SIP</deviceProtocol>
  <devicePool><callManagerGroup><members>
    <member priority="1"><callManager><ports><sipPort>5060</sipPort></ports><processNodeName>sub1</processNodeName></callManager></member>
    <member priority="0"><callManager><processNodeName>pub</processNodeName></callManager></member>
  </members></callManagerGroup></devicePool>
  <TVS><members>
    <member priority="1"><port> 2446</port><address> sub1 </address></member>
    <member priority="0"><port>2445</port><address>pub&amp;co</address></member>
    <member priority="2"><port>2447</port><address></address></member>
  </members></TVS>
  <deviceSecurityMode>3</deviceSecurityMode>
  <transportLayerProtocol>3</transportLayerProtocol>
  <capfAuthMode>2</capfAuthMode>
  <capfList><capf><phonePort>3804</phonePort><processNodeName>pub</processNodeName></capf></capfList>
  <certHash/>
  <encrConfig>false</encrConfig>
  <versionStamp>1&#x32;3</versionStamp>
</device>"#;

    #[test]
    fn what_a_phone_takes() {
        let config = parse(FULL.as_bytes()).unwrap();
        let servers: Vec<String> = config.tvs.iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["pub&co:2445", "sub1:2446"]);
        assert_eq!(config.capf[0].to_string(), "pub:3804");
        assert_eq!(config.nodes, ["pub", "sub1"]);
        assert_eq!(config.full_config, Some(true));
        assert_eq!((config.security_mode, config.transport, config.capf_mode), (Some(3), Some(3), Some(2)));
        assert_eq!(config.version_stamp, "123");
        assert!(!config.encrypted && config.certificate_hash.is_empty());
    }

    #[test]
    fn what_is_refused() {
        let deep = format!("<device>{}{}</device>", "<a>".repeat(70), "</a>".repeat(70));
        let entity = "<!DOCTYPE d [<!ENTITY x \"y\">]><device><versionStamp>&x;</versionStamp></device>";
        let large = vec![b' '; wire::xml::LARGEST + 1];
        let cases: &[(&[u8], &str)] = &[
            (b"", "the file ends before the root element"),
            (b"<device>", "the file ends too early"),
            (b"<device></devise>", "line 1, column 9"),
            (b"<html></html>", "the root element is `html`"),
            (b"<device/><device/>", "second root"),
            (b"<device>\xff</device>", "line 1, column 9 (offset 8): is not UTF-8"),
            (deep.as_bytes(), "more than 64 elements inside each other"),
            (entity.as_bytes(), "the DOCTYPE declares the entity `x`"),
            (&large, "above the limit of 4194304"),
        ];
        for (bytes, reason) in cases {
            let error = parse(bytes).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn no_more_servers_than_phones_take() {
        let member = "<member><address>x</address></member>".repeat(9);
        let text = format!("<device><TVS><members>{member}</members></TVS></device>");
        let config = parse(text.as_bytes()).unwrap();
        assert_eq!(config.tvs.len(), 5);
        assert_eq!(config.tvs[0].port, 2445);
    }

    proptest::proptest! {
        #[test]
        fn no_input_stops_the_reader(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            drop(parse(&bytes));
        }

        /// Whatever stands between them, the first five servers are taken as they are written, by their priority.
        #[test]
        fn servers_are_taken_as_they_are_written(
            servers in proptest::collection::vec((proptest::option::of(0_u32..9), "[a-z]{0,5}", proptest::option::of(1_u16..)), 0..9),
            between in "(<!-- -->|[a-z0-9]|&amp;|<!\\[CDATA\\[<port>\\]\\]>|<port>7</port>|<member><address>z</address></member>){0,3}",
        ) {
            let member = |(priority, address, port): &(Option<u32>, String, Option<u16>)| {
                let priority = priority.map(|priority| format!(" priority=\"{priority}\"")).unwrap_or_default();
                let port = port.map(|port| format!("<port>{port}</port>")).unwrap_or_default();
                format!("<member{priority}>{port}<address>{address}</address></member>")
            };
            let members: String = servers.iter().map(member).collect();
            let text = format!("<device>{between}<TVS>{between}<members>{members}</members></TVS>{between}</device>");
            let mut wanted: Vec<_> = servers.iter().enumerate().take(MOST_SERVERS).collect();
            wanted.sort_by_key(|(number, (priority, ..))| priority.unwrap_or(u32::try_from(*number).unwrap()));
            let wanted: Vec<String> = wanted
                .into_iter()
                .filter(|(_, (_, address, _))| !address.is_empty())
                .map(|(_, (_, address, port))| format!("{address}:{}", port.unwrap_or(wire::tvs::PORT)))
                .collect();
            let found: Vec<String> = parse(text.as_bytes()).unwrap().tvs.iter().map(ToString::to_string).collect();
            proptest::prop_assert_eq!(found, wanted, "{}", text);
        }
    }
}
