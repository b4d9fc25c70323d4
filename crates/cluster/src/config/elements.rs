//! The elements of a config that the cluster alone can fill.

use quick_xml::Writer;
use quick_xml::events::BytesText;

use super::parts::{ClusterPart, Endpoint};

/// SIP without and with TLS [sources/phones#ports].
const SIP_PORT: u16 = 5060;
const SIP_TLS_PORT: u16 = 5061;
/// Skinny.
const SCCP_PORT: u16 = 2000;

/// A config that is written.
pub type Xml = Writer<Vec<u8>>;
/// Never an error in practice: memory is written to.
pub type Written = std::io::Result<()>;

/// The `<TVS>` element.
///
/// # Errors
/// As [`device_config`](super::whole::device_config).
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
/// As [`device_config`](super::whole::device_config).
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

/// The `<callManagerGroup>` element.
pub fn call_managers(xml: &mut Xml, cluster: &ClusterPart) -> Written {
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

pub fn text(xml: &mut Xml, name: &str, value: &str) -> Written {
    if value.is_empty() {
        xml.create_element(name).write_empty()?;
    } else {
        xml.create_element(name).write_text_content(BytesText::new(value))?;
    }
    Ok(())
}
