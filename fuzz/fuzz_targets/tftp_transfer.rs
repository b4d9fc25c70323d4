//! Both ends of a read over a network that loses, doubles and reorders: what arrives is the file, and it arrives as soon
//! as the network behaves.

#![no_main]

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use wire::tftp::{Burst, Caps, Download, Mode, Options, Pace, Packet, Progress, Step, Transfer, Wish};

/// No number of losses that fits an input may end a transfer.
const RETRIES: u8 = u8::MAX;
/// Inputs are cut here, so that losses stay below [`RETRIES`].
const ACTIONS: usize = 200;
/// Far more than a transfer of the largest file needs.
const ENOUGH: usize = 20_000;

const LISTENER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 69);
const PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1069);

struct World {
    now: Instant,
    file: Vec<u8>,
    server: Option<Transfer<Vec<u8>>>,
    client: Download,
    to_server: VecDeque<(SocketAddr, Vec<u8>)>,
    to_client: VecDeque<Vec<u8>>,
    arrived: bool,
}

impl World {
    fn new(settings: [u8; 4]) -> Self {
        let [choice, size_high, size_low, text] = settings;
        let pick =
            |options: &[Option<u16>], index: u8| options.get(usize::from(index) % options.len()).copied().flatten();
        let options = Options {
            block_size: pick(&[None, Some(8), Some(9), Some(100), Some(1428)], choice),
            window: pick(&[None, Some(1), Some(2), Some(3), Some(8), Some(64)], choice >> 3),
            timeout: (choice & 0x40 != 0).then_some(2),
            transfer_size: (choice & 0x80 != 0).then_some(0),
        };
        let mode = if text & 1 == 0 { Mode::Octet } else { Mode::Netascii };
        let size = usize::from(u16::from_be_bytes([size_high, size_low])) % 3000;
        // line ends at odd places, so that netascii pairs fall on the edges of blocks
        let file = (0..size).map(|at| *b"a\nb\r\r\ncde".get((at * 7 + usize::from(text)) % 9).unwrap_or(&0)).collect();
        let now = Instant::now();
        let wish = Wish {
            file: "SEP001122334455.cnf.xml".to_owned(),
            mode,
            options,
            max_size: 10_000,
            wait: Duration::from_secs(1),
            retries: RETRIES,
        };
        let (client, request) = Download::new(wish, LISTENER, now);
        Self {
            now,
            file,
            server: None,
            client,
            to_server: VecDeque::from([request]),
            to_client: VecDeque::new(),
            arrived: false,
        }
    }

    fn deliver_to_server(&mut self) {
        let Some((address, datagram)) = self.to_server.pop_front() else {
            return;
        };
        let mut burst = Burst::new();
        match (&mut self.server, address == LISTENER) {
            (None, true) => {
                let Ok(Packet::Read(request)) = Packet::decode(&datagram) else {
                    panic!("the client asks with a read request");
                };
                let pace = Pace {
                    retries: RETRIES,
                    unheard: Duration::from_secs(100_000),
                    unheard_sends: RETRIES,
                    ..Pace::default()
                };
                let mut transfer =
                    Transfer::new(self.file.clone(), request.mode, &request.options, &Caps::default(), pace, self.now);
                transfer.start(&mut burst);
                self.server = Some(transfer);
            }
            // the listener ignores a request whose transfer runs
            (Some(_), true) | (None, false) => {}
            (Some(transfer), false) => {
                if let Step::Failed(failure) = transfer.datagram(self.now, &datagram, &mut burst) {
                    panic!("the server gave up: {failure}");
                }
            }
        }
        self.to_client.extend(burst.datagrams().map(<[u8]>::to_vec));
    }

    fn deliver_to_client(&mut self) {
        let Some(datagram) = self.to_client.pop_front() else {
            return;
        };
        let mut out = Vec::new();
        match self.client.datagram(self.now, PORT, &datagram, &mut out) {
            Ok(Progress::Done) => self.arrived = true,
            Ok(Progress::More) => {
                assert!(!self.arrived, "a file that was complete is not any more")
            }
            Err(error) => panic!("the client gave up: {error}"),
        }
        self.to_server.extend(out);
    }

    /// The next alarm rings.
    fn wait(&mut self) {
        let server = self.server.as_ref().map(Transfer::deadline);
        self.now = self.now.max(server.map_or(self.client.deadline(), |server| server.min(self.client.deadline())));
        let mut burst = Burst::new();
        if let Some(transfer) = &mut self.server {
            // a client that is done and silent ends it, that is no failure of the file
            let step = transfer.timeout(self.now, &mut burst);
            assert!(self.arrived || !matches!(step, Step::Failed(_)), "{step:?}");
        }
        self.to_client.extend(burst.datagrams().map(<[u8]>::to_vec));
        let mut out = Vec::new();
        let progress = self.client.timeout(self.now, &mut out).expect("fewer losses than repetitions");
        assert_eq!(progress == Progress::Done, self.arrived);
        self.to_server.extend(out);
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((settings, actions)) = input.split_first_chunk::<4>() else {
        return;
    };
    let mut world = World::new(*settings);
    for action in actions.iter().take(ACTIONS) {
        match action % 10 {
            0..=2 => world.deliver_to_client(),
            3..=4 => world.deliver_to_server(),
            5 => drop(world.to_client.pop_front()),
            6 => drop(world.to_server.pop_front()),
            7 => {
                let double = world.to_client.front().cloned();
                world.to_client.extend(double);
            }
            8 => {
                let length = world.to_client.len();
                world.to_client.rotate_left(length.min(1));
            }
            _ => world.wait(),
        }
    }
    // from here on nothing is lost
    let mut steps = 0;
    while !world.arrived {
        steps += 1;
        assert!(steps < ENOUGH, "the file does not arrive");
        if !world.to_client.is_empty() {
            world.deliver_to_client();
        } else if !world.to_server.is_empty() {
            world.deliver_to_server();
        } else {
            world.wait();
        }
    }
    if let (Some(announced), Some(server)) = (world.client.announced(), &world.server) {
        assert_eq!(announced, server.size());
    }
    assert_eq!(world.client.into_bytes(), world.file);
});
