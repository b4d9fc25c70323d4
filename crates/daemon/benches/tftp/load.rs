//! The client: keeps so many transfers going for a time, each from its own port, all on one thread.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use socket2::{Domain, Socket, Type};
use wire::tftp::{Download, Mode, Options, Progress, Wish};

/// What to fetch, from where, how long.
pub struct Job<'a> {
    pub server: SocketAddr,
    pub file: &'a str,
    pub wanted: &'a [u8],
    pub clients: usize,
    pub options: Options,
    pub time: Duration,
}

/// What came of it.
#[derive(Clone)]
pub struct Outcome {
    pub transfers: usize,
    pub elapsed: Duration,
    /// Longest transfer.
    pub worst: Duration,
    /// Times that a client waited in vain for a second.
    pub repeated: usize,
    /// The window that was agreed on.
    pub window: u16,
    /// Processor time of the server, filled in by the caller.
    pub server_cpu: Duration,
}

impl Outcome {
    pub fn per_second(&self) -> f64 {
        self.transfers as f64 / self.elapsed.as_secs_f64()
    }
}

struct Client {
    socket: UdpSocket,
    download: Option<Download>,
    since: Instant,
}

impl Client {
    fn new(epoll: &Epoll, index: usize) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM.nonblocking(), None).unwrap();
        socket.set_recv_buffer_size(1 << 20).unwrap();
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        let socket = UdpSocket::from(socket);
        epoll.add(&socket, EpollEvent::new(EpollFlags::EPOLLIN, index as u64)).unwrap();
        Self { socket, download: None, since: Instant::now() }
    }

    fn start(&mut self, job: &Job<'_>) {
        self.since = Instant::now();
        let wish = Wish {
            file: job.file.into(),
            mode: Mode::Octet,
            options: job.options,
            max_size: job.wanted.len() as u64,
            wait: Duration::from_secs(1),
            retries: 10,
        };
        let (download, (to, request)) = Download::new(wish, job.server, self.since);
        self.download = Some(download);
        self.socket.send_to(&request, to).unwrap();
    }
}

/// Runs a job. Any failed or wrong transfer stops the benchmark.
pub fn run(job: &Job<'_>) -> Outcome {
    let epoll = Epoll::new(EpollCreateFlags::empty()).unwrap();
    let begin = Instant::now();
    let mut clients: Vec<Client> = (0..job.clients).map(|index| Client::new(&epoll, index)).collect();
    for client in &mut clients {
        client.start(job);
    }
    let mut outcome = Outcome {
        transfers: 0,
        elapsed: Duration::ZERO,
        worst: Duration::ZERO,
        repeated: 0,
        window: 1,
        server_cpu: Duration::ZERO,
    };
    let mut events = [EpollEvent::empty(); 64];
    let mut room = vec![0; 70_000];
    let mut out = Vec::new();
    let mut looked = begin;
    let mut running = clients.len();
    while running > 0 {
        let count = epoll.wait(&mut events, 100u16).unwrap();
        let now = Instant::now();
        for event in events.iter().take(count) {
            let index = event.data() as usize;
            let client = &mut clients[index];
            // the rest of a window has come together; one datagram a turn would measure this client
            for _ in 0..job.options.window.unwrap_or(1) {
                let Some(download) = &mut client.download else { break };
                let Ok((length, from)) = client.socket.recv_from(&mut room) else { break };
                let progress = download.datagram(now, from, &room[..length], &mut out);
                for (to, bytes) in out.drain(..) {
                    client.socket.send_to(&bytes, to).unwrap();
                }
                if progress.unwrap_or_else(|e| panic!("{} of {}: {e}", job.file, job.server)) == Progress::Done {
                    let download = client.download.take().unwrap();
                    outcome.window = download.agreed().1;
                    assert!(download.into_bytes() == job.wanted, "wrong bytes from {}", job.server);
                    outcome.transfers += 1;
                    outcome.worst = outcome.worst.max(client.since.elapsed());
                    if begin.elapsed() < job.time {
                        client.start(job);
                    } else {
                        running -= 1;
                    }
                    break;
                }
            }
        }
        if now - looked > Duration::from_millis(100) {
            looked = now;
            for client in &mut clients {
                if let Some(download) = &mut client.download {
                    if let Err(error) = download.timeout(now, &mut out) {
                        panic!("{} of {}: {error}", job.file, job.server);
                    }
                    outcome.repeated += out.len();
                    for (to, bytes) in out.drain(..) {
                        client.socket.send_to(&bytes, to).unwrap();
                    }
                }
            }
        }
    }
    outcome.elapsed = begin.elapsed();
    outcome
}
