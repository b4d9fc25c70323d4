//! The world of a scenario: a cluster of two nodes with its servers on loopback addresses, an administrator, phones.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cluster::Surroundings;
use cluster::config::{DeviceSecurityMode, Protocol};
use cluster::devices::Device;
use cluster::enrolment::Status;
use cluster::nodes::NewCluster;
use cluster::parameters::{CAPF_PORT, TVS_PORT};
use cluster::releases::Release;
use cluster::units::Unit;
use cluster::{Actor, Level};
use daemon::following::{PATIENCE, follow};
use daemon::node::{Listen, Node, NodeOptions, StartError};
use daemon::tftp::BindError;
use jiff::tz::TimeZone;
use phone::factory::ManufacturingCa;
use phone::{BootReport, Phone, PhoneName, PhoneSettings};
use pki::hash::{hex, md5};
use pki::listing::ListKind;
use ringfence_core::{Cluster, aside};
use shell::{Session, State};

use crate::Failure;
use crate::desk::CtlProvider;
use crate::ending::{self, Differences, Ending};
use crate::failure::could_not;
use crate::lab_phone::{Held, LabPhone, title};
use crate::published::{self, Published};
use crate::transcript::Transcript;

/// Tries to find ports that are free on both addresses.
const PORT_TRIES: usize = 20;

/// A cluster in one process.
pub struct World {
    cluster: Cluster,
    surroundings: Published,
    nodes: Vec<Node>,
    sessions: Vec<Session>,
    log_read: usize,
    at_node: usize,
    factory: Option<Arc<ManufacturingCa>>,
    /// The phones, in the order of the table.
    pub phones: Vec<LabPhone>,
    /// How each of them must end.
    pub endings: Vec<Ending>,
    /// What is shown.
    pub transcript: Transcript,
}

impl World {
    /// Makes a cluster of the sources in a directory and starts its nodes.
    pub async fn new(new: &NewCluster, directory: &Path, transcript: Transcript) -> Result<Self, Failure> {
        Self::of(new, Published::default(), directory, transcript).await
    }

    /// Another cluster of the same release beside this one; what is typed there stands in the same transcript.
    pub async fn neighbour(&self, directory: &Path) -> Result<Self, Failure> {
        let new = published::other_cluster(self.release());
        Self::of(&new, Published::of_another_cluster(), directory, self.transcript.shared()).await
    }

    async fn of(
        new: &NewCluster,
        mut surroundings: Published,
        directory: &Path,
        transcript: Transcript,
    ) -> Result<Self, Failure> {
        let zone = TimeZone::system();
        let cluster = Cluster::create(directory, new, zone, &mut surroundings).await.map_err(could_not)?;
        let nodes = start(&cluster, &mut surroundings).await?;
        let actor = Actor::new("admin", Level::Install);
        let sessions =
            nodes.iter().map(|node| Session::new(cluster.clone(), node.row().as_ref().clone(), actor.clone()));
        let sessions = sessions.collect();
        Ok(Self {
            cluster,
            surroundings,
            nodes,
            sessions,
            log_read: 0,
            at_node: 0,
            factory: None,
            phones: Vec::new(),
            endings: Vec::new(),
            transcript,
        })
    }

    /// The release.
    pub fn release(&self) -> &'static Release {
        self.cluster.release()
    }

    /// Adds phones of these models to the cluster, on its default group.
    pub async fn add_phones(&mut self, models: &[&str]) -> Result<(), Failure> {
        for (index, name) in models.iter().enumerate() {
            let model = trust::Model::find(name).ok_or_else(|| could_not(format!("no model {name}")))?;
            let name = PhoneName::from_mac(model, 0x001E_F700_0001 + index as u64);
            let mut settings = PhoneSettings::new(model, name, IpAddr::V4(Ipv4Addr::LOCALHOST));
            settings.legacy_tls = model.old_tls;
            settings.factory.clone_from(&self.factory);
            let phone = Phone::new(settings).map_err(could_not)?;
            self.phones.push(LabPhone::new(phone));
        }
        self.know_phones().await
    }

    /// The next line is typed here again, after lines on another cluster: the transcript names the node.
    pub fn turn_to(&mut self) -> &mut Self {
        self.at_node = usize::MAX;
        self
    }

    /// The phones of another cluster boot here from now on: its DHCP server names our publisher.
    pub async fn take_phones(&mut self, from: &mut Self) -> Result<(), Failure> {
        self.phones.append(&mut from.phones);
        self.know_phones().await
    }

    /// DHCP names all nodes as file servers, the publisher first.
    pub fn know_both_servers(&mut self) {
        let servers: Vec<IpAddr> = self.nodes.iter().map(|node| node.listen().http.ip()).collect();
        for lab in &mut self.phones {
            lab.phone.settings_mut().servers.clone_from(&servers);
        }
    }

    /// Makes all phones devices of this cluster, and its publisher their file server.
    async fn know_phones(&mut self) -> Result<(), Failure> {
        let listen = self.nodes.first().map(|node| node.listen().clone());
        let listen = listen.ok_or_else(|| could_not("the cluster has no node"))?;
        let mut devices = Vec::new();
        for (index, lab) in self.phones.iter_mut().enumerate() {
            let settings = lab.phone.settings_mut();
            settings.servers = vec![listen.http.ip()];
            settings.http_port = listen.http.port();
            settings.tftp_port = listen.tftp.port();
            devices.push(Device {
                name: settings.name.as_str().to_owned(),
                description: format!("Phone {}", index + 1),
                model: settings.model.name.to_owned(),
                protocol: if settings.model.old_tls { Protocol::Sccp } else { Protocol::Sip },
                security: DeviceSecurityMode::NonSecure,
                nodes: Vec::new(),
            });
        }
        let actor = Actor::new("admin", Level::Install);
        self.cluster.put_devices(&actor, &devices, &mut self.surroundings).await.map_err(could_not)?;
        self.refresh().await
    }

    /// Time passes in the story, milliseconds.
    pub fn pass(&mut self, time: i64) {
        self.surroundings.ahead += time;
    }

    /// The administrator types a line on the publisher, and answers to the questions that follow. What came back.
    pub async fn types(&mut self, line: &str, answers: &[&str]) -> Result<String, Failure> {
        self.types_on(0, line, answers).await
    }

    /// The same on the subscriber.
    pub async fn types_on_subscriber(&mut self, line: &str, answers: &[&str]) -> Result<String, Failure> {
        self.types_on(1, line, answers).await
    }

    async fn types_on(&mut self, node: usize, line: &str, answers: &[&str]) -> Result<String, Failure> {
        let session = self.sessions.get_mut(node).ok_or_else(|| could_not("no such node"))?;
        if self.at_node != node {
            self.at_node = node;
            self.transcript.block(&format!("on {}", session.node().name), &[])?;
        }
        self.transcript.typed(shell::PROMPT, line)?;
        // As for every command: nodes write down what phones did before it is read.
        follow(&self.cluster, PATIENCE).await.map_err(could_not)?;
        let mut all = String::new();
        let mut reply = session.line(line, &mut self.surroundings).await;
        let mut answers = answers.iter();
        loop {
            all.push_str(&reply.text);
            match reply.state {
                State::Ask(prompt) | State::AskSecret(prompt) => {
                    self.transcript.output(&reply.text)?;
                    let answer = answers.next().copied().unwrap_or_default();
                    let secret = matches!(reply.state, State::AskSecret(_));
                    self.transcript.typed(prompt, if secret { "" } else { answer })?;
                    reply = session.line(answer, &mut self.surroundings).await;
                }
                // No scenario pastes anything: it would be taken as no.
                State::Paste => reply = session.end_of_input(&mut self.surroundings).await,
                State::Prompt | State::Quit => {
                    self.transcript.output(&reply.text)?;
                    break;
                }
            }
        }
        self.refresh().await?;
        Ok(all)
    }

    /// All nodes take over what was changed.
    pub async fn refresh(&self) -> Result<(), Failure> {
        self.cluster.step_wave(self.surroundings.now()).await.map_err(could_not)?;
        for node in &self.nodes {
            node.refresh().await.map_err(could_not)?;
        }
        Ok(())
    }

    /// Boots or resets every phone and shows what it says; `shown` is the phone whose console log is shown in full.
    pub async fn reset_phones(&mut self, shown: usize) -> Result<Vec<BootReport>, Failure> {
        let mut reports = Vec::new();
        for (index, lab) in self.phones.iter_mut().enumerate() {
            let report = if lab.booted { lab.phone.reset().await } else { lab.phone.boot().await };
            lab.booted = true;
            let lines = lab.phone.take_console();
            if index == shown {
                self.transcript.block(&format!("console log of {}", title(&lab.phone)), &lines)?;
            }
            for kind in [ListKind::Ctl, ListKind::Itl] {
                if let Some(verdict) = report.verdict(kind.word()) {
                    lab.note(kind, verdict.clone());
                }
            }
            reports.push(report);
        }
        for (lab, report) in self.phones.iter().zip(&reports) {
            let messages: Vec<String> = report.messages.iter().map(ToString::to_string).collect();
            let said = if messages.is_empty() { "no message".to_owned() } else { messages.join(", ") };
            self.transcript.output(&format!("  {}: {said}; {}", title(&lab.phone), report.outcome))?;
        }
        Ok(reports)
    }

    /// Shows the *Trust List* screen of a phone.
    pub fn show_screen(&self, index: usize) -> Result<(), Failure> {
        let Some(lab) = self.phones.get(index) else { return Ok(()) };
        let lines: Vec<String> = lab.phone.screen().lines().map(str::to_owned).collect();
        self.transcript.block(&format!("screen of {}", title(&lab.phone)), &lines)
    }

    /// Shows the lines that TVS of the publisher logged since the last look.
    pub fn show_tvs_log(&mut self, title: &str) -> Result<Vec<String>, Failure> {
        let Some(node) = self.nodes.first() else { return Ok(Vec::new()) };
        node.flush_log(PATIENCE);
        let path = self.cluster.directory(&node.row()).log().join("tvs.log");
        let text = std::fs::read_to_string(&path).map_err(|error| Failure::at(&path, error))?;
        let lines: Vec<String> = text.lines().skip(self.log_read).map(str::to_owned).collect();
        self.log_read += lines.len();
        self.transcript.block(title, &lines)?;
        Ok(lines)
    }

    /// Shows a log of the publisher, when all lines that wait for their log stand in it.
    pub async fn show_log(&self, name: &str) -> Result<(), Failure> {
        let Some(node) = self.nodes.first() else { return Ok(()) };
        node.flush_log(PATIENCE);
        let written = async {
            // The nodes write them too, and one leaves to the other what that has begun.
            while self.cluster.store().has_log_lines().await.map_err(could_not)? {
                self.cluster.store().write_log_lines().await.map_err(could_not)?;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Ok(())
        };
        let written = tokio::time::timeout(Duration::from_secs(10), written).await;
        written.map_err(|_| could_not(format!("the lines of {name} were not written within 10 s")))??;
        let path = self.cluster.directory(&node.row()).log().join(name);
        let text = std::fs::read_to_string(&path).map_err(|error| Failure::at(&path, error))?;
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        self.transcript.block(&format!("{name} of the publisher"), &lines)
    }

    /// Waits until what came of a session of this phone is on record: a refusal is written behind its answer.
    pub async fn until_recorded(&self, device: &str) -> Result<(), Failure> {
        let recorded = async {
            while self.cluster.enrolment(device).await.map_err(could_not)?.status == Status::PENDING {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Ok(())
        };
        let recorded = tokio::time::timeout(Duration::from_secs(10), recorded).await;
        recorded.map_err(|_| could_not(format!("nothing of {device} came on record within 10 s")))?
    }

    /// Makes a manufacturing CA, whose MICs the phones get that are added from now on, and writes its root where the
    /// administrator finds it.
    pub fn write_manufacturing_root(&mut self) -> Result<PathBuf, Failure> {
        let factory = ManufacturingCa::new().map_err(could_not)?;
        let path = self.data().join("manufacturing-roots.pem");
        aside::write(&path, factory.certificate().to_pem().as_bytes(), 0o644).map_err(could_not)?;
        self.factory = Some(Arc::new(factory));
        Ok(path)
    }

    /// Whether the publisher serves a file to a stranger.
    pub fn serves(&self, name: &str) -> Result<bool, Failure> {
        let Some(node) = self.nodes.first() else { return Ok(false) };
        let mut stream = std::net::TcpStream::connect(node.listen().http).map_err(could_not)?;
        let request = format!("HEAD /{name} HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n");
        std::io::Write::write_all(&mut stream, request.as_bytes()).map_err(could_not)?;
        let mut answer = String::new();
        std::io::Read::read_to_string(&mut stream, &mut answer).map_err(could_not)?;
        Ok(answer.starts_with("HTTP/1.1 200"))
    }

    /// Remembers which lists each phone holds now: the story begins here.
    pub fn remember_lists(&mut self) {
        for lab in &mut self.phones {
            lab.before = Held::of(lab.phone.belief());
            (lab.ctl, lab.itl) = (None, None);
        }
    }

    /// The list that the publisher gives out: its size and MD5.
    pub fn published(&self, kind: ListKind) -> Result<Option<(usize, String)>, Failure> {
        let Some(node) = self.nodes.first() else { return Ok(None) };
        let list = self.cluster.published_list(&node.row(), kind).map_err(could_not)?;
        Ok(list.map(|published| (published.list.bytes().len(), hex(&md5(published.list.bytes())))))
    }

    /// The rows of the table at the end, under [`ending::TITLES`], and which phones ended otherwise than the scenario says.
    pub fn compare_endings(&self) -> Result<(Vec<Vec<String>>, Differences), Failure> {
        let md5 = |kind| Ok(self.published(kind)?.map(|(_, md5)| md5));
        let (ctl, itl) = (md5(ListKind::Ctl)?, md5(ListKind::Itl)?);
        Ok(ending::compare(&self.phones, &self.endings, |kind| match kind {
            ListKind::Ctl => ctl.clone(),
            ListKind::Itl => itl.clone(),
        }))
    }

    /// The CTL provider of the publisher, once it is activated.
    pub async fn ctl_provider(&self) -> Result<CtlProvider, Failure> {
        let node = self.nodes.first().ok_or_else(|| could_not("the cluster has no node"))?;
        let address = node.ctl_provider().await.ok_or_else(|| could_not("Cisco CTL Provider is not activated"))?;
        let all = self.cluster.node_certificates().await.map_err(could_not)?;
        let own = all.iter().find(|own| own.name == node.row().name).and_then(|own| own.readable(Unit::Tomcat));
        let own = own.ok_or_else(|| could_not("the publisher has no tomcat certificate"))?;
        Ok(CtlProvider { address, fingerprint: hex(&own.sha256()) })
    }

    /// The addresses for `--stay`.
    pub fn listens(&self) -> impl Iterator<Item = (String, &Listen)> {
        self.nodes.iter().map(|node| (node.row().name.clone(), node.listen()))
    }

    /// Where the cluster stands.
    pub fn data(&self) -> PathBuf {
        self.cluster.data().root().to_path_buf()
    }

    /// Stops the nodes.
    pub async fn end(self) {
        for node in self.nodes {
            node.stop().await;
        }
        self.cluster.store().close().await;
    }
}

/// Starts both nodes on the same ports: a phone knows one port per service for all nodes.
async fn start(cluster: &Cluster, surroundings: &mut Published) -> Result<Vec<Node>, Failure> {
    let rows = cluster.store().nodes().await.map_err(could_not)?;
    for _ in 0..PORT_TRIES {
        let mut nodes: Vec<Node> = Vec::new();
        let mut taken = false;
        for row in &rows {
            let address: IpAddr = row.address.parse().map_err(could_not)?;
            let port = |of: fn(&Listen) -> SocketAddr| nodes.first().map_or(0, |node| of(node.listen()).port());
            let listen = Listen {
                tftp: SocketAddr::new(address, port(|listen| listen.tftp)),
                http: SocketAddr::new(address, port(|listen| listen.http)),
                tvs: SocketAddr::new(address, port(|listen| listen.tvs)),
            };
            let options = NodeOptions { listen, legacy_tls: true, folder: None, held: ringfence_core::files::HELD };
            match Node::start(cluster.clone(), row.clone(), options).await {
                Ok(node) => nodes.push(node),
                Err(StartError::Bind(BindError::InUse { .. })) if !nodes.is_empty() => taken = true,
                Err(error) => return Err(could_not(error)),
            }
        }
        if taken {
            for node in nodes {
                node.stop().await;
            }
            continue;
        }
        let port = nodes.first().map_or(0, |node| node.listen().tvs.port()).to_string();
        let system = Actor::new("system", Level::Install);
        cluster.set_parameter(&system, TVS_PORT, &port, surroundings).await.map_err(could_not)?;
        if let Some(capf) = nodes.first().and_then(Node::capf) {
            cluster
                .set_parameter(&system, CAPF_PORT, &capf.port().to_string(), surroundings)
                .await
                .map_err(could_not)?;
        }
        for node in &nodes {
            node.refresh().await.map_err(could_not)?;
        }
        return Ok(nodes);
    }
    Err(could_not("no ports are free on the addresses of both nodes; try again"))
}
