//! `SEP<MAC>.cnf.xml`: the config of a device, with the elements of security [sources/phones#config-elements].

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, Event};

use super::elements::{call_managers, capf, text, tvs};
use super::enrolment::EnrolmentPart;
use super::parts::{ClusterPart, DevicePart, DeviceSecurityMode};
use crate::parameters::SecurityMode;

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
