//! A cluster of two nodes in a folder of its own, and the program run on it.

use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use cluster::Surroundings;
use cluster::nodes::{NewCluster, NewNode, SubjectParts};
use cluster::releases::release;
use cluster::surroundings::MakeRsaKey;
use daemon::surroundings::System;
use jiff::tz::TimeZone;
use ringfence_core::{Cluster, Random};

/// The machine, with keys made beforehand.
struct World(System);

impl Surroundings for World {
    fn now(&self) -> i64 {
        self.0.now()
    }

    fn random(&mut self) -> &mut dyn Random {
        self.0.random()
    }

    fn rsa_keys(&self) -> MakeRsaKey {
        std::sync::Arc::new(crate::keys::rsa_key)
    }
}

/// A data directory.
pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// Makes the cluster: publisher `pub`, subscriber `sub1`, release 10.5 with its small keys. `then` may do more with it
    /// before it is closed.
    pub fn new<Then, Done>(then: Then) -> Self
    where
        Then: FnOnce(Cluster) -> Done,
        Done: Future<Output = ()>,
    {
        Self::of(["pub", "sub1"], then)
    }

    /// The same with other names.
    pub fn of<Then, Done>(names: [&str; 2], then: Then) -> Self
    where
        Then: FnOnce(Cluster) -> Done,
        Done: Future<Output = ()>,
    {
        let [publisher, subscriber] = names;
        let folder = tempfile::tempdir().unwrap();
        let node = |name: &str, address: &str| NewNode {
            name: name.to_owned(),
            domain: "example.org".to_owned(),
            address: address.parse().unwrap(),
        };
        let new = NewCluster {
            release: release("10.5").unwrap(),
            upgraded_from: release("9.1"),
            nodes: vec![node(publisher, "192.0.2.1"), node(subscriber, "192.0.2.2")],
            subject: SubjectParts {
                country: "PL".to_owned(),
                organization: "Example".to_owned(),
                unit: "IT".to_owned(),
                state: "Malopolska".to_owned(),
                locality: "Krakow".to_owned(),
            },
        };
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let mut world = World(System::default());
            let cluster = Cluster::create(folder.path(), &new, TimeZone::UTC, &mut world).await.unwrap();
            then(cluster.clone()).await;
            cluster.store().close().await;
        });
        Self { folder }
    }

    /// The data directory.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A file in it.
    #[allow(dead_code)] // each test file uses what it needs
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program with these arguments and this standard input.
    #[allow(dead_code)] // each test file uses what it needs
    pub fn run(&self, arguments: &[&str], input: &str) -> Ended {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringfence"));
        command.env("RINGFENCE_DATA", self.path()).env("TZ", "UTC").args(arguments).write_stdin(input);
        Ended(command.output().unwrap())
    }
}

/// How the program ended.
#[allow(dead_code)] // each test file uses what it needs
pub struct Ended(Output);

#[allow(dead_code)] // each test file uses what it needs
impl Ended {
    /// Exit code.
    pub fn code(&self) -> i32 {
        self.0.status.code().unwrap()
    }

    /// Standard output.
    pub fn out(&self) -> &str {
        std::str::from_utf8(&self.0.stdout).unwrap()
    }

    /// Standard error.
    pub fn error(&self) -> &str {
        std::str::from_utf8(&self.0.stderr).unwrap()
    }

    /// Standard output of a success.
    pub fn success(self) -> String {
        assert_eq!(self.code(), 0, "{}{}", self.out(), self.error());
        self.out().to_owned()
    }
}
