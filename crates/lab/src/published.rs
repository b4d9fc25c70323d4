//! The names, addresses and serial numbers that the lab clusters have: those of [sources/published-clusters#two-nodes].

use cluster::Surroundings;
use cluster::nodes::{NewCluster, NewNode, SubjectParts};
use cluster::releases::Release;
use cluster::surroundings::{MakeRsaKey, SERIAL_LENGTH};
use cluster::units::Unit;
use daemon::surroundings::System;
use pki::{Random, RandomError};

use crate::keys::LabKeys;

/// Host name of the publisher.
pub const PUBLISHER: &str = "cucm-1051-a-pub";
/// Host name of the subscriber.
pub const SUBSCRIBER: &str = "cucm-1051-a-sub1";

/// The serial numbers that are printed there, in the order in which a node's unit gets them.
const SERIALS: [(&str, Unit, u128); 4] = [
    (PUBLISHER, Unit::CallManager, 0x70CA_F64E_0907_51B9_DF22_F49F_754F_C5BB),
    (PUBLISHER, Unit::CallManager, 0x6B1D_357B_6841_740B_078F_EE4A_1813_D5D6),
    (PUBLISHER, Unit::Capf, 0x744B_4999_7704_96E7_99E9_1E81_D3C8_109B),
    (SUBSCRIBER, Unit::CallManager, 0x6BEB_FDCD_CD8C_A277_CB2F_D1D1_83A6_0E72),
];

/// Host name of the publisher of another cluster.
pub const OTHER_PUBLISHER: &str = "cucm-1051-b-pub";
/// Host name of its subscriber.
const OTHER_SUBSCRIBER: &str = "cucm-1051-b-sub1";

/// The printed cluster: two nodes on addresses of their own.
pub fn cluster(release: &'static Release) -> NewCluster {
    two_nodes(release, [(PUBLISHER, [127, 0, 0, 1]), (SUBSCRIBER, [127, 0, 0, 2])])
}

/// The same on addresses that are as long as the printed ones: the CTL client writes them as text.
pub fn cluster_of_tokens(release: &'static Release) -> NewCluster {
    two_nodes(release, [(PUBLISHER, [127, 0, 47, 155]), (SUBSCRIBER, [127, 0, 47, 156])])
}

/// Another cluster, to which phones move.
pub fn other_cluster(release: &'static Release) -> NewCluster {
    two_nodes(release, [(OTHER_PUBLISHER, [127, 0, 0, 3]), (OTHER_SUBSCRIBER, [127, 0, 0, 4])])
}

fn two_nodes(release: &'static Release, nodes: [(&str, [u8; 4]); 2]) -> NewCluster {
    let node = |(name, address): (&str, [u8; 4])| NewNode {
        name: name.to_owned(),
        domain: String::new(),
        address: address.into(),
    };
    NewCluster {
        release,
        // The printed cluster has certificates of a release before 10: the lengths of its lists come from them.
        upgraded_from: cluster::releases::release("9.1").filter(|_| release.name == "10.5"),
        nodes: nodes.map(node).to_vec(),
        subject: SubjectParts {
            country: "PL".to_owned(),
            organization: "Cisco".to_owned(),
            unit: "TAC".to_owned(),
            state: "Malopolska".to_owned(),
            locality: "Krakow".to_owned(),
        },
    }
}

/// The real clock and random source, but the printed serial numbers and CAPF name as long as there are some.
#[derive(Default)]
pub struct Published {
    system: System,
    used: Vec<usize>,
    named_capf: bool,
    keys: LabKeys,
    /// How far the clock of the story is ahead, milliseconds.
    pub ahead: i64,
}

impl Published {
    /// For another cluster: its CAPF has a name of its own.
    pub fn of_another_cluster() -> Self {
        Self { named_capf: true, keys: LabKeys::of_another_cluster(), ..Self::default() }
    }
}

impl Surroundings for Published {
    fn now(&self) -> i64 {
        self.system.now() + self.ahead
    }

    fn random(&mut self) -> &mut dyn Random {
        self.system.random()
    }

    fn rsa_keys(&self) -> MakeRsaKey {
        self.keys.maker()
    }

    fn serial(&mut self, node: &str, unit: Unit) -> Result<[u8; SERIAL_LENGTH], RandomError> {
        let next = SERIALS
            .iter()
            .enumerate()
            .find(|(index, (name, of, _))| *name == node && *of == unit && !self.used.contains(index));
        match next {
            Some((index, (_, _, serial))) => {
                self.used.push(index);
                Ok(serial.to_be_bytes())
            }
            None => self.system.serial(node, unit),
        }
    }

    fn capf_suffix(&mut self) -> Result<String, RandomError> {
        if std::mem::replace(&mut self.named_capf, true) {
            return self.system.capf_suffix();
        }
        Ok("e41e7d87".to_owned())
    }
}
