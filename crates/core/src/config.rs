//! `SEP<MAC>.cnf.xml`: the config of a device, with the elements of security [sources/phones#config-elements].

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use crate::enrolment::EnrolmentPart;
use cluster::parameters::SecurityMode;

/// Protocol of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// SIP.
    Sip,
    /// Skinny.
    Sccp,
}

impl Protocol {
    /// The word of `deviceProtocol`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sip => "SIP",
            Self::Sccp => "SCCP",
        }
    }

    /// The number in `device.tkdeviceprotocol`.
    pub const fn number(self) -> i64 {
        match self {
            Self::Sccp => 0,
            Self::Sip => 11,
        }
    }

    /// From the number; anything but SCCP is SIP.
    pub const fn from_number(number: i64) -> Self {
        if number == 0 { Self::Sccp } else { Self::Sip }
    }
}

impl std::str::FromStr for Protocol {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_uppercase().as_str() {
            "SIP" => Ok(Self::Sip),
            "SCCP" => Ok(Self::Sccp),
            _ => Err(format!("`{text}` is not a protocol; write SIP or SCCP")),
        }
    }
}

/// Device security mode: the value of `deviceSecurityMode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceSecurityMode {
    /// 1: no TLS.
    NonSecure,
    /// 2: TLS without encryption.
    Authenticated,
    /// 3: TLS with encryption.
    Encrypted,
}

impl DeviceSecurityMode {
    /// The number in the config.
    pub const fn number(self) -> i64 {
        match self {
            Self::NonSecure => 1,
            Self::Authenticated => 2,
            Self::Encrypted => 3,
        }
    }

    /// From the number; anything unknown is non-secure.
    pub const fn from_number(number: i64) -> Self {
        match number {
            2 => Self::Authenticated,
            3 => Self::Encrypted,
            _ => Self::NonSecure,
        }
    }

    /// The word for people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::NonSecure => "non-secure",
            Self::Authenticated => "authenticated",
            Self::Encrypted => "encrypted",
        }
    }
}

impl std::str::FromStr for DeviceSecurityMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_lowercase().as_str() {
            "1" | "non-secure" | "nonsecure" => Ok(Self::NonSecure),
            "2" | "authenticated" => Ok(Self::Authenticated),
            "3" | "encrypted" => Ok(Self::Encrypted),
            _ => Err(format!("`{text}` is not a device security mode; write non-secure, authenticated or encrypted")),
        }
    }
}

/// Where a service of a node is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Address or host name, as the phone gets it.
    pub host: String,
    /// Port.
    pub port: u16,
}

/// What every config of a cluster shares, by group of nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterPart {
    /// Security mode of the cluster.
    pub mode: SecurityMode,
    /// Call servers in order: addresses.
    pub call_managers: Vec<String>,
    /// TVS in the order of the group, three at most.
    pub tvs: Vec<Endpoint>,
    /// CAPF; none when it does not run.
    pub capf: Vec<Endpoint>,
}

/// What is different for each device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DevicePart {
    /// Protocol.
    pub protocol: Protocol,
    /// Device security mode as configured; in a non-secure cluster the config says non-secure.
    pub security: DeviceSecurityMode,
    /// `versionStamp`: changes whenever the phone must read its config again.
    pub version_stamp: String,
}

/// SIP without and with TLS [sources/phones#ports].
const SIP_PORT: u16 = 5060;
const SIP_TLS_PORT: u16 = 5061;
/// Skinny.
const SCCP_PORT: u16 = 2000;

type Xml = Writer<Vec<u8>>;
type Written = std::io::Result<()>;

/// The config of a device for which nothing is scheduled.
///
/// # Errors
/// Never in practice: writing into memory does not fail; the type is that of the XML library.
pub fn device_config(cluster: &ClusterPart, device: &DevicePart) -> std::io::Result<Vec<u8>> {
    enrolled_config(cluster, device, &EnrolmentPart::default())
}

/// The config of a device, with what is scheduled for it.
///
/// # Errors
/// As [`device_config`].
pub fn enrolled_config(
    cluster: &ClusterPart,
    device: &DevicePart,
    enrolment: &EnrolmentPart,
) -> std::io::Result<Vec<u8>> {
    let secure = cluster.mode == SecurityMode::Mixed && device.security != DeviceSecurityMode::NonSecure;
    let mode = if secure { device.security } else { DeviceSecurityMode::NonSecure };
    // 3 = TLS; SIP without TLS runs over UDP (2) here, as phones of a plain set-up expect.
    let transport = if secure { "3" } else { "2" };
    let mut xml = Writer::new_with_indent(Vec::with_capacity(2048), b' ', 1);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    xml.create_element("device").write_inner_content(|xml| {
        text(xml, "fullConfig", "true")?;
        text(xml, "deviceProtocol", device.protocol.word())?;
        text(xml, "ipAddressMode", "0")?;
        xml.create_element("devicePool").write_inner_content(|xml| call_managers(xml, cluster))?;
        tvs(xml, &cluster.tvs)?;
        text(xml, "versionStamp", &device.version_stamp)?;
        text(xml, "deviceSecurityMode", &mode.number().to_string())?;
        text(xml, "transportLayerProtocol", transport)?;
        text(xml, "TLSResumptionTimer", "3600")?;
        text(xml, "capfAuthMode", &enrolment.announced_by(cluster).capf_auth_mode.to_string())?;
        capf(xml, &cluster.capf)?;
        text(xml, "certHash", &enrolment.cert_hash())?;
        text(xml, "encrConfig", enrolment.encr_config())
    })?;
    let mut bytes = xml.into_inner();
    bytes.push(b'\n');
    Ok(bytes)
}

/// `XMLDefault.cnf.xml`: what a phone without a config of its own gets.
///
/// # Errors
/// As [`device_config`].
pub fn default_config(cluster: &ClusterPart) -> std::io::Result<Vec<u8>> {
    let mut xml = Writer::new_with_indent(Vec::with_capacity(1024), b' ', 1);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    xml.create_element("Default").write_inner_content(|xml| {
        call_managers(xml, cluster)?;
        tvs(xml, &cluster.tvs)?;
        capf(xml, &cluster.capf)
    })?;
    let mut bytes = xml.into_inner();
    bytes.push(b'\n');
    Ok(bytes)
}

/// The `<TVS>` element.
///
/// # Errors
/// As [`device_config`].
pub fn tvs(xml: &mut Xml, servers: &[Endpoint]) -> Written {
    xml.create_element("TVS").write_inner_content(|xml| {
        xml.create_element("members").write_inner_content(|xml| {
            for (priority, server) in servers.iter().enumerate() {
                let member = xml.create_element("member").with_attribute(("priority", priority.to_string().as_str()));
                member.write_inner_content(|xml| {
                    text(xml, "port", &server.port.to_string())?;
                    text(xml, "address", &server.host)
                })?;
            }
            Ok(())
        })?;
        Ok(())
    })?;
    Ok(())
}

/// The `<capfList>` element.
///
/// # Errors
/// As [`device_config`].
pub fn capf(xml: &mut Xml, servers: &[Endpoint]) -> Written {
    xml.create_element("capfList").write_inner_content(|xml| {
        for server in servers {
            xml.create_element("capf").write_inner_content(|xml| {
                text(xml, "phonePort", &server.port.to_string())?;
                text(xml, "processNodeName", &server.host)
            })?;
        }
        Ok(())
    })?;
    Ok(())
}

fn call_managers(xml: &mut Xml, cluster: &ClusterPart) -> Written {
    xml.create_element("callManagerGroup").write_inner_content(|xml| {
        xml.create_element("members").write_inner_content(|xml| {
            for (priority, host) in cluster.call_managers.iter().enumerate() {
                let member = xml.create_element("member").with_attribute(("priority", priority.to_string().as_str()));
                member.write_inner_content(|xml| call_manager(xml, host))?;
            }
            Ok(())
        })?;
        Ok(())
    })?;
    Ok(())
}

fn call_manager(xml: &mut Xml, host: &str) -> Written {
    xml.create_element("callManager").write_inner_content(|xml| {
        xml.create_element("ports").write_inner_content(|xml| {
            text(xml, "ethernetPhonePort", &SCCP_PORT.to_string())?;
            text(xml, "sipPort", &SIP_PORT.to_string())?;
            text(xml, "securedSipPort", &SIP_TLS_PORT.to_string())
        })?;
        text(xml, "processNodeName", host)
    })?;
    Ok(())
}

fn text(xml: &mut Xml, name: &str, value: &str) -> Written {
    if value.is_empty() {
        xml.create_element(name).write_empty()?;
    } else {
        xml.create_element(name).write_text_content(BytesText::new(value))?;
    }
    Ok(())
}
