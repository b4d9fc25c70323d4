//! A CAPF server on a port of its own, with real rows behind it: the CAPF of the vectors, their manufacturing CA in CAPF-trust, a
//! clock that tests move.
#![allow(dead_code)] // each test file uses its part

use cluster::certificates::trusted::PutTrusted;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use arc_swap::ArcSwap;
use cluster::devices::Device;
use cluster::enrolment::{AuthenticationMode, KeyOrder, KeyPlan, Operation};
use cluster::rows::NodeRow;
use cluster::{Actor, Level};
use daemon::capf::{CapfCounters, CapfLimits, CapfLog, CapfServer, EnrolmentDesk, NodeDesk};
use daemon::tls::phone_context;
use openssl::x509::X509;
use pki::capf::Sha2Proof;
use pki::{Certificate, SoftKey};
use ringfence_core::Cluster;
use ringfence_core::enrolment::{
    AuthenticationString, Desk, Enrolment, Policy, Refused, Schedule, Selection, StringChoice, Visit,
};
use ringfence_core::files::NodeFiles;
use ringfence_core::import::PeerImport;
use testbed::{Clock, Machine, make_in, new_cluster, phone};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use wire::capf::{
    AuthResponse, DeviceName, Done, Ended, HEADER_LENGTH, Header, KeySpec, Operation as Asked, Password, PhoneMessage,
    Reason,
};

use crate::tvs_node::{Offer, Phone, read};

/// The device of the vectors.
pub const DEVICE: &str = "SEPB000B4BA0AEE";

/// Milliseconds since 1970 UTC that a server adds to [`ORIGIN`]; tests of one program share it and only ever move it on.
static LATER: AtomicI64 = AtomicI64::new(0);

/// 2026-11-22 00:00:00 UTC: the certificates of the vectors are valid.
pub const ORIGIN: i64 = 1_795_305_600_000;

pub fn clock() -> i64 {
    ORIGIN + LATER.load(Ordering::Relaxed)
}

/// Held by a test that counts on a clock that moves by moments only; whoever moves it by more takes it for itself.
pub static STANDS: std::sync::RwLock<()> = std::sync::RwLock::new(());

pub fn move_clock(milliseconds: i64) {
    LATER.fetch_add(milliseconds, Ordering::Relaxed);
}

/// The desk of a node, with the session id of a recording when there is one.
pub struct RecordedDesk {
    pub inner: NodeDesk,
    /// 0: random as usual.
    pub session_id: AtomicU32,
}

impl EnrolmentDesk for RecordedDesk {
    type Visit = Visit;

    fn session_id(&self) -> Option<u32> {
        match self.session_id.load(Ordering::Relaxed) {
            0 => self.inner.session_id(),
            recorded => Some(recorded),
        }
    }

    fn visit(&self, session_id: u32, from: IpAddr) -> Visit {
        self.inner.visit(session_id, from)
    }

    async fn turn(&self, visit: &Visit, auth: &AuthResponse) {
        self.inner.turn(visit, auth).await;
    }

    async fn admit(&self, visit: &mut Visit, auth: &AuthResponse) -> Result<Asked, Refused> {
        self.inner.admit(visit, auth).await
    }

    async fn issue(&self, visit: &mut Visit, public_key: &[u8], wanted: KeySpec) -> Result<Vec<u8>, Refused> {
        self.inner.issue(visit, public_key, wanted).await
    }

    async fn record(&self, visit: &mut Visit, done: &Done) -> Result<(), Refused> {
        self.inner.record(visit, done).await
    }

    async fn overtaken(&self, visit: &mut Visit) {
        self.inner.overtaken(visit).await;
    }

    async fn ended(&self, visit: &Visit, ended: &Ended) {
        self.inner.ended(visit, ended).await;
    }

    fn device(visit: &Visit) -> Option<&str> {
        visit.device()
    }

    fn reason(visit: &Visit) -> Option<&str> {
        visit.reason()
    }
}

/// A running server.
pub struct CapfNode {
    pub address: SocketAddr,
    pub cluster: Cluster,
    pub node: NodeRow,
    pub desk: Arc<RecordedDesk>,
    pub counters: Arc<CapfCounters>,
    pub log: CapfLog,
    pub runtime: Runtime,
    stop: watch::Sender<bool>,
    served: Option<JoinHandle<std::io::Result<()>>>,
    folder: tempfile::TempDir,
}

impl CapfNode {
    pub fn start(legacy: bool, limits: CapfLimits, devices: &[&str]) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (cluster, node) = runtime.block_on(cluster(folder.path(), devices));
        let sha2 = if legacy { Sha2Proof::Optional } else { Sha2Proof::Required };
        let desk = runtime.block_on(Desk::open(cluster.clone(), Policy { sha2 })).unwrap();
        let authority = desk.authority();
        let x509 = X509::from_der(authority.certificate().der()).unwrap();
        let context = phone_context(&x509, &[], authority.key().openssl(), legacy).unwrap();
        let files = Arc::new(NodeFiles::new(runtime.block_on(cluster.snapshot(&node)).unwrap(), None));
        let inner = NodeDesk::new(desk, cluster.clone(), files).with_clock(clock);
        let desk = Arc::new(RecordedDesk { inner, session_id: AtomicU32::new(0) });
        let log = CapfLog::to_file(folder.path().join("capf.log"), 1 << 22).unwrap();
        let counters = Arc::new(CapfCounters::default());
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let server = CapfServer {
            tls: Arc::new(ArcSwap::from_pointee(context)),
            desk: Arc::clone(&desk),
            log: log.clone(),
            limits,
            counters: Arc::clone(&counters),
        };
        let (stop, stopped) = watch::channel(false);
        let served = Some(runtime.spawn(server.serve(listener, stopped)));
        Self { address, cluster, node, desk, counters, log, runtime, stop, served, folder }
    }

    pub fn actor(&self) -> Actor {
        Actor::new("admin", Level::Install)
    }

    /// Schedules for one device.
    pub fn schedule(&self, device: &str, operation: Operation, mode: AuthenticationMode, string: Option<&str>) {
        // another schedule, another time
        move_clock(1);
        let string = match string {
            Some(text) => StringChoice::Given(AuthenticationString::new(text).unwrap()),
            None => StringChoice::Keep,
        };
        let (actor, selection) = (self.actor(), Selection::one(device));
        let mut clock = Clock::at(clock());
        // ten years: tests of one program share a clock that others move
        let completes_by = Some(clock.now + 315_360_000_000);
        let schedule = Schedule { operation, mode, string, completes_by };
        self.runtime.block_on(self.cluster.schedule(&actor, &selection, &schedule, &mut clock)).unwrap();
    }

    pub fn cancel(&self) {
        let mut clock = Clock::at(clock());
        self.runtime.block_on(self.cluster.cancel_operation(&self.actor(), &Selection::All, &mut clock)).unwrap();
    }

    pub fn set_keys(&self, order: KeyOrder, keys: KeyPlan) {
        let (actor, keys) = (self.actor(), KeyPlan { order, ..keys });
        let mut clock = Clock::at(clock());
        self.runtime.block_on(self.cluster.set_keys(&actor, &Selection::All, keys, &mut clock)).unwrap();
    }

    pub fn enrolment(&self, device: &str) -> Enrolment {
        self.runtime.block_on(self.cluster.enrolment(device)).unwrap()
    }

    pub fn status(&self) -> i64 {
        self.enrolment(DEVICE).status.number()
    }

    pub fn lsc_count(&self) -> usize {
        self.runtime.block_on(self.cluster.store().lscs()).unwrap().len()
    }

    pub fn audit_count(&self) -> usize {
        self.runtime.block_on(self.cluster.store().audit(1_000_000)).unwrap().len()
    }

    /// Everything in `capf.log` so far.
    pub fn log_text(&self) -> String {
        assert!(self.log.flush(std::time::Duration::from_secs(20)));
        std::fs::read_to_string(self.folder.path().join("capf.log")).unwrap()
    }

    /// Waits until so many sessions have been written down: the phone hears of the end of a session before that.
    pub fn wait_for_lines(&self, count: usize) -> Vec<String> {
        let patience = std::time::Duration::from_secs(20);
        let lines = async {
            loop {
                let lines: Vec<String> = self.log_text().lines().map(str::to_owned).collect();
                if lines.len() >= count {
                    return lines;
                }
                tokio::task::yield_now().await;
            }
        };
        let lines = self.runtime.block_on(async { tokio::time::timeout(patience, lines).await });
        lines.unwrap_or_else(|_| panic!("{count} lines are due: {}", self.log_text()))
    }

    pub fn ask_to_stop(&self) {
        self.stop.send_replace(true);
    }

    pub fn wait_until_stopped(&mut self) {
        let served = self.served.take().expect("once");
        let patience = std::time::Duration::from_secs(20);
        self.runtime.block_on(async { tokio::time::timeout(patience, served).await.unwrap().unwrap().unwrap() });
    }
}

async fn cluster(folder: &std::path::Path, devices: &[&str]) -> (Cluster, NodeRow) {
    let mut system = Machine::default();
    let cluster = make_in(folder, &new_cluster("15", &[("cucm1", "127.0.0.1")]), &mut system).await;
    let node = cluster.node(None).await.unwrap();
    let actor = Actor::new("admin", Level::Install);
    let devices: Vec<Device> = devices.iter().map(|name| phone(name)).collect();
    cluster.put_devices(&actor, &devices, &mut system).await.unwrap();
    let capf = Certificate::from_der(&read("certs/capf-2048.crt.der")).unwrap();
    let key = SoftKey::from_pem(&read("certs/capf-2048.key.pem")).unwrap();
    let mut clock = Clock::at(clock());
    let import = PeerImport { capf: Some((capf, key)), ..PeerImport::default() };
    cluster.import_peer(&actor, &import, false, &mut clock, &mut |_| {}).await.unwrap();
    // the CA of the vectors has no keyCertSign, so it does not come in by the front door
    let root = Certificate::from_der(&read("certs/mfg-ca.crt.der")).unwrap();
    cluster
        .perform(&actor, &node, &PutTrusted::new(&[root], &["CAPF-trust", "CallManager-trust"]), &mut clock)
        .await
        .unwrap();
    (cluster, node)
}

/// A phone's end of a session.
pub struct CapfPhone {
    pub phone: Phone,
    pub session_id: u32,
}

impl CapfPhone {
    /// Connects and reads AUTH_REQUEST.
    pub fn connect(address: SocketAddr) -> Self {
        Self::offer(address, Offer::default()).unwrap()
    }

    pub fn offer(address: SocketAddr, offer: Offer) -> Result<Self, String> {
        let mut connected = Self { phone: Phone::offer(address, offer)?, session_id: 0 };
        let first = connected.receive().ok_or("no AUTH_REQUEST")?;
        assert_eq!((first[0], first[1]), (85, 1));
        connected.session_id = u32::from_be_bytes(first[2..6].try_into().unwrap());
        Ok(connected)
    }

    /// One whole message; `None` when the server has closed. It has to come in one TLS record.
    pub fn receive(&mut self) -> Option<Vec<u8>> {
        let mut record = vec![0; 1 << 15];
        match self.phone.tls.read(&mut record) {
            Ok(0) => None,
            Ok(count) => {
                record.truncate(count);
                let header = Header::decode(record[..HEADER_LENGTH].try_into().unwrap()).unwrap();
                assert_eq!(HEADER_LENGTH + usize::from(header.length), count, "one message is one record");
                Some(record)
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => panic!("no answer"),
            Err(_) => None,
        }
    }

    pub fn send(&mut self, message: &PhoneMessage) {
        let bytes = message.encode(self.session_id).unwrap();
        self.phone.send(&bytes);
    }

    pub fn send_bytes(&mut self, bytes: &[u8]) {
        // a server that has closed meanwhile is not an error of the test
        drop(self.phone.tls.write_all(bytes));
    }

    /// The reason of END_SESSION, which must be what comes next.
    pub fn end(&mut self) -> u8 {
        let message = self.receive().expect("END_SESSION is due, not the end");
        assert_eq!(message[1], 15, "END_SESSION is due: {message:?}");
        message[HEADER_LENGTH + 3]
    }

    /// An installation by null string or by string, to its end; the certificate, or the reason of END_SESSION.
    pub fn install(&mut self, device: &str, string: &str, key: &[u8]) -> Result<Certificate, u8> {
        let name = DeviceName::new(device).unwrap();
        let password = Password::new(string.as_bytes()).unwrap();
        self.send(&PhoneMessage::Auth(Box::new(AuthResponse::with_password(name, password))));
        let answer = self.receive().unwrap();
        if answer[1] == 15 {
            return Err(answer[HEADER_LENGTH + 3]);
        }
        assert_eq!(answer[1], 3);
        self.send(&PhoneMessage::InProgress);
        self.send(&PhoneMessage::KeyGenerated(Ok(key.to_vec())));
        let answer = self.receive().unwrap();
        if answer[1] == 15 {
            return Err(answer[HEADER_LENGTH + 3]);
        }
        assert_eq!(answer[1], 9);
        // CERTIFICATE_TYPE, then tag, length and five bytes in front of the DER
        let certificate = Certificate::from_der(&answer[HEADER_LENGTH + 4 + 3 + 5..]).unwrap();
        self.send(&PhoneMessage::Stored(Reason::SUCCESS));
        match self.end() {
            1 => Ok(certificate),
            other => Err(other),
        }
    }
}
