//! Durable enrolments (sync at each commit, audit on), beside the same server with storage off and beside a bare loop that only
//! handshakes and signs; a thousand phones at once; what an enrolment costs the server.
//!
//! `cargo bench -p daemon --bench capf`
//!
//! The phones' key is made beforehand and shared: a server sees no difference. Each round enrols every phone once at each of the
//! three servers in turn; the median of the ratios within a round counts. Clients and servers share the machine, and the clients'
//! half of a handshake is in all rates. Storage off means that the desk answers from memory and signs; bare means that nothing is read but the
//! lengths of messages.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // a benchmark may stop at the first surprise
#![allow(clippy::disallowed_methods)] // it measures with the clock

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use cluster::devices::Device;
use cluster::enrolment::{AuthenticationMode, Operation};
use cluster::{Actor, Level};
use daemon::capf::{CapfCounters, CapfLimits, CapfLog, CapfServer, EnrolmentDesk, NodeDesk};
use daemon::tls::phone_context;
use openssl::ssl::{Ssl, SslContext, SslContextBuilder, SslMethod, SslVerifyMode};
use openssl::x509::X509;
use pki::capf::{Sha2Proof, check_public_key};
use pki::lsc::{LscRequest, SubjectForm};
use pki::signer::Signer;
use pki::{Certificate, SoftKey};
use ringfence_core::enrolment::{Desk, Policy, Refused, Schedule, Selection, StringChoice};
use ringfence_core::files::NodeFiles;
use testbed::{Machine, make, new_cluster, phone};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio_openssl::SslStream;
use wire::capf::{
    AuthResponse, DeviceName, Done, Ended, HEADER_LENGTH, KeySpec, Operation as Asked, Password, PhoneMessage, Reason,
    RsaSize, ServerMessage,
};
use wire::digest::DigestId;

const PHONES: usize = 1000;
const CLIENTS: usize = 64;
const ROUNDS: usize = 7;
const WANTED: KeySpec = KeySpec::Rsa(RsaSize::Bits2048);

/// Names of the threads of the servers.
const FULL: &[&str] = &["full", "sqlx-sqlite-wor", "tvs-log"];
const OFF: &[&str] = &["off", "tvs-log"];
const BARE: &[&str] = &["bare"];

fn runtime(name: &str) -> Runtime {
    Builder::new_multi_thread().worker_threads(2).thread_name(name).enable_all().build().unwrap()
}

/// Processor time of the threads with these names, so far.
fn processor(names: &[&str]) -> Duration {
    let mut sum = 0;
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let task = task.unwrap().path();
        // threads of the blocking pool come and go
        let (Ok(name), Ok(times)) =
            (std::fs::read_to_string(task.join("comm")), std::fs::read_to_string(task.join("schedstat")))
        else {
            continue;
        };
        if names.contains(&name.trim_end()) {
            sum += times.split(' ').next().unwrap().parse::<u64>().unwrap();
        }
    }
    Duration::from_nanos(sum)
}

/// A line of /proc/self/status in kB.
fn memory(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn name(index: usize) -> String {
    format!("SEP{index:012X}")
}

/// Signs without rows.
struct Forgetful {
    certificate: Certificate,
    key: SoftKey,
}

impl Forgetful {
    fn issue_now(&self, device: &str, public_key: &[u8]) -> Vec<u8> {
        let mut serial = [0x41; 16];
        openssl::rand::rand_bytes(&mut serial[1..]).unwrap();
        let (not_before, not_after) = self.certificate.validity();
        let request = LscRequest {
            device_name: device,
            model: "8861",
            mic: None,
            issuer: &self.certificate,
            public_key,
            serial: &serial,
            not_before,
            not_after,
            form: SubjectForm::Cucm,
            digest: DigestId::SHA256,
        };
        request.lay_out().unwrap().sign(&self.key).unwrap().der().to_vec()
    }
}

impl EnrolmentDesk for Forgetful {
    type Visit = Option<String>;

    fn visit(&self, _: u32, _: IpAddr) -> Option<String> {
        None
    }

    async fn turn(&self, _: &Option<String>, _: &AuthResponse) {}

    async fn admit(&self, visit: &mut Option<String>, auth: &AuthResponse) -> Result<Asked, Refused> {
        *visit = Some(auth.device_name.as_str().to_owned());
        Ok(Asked::Install(WANTED))
    }

    async fn issue(&self, visit: &mut Option<String>, key: &[u8], wanted: KeySpec) -> Result<Vec<u8>, Refused> {
        check_public_key(key, wanted).unwrap();
        Ok(self.issue_now(visit.as_deref().unwrap(), key))
    }

    async fn record(&self, _: &mut Option<String>, _: &Done) -> Result<(), Refused> {
        Ok(())
    }

    async fn overtaken(&self, _: &mut Option<String>) {
        std::future::pending().await
    }

    async fn ended(&self, _: &Option<String>, _: &Ended) {}

    fn device(visit: &Option<String>) -> Option<&str> {
        visit.as_deref()
    }

    fn reason(_: &Option<String>) -> Option<&str> {
        None
    }
}

/// The least that can enrol: handshake, four messages, one signature.
async fn bare(listener: TcpListener, context: SslContext, desk: Arc<Forgetful>, key: Arc<[u8]>) {
    loop {
        let (tcp, _) = listener.accept().await.unwrap();
        let (context, desk, key) = (context.clone(), Arc::clone(&desk), Arc::clone(&key));
        tokio::spawn(async move {
            tcp.set_nodelay(true).unwrap();
            let mut stream = SslStream::new(Ssl::new(&context).unwrap(), tcp).unwrap();
            Pin::new(&mut stream).accept().await.unwrap();
            let first = [0x55, 1, 0, 0, 0, 1, 0, 8, 7, 0, 1, 3, 8, 0, 1, 0];
            stream.write_all(&first).await.unwrap();
            message(&mut stream).await;
            stream.write_all(&ServerMessage::KeyGenerate(WANTED).encode(1).unwrap()).await.unwrap();
            message(&mut stream).await;
            let certificate = desk.issue_now("SEP000000000000", &key);
            let certificate_type = wire::capf::CertificateType::Lsc;
            let store = ServerMessage::StoreCertificate { certificate_type, certificate };
            stream.write_all(&store.encode(1).unwrap()).await.unwrap();
            message(&mut stream).await;
            stream.write_all(&ServerMessage::EndSession(Reason::SUCCESS).encode(1).unwrap()).await.unwrap();
        });
    }
}

async fn message(stream: &mut SslStream<TcpStream>) -> Vec<u8> {
    let mut bytes = vec![0; HEADER_LENGTH];
    stream.read_exact(&mut bytes).await.unwrap();
    let length = usize::from(u16::from_be_bytes([bytes[6], bytes[7]]));
    bytes.resize(HEADER_LENGTH + length, 0);
    stream.read_exact(&mut bytes[HEADER_LENGTH..]).await.unwrap();
    bytes
}

/// One enrolment as a phone does it. The reason of END_SESSION.
async fn enrol(address: SocketAddr, context: &SslContext, device: &str, key: &[u8]) -> u8 {
    let tcp = TcpStream::connect(address).await.unwrap();
    tcp.set_nodelay(true).unwrap();
    let mut stream = SslStream::new(Ssl::new(context).unwrap(), tcp).unwrap();
    Pin::new(&mut stream).connect().await.unwrap();
    let first = message(&mut stream).await;
    let id = u32::from_be_bytes(first[2..6].try_into().unwrap());
    let auth = AuthResponse::with_password(DeviceName::new(device).unwrap(), Password::new(b"").unwrap());
    let said = [
        PhoneMessage::Auth(Box::new(auth)),
        PhoneMessage::KeyGenerated(Ok(key.to_vec())),
        PhoneMessage::Stored(Reason::SUCCESS),
    ];
    for say in said {
        stream.write_all(&say.encode(id).unwrap()).await.unwrap();
        let answer = message(&mut stream).await;
        if answer[1] == 15 {
            return answer[HEADER_LENGTH + 3];
        }
    }
    panic!("no END_SESSION");
}

/// All phones enrol, so many at a time. The time of each, sorted, and the time of all.
fn fleet(clients: &Runtime, address: SocketAddr, at_once: usize, key: &Arc<[u8]>) -> (Duration, Vec<Duration>) {
    let mut context = SslContextBuilder::new(SslMethod::tls_client()).unwrap();
    context.set_verify(SslVerifyMode::NONE);
    let context = context.build();
    let places = Arc::new(tokio::sync::Semaphore::new(at_once));
    let start = Instant::now();
    let tasks: Vec<_> = (0..PHONES)
        .map(|index| {
            let (context, key, places) = (context.clone(), Arc::clone(key), Arc::clone(&places));
            clients.spawn(async move {
                let _place = places.acquire_owned().await.unwrap();
                let start = Instant::now();
                assert_eq!(enrol(address, &context, &name(index), &key).await, 1, "{}", name(index));
                start.elapsed()
            })
        })
        .collect();
    let mut times: Vec<Duration> = clients.block_on(async {
        let mut times = Vec::new();
        for task in tasks {
            times.push(task.await.unwrap());
        }
        times
    });
    let all = start.elapsed();
    times.sort();
    (all, times)
}

fn server<D: EnrolmentDesk>(
    runtime: &Runtime,
    tls: &SslContext,
    desk: Arc<D>,
    log: &CapfLog,
) -> (SocketAddr, watch::Sender<bool>) {
    let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let address = listener.local_addr().unwrap();
    let limits = CapfLimits { per_address: 2048, ..CapfLimits::default() };
    let tls = Arc::new(ArcSwap::from_pointee(tls.clone()));
    let counters = Arc::new(CapfCounters::default());
    let server = CapfServer { tls, desk, log: log.clone(), limits, counters };
    let (stop, stopped) = watch::channel(false);
    runtime.spawn(server.serve(listener, stopped));
    (address, stop)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let (full, off, plain, clients) = (runtime("full"), runtime("off"), runtime("bare"), runtime("clients"));
    let new = new_cluster("15", &[("cucm1", "127.0.0.1")]);
    let actor = Actor::new("admin", Level::Install);
    let devices: Vec<Device> = (0..PHONES).map(|index| phone(&name(index))).collect();
    let (folder, cluster, files, desk) = full.block_on(async {
        let mut system = Machine::default();
        let (folder, cluster) = make(&new, &mut system).await;
        cluster.put_devices(&actor, &devices, &mut system).await.unwrap();
        let node = cluster.node(None).await.unwrap();
        let files = Arc::new(NodeFiles::new(cluster.snapshot(&node).await.unwrap(), None));
        let desk = Desk::open(cluster.clone(), Policy { sha2: Sha2Proof::Required }).await.unwrap();
        (folder, cluster, files, desk)
    });
    let authority = desk.authority();
    let x509 = X509::from_der(authority.certificate().der()).unwrap();
    let tls = phone_context(&x509, &[], authority.key().openssl(), false).unwrap();
    let forgetful = Arc::new(Forgetful { certificate: authority.certificate().clone(), key: authority.key().clone() });
    let key: Arc<[u8]> = SoftKey::generate_rsa(2048).unwrap().spki().into();
    let log = CapfLog::to_file(folder.path().join("capf.log"), 16 << 20).unwrap();
    let desk = Arc::new(NodeDesk::new(desk, cluster.clone(), files));
    let (full_at, _full) = server(&full, &tls, desk, &log);
    let (off_at, _off) = server(&off, &tls, Arc::clone(&forgetful), &log);
    let listener = plain.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let bare_at = listener.local_addr().unwrap();
    plain.spawn(bare(listener, tls.clone(), Arc::clone(&forgetful), Arc::clone(&key)));
    let schedule = || {
        let schedule = Schedule {
            operation: Operation::Install,
            mode: AuthenticationMode::NullString,
            string: StringChoice::Keep,
            completes_by: None,
        };
        full.block_on(cluster.schedule(&actor, &Selection::All, &schedule, &mut Machine::default())).unwrap();
    };

    let mut sign = Vec::new();
    let (mut to_off, mut to_bare, mut rates, mut costs) =
        (Vec::new(), Vec::new(), [const { Vec::new() }; 3], [const { Vec::new() }; 3]);
    let servers = [(full_at, FULL), (off_at, OFF), (bare_at, BARE)];
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..200 {
            assert!(!forgetful.key.sign(DigestId::SHA256, &[b"to be signed"]).unwrap().is_empty());
        }
        sign.push(start.elapsed().as_secs_f64() / 200.0);
        schedule();
        let mut seconds = [0.0; 3];
        for (place, (address, threads)) in servers.iter().enumerate() {
            let before = processor(threads);
            let (all, _) = fleet(&clients, *address, CLIENTS, &key);
            seconds[place] = all.as_secs_f64();
            rates[place].push(PHONES as f64 / seconds[place]);
            // A connection of the database that was not used for long takes the time of its thread with it.
            costs[place].push(processor(threads).saturating_sub(before).as_secs_f64() / PHONES as f64);
        }
        to_off.push(seconds[0] / seconds[1]);
        to_bare.push(seconds[2] / seconds[0]);
    }
    let sign = median(&mut sign);
    println!("{CLIENTS} clients, {PHONES} enrolments a round, {ROUNDS} rounds, RSA-2048, medians");
    for (place, what) in ["durable (sync, audit)", "storage off", "bare loop"].into_iter().enumerate() {
        let (rate, cost) = (median(&mut rates[place]), median(&mut costs[place]));
        println!(
            "{what:<22} {rate:>7.0}/s  server {:>6.0} us = {:.2} x two signatures",
            cost * 1e6,
            cost / (2.0 * sign)
        );
    }
    println!("time against storage off: {:.2} (wanted: at most 1.5)", median(&mut to_off));
    println!("rate against the bare loop: {:.2} (wanted: at least 0.8)", median(&mut to_bare));

    let before = memory("VmRSS");
    schedule();
    let (all, times) = fleet(&clients, full_at, PHONES, &key);
    let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)].as_millis();
    println!(
        "{PHONES} at once: all in {:.2} s, failures 0, median {} ms, p99 {} ms; memory {} MB before, {} MB at most (phones included)",
        all.as_secs_f64(),
        at(50),
        at(99),
        before / 1024,
        memory("VmHWM") / 1024
    );
}
