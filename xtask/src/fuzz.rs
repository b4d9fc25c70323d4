//! `cargo xtask fuzz`: every decoder under libFuzzer with the address sanitizer, on the stable toolchain.
//!
//! The corpus is the golden vectors: they are copied (TVS and CAPF sessions: taken out of their JSON) into `fuzz/corpus` before a
//! run, so that the repository holds each of them once. What libFuzzer finds new goes there too and stays out of git.

use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::thread;

use serde_json::Value;

use crate::machine::{Here, Machine};
use crate::packages::Need;
use crate::process::{cargo, root, run, run_silent, shown};
use crate::setup::{OpenSsl, prepare};
use crate::stop::Stop;

/// The release that the targets are run with.
const CARGO_FUZZ: &str = "0.13.2";

/// Seconds for each target in `cargo xtask test`.
const SMOKE_SECONDS: u32 = 6;

/// What must be installed to build the targets.
pub const NEEDS: &[Need] = &[Need::Build, Need::Fuzz];

/// A target and the golden vectors it starts from.
struct Target {
    /// The name in `fuzz/fuzz_targets`.
    name: &'static str,
    /// Folders below `testdata/vectors`.
    vectors: &'static [&'static str],
    /// Inputs that no vector holds.
    seeds: &'static [(&'static str, &'static [u8])],
}

const TARGETS: &[Target] = &[
    Target { name: "trust_list", vectors: &["trustlist", "damaged"], seeds: &[] },
    Target { name: "signed_file", vectors: &["signed", "encrypted", "damaged-signed"], seeds: &[] },
    Target { name: "encrypted_file", vectors: &["encrypted", "damaged-signed"], seeds: &[] },
    Target { name: "certificate", vectors: &["certs"], seeds: &[] },
    Target {
        name: "pem",
        vectors: &["certs"],
        seeds: &[
            ("empty-line", b"-----BEGIN CERTIFICATE-----\n\nMAA=\n\n-----END CERTIFICATE-----\n"),
            ("trusted", b"-----BEGIN TRUSTED CERTIFICATE-----\r\nMAAwAA==\r\n-----END TRUSTED CERTIFICATE-----\r\n"),
            ("utf-16", b"\xff\xfe-\0-\0-\0-\0-\0B\0E\0G\0I\0N\0"),
            ("firmware", b"\xcd\x34\x12\xab\0\0\0\0"),
        ],
    },
    Target { name: "listing", vectors: &["trustlist", "damaged"], seeds: &[] },
    Target { name: "tvs_session", vectors: &["tvs", "tvs-capture"], seeds: &[] },
    Target { name: "capf_session", vectors: &["capf"], seeds: &[] },
    Target {
        name: "ctl_provider",
        vectors: &[],
        // the first byte says where the stream is cut
        seeds: &[
            ("look", b"\x03\x43\x01\x02\0\0\0\0\0"),
            ("login", b"\x05\x43\x01\x01\0\0\0\0\x0c\x01\0\x03you\x02\0\x03me!"),
            ("store", b"\x09\x43\x01\x03\0\0\0\0\x0f\x03\0\x01\x01\x04\0\x01\0\x05\0\x04file"),
            ("refused", b"\x02\x43\x01\x84\0\0\0\0\x08\x0d\0\x01a\x0e\0\x01b"),
        ],
    },
    Target {
        name: "tftp_packet",
        vectors: &[],
        seeds: &[
            ("read", b"\0\x01SEP001122334455.cnf.xml\0octet\0"),
            ("read-options", b"\0\x01ITLFile.tlv\0OCTET\0blksize\x001428\0tsize\x000\0timeout\x005\0windowsize\x008\0"),
            ("read-netascii", b"\0\x01dialplan.xml\0netascii\0"),
            ("write", b"\0\x02a\0octet\0"),
            ("data", b"\0\x03\0\x01abc"),
            ("ack", b"\0\x04\0\x01"),
            ("error", b"\0\x05\0\x01File not found\0"),
            ("oack", b"\0\x06blksize\x00512\0tsize\x004947\0"),
        ],
    },
    Target {
        name: "tftp_transfer",
        vectors: &[],
        seeds: &[
            ("plain", b"\x00\x01\x00\x00\x03\x00\x03\x00\x03\x00"),
            ("options-lossy", b"\xd9\x05\x00\x01\x03\x00\x05\x06\x07\x08\x09\x00\x03\x05\x09"),
            ("window-text", b"\xe2\x0b\xb8\x01\x03\x00\x03\x05\x00\x00\x08\x00\x09\x03"),
        ],
    },
    Target {
        name: "file_name",
        vectors: &[],
        seeds: &[
            ("ctl", b"CTLSEP001122334455.tlv"),
            ("itl", b"ITLFile.tlv"),
            ("config", b"sep001122334455.cnf.xml.enc.sgn"),
            ("folder", b"New_Zealand/g3-tones.xml.sgn"),
            ("outside", b"../../etc/passwd"),
            ("slashes", b"\\Desktops//320x212x16/./List.xml"),
        ],
    },
    Target {
        name: "xml",
        vectors: &["../configs/good", "../configs/malformed"],
        seeds: &[
            ("doctype", b"<!DOCTYPE device PUBLIC \"a\" 'b'><device/>"),
            ("bomb", b"<!DOCTYPE d [<!ENTITY a \"x\"><!ENTITY b \"&a;&a;\">]><device>&b;</device>"),
        ],
    },
    Target {
        name: "device_list",
        vectors: &[],
        seeds: &[
            ("title", b"\xef\xbb\xbfname,model,protocol,security,nodes,description\r\nSEP001122334455\r\n"),
            ("quotes", b"\"SEP001122334401\",\"8861\",\"SIP\",\"non-secure\",\"pub+sub\",\"He said \"\"hi\"\"\"\n# a comment\n"),
            ("soft-phone", b"CSFJOHN.DOE_1,Jabber,,,,\"two\nlines\"\n"),
        ],
    },
    Target {
        name: "age",
        vectors: &[],
        seeds: &[
            // made with `correct horse` and little work, so that it is opened
            (
                "opens",
                b"age-encryption.org/v1\n-> scrypt 66KYBrU9rJuxiCj4y/qrlA 1\nhSp3DhLGY55EIcMI75g+tHr7nNMH3xz/HVQhiNtUli8\n--- /KcbsYe7cGreeCu4XllWEVX7yVt1uKgrwAU7O5NYdoo\n>\xa5\xc9\xe1h\xb3s%\xc1\x0c1\xbe\x16\x18\x8fh?\x13m\x06q\x84\xc0j\x0b\x13\x0fV\xd4\xba0\xee\x05#\xafF\x9f\x05\x95o\xf8\xe2\x16",
            ),
            (
                "of-age",
                b"age-encryption.org/v1\n-> scrypt rNZM5eQ7Qf4JiDDAVkNuOA 18\nSnMtIIsFDYgy8PI36s3Js6jYSk/Ggs7pRrcIy9cInRA\n\
                  --- 9DjbvxfjYA3Q9+Rz1Y2in86s3y1B6a1CoHP+oa1TDg0\n",
            ),
            ("of-a-key", b"age-encryption.org/v1\n-> X25519 4rGvPf2sGv7f1y7c\nAAAA\n--- BBBB\n"),
        ],
    },
    Target {
        name: "run_sql",
        vectors: &[],
        seeds: &[
            ("mode", b"select paramname,paramvalue from processconfig where paramname='ClusterSecurityMode'"),
            ("page", b"select skip 1 first 500 d.name, count(*) n from device d group by d.name having count(*) > 0 order by 2 desc"),
            ("join", b"select d.name, g.name from device d left outer join callmanagergroup g on d.fkcallmanagergroup = g.pkid"),
            ("inner", b"select case when a.x in (select enum from typekeyorder) then 'a' else \"b\" end from (select 1 as x) a"),
            ("hidden", b"select 1 as `'`; drop table device; select 1 as `'`"),
            ("secret", b"select [authenticationstring] from device union all select credentials from credential"),
        ],
    },
];

/// `cargo xtask fuzz [TARGET [SECONDS]]`.
pub fn fuzz(arguments: &[String]) -> Result<(), Stop> {
    match arguments {
        [] => smoke(prepare(&Here, NEEDS)?),
        [only] if only == "--list" => {
            for target in TARGETS {
                println!("{}", target.name);
            }
            Ok(())
        }
        [name, rest @ ..] if rest.len() < 2 => {
            let target = TARGETS.iter().find(|target| target.name == name).ok_or_else(|| {
                Stop::usage(format!("there is no fuzz target `{name}`; `cargo xtask fuzz --list` names them"))
            })?;
            let seconds = match rest.first() {
                None => SMOKE_SECONDS,
                Some(text) => text
                    .parse()
                    .map_err(|_| Stop::usage(format!("`{text}` is no number of seconds, for example 600")))?,
            };
            let openssl = prepare(&Here, NEEDS)?;
            ready(openssl)?;
            run_target(target, seconds, openssl)
        }
        _ => Err(Stop::usage("`cargo xtask fuzz` takes a target and a number of seconds")),
    }
}

/// A few seconds of each target: a step of `cargo xtask test`. A target keeps one core busy, so as many run at once as there are.
pub fn smoke(openssl: OpenSsl) -> Result<(), Stop> {
    ready(openssl)?;
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    let next = Mutex::new(TARGETS.iter());
    let take = || next.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        while let Some(target) = take() {
            run_target(target, SMOKE_SECONDS, openssl)?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let stopped =
            || Stop::unable("a thread that ran targets has stopped; `cargo xtask fuzz TARGET` runs one alone");
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or_else(|_| Err(stopped())))
    })
}

/// cargo-fuzz is there, the targets are built, the corpus is laid out.
fn ready(openssl: OpenSsl) -> Result<(), Stop> {
    if Here.ask("cargo", &["fuzz", "--version"]).is_none() {
        println!("cargo-fuzz is missing: installing it from crates.io.");
        let mut install = cargo();
        install.args(["install", "cargo-fuzz", "--locked", "--version", CARGO_FUZZ]);
        run(&mut install, "see that crates.io can be reached")?;
    }
    for target in TARGETS {
        lay_out(target)?;
    }
    run(&mut cargo_fuzz("build", openssl), "a target no longer fits the decoder it calls: mend it in fuzz/fuzz_targets")
}

/// The sanitizers are switched off on a stable compiler; this variable switches them on.
fn cargo_fuzz(subcommand: &str, openssl: OpenSsl) -> Command {
    let mut command = cargo();
    command.env("RUSTC_BOOTSTRAP", "1").args(["fuzz", subcommand]);
    if openssl == OpenSsl::Vendored {
        command.args(["--features", "vendored"]);
    }
    command
}

fn run_target(target: &Target, seconds: u32, openssl: OpenSsl) -> Result<(), Stop> {
    let mut command = cargo_fuzz("run", openssl);
    command.args([target.name, "--"]).arg(format!("-max_total_time={seconds}"));
    // a decoder that needs seconds for one input, or a gigabyte, is as wrong as one that stops; the seconds are many
    // because a busy machine must not make a finding
    command.args(["-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1", "-verbosity=0"]);
    let again = shown(cargo_fuzz("run", openssl).arg(target.name));
    let next = format!(
        "the input lies in fuzz/artifacts/{0}, `{again} fuzz/artifacts/{0}/FILE` shows it again; make it a test of the decoder, then \
         mend the decoder",
        target.name
    );
    let log = run_silent(&mut command, &next)?;
    let inputs =
        inputs_of(&log).ok_or_else(|| Stop::unable(format!("libFuzzer does not say how much it tried; {next}")))?;
    println!("{}: {inputs} inputs in {seconds} s, no finding", target.name);
    Ok(())
}

/// The number of inputs that a run tried, from its closing figures.
fn inputs_of(log: &str) -> Option<u64> {
    let (_, tail) = log.split_once("stat::number_of_executed_units:")?;
    tail.split_whitespace().next()?.parse().ok()
}

/// Copies the vectors of a target to its corpus.
fn lay_out(target: &Target) -> Result<(), Stop> {
    let corpus = root().join("fuzz").join("corpus").join(target.name);
    fs::create_dir_all(&corpus).map_err(|error| unable(&corpus, "made", &error))?;
    let write = |name: &str, bytes: &[u8]| {
        let place = corpus.join(format!("vector-{name}").replace('/', "-"));
        fs::write(&place, bytes).map_err(|error| unable(&place, "written", &error))
    };
    for (name, bytes) in target.seeds {
        write(name, bytes)?;
    }
    for folder in target.vectors {
        let place = root().join("testdata").join("vectors").join(folder);
        for file in files(&place)? {
            let name = file.strip_prefix(&place).unwrap_or(&file).to_string_lossy().replace('/', "-");
            let bytes = fs::read(&file).map_err(|error| unable(&file, "read", &error))?;
            if file.extension().is_some_and(|extension| extension == "json") {
                if let Some(bytes) = client_bytes(&bytes).map_err(|reason| {
                    Stop::unable(format!("{} {reason}; copy it again from the golden vectors", file.display()))
                })? {
                    write(&format!("{folder}-{name}"), &bytes)?;
                }
            } else {
                write(&format!("{folder}-{name}"), &bytes)?;
            }
        }
    }
    Ok(())
}

/// All files of a folder and of the folders in it, in order.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Stop> {
    let entries = fs::read_dir(folder).map_err(|error| unable(folder, "listed", &error))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| unable(folder, "listed", &error))?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn unable(path: &Path, what: &str, error: &std::io::Error) -> Stop {
    Stop::unable(format!("{} cannot be {what}: {error}; is the tree whole and writable?", path.display()))
}

/// Everything that the client sends in a recorded session, joined as a stream; `None` for a file that records none.
fn client_bytes(json: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let value: Value = serde_json::from_slice(json).map_err(|error| format!("is not JSON: {error}"))?;
    let Some(messages) = value.get("messages").and_then(Value::as_array) else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    for message in messages {
        let field = |name: &str| message.get(name).and_then(Value::as_str);
        if let (Some("client"), Some(hex)) = (field("from"), field("hex")) {
            bytes.extend(bytes_of_hex(hex).ok_or_else(|| format!("has a message that is not hexadecimal: {hex:.20}"))?);
        }
    }
    Ok((!bytes.is_empty()).then_some(bytes))
}

fn bytes_of_hex(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = hex.chars().map(|digit| digit.to_digit(16)).collect();
    digits?
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => u8::try_from(high * 16 + low).ok(),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_client_sends_is_joined() {
        let json = r#"{"messages": [
            {"from": "client", "hex": "5701"},
            {"from": "server", "hex": "ffff"},
            {"from": "client", "nothing": "(waits)"},
            {"from": "client", "hex": "0A"}
        ]}"#;
        assert_eq!(client_bytes(json.as_bytes()), Ok(Some(vec![0x57, 0x01, 0x0a])));
        assert_eq!(client_bytes(b"{}"), Ok(None));
        assert!(client_bytes(b"").is_err());
        for hex in ["0", "0g", "+1"] {
            let json = format!(r#"{{"messages": [{{"from": "client", "hex": "{hex}"}}]}}"#);
            assert!(client_bytes(json.as_bytes()).is_err(), "{hex}");
        }
    }

    #[test]
    fn closing_figures_are_read() {
        assert_eq!(inputs_of("Done\nstat::number_of_executed_units: 1854386\nstat::x: 2\n"), Some(1_854_386));
        assert_eq!(inputs_of("stat::number_of_executed_units: many"), None);
        assert_eq!(inputs_of("INFO: seed corpus"), None);
    }

    #[test]
    fn every_target_file_is_in_the_table_and_the_other_way_round() {
        let mut named: Vec<_> = TARGETS.iter().map(|target| format!("{}.rs", target.name)).collect();
        named.sort_unstable();
        let written: Vec<_> = files(&root().join("fuzz").join("fuzz_targets"))
            .unwrap()
            .iter()
            .map(|file| file.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        assert_eq!(written, named);
    }

    #[test]
    fn every_target_has_something_to_start_from() {
        for target in TARGETS {
            let vectors: usize = target
                .vectors
                .iter()
                .map(|folder| files(&root().join("testdata").join("vectors").join(folder)).unwrap().len())
                .sum();
            assert!(vectors + target.seeds.len() > 0, "{}", target.name);
        }
    }
}
