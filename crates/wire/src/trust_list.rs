//! CTL and ITL files: a header, then records to the end of the file [sources/trust-lists#encoding],
//! [sources/trust-lists#records].

use std::net::Ipv4Addr;

use crate::digest::DigestId;
use crate::error::{Malformed, Reason, Unwritable};
use crate::header::{Header, HeaderView};
use crate::role::Role;
use crate::tlv::{Field, Part, Reader, text, untext, write_field, write_head};

/// RECORDLENGTH: size of the record with its own five bytes.
pub const RECORDLENGTH: u8 = 1;
/// DNSNAME: host name or address text; length 1 when empty.
pub const DNSNAME: u8 = 2;
/// SUBJECTNAME.
pub const SUBJECTNAME: u8 = 3;
/// FUNCTION: the role.
pub const FUNCTION: u8 = 4;
/// ISSUERNAME.
pub const ISSUERNAME: u8 = 5;
/// SERIALNUMBER.
pub const SERIALNUMBER: u8 = 6;
/// PUBLICKEY: PKCS#1 RSAPublicKey or an uncompressed EC point.
pub const PUBLICKEY: u8 = 7;
/// SIGNATURE bits of the certificate itself.
pub const SIGNATURE: u8 = 8;
/// CERTIFICATE, DER.
pub const CERTIFICATE: u8 = 9;
/// IPADDRESS, IPv4.
pub const IPADDRESS: u8 = 10;
/// CERTHASH: hash of the certificate, in place of it.
pub const CERTHASH: u8 = 11;
/// HASHALGORITHM of CERTHASH.
pub const HASHALGORITHM: u8 = 12;

const PART: Part = Part { name: "record", containers: &[], tag_name };

/// Size of RECORDLENGTH, which each record starts with.
const RECORD_HEAD: usize = 5;

/// Largest file that phones load, in bytes [sources/trust-lists#limits]. A reader takes larger ones, a writer warns.
pub const PHONE_LIMIT: usize = 65_535;

/// Name of a record tag as `show ctl` spells it.
#[must_use]
pub fn tag_name(tag: u8) -> &'static str {
    match tag {
        RECORDLENGTH => "RECORDLENGTH",
        DNSNAME => "DNSNAME",
        SUBJECTNAME => "SUBJECTNAME",
        FUNCTION => "FUNCTION",
        ISSUERNAME => "ISSUERNAME",
        SERIALNUMBER => "SERIALNUMBER",
        PUBLICKEY => "PUBLICKEY",
        SIGNATURE => "SIGNATURE",
        CERTIFICATE => "CERTIFICATE",
        IPADDRESS => "IPADDRESS",
        CERTHASH => "CERTHASH",
        HASHALGORITHM => "HASHALGORITHM",
        _ => "unknown record field",
    }
}

/// A decoded trust list: the file and where its parts stand. Says nothing about signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustList {
    file: Vec<u8>,
    header: Header,
    records: Vec<Record>,
}

impl TrustList {
    /// Reads a whole file.
    ///
    /// # Errors
    /// [`Malformed`]: shorter than 10 bytes, another first or second field, HEADERLENGTH outside 10..=file size, a field
    /// past the end of the header; a record that does not start with RECORDLENGTH, is
    /// shorter than that field, ends behind the file, or whose fields do not end exactly at its end.
    pub fn decode(file: impl Into<Vec<u8>>) -> Result<Self, Malformed> {
        let file = file.into();
        let header = Header::decode(&file)?;
        let mut records = Vec::new();
        let mut offset = header.length();
        while offset < file.len() {
            let record = Record::decode(&file, offset)?;
            offset += record.length;
            records.push(record);
        }
        Ok(Self { file, header, records })
    }

    /// The file as it was read, to the byte.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.file
    }

    /// The file itself, when nothing else of the list is needed.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.file
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> HeaderView<'_> {
        HeaderView::new(&self.file, &self.header)
    }

    /// How many records there are.
    #[must_use]
    pub fn record_count(&self) -> usize {
        self.records.len()
    }

    /// The records in the order of the file.
    pub fn records(&self) -> impl ExactSizeIterator<Item = RecordView<'_>> {
        self.records.iter().map(|record| RecordView { file: &self.file, record })
    }

    /// The record of the signer: the first one with role SAST, a certificate, and the serial number of SIGNERID byte
    /// for byte [sources/trust-lists#signature]. Its index from 0, and the record.
    #[must_use]
    pub fn signer_record(&self) -> Option<(usize, RecordView<'_>)> {
        let serial = self.header().serial()?;
        self.records().enumerate().find(|(_, record)| {
            record.role() == Some(Role::SAST) && record.certificate().is_some() && record.serial() == Some(serial)
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Record {
    offset: usize,
    length: usize,
    fields: Vec<Field>,
}

impl Record {
    fn decode(file: &[u8], offset: usize) -> Result<Self, Malformed> {
        let rest = file.get(offset..).unwrap_or_default();
        let Some(&[tag, l_high, l_low, high, low]) = rest.first_chunk::<RECORD_HEAD>() else {
            let reason = Reason::Truncated { need: offset + RECORD_HEAD, have: file.len() };
            return Err(Malformed::new(offset, "RECORDLENGTH", reason));
        };
        if tag != RECORDLENGTH {
            let reason = Reason::WrongTag { expected: RECORDLENGTH, found: tag };
            return Err(Malformed::new(offset, "RECORDLENGTH", reason));
        }
        let field_length = usize::from(u16::from_be_bytes([l_high, l_low]));
        if field_length != 2 {
            let reason = Reason::WrongLength { expected: 2, found: field_length };
            return Err(Malformed::new(offset, "RECORDLENGTH", reason));
        }
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length < RECORD_HEAD || length > rest.len() {
            let reason = Reason::OutOfRange { found: length, least: RECORD_HEAD, most: rest.len() };
            return Err(Malformed::new(offset + 3, "RECORDLENGTH", reason));
        }
        let mut fields = Vec::with_capacity(10);
        let mut reader = Reader::new(rest.get(RECORD_HEAD..length).unwrap_or_default(), offset + RECORD_HEAD);
        while reader.left() > 0 {
            fields.push(PART.field(&mut reader)?);
        }
        Ok(Self { offset, length, fields })
    }
}

/// One record of a trust list.
#[derive(Debug, Clone, Copy)]
pub struct RecordView<'a> {
    file: &'a [u8],
    record: &'a Record,
}

impl<'a> RecordView<'a> {
    /// Offset of RECORDLENGTH from the start of the file.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.record.offset
    }

    /// Size of the record in bytes, RECORDLENGTH included.
    #[must_use]
    pub fn length(&self) -> usize {
        self.record.length
    }

    /// The fields behind RECORDLENGTH, in order, with their values.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = (&'a Field, &'a [u8])> {
        let file = self.file;
        self.record.fields.iter().map(move |field| (field, field.bytes(file)))
    }

    /// The first field with a tag: the one that counts.
    #[must_use]
    pub fn value(&self, tag: u8) -> Option<&'a [u8]> {
        self.record.fields.iter().find(|field| field.tag == tag).map(|field| field.bytes(self.file))
    }

    /// DNSNAME without its NUL.
    #[must_use]
    pub fn dns_name(&self) -> Option<&'a [u8]> {
        self.value(DNSNAME).map(|value| untext(value).0)
    }

    /// SUBJECTNAME without its NUL. A name to compare, never to take apart.
    #[must_use]
    pub fn subject(&self) -> Option<&'a [u8]> {
        self.value(SUBJECTNAME).map(|value| untext(value).0)
    }

    /// ISSUERNAME without its NUL.
    #[must_use]
    pub fn issuer(&self) -> Option<&'a [u8]> {
        self.value(ISSUERNAME).map(|value| untext(value).0)
    }

    /// FUNCTION; `None` when missing or not two bytes.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        match self.value(FUNCTION) {
            Some(&[high, low]) => Some(Role(u16::from_be_bytes([high, low]))),
            _ => None,
        }
    }

    /// SERIALNUMBER as it stands; a token's is the reverse of the one in its certificate
    /// [sources/trust-lists#serial-numbers].
    #[must_use]
    pub fn serial(&self) -> Option<&'a [u8]> {
        self.value(SERIALNUMBER)
    }

    /// CERTIFICATE, DER, unchecked.
    #[must_use]
    pub fn certificate(&self) -> Option<&'a [u8]> {
        self.value(CERTIFICATE)
    }

    /// CERTHASH with its algorithm (SHA-1 when HASHALGORITHM is missing).
    #[must_use]
    pub fn certificate_hash(&self) -> Option<(DigestId, &'a [u8])> {
        let hash = self.value(CERTHASH)?;
        let id = match self.value(HASHALGORITHM) {
            Some(&[id]) => DigestId(id),
            _ => DigestId::SHA1,
        };
        Some((id, hash))
    }

    /// IPADDRESS; `None` when missing or not four bytes.
    #[must_use]
    pub fn ip_address(&self) -> Option<Ipv4Addr> {
        match self.value(IPADDRESS) {
            Some(&[a, b, c, d]) => Some(Ipv4Addr::new(a, b, c, d)),
            _ => None,
        }
    }
}

/// What the fields of a record are made from: a certificate, taken apart by the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CertificateFields<'a> {
    /// Subject name in the form of the layout, without NUL.
    pub subject: &'a str,
    /// Issuer name in the form of the layout, without NUL.
    pub issuer: &'a str,
    /// Serial number as the list writes it.
    pub serial: &'a [u8],
    /// PKCS#1 RSAPublicKey or EC point.
    pub public_key: &'a [u8],
    /// Signature bits of the certificate.
    pub signature: &'a [u8],
    /// The certificate, DER.
    pub der: &'a [u8],
}

/// A record to be written: fields in order. The constructors are the variants that really occur
/// [sources/trust-lists#record-variants].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordSpec {
    fields: Vec<(u8, Vec<u8>)>,
}

impl RecordSpec {
    /// All ten fields, as CUCM writes them.
    #[must_use]
    pub fn cucm(role: Role, certificate: &CertificateFields<'_>, dns_name: &str, address: Ipv4Addr) -> Self {
        let mut fields = Self::names(role, certificate, dns_name);
        fields.push((PUBLICKEY, certificate.public_key.to_vec()));
        fields.push((SIGNATURE, certificate.signature.to_vec()));
        fields.push((CERTIFICATE, certificate.der.to_vec()));
        fields.push((IPADDRESS, address.octets().to_vec()));
        Self { fields }
    }

    /// Without SIGNATURE, as the CTL client with tokens writes them.
    #[must_use]
    pub fn ctl_client(role: Role, certificate: &CertificateFields<'_>, dns_name: &str, address: Ipv4Addr) -> Self {
        let mut record = Self::cucm(role, certificate, dns_name, address);
        record.fields.retain(|(tag, _)| *tag != SIGNATURE);
        record
    }

    /// With CERTHASH and HASHALGORITHM in place of certificate and address: a TVS record of an ITL.
    #[must_use]
    pub fn hashed(
        role: Role,
        certificate: &CertificateFields<'_>,
        dns_name: &str,
        algorithm: DigestId,
        hash: &[u8],
    ) -> Self {
        let mut fields = Self::names(role, certificate, dns_name);
        fields.push((PUBLICKEY, certificate.public_key.to_vec()));
        fields.push((SIGNATURE, certificate.signature.to_vec()));
        fields.push((CERTHASH, hash.to_vec()));
        fields.push((HASHALGORITHM, vec![algorithm.0]));
        Self { fields }
    }

    /// Only DNSNAME, FUNCTION, IPADDRESS: what is left of a node when the cluster goes back to non-secure.
    #[must_use]
    pub fn emptied(role: Role, dns_name: &str, address: Ipv4Addr) -> Self {
        let fields = vec![
            (DNSNAME, text(dns_name)),
            (FUNCTION, role.0.to_be_bytes().to_vec()),
            (IPADDRESS, address.octets().to_vec()),
        ];
        Self { fields }
    }

    /// The peer's order: no DNSNAME, no IPADDRESS, the role behind the serial number.
    #[must_use]
    pub fn peer(role: Role, certificate: &CertificateFields<'_>) -> Self {
        let fields = vec![
            (SUBJECTNAME, text(certificate.subject)),
            (ISSUERNAME, text(certificate.issuer)),
            (SERIALNUMBER, certificate.serial.to_vec()),
            (FUNCTION, role.0.to_be_bytes().to_vec()),
            (PUBLICKEY, certificate.public_key.to_vec()),
            (SIGNATURE, certificate.signature.to_vec()),
            (CERTIFICATE, certificate.der.to_vec()),
        ];
        Self { fields }
    }

    fn names(role: Role, certificate: &CertificateFields<'_>, dns_name: &str) -> Vec<(u8, Vec<u8>)> {
        vec![
            (DNSNAME, text(dns_name)),
            (SUBJECTNAME, text(certificate.subject)),
            (FUNCTION, role.0.to_be_bytes().to_vec()),
            (ISSUERNAME, text(certificate.issuer)),
            (SERIALNUMBER, certificate.serial.to_vec()),
        ]
    }

    /// Size of the record in bytes, RECORDLENGTH included.
    #[must_use]
    pub fn length(&self) -> usize {
        RECORD_HEAD + self.fields.iter().map(|(_, value)| crate::tlv::FIELD_HEAD + value.len()).sum::<usize>()
    }

    /// Appends the record.
    ///
    /// # Errors
    /// [`Unwritable`] when a field or the record does not fit 16 bits.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), Unwritable> {
        let length = self.length();
        let short = u16::try_from(length).map_err(|_| Unwritable::PartTooLong { part: "record", length })?;
        write_head(out, RECORDLENGTH, "RECORDLENGTH", 2)?;
        out.extend_from_slice(&short.to_be_bytes());
        for (tag, value) in &self.fields {
            write_field(out, *tag, tag_name(*tag), value)?;
        }
        Ok(())
    }
}

impl From<RecordView<'_>> for RecordSpec {
    /// The same record again, unknown fields included.
    fn from(record: RecordView<'_>) -> Self {
        Self { fields: record.fields().map(|(field, value)| (field.tag, value.to_vec())).collect() }
    }
}

/// The records of a file, one behind the other: the body for [`crate::header::HeaderSpec::lay_out`].
///
/// # Errors
/// [`Unwritable`] of the first record that does not fit.
pub fn write_records(records: &[RecordSpec]) -> Result<Vec<u8>, Unwritable> {
    let mut body = Vec::with_capacity(records.iter().map(RecordSpec::length).sum());
    for record in records {
        record.write(&mut body)?;
    }
    Ok(body)
}
