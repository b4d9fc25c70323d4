//! `ringfence device show NAME`: the row, its group, the files that the phone gets, its config.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use cluster::config::{DeviceSecurityMode, Protocol};
use cluster::enrolment::Operation;
use cluster::names::device_name;
use cluster::rows::DeviceRow;
use daemon::settings::Settings;
use ringfence_core::enrolment::Enrolment;
use ringfence_core::files::{FileError, FolderSettings, NodeFiles};
use ringfence_core::{Cluster, CoreError, OpensslRandom};
use serde_json::{Map, Value, json};
use shell::columns::pairs;
use wire::file_name::{FileName, Form, Owner};

use crate::device::list::{device_json, lsc, nodes};
use crate::exit::{Answer, Failure};
use crate::opened::{Data, Opened, could_not, refused};
use crate::terminal::{self, counted, field_text, one_line};

/// Show a phone: what is known of it, which files it gets, what its config says
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: ringfence device show SEP58971ECC97C1 --node sub1")]
pub struct Show {
    #[command(flatten)]
    data: Data,
    /// Name of the phone
    name: String,
    /// Node that is asked for its files; the first node of its group without it
    #[arg(long, value_name = "NAME")]
    node: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Show {
    /// Prints the phone. Exit code 1 when there is none with this name.
    pub fn run(self) -> Result<Answer, Failure> {
        let opened = self.data.open()?;
        let name = device_name(&self.name).map_err(refused)?;
        let rows = opened.runtime.block_on(opened.cluster.store().devices());
        let rows = rows.map_err(|error| could_not(error.into()))?;
        let Some(row) = rows.iter().find(|row| row.name == name) else {
            terminal::error(&format!("no phone {name}; `ringfence device list` names them"));
            return Ok(Answer::No);
        };
        let groups = opened.runtime.block_on(opened.cluster.store().groups());
        let groups = groups.map_err(|error| could_not(error.into()))?;
        let nodes = nodes(row, &groups);
        let from = self.node.as_deref().or_else(|| nodes.first().map(String::as_str));
        let enrolment = opened.runtime.block_on(opened.cluster.enrolment(&name)).map_err(could_not)?;
        let served = Served::of(&opened, row, from)?;
        if self.json {
            let mut value = device_json(&opened.cluster, row, &groups, &enrolment);
            if let Some(fields) = value.as_object_mut() {
                let fetched = enrolment.fetched.as_ref().map(|fetched| fetched.text(opened.cluster.zone()));
                fields.insert("group".to_owned(), json!(row.group));
                fields.insert("fetched".to_owned(), json!(fetched));
                fields.insert("way_back".to_owned(), json!(enrolment.way_back()));
                fields.extend(served.json());
            }
            terminal::print(&terminal::json(&value))?;
            return Ok(Answer::Yes);
        }
        let mut text = about(row, nodes);
        text.push_str(&enrolled(&opened.cluster, &enrolment));
        text.push_str(&served.text());
        terminal::print(&text)?;
        Ok(Answer::Yes)
    }
}

/// The files as the file servers of a node give them out.
struct Served {
    node: String,
    /// Names, sizes (`None`: not there), and why this file, where there is something to say.
    files: Vec<(String, Option<usize>, Option<String>)>,
    /// The config in clear, and its name.
    config: (String, Option<Vec<u8>>),
}

impl Served {
    fn of(opened: &Opened, row: &DeviceRow, node: Option<&str>) -> Result<Self, Failure> {
        let node = opened.runtime.block_on(opened.cluster.node(node)).map_err(could_not)?;
        let settings = Settings::read(&opened.cluster.directory(&node).settings())
            .map_err(|error| Failure::CouldNotTell(error.to_string()))?;
        let snapshot = opened.runtime.block_on(opened.cluster.snapshot(&node)).map_err(could_not)?;
        // An option of its start wins over its settings, and stands on record.
        let noted = opened.runtime.block_on(opened.cluster.store().served_folder(&node.pkid));
        let noted = noted.map_err(|error| could_not(error.into()))?;
        let noted = noted.map(|(path, merge)| (PathBuf::from(path), merge));
        let folder = noted.or_else(|| settings.files.tftpboot.map(|path| (path, settings.files.merge)));
        let folder = folder.map(|(path, merge)| FolderSettings::open(&path, merge)).transpose();
        let files = NodeFiles::new(snapshot, folder.map_err(could_not)?).encrypting(Box::new(OpensslRandom));
        let owner = Owner::Device(row.name.clone());
        let config = owner.file_name(Form::Plain);
        let lists = ["CTL", "ITL"].map(|kind| format!("{kind}{}.tlv", row.name));
        let configs = [Form::Signed, Form::Encrypted, Form::Plain].map(|form| owner.file_name(form));
        let mut all = Vec::new();
        for asked in lists.into_iter().chain(configs) {
            let size = fetch(&files, &asked)?.map(|bytes| bytes.len());
            let why = files.why(&parsed(&asked)?).map_err(|error| could_not(CoreError::internal(error)))?;
            all.push((asked, size, why));
        }
        let bytes = fetch(&files, &config)?;
        Ok(Self { node: node.name, files: all, config: (config, bytes) })
    }

    fn text(&self) -> String {
        let mut out = format!("\nFiles from {}:\n", self.node);
        for (name, size, why) in &self.files {
            let size = size.map_or_else(|| "none".to_owned(), |size| counted(size, "byte"));
            out.push_str(&format!("  {name:<32} {size}\n"));
            if let Some(why) = why {
                out.push_str(&terminal::screen(&format!("    {}\n", one_line(why))));
            }
        }
        let (name, config) = &self.config;
        if let Some(bytes) = config {
            out.push_str(&format!("\n{name}:\n"));
            for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                out.push_str(&format!("  {}\n", field_text(line.trim_ascii_end())));
            }
        }
        out
    }

    fn json(&self) -> Map<String, Value> {
        let files: Vec<Value> =
            self.files.iter().map(|(name, size, why)| json!({ "name": name, "bytes": size, "why": why })).collect();
        let config = self.config.1.as_ref().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let mut out = Map::new();
        out.insert("node".to_owned(), json!(self.node));
        out.insert("files".to_owned(), Value::Array(files));
        out.insert("config".to_owned(), json!(config));
        out
    }
}

fn about(row: &DeviceRow, nodes: &[String]) -> String {
    let rows = [
        ("Name", row.name.clone()),
        ("Description", row.description.clone()),
        ("Model", row.model.clone()),
        ("Protocol", Protocol::from_number(row.protocol).word().to_owned()),
        ("Security", DeviceSecurityMode::from_number(row.security_mode).word().to_owned()),
        ("Nodes", format!("{} ({})", nodes.join(", "), row.group)),
        ("Version stamp", row.version_stamp.clone()),
    ];
    lines(&rows)
}

/// What CAPF knows of the phone; `utils capf device show` of the shell has all of it.
fn enrolled(cluster: &Cluster, it: &Enrolment) -> String {
    let issued = lsc(cluster, it).map(|(until, issuer)| format!("from {issuer}, until {until}"));
    let operation = match it.operation {
        Operation::None => it.operation.name().to_owned(),
        pending => format!("{}, {}", pending.name(), it.mode.name()),
    };
    let encrypted = if it.encrypted { "encrypted" } else { "in clear" };
    let mut rows = vec![
        ("LSC", issued.unwrap_or_else(|| "none".to_owned())),
        ("CAPF", operation),
        ("CAPF status", it.status.name().to_owned()),
        ("Config", encrypted.to_owned()),
    ];
    rows.extend(it.fetched.as_ref().map(|fetched| ("Fetched", fetched.text(cluster.zone()))));
    rows.extend(it.way_back().map(|way_back| ("Way back", way_back)));
    lines(&rows)
}

fn lines(rows: &[(&str, String)]) -> String {
    let rows: Vec<(&str, String)> = rows.iter().map(|(name, value)| (*name, one_line(value))).collect();
    pairs(rows.iter().map(|(name, value)| (*name, value.as_str())), 14, terminal::columns())
}

fn parsed(name: &str) -> Result<FileName, Failure> {
    name.parse().map_err(|error| Failure::of(name, error))
}

fn fetch(files: &NodeFiles, name: &str) -> Result<Option<Vec<u8>>, Failure> {
    let parsed = parsed(name)?;
    let nobody = IpAddr::V4(Ipv4Addr::LOCALHOST);
    match files.fetch(&parsed, nobody, daemon::surroundings::now()) {
        Ok(bytes) => Ok(Some(bytes.to_vec())),
        Err(FileError::NotFound) => Ok(None),
        Err(error) => Err(could_not(CoreError::internal(format!("{name}: {error}")))),
    }
}
