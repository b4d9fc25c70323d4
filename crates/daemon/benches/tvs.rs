//! TVS requests on new connections, beside a bare accept loop with the same library, context and runtime that reads a
//! request and writes fixed bytes; how long the slowest of 8 clients waits; and what resumption brings.
//!
//! `cargo bench -p daemon --bench tvs`
//!
//! Both servers run all the time in runtimes of their own; the clients ask one, then the other, in short rounds. The
//! median of the ratios of two neighbouring rounds counts, so that noise of the machine falls on both. Clients and servers share the
//! machine, and the clients' half of a handshake is in all rates. The processor time of the server's threads (the log's
//! among them) is given beside: it hardly depends on what else the machine does.
//!
//! A resumed handshake of TLS 1.2 has no public-key operation at all; one of TLS 1.3 still has the key exchange, and in
//! OpenSSL 3.0 the key schedule of TLS 1.3 costs about as much as an RSA-2048 signature. So the factor for 1.3 is small.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // a benchmark may stop at the first surprise
#![allow(clippy::disallowed_methods)] // it measures with the clock

use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use cluster::tvs::{TvsCache, TvsEntry};
use daemon::tls::{phone_context, swappable};
use daemon::tvs::{TvsCounters, TvsLimits, TvsLog, TvsServer};
use hyper_openssl::client::legacy::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use openssl::ssl::{Ssl, SslConnector, SslContext, SslContextBuilder, SslMethod, SslVerifyMode, SslVersion};
use openssl::x509::X509;
use pki::{Certificate, NameForm, SoftKey};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio_openssl::SslStream;
use tower_service::Service;
use wire::tvs::{Answer, Ask, DeviceName, Found, Request, Trust};

const CLIENTS: usize = 8;
const ROUND: Duration = Duration::from_millis(250);
const ROUNDS: usize = 25;

fn read(name: &str) -> Vec<u8> {
    let path = format!("{}/../../testdata/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn certificate(name: &str) -> Certificate {
    Certificate::from_der(&read(&format!("certs/{name}.crt.der"))).unwrap()
}

fn runtime(name: &str) -> Runtime {
    Builder::new_multi_thread().worker_threads(2).thread_name(name).enable_all().build().unwrap()
}

/// Names of the threads of the two servers.
const FULL: &[&str] = &["full", "tvs-log"];
const BARE: &[&str] = &["bare"];

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

/// A request, and the bytes that answer it.
#[derive(Clone)]
struct Exchange {
    request: Arc<[u8]>,
    answer: Arc<[u8]>,
}

fn exchange(ask: Ask, answer: &Answer) -> Exchange {
    let answer = answer.encode(&ask, 1001).unwrap().into();
    let device_name = Some(DeviceName::new("CP-8861-SEPB000B4BA0AEE"));
    let request = Request { session_id: 1001, device_name, ask }.encode().unwrap().into();
    Exchange { request, answer }
}

/// The least that can answer: accept, handshake, read, write.
async fn bare(listener: TcpListener, context: SslContext, exchange: Exchange) {
    loop {
        let (tcp, _) = listener.accept().await.unwrap();
        let (context, exchange) = (context.clone(), exchange.clone());
        tokio::spawn(async move {
            tcp.set_nodelay(true).unwrap();
            let mut stream = SslStream::new(Ssl::new(&context).unwrap(), tcp).unwrap();
            Pin::new(&mut stream).accept().await.unwrap();
            let mut request = vec![0; exchange.request.len()];
            stream.read_exact(&mut request).await.unwrap();
            stream.write_all(&exchange.answer).await.unwrap();
        });
    }
}

fn client_context(version: SslVersion) -> SslContext {
    let mut context = SslContextBuilder::new(SslMethod::tls_client()).unwrap();
    context.set_verify(SslVerifyMode::NONE);
    context.set_min_proto_version(Some(version)).unwrap();
    context.set_max_proto_version(Some(version)).unwrap();
    context.build()
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, exchange: &Exchange) {
    stream.write_all(&exchange.request).await.unwrap();
    let mut answer = vec![0; exchange.answer.len()];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer[..], exchange.answer[..]);
    // OpenSSL forgets the session of a connection that ends without good-bye; the bare loop may be gone by now
    drop(stream.shutdown().await);
}

/// A client that makes a full handshake each time.
async fn fresh(context: &SslContext, address: SocketAddr, exchange: &Exchange) {
    let tcp = TcpStream::connect(address).await.unwrap();
    tcp.set_nodelay(true).unwrap();
    let mut stream = SslStream::new(Ssl::new(context).unwrap(), tcp).unwrap();
    Pin::new(&mut stream).connect().await.unwrap();
    converse(&mut stream, exchange).await;
}

/// A client that keeps the session of its last connection.
async fn resuming(connector: &mut HttpsConnector<HttpConnector>, address: SocketAddr, exchange: &Exchange) {
    let uri = format!("https://{address}").parse().unwrap();
    std::future::poll_fn(|cx| connector.poll_ready(cx)).await.unwrap();
    let mut stream = TokioIo::new(connector.call(uri).await.unwrap());
    converse(&mut stream, exchange).await;
}

fn connector(version: SslVersion) -> HttpsConnector<HttpConnector> {
    let mut tls = SslConnector::builder(SslMethod::tls_client()).unwrap();
    tls.set_verify(SslVerifyMode::NONE);
    tls.set_min_proto_version(Some(version)).unwrap();
    tls.set_max_proto_version(Some(version)).unwrap();
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    HttpsConnector::with_connector(http, tls).unwrap()
}

/// Waits of one round, its length, and the processor time of the server.
struct Round {
    waits: Vec<Duration>,
    took: Duration,
    processor: Duration,
}

impl Round {
    fn rate(&self) -> f64 {
        self.waits.len() as f64 / self.took.as_secs_f64()
    }

    /// Microseconds for a request.
    fn cost(&self) -> f64 {
        self.processor.as_secs_f64() * 1e6 / self.waits.len() as f64
    }
}

/// What the clients do.
#[derive(Clone)]
enum Clients {
    Fresh(SslContext),
    Resuming(Vec<HttpsConnector<HttpConnector>>),
}

async fn round(kind: Kind, exchange: Exchange) -> Round {
    let Kind { clients, address, threads } = kind;
    let before = processor(threads);
    let start = Instant::now();
    let tasks: Vec<_> = (0..CLIENTS)
        .map(|index| {
            let (mut clients, exchange) = (clients.clone(), exchange.clone());
            tokio::spawn(async move {
                let mut waits = Vec::new();
                while start.elapsed() < ROUND {
                    let asked = Instant::now();
                    match &mut clients {
                        Clients::Fresh(context) => fresh(context, address, &exchange).await,
                        Clients::Resuming(all) => resuming(&mut all[index], address, &exchange).await,
                    }
                    waits.push(asked.elapsed());
                }
                waits
            })
        })
        .collect();
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await.unwrap());
    }
    Round { waits, took: start.elapsed(), processor: processor(threads) - before }
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// One of two kinds of rounds.
#[derive(Clone)]
struct Kind {
    clients: Clients,
    address: SocketAddr,
    threads: &'static [&'static str],
}

/// What came out for one kind.
#[derive(Default)]
struct Figures {
    rates: Vec<f64>,
    costs: Vec<f64>,
    waits: Vec<Duration>,
}

impl Figures {
    fn rate(&self) -> f64 {
        median(&self.rates)
    }

    fn cost(&self) -> f64 {
        median(&self.costs)
    }

    /// A wait in milliseconds; share 1 is the worst.
    fn wait(&self, share: f64) -> f64 {
        let mut waits = self.waits.clone();
        waits.sort_unstable();
        waits[((waits.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3
    }
}

/// Rate of the first kind as a multiple of the second: the median over neighbouring rounds.
fn ratio([first, second]: &[Figures; 2]) -> f64 {
    let ratios: Vec<f64> = first.rates.iter().zip(&second.rates).map(|(a, b)| a / b).collect();
    median(&ratios)
}

fn alternate(runtime: &Runtime, kinds: &[Kind; 2], exchange: &Exchange) -> [Figures; 2] {
    let mut figures = [Figures::default(), Figures::default()];
    for number in 0..=ROUNDS {
        for (kind, figures) in kinds.iter().zip(&mut figures) {
            let done = runtime.block_on(round(kind.clone(), exchange.clone()));
            // the first rounds fill caches
            if number > 0 {
                figures.rates.push(done.rate());
                figures.costs.push(done.cost());
                figures.waits.extend(done.waits);
            }
        }
    }
    figures
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let known = certificate("ccm-pub-2048");
    let trust = Trust::new([0, 2], 86_400).unwrap();
    let query = exchange(
        Ask::Query {
            subject: known.subject(NameForm::Cucm).into(),
            issuer: known.issuer(NameForm::Cucm).into(),
            serial: known.serial().to_vec(),
        },
        &Answer::Found(Found { certificate: known.der_shared(), trust: trust.clone() }),
    );
    let verify = exchange(Ask::Verify { certificate: known.der().to_vec() }, &Answer::Verified(trust));
    let x509 = X509::from_pem(&read("certs/tvs-2048.crt.pem")).unwrap();
    let key = SoftKey::from_pem(&read("certs/tvs-2048.key.pem")).unwrap();
    let context = phone_context(&x509, &[], key.openssl(), false).unwrap();

    let names = ["ccm-pub-2048", "ccm-sub-1024", "capf-2048", "tvs-2048", "app-2048", "itlrecovery-4096", "ec-p384"];
    let entries = names.map(|name| TvsEntry::new(certificate(name), vec![2, 0]));
    let counters = Arc::new(TvsCounters::default());
    let log = TvsLog::to_file(folder.path().join("tvs.log"), 10 << 20).unwrap();
    let server = TvsServer {
        tls: swappable(context.clone()),
        source: Arc::new(ArcSwap::from_pointee(TvsCache::new().with_database(entries))),
        log: log.clone(),
        limits: TvsLimits::default(),
        counters: Arc::clone(&counters),
    };
    let (full_runtime, clients) = (runtime("full"), runtime("clients"));
    let bind = |runtime: &Runtime| {
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    };
    let (listener, full) = bind(&full_runtime);
    let (stop, stopped) = watch::channel(false);
    let served = full_runtime.spawn(server.serve(listener, stopped));

    println!(
        "{ROUNDS} rounds of {} ms each, {CLIENTS} clients, RSA-2048, {}",
        ROUND.as_millis(),
        openssl::version::version()
    );
    println!();
    println!("requests on new connections:");
    println!(
        "| | TVS server, 1/s | bare loop, 1/s | ratio (wanted 0.90, goal 0.95) | processor, server | bare loop | wait p50 | p99 | worst (wanted < 100 ms) | worst, bare loop |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let versions = [("TLS 1.2", SslVersion::TLS1_2), ("TLS 1.3", SslVersion::TLS1_3)];
    let mut misses = 0;
    for (name, version) in versions {
        for (what, exchange) in [("QUERY", &query), ("VERIFY", &verify)] {
            let bare_runtime = runtime("bare");
            let (listener, simple) = bind(&bare_runtime);
            bare_runtime.spawn(bare(listener, context.clone(), exchange.clone()));
            let how = Clients::Fresh(client_context(version));
            let kinds = [
                Kind { clients: how.clone(), address: full, threads: FULL },
                Kind { clients: how, address: simple, threads: BARE },
            ];
            let figures = alternate(&clients, &kinds, exchange);
            let ratio = ratio(&figures);
            let [ours, bare] = figures;
            println!(
                "| {name} {what} | {:.0} | {:.0} | {ratio:.3} | {:.0} us | {:.0} us | {:.1} ms | {:.1} ms | {:.1} ms | {:.1} ms |",
                ours.rate(),
                bare.rate(),
                ours.cost(),
                bare.cost(),
                ours.wait(0.5),
                ours.wait(0.99),
                ours.wait(1.0),
                bare.wait(1.0)
            );
            misses += u32::from(ratio < 0.9) + u32::from(ours.wait(1.0) >= 100.0);
        }
    }
    println!();
    println!("TVS server, QUERY, with resumption:");
    println!(
        "| | resumed, 1/s | full handshake, 1/s | ratio (wanted 3) | processor, resumed | full | resumed by the server |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (name, version) in versions {
        let before = counters.resumed();
        let keeping = Clients::Resuming((0..CLIENTS).map(|_| connector(version)).collect());
        let fresh = Clients::Fresh(client_context(version));
        let kinds = [
            Kind { clients: keeping, address: full, threads: FULL },
            Kind { clients: fresh, address: full, threads: FULL },
        ];
        let figures = alternate(&clients, &kinds, &query);
        let ratio = ratio(&figures);
        let [resumed, fresh] = figures;
        println!(
            "| {name} | {:.0} | {:.0} | {ratio:.2} | {:.0} us | {:.0} us | {} |",
            resumed.rate(),
            fresh.rate(),
            resumed.cost(),
            fresh.cost(),
            counters.resumed() - before
        );
        misses += u32::from(ratio < 3.0);
    }
    println!();
    println!("log lines lost: {}; wanted figures missed: {misses}", log.dropped());
    stop.send_replace(true);
    full_runtime.block_on(served).unwrap().unwrap();
}
