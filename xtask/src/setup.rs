//! Set-up: what is missing on this machine, and what we do about it.
//!
//! The decision ([`plan`]) is a plain function of a [`Machine`], so that it is tested for machines that we are not on;
//! [`prepare`] carries it out.

use std::process::Command;

use crate::machine::Machine;
use crate::packages::{Need, Package, Sign, missing, names};
use crate::process::run;
use crate::stop::Stop;

/// Which OpenSSL the program is linked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenSsl {
    /// The library of the machine: gets Debian's security updates.
    System,
    /// Built from source with the feature `vendored`: needs perl and make, and about two minutes more.
    Vendored,
}

impl OpenSsl {
    /// What cargo must be told for a build of these packages.
    pub fn cargo_arguments(self) -> &'static [&'static str] {
        match self {
            Self::System => &[],
            Self::Vendored => &["--features", "ringfence/vendored"],
        }
    }
}

/// How we may install packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Installer {
    /// We are root.
    Root,
    /// `sudo` asks for no password.
    Sudo,
}

/// What is to be done before the work can start.
#[derive(Debug)]
pub enum Plan {
    /// Nothing is missing.
    Ready,
    /// These packages are missing and may be installed.
    Install(Installer, Vec<&'static Package>),
    /// The OpenSSL files are missing and may not be installed, but OpenSSL can be built from source.
    BuildOpenSsl(String),
}

/// How packages may be installed here; `None` when not at all.
pub fn installer(machine: &dyn Machine) -> Option<Installer> {
    if !machine.has("apt-get") {
        return None;
    }
    if machine.ask("id", &["-u"]).is_some_and(|text| text.trim() == "0") {
        return Some(Installer::Root);
    }
    machine.ask("sudo", &["-n", "true"]).map(|_| Installer::Sudo)
}

/// Decides what is to be done for these needs.
pub fn plan(machine: &dyn Machine, needs: &[Need]) -> Result<Plan, Stop> {
    let missing = missing(machine, needs);
    if missing.is_empty() {
        return Ok(Plan::Ready);
    }
    match installer(machine) {
        Some(installer) => Ok(Plan::Install(installer, missing)),
        None if machine.has("apt-get") => without_installing(
            machine,
            &missing,
            "this user may not install packages (neither root nor sudo without a password)",
        ),
        None => without_installing(machine, &missing, "this machine has no apt-get to install them with"),
    }
}

/// What can be done when these packages stay missing.
fn without_installing(machine: &dyn Machine, missing: &[&'static Package], why: &str) -> Result<Plan, Stop> {
    let install = if machine.has("apt-get") {
        format!("run `apt-get install {}` as root", names(missing))
    } else {
        format!("install what Debian calls {}", names(missing))
    };
    let others: Vec<&'static Package> =
        missing.iter().copied().filter(|package| !package.can_be_done_without()).collect();
    if !others.is_empty() {
        return Err(Stop::unable(format!(
            "{} missing: {}, and {why}; have somebody {install}, then try again",
            if others.len() == 1 { "a package is" } else { "packages are" },
            names(&others)
        )));
    }
    if !missing.iter().any(|package| matches!(package.sign, Sign::OpenSsl)) {
        return Ok(Plan::Ready);
    }
    // openssl-src configures itself with perl modules that Debian's perl-base does not have
    let perl = machine.ask("perl", &["-MFindBin", "-MIPC::Cmd", "-MTime::Piece", "-e", "1"]).is_some();
    if !perl {
        return Err(Stop::unable(format!(
            "the development files of OpenSSL are missing, {why}, and to build OpenSSL from source perl with its modules would be needed; \
             have somebody {install}, then try again"
        )));
    }
    Ok(Plan::BuildOpenSsl(format!(
        "The development files of OpenSSL are missing and {why}: building OpenSSL from source instead (feature `vendored`, about \
         two minutes more the first time). Next time faster: have somebody {install}."
    )))
}

/// What `unshare` is told for a small disk of a test, as that test reads it.
const NAME_SPACES: &str = include_str!("../../crates/core/tests/clusters/audit/name_spaces.txt");

/// A mount in a folder of its own, taken away again.
const MOUNT: &str = "d=$(mktemp -d) && mount -t tmpfs tmpfs \"$d\" && umount \"$d\"; r=$?; rmdir \"$d\"; exit $r";

/// Whether a test can have a disk that gets full. No package brings that: the machine allows it or not, and a run that ends with it after many
/// minutes has told nobody early.
pub fn small_disk(machine: &dyn Machine) -> Result<(), Stop> {
    let works = |way: &str| {
        let words: Vec<&str> = way.split(' ').chain(["sh", "-c", MOUNT]).collect();
        machine.ask("unshare", &words).is_some()
    };
    if NAME_SPACES.lines().any(works) {
        return Ok(());
    }
    let tried: Vec<String> = NAME_SPACES.lines().map(|way| format!("`unshare {way}`")).collect();
    Err(Stop::unable(format!(
        "this machine lets nobody mount a disk of his own (tried {}), and the test `full_disk` needs a small one. In a container give it the right \
         (`--cap-add SYS_ADMIN --security-opt apparmor=unconfined`), on a machine allow name spaces of users (`sysctl kernel.unprivileged_userns_clone=1`, \
         `sysctl kernel.apparmor_restrict_unprivileged_userns=0`) or be root; then try again. All but the tests: `cargo xtask test --only fmt --only deps \
         --only clippy --only docs`",
        tried.join(", ")
    )))
}

/// Makes the machine ready for these needs, says what it does, and tells which OpenSSL to link.
pub fn prepare(machine: &dyn Machine, needs: &[Need]) -> Result<OpenSsl, Stop> {
    if machine.variable("RINGFENCE_OPENSSL").is_some_and(|value| value == "vendored") {
        println!("RINGFENCE_OPENSSL=vendored: building OpenSSL from source.");
        let rest: Vec<Need> = needs.iter().copied().filter(|need| *need != Need::Build).collect();
        if !rest.is_empty() {
            carry_out(machine, plan(machine, &rest)?, &rest)?;
        }
        return Ok(OpenSsl::Vendored);
    }
    carry_out(machine, plan(machine, needs)?, needs)
}

/// The same for what a part of the work needs only: when it stays missing, that is said and the work begins.
pub fn prepare_if_possible(machine: &dyn Machine, needs: &[Need]) {
    if let Err(stop) = plan(machine, needs).and_then(|plan| carry_out(machine, plan, needs)) {
        println!("{stop}. Going on without.");
    }
}

fn carry_out(machine: &dyn Machine, plan: Plan, needs: &[Need]) -> Result<OpenSsl, Stop> {
    match plan {
        Plan::Ready => Ok(OpenSsl::System),
        Plan::BuildOpenSsl(sentence) => {
            println!("{sentence}");
            Ok(OpenSsl::Vendored)
        }
        Plan::Install(installer, packages) => {
            println!("Missing here, installing from Debian's packages:");
            for package in &packages {
                println!("  {:<12} {}", package.name, package.reason);
            }
            let installed = install(installer, &packages);
            let still = missing(machine, needs);
            if still.is_empty() {
                return Ok(OpenSsl::System);
            }
            let why = match installed {
                Ok(()) => "apt-get installed it, but it does not answer".to_owned(),
                Err(stop) => format!("apt-get could not install it ({stop})"),
            };
            match without_installing(machine, &still, &why)? {
                Plan::BuildOpenSsl(sentence) => {
                    println!("{sentence}");
                    Ok(OpenSsl::Vendored)
                }
                Plan::Ready | Plan::Install(..) => Ok(OpenSsl::System),
            }
        }
    }
}

/// One `apt-get update`, one `apt-get install`.
fn install(installer: Installer, packages: &[&'static Package]) -> Result<(), Stop> {
    // a list that cannot be fetched is no reason to stop: the package may be in the old one
    if let Err(stop) = update_lists(installer) {
        println!("{stop}; trying with the package lists that are there");
    }
    let install = ["install", "-y", "-qq", "--no-install-recommends"];
    let names = packages.iter().map(|package| package.name);
    run(apt(installer).args(install).args(names), "see what it says above")
}

/// Fetches Debian's package lists.
pub fn update_lists(installer: Installer) -> Result<(), Stop> {
    run(apt(installer).args(["update", "-qq"]), "see what it says above")
}

/// `apt-get` that asks nothing.
fn apt(installer: Installer) -> Command {
    // through env, because sudo does not hand variables on
    let words = ["sudo", "-n", "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
    let mut words = words.iter().skip(if installer == Installer::Sudo { 0 } else { 2 });
    let mut command = Command::new(words.next().unwrap_or(&"apt-get"));
    command.args(words);
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// A machine made of what it answers.
    #[derive(Default)]
    struct Paper {
        programs: Vec<&'static str>,
        answers: BTreeMap<&'static str, &'static str>,
        variables: BTreeMap<&'static str, &'static str>,
    }

    impl Machine for Paper {
        fn has(&self, program: &str) -> bool {
            self.programs.contains(&program)
        }
        fn ask(&self, program: &str, arguments: &[&str]) -> Option<String> {
            let line = format!("{program} {}", arguments.join(" "));
            self.answers.get(line.as_str()).map(|text| (*text).to_owned())
        }
        fn variable(&self, name: &str) -> Option<String> {
            self.variables.get(name).map(|text| (*text).to_owned())
        }
    }

    const PERL: &str = "perl -MFindBin -MIPC::Cmd -MTime::Piece -e 1";

    /// A fresh Debian machine with a Rust toolchain and a C compiler: no pkg-config, no libssl-dev.
    fn fresh(user: &'static str) -> Paper {
        Paper {
            programs: vec!["apt-get", "cc", "perl", "make"],
            answers: BTreeMap::from([("id -u", user), (PERL, "")]),
            variables: BTreeMap::new(),
        }
    }

    #[test]
    fn a_complete_machine_needs_nothing() {
        let mut machine = fresh("1000");
        machine.programs.push("pkg-config");
        machine.answers.insert("pkg-config --exists openssl", "");
        assert!(matches!(plan(&machine, &[Need::Build]), Ok(Plan::Ready)));
    }

    #[test]
    fn root_installs_what_is_missing() {
        let Ok(Plan::Install(Installer::Root, packages)) = plan(&fresh("0"), &[Need::Build]) else {
            panic!("root may install");
        };
        assert_eq!(names(&packages), "pkg-config libssl-dev");
    }

    #[test]
    fn sudo_without_a_password_installs_too() {
        let mut machine = fresh("1000");
        machine.answers.insert("sudo -n true", "");
        assert!(matches!(plan(&machine, &[Need::Build]), Ok(Plan::Install(Installer::Sudo, _))));
    }

    #[test]
    fn without_rights_openssl_is_built_from_source() {
        let Ok(Plan::BuildOpenSsl(sentence)) = plan(&fresh("1000"), &[Need::Build]) else {
            panic!("perl and make are there");
        };
        assert!(
            sentence.contains("vendored") && sentence.contains("apt-get install pkg-config libssl-dev"),
            "{sentence}"
        );
    }

    #[test]
    fn without_rights_and_without_make_it_says_what_to_install() {
        let mut machine = fresh("1000");
        machine.programs.retain(|program| *program != "make");
        let stop = plan(&machine, &[Need::Build]).unwrap_err();
        assert_eq!(stop.code(), 2);
        let sentence = stop.to_string();
        assert!(sentence.starts_with("a package is missing: make, "), "{sentence}");
        assert!(sentence.contains("apt-get install pkg-config libssl-dev make"), "{sentence}");
    }

    #[test]
    fn make_is_needed_although_openssl_is_there() {
        for (user, apt) in [("1000", true), ("0", false)] {
            let mut machine = fresh(user);
            machine.programs.retain(|program| *program != "make" && (apt || *program != "apt-get"));
            machine.variables.insert("OPENSSL_DIR", "/opt/openssl");
            let sentence = plan(&machine, &[Need::Build]).unwrap_err().to_string();
            assert!(sentence.starts_with("a package is missing: make, "), "{sentence}");
        }
    }

    #[test]
    fn a_perl_without_modules_does_not_count() {
        let mut machine = fresh("1000");
        machine.answers.remove(PERL);
        let sentence = plan(&machine, &[Need::Build]).unwrap_err().to_string();
        assert!(sentence.contains("perl with its modules would be needed"), "{sentence}");
    }

    #[test]
    fn not_debian_and_no_openssl_builds_from_source_even_for_root() {
        let mut machine = fresh("0");
        machine.programs.retain(|program| *program != "apt-get");
        assert!(matches!(plan(&machine, &[Need::Build]), Ok(Plan::BuildOpenSsl(_))));
    }

    #[test]
    fn a_named_openssl_folder_is_enough() {
        let mut machine = fresh("1000");
        machine.variables.insert("OPENSSL_DIR", "/opt/openssl");
        // pkg-config alone is missing: the library is found without it
        assert!(matches!(plan(&machine, &[Need::Build]), Ok(Plan::Ready)));
    }

    #[test]
    fn missing_test_clients_are_never_skipped() {
        let mut machine = fresh("1000");
        machine.programs.extend(["pkg-config", "curl", "openssl", "sqlite3"]);
        machine.answers.insert("pkg-config --exists openssl", "");
        let sentence = plan(&machine, &[Need::Build, Need::Tests]).unwrap_err().to_string();
        assert!(sentence.contains("apt-get install tftp-hpa atftp"), "{sentence}");
    }

    #[test]
    fn a_library_is_there_when_the_loader_knows_it() {
        let mut machine = fresh("0");
        machine.answers.insert("ldconfig -p", "\tlibwrap.so.0 (libc6,x86-64) => /lib/libwrap.so.0\n");
        let missing = missing(&machine, &[Need::Peers]);
        assert!(!missing.iter().any(|package| package.name == "libwrap0"));
        assert!(missing.iter().any(|package| package.name == "libnftables1"));
    }

    #[test]
    fn a_machine_without_mounts_is_told_at_once() {
        let mut machine = fresh("0");
        let stop = small_disk(&machine).unwrap_err();
        assert_eq!(stop.code(), 2);
        let sentence = stop.to_string();
        for word in ["full_disk", "`unshare -m`", "--propagation unchanged", "-m -r", "SYS_ADMIN", "userns"] {
            assert!(sentence.contains(word), "{word}: {sentence}");
        }
        // a chroot: only without a change of the propagation
        let line = format!("unshare -m --propagation unchanged sh -c {MOUNT}");
        machine.answers.insert(line.leak(), "");
        assert!(small_disk(&machine).is_ok());
    }

    #[test]
    fn another_tftp_client_is_not_the_one_we_test_with() {
        let mut machine = fresh("0");
        machine.programs.push("tftp");
        machine.answers.insert("tftp -V", "tftp (some other client)");
        assert!(missing(&machine, &[Need::Tests]).iter().any(|package| package.name == "tftp-hpa"));
        machine.answers.insert("tftp -V", "tftp-hpa 5.2, with readline");
        assert!(!missing(&machine, &[Need::Tests]).iter().any(|package| package.name == "tftp-hpa"));
    }
}
