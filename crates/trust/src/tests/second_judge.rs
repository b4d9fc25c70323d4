//! The rule for trust lists held against a judge that shares no code with it: it knows files by what was put into them, and
//! never looks at their bytes.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

const SIGNERS: [&str; 3] = ["ccm-pub-1024", "ccm-sub-1024", "foreign-ca"];
/// TVS knows all but the last one.
const STRANGER: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Contents {
    /// SAST, CCM+TFTP (or TFTP), and in an ITL a TVS.
    Full,
    /// The same with nothing in the records for configs and TVS.
    Emptied,
    /// The SAST alone.
    Small,
    Nothing,
}

#[derive(Debug)]
struct File {
    kind: ListKind,
    signer: usize,
    contents: Contents,
    forged: bool,
    bytes: Vec<u8>,
}

static FILES: LazyLock<Vec<File>> = LazyLock::new(|| {
    let tvs = owner("tvs-2048");
    let mut files = Vec::new();
    for kind in [ListKind::Ctl, ListKind::Itl] {
        for (signer, name) in SIGNERS.iter().enumerate() {
            for contents in [Contents::Full, Contents::Emptied, Contents::Small, Contents::Nothing] {
                for forged in [false, true] {
                    let signs = owner(name);
                    let mut records = vec![record(Role::SAST, &signs)];
                    let configs = if kind == ListKind::Ctl { Role::CCM_TFTP } else { Role::TFTP };
                    match contents {
                        Contents::Full => records.push(record(configs, &signs)),
                        Contents::Emptied => records.push(RecordSpec::emptied(configs, "node", Ipv4Addr::LOCALHOST)),
                        Contents::Small => {}
                        Contents::Nothing => records.clear(),
                    }
                    if kind == ListKind::Itl && contents == Contents::Full {
                        records.push(hashed(Role::TVS, &tvs));
                    }
                    let mut bytes = signed_list(kind, &records, &signs, DigestId::SHA1);
                    if forged {
                        let place = bytes.windows(4).position(|part| part == [0x65, 0x53, 0xf1, 0x00]).unwrap();
                        bytes[place + 3] ^= 1;
                    }
                    files.push(File { kind, signer, contents, forged, bytes });
                }
            }
        }
    }
    files
});

#[derive(Debug, Clone, Copy)]
enum Event {
    Boot,
    Erase,
    Servers(bool),
    Offer(usize),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => Just(Event::Boot),
        1 => Just(Event::Erase),
        1 => any::<bool>().prop_map(Event::Servers),
        12 => (0..FILES.len()).prop_map(Event::Offer),
    ]
}

/// What a phone is to the other judge.
#[derive(Default)]
struct Other {
    ctl: Option<usize>,
    itl: Option<usize>,
    booted_bare: bool,
    servers: bool,
}

impl Other {
    fn new() -> Self {
        Self { booted_bare: true, ..Self::default() }
    }

    fn contents(held: Option<usize>) -> Option<Contents> {
        held.map(|index| FILES[index].contents)
    }

    /// By the sentences of the sources alone [sources/trust-lists#acceptance].
    fn believes(&self, index: usize) -> bool {
        let file = &FILES[index];
        let stored = if file.kind == ListKind::Ctl { self.ctl } else { self.itl };
        if stored == Some(index) || (stored.is_none() && self.booted_bare) {
            return true;
        }
        let checks_configs = Self::contents(self.ctl) == Some(Contents::Full);
        if file.kind == ListKind::Itl && Self::contents(self.itl) == Some(Contents::Emptied) && !checks_configs {
            return true;
        }
        if file.forged {
            return false;
        }
        let signers = [self.ctl, self.itl].into_iter().flatten().map(|held| FILES[held].signer);
        if signers.into_iter().any(|signer| signer == file.signer) {
            return true;
        }
        let tvs = Self::contents(self.itl) == Some(Contents::Full) && self.servers;
        tvs && file.signer != STRANGER
    }

    fn take(&mut self, index: usize) {
        let held = (FILES[index].contents != Contents::Nothing).then_some(index);
        match FILES[index].kind {
            ListKind::Ctl => self.ctl = held,
            ListKind::Itl => self.itl = held,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn two_judges_agree(events in proptest::collection::vec(event(), 1..60)) {
        let owners = SIGNERS.map(owner);
        let mut belief = Belief::new(model("8861"));
        let mut other = Other::new();
        for event in events {
            match event {
                Event::Boot => {
                    belief.boot_begins();
                    other.booted_bare = other.ctl.is_none() && other.itl.is_none();
                }
                Event::Erase => {
                    belief.erase_lists();
                    (other.ctl, other.itl, other.booted_bare) = (None, None, true);
                }
                Event::Servers(there) => {
                    let server = TvsServer { address: "cucm-pub".to_owned(), port: 2445 };
                    belief.set_tvs_servers(if there { vec![server] } else { Vec::new() });
                    other.servers = there;
                }
                Event::Offer(index) => {
                    let file = &FILES[index];
                    let offer = match file.kind {
                        ListKind::Ctl => Offer::Ctl(&file.bytes),
                        ListKind::Itl => Offer::Itl(&file.bytes),
                    };
                    let verdict = match judge(&belief, &offer) {
                        Decision::Final(verdict) => verdict,
                        Decision::AskTvs(_) if file.signer == STRANGER => {
                            judge_with_answer(&belief, &offer, &answered(Answer::NotValid))
                        }
                        Decision::AskTvs(_) => judge_with_answer(&belief, &offer, &found(&owners[file.signer], &[0, 2])),
                    };
                    prop_assert_eq!(verdict.is_accepted(), other.believes(index), "{}", verdict.reason());
                    if let Verdict::Accepted(accepted) = verdict {
                        belief.apply(&accepted);
                        other.take(index);
                    }
                }
            }
        }
    }
}
