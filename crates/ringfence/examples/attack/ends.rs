//! Ends that nobody asked for: kills, power cuts, a full disk. What was said to be done must be there afterwards.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use phone::misbehave::campaign::{Row, Served, Taken, visits};

use crate::node::Node;

/// Good clients after each end.
const LOOK: Duration = Duration::from_millis(300);

/// How long good clients are asked before and at the last.
const QUIET: Duration = Duration::from_secs(3);

/// Bytes of the disks that are cut off and filled.
const DISK: u64 = 64 << 20;

/// What was done before the end, and what is there after it.
struct Kept {
    devices: Vec<String>,
    lost: Vec<String>,
}

impl Kept {
    fn new() -> Self {
        Self { devices: Vec::new(), lost: Vec::new() }
    }

    /// Adds a device; what was answered with success has to stay.
    fn add(&mut self, node: &Node) {
        let name = format!("SEP{:012X}", 0x0200_0000_0000_u64 + self.devices.len() as u64);
        if node.ringfence(&["device", "add", &name, "--model", "8861"]).status.success() {
            self.devices.push(name);
        }
    }

    /// Looks for everything that was done.
    fn check(&mut self, node: &Node, when: &str) {
        let listed = node.ringfence(&["device", "list"]);
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        let gone = self.devices.iter().filter(|name| !listed.contains(name.as_str()));
        self.lost.extend(gone.map(|name| format!("{name} is lost after {when}")));
        let audit = node.ringfence(&["admin", "-c", "utils audit verify"]);
        if !audit.status.success() {
            self.lost.push(format!("the audit log after {when}: {}", String::from_utf8_lossy(&audit.stdout).trim()));
        }
    }
}

/// Good clients before, between and after, joined into a row.
struct Seen {
    served: Vec<Served>,
    taken: [Taken; 3],
}

impl Seen {
    async fn before(node: &Node) -> Self {
        let visits = visits(node.target(), QUIET).await;
        let served = visits.into_iter().map(|(server, waits, failed)| Served {
            server,
            waits: [waits, Default::default(), Default::default()],
            failed,
        });
        let quiet = Taken::by(node.process());
        Self { served: served.collect(), taken: [quiet; 3] }
    }

    async fn look(&mut self, node: &Node, part: usize, length: Duration) {
        for ((_, waits, failed), served) in visits(node.target(), length).await.into_iter().zip(&mut self.served) {
            served.waits[part].join(waits);
            served.failed.extend(failed);
        }
        let now = Taken::by(node.process());
        let most = &mut self.taken[1];
        *most = Taken { memory: most.memory.max(now.memory), files: most.files.max(now.files) };
        self.taken[2] = now;
    }

    fn row(self, load: &str) -> Row {
        Row { load: load.to_owned(), served: self.served, taken: self.taken }
    }
}

/// Kills while devices are added, each followed by a start and good clients.
pub async fn kills(program: &Path, count: usize) -> (Row, Vec<String>) {
    let mut node = Node::new(program);
    node.start();
    let mut seen = Seen::before(&node).await;
    let mut kept = Kept::new();
    for round in 0..count {
        kept.add(&node);
        // In the middle of a change, every other time.
        let mut change = Command::new(program);
        change.env("RINGFENCE_DATA", node.data()).args(["admin", "--yes", "-c", "set cert regen TVS"]);
        let changing = (round % 2 == 0).then(|| change.stdout(std::process::Stdio::null()).spawn().unwrap());
        node.kill();
        if let Some(mut changing) = changing {
            changing.kill().unwrap();
            changing.wait().unwrap();
        }
        node.start();
        kept.check(&node, &format!("kill {}", round + 1));
        seen.look(&node, 1, LOOK).await;
    }
    seen.look(&node, 2, QUIET).await;
    (seen.row("kills"), kept.lost)
}

/// A file system in a file.
struct Disk {
    _folder: tempfile::TempDir,
    image: PathBuf,
    at: PathBuf,
}

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(arguments).output().map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

impl Disk {
    fn new() -> Result<Self, String> {
        if !nix::unistd::geteuid().is_root() {
            return Err("only root may mount a disk of its own".to_owned());
        }
        let folder = tempfile::tempdir().unwrap();
        let (image, at) = (folder.path().join("image"), folder.path().join("disk"));
        std::fs::create_dir(&at).unwrap();
        std::fs::File::create(&image).unwrap().set_len(DISK).unwrap();
        run("mkfs.ext4", &["-q", "-F", image.to_str().unwrap()])?;
        let disk = Self { _folder: folder, image, at };
        disk.mount()?;
        Ok(disk)
    }

    fn mount(&self) -> Result<(), String> {
        run("mount", &["-o", "loop", self.image.to_str().unwrap(), self.at.to_str().unwrap()])
    }

    fn unmount(&self) -> Result<(), String> {
        run("umount", &[self.at.to_str().unwrap()])
    }

    /// From now on nothing reaches the disk, and what had not is lost: EXT4_IOC_SHUTDOWN without a flush of the journal.
    fn cut(&self) -> Result<(), String> {
        let script = "import fcntl,os,struct,sys; fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack('I', 2))";
        run("python3", &["-c", script, self.at.to_str().unwrap()])
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if let Err(why) = self.unmount() {
            eprintln!("attack: {} stays mounted: {why}", self.at.display());
        }
    }
}

/// Power cuts behind changes that were answered with success.
pub async fn power_cuts(program: &Path, count: usize) -> Result<(Row, Vec<String>), String> {
    let disk = Disk::new()?;
    let mut node = Node::within(program, tempfile::tempdir().unwrap(), disk.at.join("data"));
    node.start();
    let mut seen = Seen::before(&node).await;
    let mut kept = Kept::new();
    for round in 0..count {
        kept.add(&node);
        disk.cut()?;
        node.kill();
        disk.unmount()?;
        disk.mount()?;
        node.start();
        kept.check(&node, &format!("power cut {}", round + 1));
        seen.look(&node, 1, LOOK).await;
    }
    seen.look(&node, 2, QUIET).await;
    node.kill();
    Ok((seen.row("power-cuts"), kept.lost))
}

/// A disk without a free byte: phones are served, changes are refused, and go on when there is room.
pub async fn full_disk(program: &Path) -> Result<(Row, Vec<String>), String> {
    let disk = Disk::new()?;
    let mut node = Node::within(program, tempfile::tempdir().unwrap(), disk.at.join("data"));
    node.start();
    let mut seen = Seen::before(&node).await;
    let mut kept = Kept::new();
    kept.add(&node);
    let filler = disk.at.join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    for size in [1 << 20, 4096, 1] {
        while std::io::Write::write_all(&mut file, &vec![1_u8; size]).is_ok() {}
    }
    for _ in 0..5 {
        kept.add(&node);
        seen.look(&node, 1, QUIET / 5).await;
    }
    drop(file);
    std::fs::remove_file(&filler).unwrap();
    let before = kept.devices.len();
    kept.add(&node);
    if kept.devices.len() == before {
        kept.lost.push("no change is taken when there is room again".to_owned());
    }
    kept.check(&node, "the full disk");
    seen.look(&node, 2, QUIET).await;
    node.kill();
    Ok((seen.row("full-disk"), kept.lost))
}
