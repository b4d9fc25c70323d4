//! A cluster of two nodes in a folder of its own, and the program run on it.

use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use cluster::nodes::{NewCluster, SubjectParts};
use ringfence_core::Cluster;
use testbed::{Machine, in_domain, make_in, new_cluster};

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
        let subject = SubjectParts { organization: "Example".to_owned(), unit: "IT".to_owned(), ..testbed::subject() };
        let nodes = [(publisher, "192.0.2.1"), (subscriber, "192.0.2.2")];
        let new = in_domain("example.org", NewCluster { subject, ..new_cluster("10.5", &nodes) });
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let cluster = make_in(folder.path(), &new, &mut Machine::default()).await;
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
