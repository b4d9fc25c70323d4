//! TVS requests on new connections, beside a bare accept loop with the same library, context and runtime that reads a
//! request and writes fixed bytes; how long the slowest of 8 clients waits; and what resumption brings.
//!
//! `cargo bench -p daemon --bench tvs`
//!
//! Both servers run all the time in runtimes of their own; the clients ask one, then the other, in short rounds. The
//! medians of the rounds are compared, so that noise of the machine falls on both. Clients and servers share the
//! machine, and the clients' half of a handshake is in all figures.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)] // a benchmark may stop at the first surprise
#![allow(clippy::disallowed_methods)] // it measures with the clock

use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use daemon::tls::{phone_context_from_pem, swappable};
use daemon::tvs::{TvsCounters, TvsLimits, TvsLog, TvsServer};
use hyper_openssl::client::legacy::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use openssl::ssl::{
    Ssl, SslConnector, SslContext, SslContextBuilder, SslMethod, SslVerifyMode, SslVersion,
};
use pki::{Certificate, NameForm};
use ringfence_core::tvs::{TvsCache, TvsEntry};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio_openssl::SslStream;
use tower_service::Service;
use wire::tvs::{Answer, Ask, DeviceName, Found, Request, Trust};

const CLIENTS: usize = 8;
const ROUND: Duration = Duration::from_millis(400);
const ROUNDS: usize = 15;

fn read(name: &str) -> Vec<u8> {
    let path = format!(
        "{}/../../testdata/vectors/{name}",
        env!("CARGO_MANIFEST_DIR")
    );
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn certificate(name: &str) -> Certificate {
    Certificate::from_der(&read(&format!("certs/{name}.crt.der"))).unwrap()
}

fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
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
    let request = Request {
        session_id: 1001,
        device_name,
        ask,
    }
    .encode()
    .unwrap()
    .into();
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
async fn resuming(
    connector: &mut HttpsConnector<HttpConnector>,
    address: SocketAddr,
    exchange: &Exchange,
) {
    let uri = format!("https://{address}").parse().unwrap();
    std::future::poll_fn(|cx| connector.poll_ready(cx))
        .await
        .unwrap();
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

/// Waits of one round, and its length.
struct Round {
    waits: Vec<Duration>,
    took: Duration,
}

impl Round {
    fn rate(&self) -> f64 {
        self.waits.len() as f64 / self.took.as_secs_f64()
    }
}

/// What the clients do.
#[derive(Clone)]
enum Clients {
    Fresh(SslContext),
    Resuming(Vec<HttpsConnector<HttpConnector>>),
}

async fn round(clients: Clients, address: SocketAddr, exchange: Exchange) -> Round {
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
                        Clients::Resuming(all) => {
                            resuming(&mut all[index], address, &exchange).await
                        }
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
    Round {
        waits,
        took: start.elapsed(),
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Rates of two kinds of rounds in turn, and the waits of the first kind.
struct Pair {
    first: f64,
    second: f64,
    waits: Vec<Duration>,
}

fn alternate(
    clients: &Runtime,
    mut kinds: [(Clients, SocketAddr); 2],
    exchange: &Exchange,
) -> Pair {
    let mut rates = [Vec::new(), Vec::new()];
    let mut waits = Vec::new();
    for number in 0..=ROUNDS {
        for (kind, (how, address)) in kinds.iter_mut().enumerate() {
            let done = clients.block_on(round(how.clone(), *address, exchange.clone()));
            // the first rounds fill caches
            if number > 0 {
                rates[kind].push(done.rate());
                if kind == 0 {
                    waits.extend(done.waits);
                }
            }
        }
    }
    waits.sort_unstable();
    let [first, second] = rates.map(median);
    Pair {
        first,
        second,
        waits,
    }
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
        &Answer::Found(Found {
            certificate: known.der_shared(),
            trust: trust.clone(),
        }),
    );
    let verify = exchange(
        Ask::Verify {
            certificate: known.der().to_vec(),
        },
        &Answer::Verified(trust),
    );
    let context = phone_context_from_pem(
        &read("certs/tvs-2048.crt.pem"),
        &read("certs/tvs-2048.key.pem"),
        false,
    )
    .unwrap();

    let names = [
        "ccm-pub-2048",
        "ccm-sub-1024",
        "capf-2048",
        "tvs-2048",
        "app-2048",
        "itlrecovery-4096",
        "ec-p384",
    ];
    let entries = names.map(|name| TvsEntry::new(certificate(name), vec![2, 0]));
    let counters = Arc::new(TvsCounters::default());
    let log = TvsLog::to_file(folder.path().join("tvs.log"), 10 << 20).unwrap();
    let server = TvsServer {
        tls: swappable(context.clone()),
        source: Arc::new(ArcSwap::from_pointee(
            TvsCache::new().with_database(entries),
        )),
        log: log.clone(),
        limits: TvsLimits::default(),
        counters: Arc::clone(&counters),
    };
    let (full_runtime, clients) = (runtime(), runtime());
    let bind = |runtime: &Runtime| {
        let listener = runtime
            .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .unwrap();
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
    println!(
        "| new connections | TVS server, requests/s | bare loop, requests/s | ratio (wanted 0.90, goal 0.95) | wait p50 | p99 | worst (wanted < 100 ms) |"
    );
    println!("|---|---|---|---|---|---|---|");
    let versions = [
        ("TLS 1.2", SslVersion::TLS1_2),
        ("TLS 1.3", SslVersion::TLS1_3),
    ];
    let mut misses = 0;
    for (name, version) in versions {
        for (kind, exchange) in [("QUERY", &query), ("VERIFY", &verify)] {
            let bare_runtime = runtime();
            let (listener, simple) = bind(&bare_runtime);
            bare_runtime.spawn(bare(listener, context.clone(), exchange.clone()));
            let how = Clients::Fresh(client_context(version));
            let pair = alternate(&clients, [(how.clone(), full), (how, simple)], exchange);
            let ratio = pair.first / pair.second;
            let at = |share: f64| {
                pair.waits[((pair.waits.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3
            };
            println!(
                "| {name} {kind} | {:.0} | {:.0} | {ratio:.3} | {:.1} ms | {:.1} ms | {:.1} ms |",
                pair.first,
                pair.second,
                at(0.5),
                at(0.99),
                at(1.0)
            );
            misses += u32::from(ratio < 0.9) + u32::from(at(1.0) >= 100.0);
        }
    }
    println!();
    println!(
        "| TVS server, QUERY | resumed, requests/s | full handshake, requests/s | ratio (wanted 3) | resumed by the server |"
    );
    println!("|---|---|---|---|---|");
    for (name, version) in versions {
        let before = counters.resumed();
        let keeping = Clients::Resuming((0..CLIENTS).map(|_| connector(version)).collect());
        let fresh = Clients::Fresh(client_context(version));
        let pair = alternate(&clients, [(keeping, full), (fresh, full)], &query);
        let ratio = pair.first / pair.second;
        let resumed = counters.resumed() - before;
        println!(
            "| {name} | {:.0} | {:.0} | {ratio:.2} | {resumed} |",
            pair.first, pair.second
        );
        misses += u32::from(ratio < 3.0);
    }
    println!();
    println!(
        "log lines lost: {}; wanted figures missed: {misses}",
        log.dropped()
    );
    stop.send_replace(true);
    full_runtime.block_on(served).unwrap().unwrap();
}
