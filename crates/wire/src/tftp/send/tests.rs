//! What a transfer sends, and when.

use super::*;

struct Bench {
    transfer: Transfer<Vec<u8>>,
    now: Instant,
    burst: Burst,
}

#[allow(clippy::disallowed_methods)] // any origin of time will do
fn start(data: Vec<u8>, mode: Mode, options: Options) -> Bench {
    let now = Instant::now();
    let mut transfer = Transfer::new(data, mode, &options, &Caps::default(), Pace::default(), now);
    let mut burst = Burst::new();
    transfer.start(&mut burst);
    Bench { transfer, now, burst }
}

impl Bench {
    fn ack(&mut self, block: u16) -> Step {
        let bytes = Packet::Ack { block }.to_bytes();
        self.transfer.datagram(self.now, &bytes, &mut self.burst)
    }

    /// Numbers of the blocks in the burst.
    fn blocks(&self) -> Vec<u16> {
        self.burst
            .datagrams()
            .map(|d| match Packet::decode(d).unwrap() {
                Packet::Data { block, .. } => block,
                other => panic!("not data: {other:?}"),
            })
            .collect()
    }

    fn wait(&mut self, seconds: u64) -> Step {
        self.now += Duration::from_secs(seconds);
        self.transfer.timeout(self.now, &mut self.burst)
    }
}

#[test]
fn empty_file_is_one_empty_block() {
    let mut bench = start(vec![], Mode::Octet, Options::default());
    assert_eq!(bench.burst.bytes(), b"\0\x03\0\x01");
    assert!(bench.transfer.all_sent());
    assert_eq!(bench.ack(1), Step::Done);
}

#[test]
fn whole_blocks_are_followed_by_an_empty_one() {
    let mut bench = start(vec![7; 1024], Mode::Octet, Options::default());
    assert_eq!(bench.ack(1), Step::Wait);
    assert_eq!(bench.burst.bytes().len(), 516);
    assert_eq!(bench.ack(2), Step::Wait);
    assert_eq!(bench.burst.bytes(), b"\0\x03\0\x03");
    assert_eq!(bench.ack(3), Step::Done);
}

#[test]
fn a_repeated_acknowledgement_sends_nothing() {
    let mut bench = start(vec![7; 2000], Mode::Octet, Options::default());
    assert_eq!(bench.ack(1), Step::Wait);
    assert_eq!(bench.blocks(), [2]);
    for stray in [1, 0, 9, 65535] {
        assert_eq!(bench.ack(stray), Step::Wait);
        assert!(bench.burst.bytes().is_empty(), "ACK {stray}");
    }
}

#[test]
fn options_come_first() {
    let asked = Options { block_size: Some(1000), transfer_size: Some(0), ..Options::default() };
    let mut bench = start(vec![7; 1500], Mode::Octet, asked);
    let oack = Packet::OptionAck(Options { transfer_size: Some(1500), ..asked });
    assert_eq!(Packet::decode(bench.burst.bytes()).unwrap(), oack);
    assert_eq!(bench.ack(7), Step::Wait);
    assert!(bench.burst.bytes().is_empty());
    assert_eq!(bench.wait(1), Step::Wait);
    assert_eq!(Packet::decode(bench.burst.bytes()).unwrap(), oack);
    assert_eq!(bench.ack(0), Step::Wait);
    assert_eq!(bench.blocks(), [1]);
    assert_eq!(bench.ack(1), Step::Wait);
    assert_eq!(bench.ack(2), Step::Done);
}

#[test]
fn windows_go_on_behind_the_acknowledged_block() {
    let asked = Options { block_size: Some(8), window: Some(4), ..Options::default() };
    let mut bench = start((0..80).collect(), Mode::Octet, asked);
    assert_eq!(bench.ack(0), Step::Wait);
    assert_eq!(bench.blocks(), [1, 2, 3, 4]);
    // block 3 was lost
    assert_eq!(bench.ack(2), Step::Wait);
    assert_eq!(bench.blocks(), [3, 4, 5, 6]);
    // block 3 was lost again: once at once, then only by the clock
    assert_eq!(bench.ack(2), Step::Wait);
    assert_eq!(bench.blocks(), [3, 4, 5, 6]);
    assert_eq!(bench.ack(2), Step::Wait);
    assert!(bench.burst.bytes().is_empty());
    assert_eq!(bench.wait(1), Step::Wait);
    assert_eq!(bench.blocks(), [3, 4, 5, 6]);
    assert_eq!(bench.ack(6), Step::Wait);
    assert_eq!(bench.blocks(), [7, 8, 9, 10]);
    assert_eq!(bench.ack(10), Step::Wait);
    assert_eq!(bench.blocks(), [11]);
    assert_eq!(bench.ack(11), Step::Done);
    assert_eq!(bench.transfer.resent(), 3);
}

#[test]
fn waits_double_and_end() {
    let mut bench = start(vec![7; 600], Mode::Octet, Options::default());
    assert_eq!(bench.ack(1), Step::Wait);
    for wait in [1, 2, 4, 8, 8, 8] {
        assert_eq!(bench.wait(wait - 1), Step::Wait);
        assert!(bench.burst.bytes().is_empty());
        assert_eq!(bench.wait(1), Step::Wait);
        assert_eq!(bench.blocks(), [2]);
    }
    assert_eq!(bench.wait(8), Step::Failed(Failure::NoAnswer { block: 2, tries: 6 }));
    assert!(matches!(Packet::decode(bench.burst.bytes()), Ok(Packet::Error { .. })));
}

/// Seconds at which something is sent until it ends, and the end.
fn unheard(timeout: Option<u8>) -> (Vec<u64>, u64) {
    let mut bench = start(vec![7; 600], Mode::Octet, Options { timeout, ..Options::default() });
    let mut sent = vec![0];
    for second in 1.. {
        match bench.wait(1) {
            Step::Failed(Failure::NoAnswer { .. }) => {
                assert!(bench.burst.bytes().is_empty(), "nobody is there to be told");
                return (sent, second);
            }
            step => assert_eq!(step, Step::Wait),
        }
        if !bench.burst.bytes().is_empty() {
            sent.push(second);
        }
    }
    unreachable!("it ends");
}

#[test]
fn without_an_acknowledgement_it_is_sent_three_times_in_ten_seconds_whatever_was_asked() {
    assert_eq!(unheard(None), (vec![0, 1, 3], 10));
    for (timeout, sent) in [(1, [0, 1, 2]), (2, [0, 2, 4]), (3, [0, 3, 6]), (4, [0, 4, 8]), (255, [0, 4, 8])] {
        assert_eq!(unheard(Some(timeout)), (sent.to_vec(), 10), "timeout={timeout}");
    }
    // One that was heard keeps what was agreed.
    let mut bench = start(vec![7; 600], Mode::Octet, Options { timeout: Some(255), ..Options::default() });
    assert!(!bench.transfer.heard());
    assert_eq!(bench.ack(0), Step::Wait);
    assert!(bench.transfer.heard());
    assert_eq!(bench.wait(254), Step::Wait);
    assert!(bench.burst.bytes().is_empty());
    assert_eq!(bench.wait(1), Step::Wait);
    assert_eq!(bench.blocks(), [1]);
}

#[test]
fn an_agreed_timeout_is_kept() {
    let mut bench = start(vec![7; 10], Mode::Octet, Options { timeout: Some(3), ..Options::default() });
    assert_eq!(bench.ack(0), Step::Wait);
    for _ in 0..6 {
        assert_eq!(bench.wait(2), Step::Wait);
        assert!(bench.burst.bytes().is_empty());
        assert_eq!(bench.wait(1), Step::Wait);
        assert_eq!(bench.blocks(), [1]);
    }
    assert!(matches!(bench.wait(3), Step::Failed(_)));
}

#[test]
fn block_numbers_roll_over() {
    let asked = Options { block_size: Some(8), window: Some(64), ..Options::default() };
    let size = 8 * 70_000 + 3;
    let mut bench = start((0..size).map(|i| (i / 8 % 251) as u8).collect(), Mode::Octet, asked);
    assert_eq!(bench.ack(0), Step::Wait);
    let mut got = Vec::new();
    loop {
        let mut last = 0;
        for datagram in bench.burst.datagrams() {
            let Packet::Data { block, data } = Packet::decode(datagram).unwrap() else { panic!("no data") };
            got.extend_from_slice(data);
            last = block;
        }
        if bench.ack(last) == Step::Done {
            break;
        }
    }
    assert_eq!(got.len(), size);
    assert!(got.iter().enumerate().all(|(i, &b)| b == (i / 8 % 251) as u8));
}

#[test]
fn netascii_is_converted_on_the_way() {
    let asked = Options { block_size: Some(8), transfer_size: Some(0), window: Some(2), ..Options::default() };
    let data = b"line one\nline two\r\nand three\n".to_vec();
    let mut bench = start(data.clone(), Mode::Netascii, asked);
    let size = netascii::encoded_len(&data);
    let oack = Packet::OptionAck(Options { transfer_size: Some(size), ..asked });
    assert_eq!(Packet::decode(bench.burst.bytes()).unwrap(), oack);
    assert_eq!(bench.ack(0), Step::Wait);
    let mut got = Vec::new();
    let mut block = 0;
    loop {
        // the client takes the first block of each window only
        let Packet::Data { data, .. } = Packet::decode(bench.burst.datagrams().next().unwrap()).unwrap() else {
            panic!("no data")
        };
        got.extend_from_slice(data);
        block += 1;
        if bench.ack(block) == Step::Done {
            break;
        }
    }
    assert_eq!(got.len() as u64, size);
    assert_eq!(netascii::decode(&got), data);
}

/// Bytes of which a piece is at hand.
struct Brought {
    all: Vec<u8>,
    piece: std::ops::Range<u64>,
}

impl Data for Brought {
    fn length(&self) -> u64 {
        self.all.len() as u64
    }

    fn at_hand(&self, from: u64, count: usize) -> Option<&[u8]> {
        let until = (from + count as u64).min(self.length());
        let there = self.piece.start <= from && until <= self.piece.end;
        there.then(|| &self.all[from as usize..until as usize])
    }

    fn whole(&self) -> Option<&[u8]> {
        None
    }
}

#[test]
#[allow(clippy::disallowed_methods)] // any origin of time will do
fn what_is_not_at_hand_is_brought_window_by_window() {
    for (size, window) in [(0, None), (8, None), (100, Some(1)), (100, Some(3)), (96, Some(4)), (100, Some(64))] {
        let (now, mut burst) = (Instant::now(), Burst::new());
        let asked = Options { block_size: Some(8), window, ..Options::default() };
        let data = Brought { all: (0..size).collect(), piece: 0..0 };
        let mut transfer = Transfer::new(data, Mode::Octet, &asked, &Caps::default(), Pace::default(), now);
        transfer.start(&mut burst);
        assert_eq!(transfer.needs(), None, "the OACK needs nothing");
        let (mut got, mut acked) = (Vec::new(), 0);
        loop {
            let step = transfer.datagram(now, &Packet::Ack { block: acked }.to_bytes(), &mut burst);
            if step == Step::Done {
                break;
            }
            if let Some(needed) = transfer.needs() {
                assert!(burst.bytes().is_empty(), "a window goes out whole");
                let again = transfer.timeout(now + Duration::from_secs(2), &mut burst);
                assert!(again == Step::Wait && burst.bytes().is_empty(), "nothing to send again yet");
                assert!(needed.end - needed.start <= 8 * u64::from(transfer.window()));
                transfer.data_mut().piece = needed;
                transfer.go_on(&mut burst);
                assert_eq!(transfer.needs(), None);
            }
            for datagram in burst.datagrams() {
                let Packet::Data { block, data } = Packet::decode(datagram).unwrap() else { panic!("no data") };
                got.extend_from_slice(data);
                acked = block;
            }
        }
        assert_eq!(got, (0..size).collect::<Vec<u8>>(), "{size} bytes, window {window:?}");
    }
}

/// What ends a transfer, and the error that is told.
fn told_to_end() -> [(Vec<u8>, bool); 2] {
    let error = Packet::Error { code: ErrorCode::DiskFull, text: "full".into() }.to_bytes();
    [(error, false), (b"GET / HTTP/1.0".to_vec(), true)]
}

#[test]
fn error_and_nonsense_end_it_when_no_acknowledgement_follows() {
    for (datagram, confused) in told_to_end() {
        let mut bench = start(vec![7; 2000], Mode::Octet, Options::default());
        let step = bench.transfer.datagram(bench.now, &datagram, &mut bench.burst);
        assert!(step == Step::Wait && bench.transfer.doubts() && bench.burst.bytes().is_empty());
        let until = bench.transfer.deadline();
        assert_eq!(until, bench.now + DOUBT);
        // said again, or nothing new acknowledged: no longer
        for again in [datagram.as_slice(), &Packet::Ack { block: 0 }.to_bytes()] {
            assert_eq!(bench.transfer.datagram(bench.now + DOUBT / 2, again, &mut bench.burst), Step::Wait);
            assert_eq!(bench.transfer.deadline(), until);
        }
        let step = bench.transfer.timeout(until, &mut bench.burst);
        if confused {
            assert!(matches!(step, Step::Failed(Failure::Confused(_))), "{step:?}");
            let told = Packet::decode(bench.burst.bytes());
            assert!(matches!(told, Ok(Packet::Error { code: ErrorCode::IllegalOperation, .. })));
        } else {
            assert_eq!(step, Step::Failed(Failure::Refused { code: ErrorCode::DiskFull, text: "full".into() }));
            assert!(bench.burst.bytes().is_empty());
        }
    }
}

#[test]
fn what_somebody_else_says_in_the_name_of_the_client_does_no_harm() {
    for (datagram, _) in told_to_end() {
        let mut bench = start(vec![7; 2000], Mode::Octet, Options::default());
        for block in 1..=4 {
            assert_eq!(bench.transfer.datagram(bench.now, &datagram, &mut bench.burst), Step::Wait);
            let step = bench.ack(block);
            assert_eq!(step, if block == 4 { Step::Done } else { Step::Wait });
            assert!(!bench.transfer.doubts());
            assert!(bench.transfer.deadline() > bench.now + DOUBT);
        }
    }
}

#[test]
fn a_client_that_was_heard_is_asked_once_more_before_its_end_is_believed() {
    for (datagram, confused) in told_to_end() {
        let mut bench = start(vec![7; 2000], Mode::Octet, Options::default());
        for block in 1..=2 {
            assert_eq!(bench.ack(block), Step::Wait);
            assert_eq!(bench.transfer.datagram(bench.now, &datagram, &mut bench.burst), Step::Wait);
            bench.now += DOUBT;
            assert_eq!(bench.transfer.timeout(bench.now, &mut bench.burst), Step::Wait);
            assert_eq!(bench.blocks(), [block + 1], "what may have been lost");
            assert!(bench.transfer.doubts());
            assert_eq!(bench.transfer.deadline(), bench.now + DOUBT);
        }
        bench.now += DOUBT;
        let step = bench.transfer.timeout(bench.now, &mut bench.burst);
        assert_eq!(matches!(step, Step::Failed(Failure::Confused(_))), confused, "{step:?}");
        assert_eq!(matches!(step, Step::Failed(Failure::Refused { .. })), !confused, "{step:?}");
    }
}

#[test]
fn a_client_that_asked_for_something_else_gets_no_more_of_the_first_file() {
    for (datagram, _) in told_to_end() {
        let mut bench = start(vec![7; 2000], Mode::Octet, Options::default());
        assert_eq!(bench.ack(1), Step::Wait);
        assert_eq!(bench.transfer.datagram(bench.now, &datagram, &mut bench.burst), Step::Wait);
        bench.transfer.ask_no_more();
        bench.now += DOUBT;
        assert!(matches!(bench.transfer.timeout(bench.now, &mut bench.burst), Step::Failed(_)));
    }
}
