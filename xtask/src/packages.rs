//! Debian packages that we need, each with the reason, and how we see that one is there.
//!
//! A package counts as present when the thing that we need from it works, whoever installed it: so nothing is asked of
//! `dpkg`, and machines without it are served as well.

use crate::machine::Machine;

/// What a package is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// To build the program.
    Build,
    /// To run the tests.
    Tests,
    /// To run the tests, and the scenarios of the lab that have Security Tokens.
    Tokens,
    /// To build the fuzz targets.
    Fuzz,
    /// To run the comparison with other TFTP servers.
    Peers,
}

/// How we see that a package is there.
#[derive(Debug, Clone, Copy)]
pub enum Sign {
    /// A program of this name is in the search path.
    Program(&'static str),
    /// A program says this word when it is called with this argument.
    Says(&'static str, &'static str, &'static str),
    /// The loader knows a library of this name.
    Library(&'static str),
    /// The development files of OpenSSL are found: by pkg-config, or because the user names their place.
    OpenSsl,
}

/// One row of the table.
#[derive(Debug)]
pub struct Package {
    /// The name that `apt-get install` takes.
    pub name: &'static str,
    /// What needs it.
    pub need: Need,
    /// How we see that it is there.
    pub sign: Sign,
    /// Why we need it: printed before it is installed.
    pub reason: &'static str,
}

/// Everything that `cargo xtask` ever installs from Debian.
pub const PACKAGES: &[Package] = &[
    Package {
        name: "pkg-config",
        need: Need::Build,
        sign: Sign::Program("pkg-config"),
        reason: "finds the OpenSSL library when the program is built",
    },
    Package {
        name: "libssl-dev",
        need: Need::Build,
        sign: Sign::OpenSsl,
        reason: "OpenSSL, the one library that still serves phones with TLS 1.0 and RSA 1024",
    },
    Package {
        name: "tftp-hpa",
        need: Need::Tests,
        sign: Sign::Says("tftp", "-V", "tftp-hpa"),
        reason: "a TFTP client that nobody here wrote: fetches every file, netascii and octet",
    },
    Package {
        name: "atftp",
        need: Need::Tests,
        sign: Sign::Program("atftp"),
        reason: "a TFTP client with the options blksize, timeout, tsize and windowsize",
    },
    Package {
        name: "atftpd",
        need: Need::Tests,
        sign: Sign::Program("atftpd"),
        reason: "a TFTP server that nobody here wrote: the virtual phone boots from it",
    },
    Package {
        name: "python3",
        need: Need::Tests,
        sign: Sign::Program("python3"),
        reason: "its http.server is the HTTP server that nobody here wrote: the virtual phone boots from it",
    },
    Package {
        name: "curl",
        need: Need::Tests,
        sign: Sign::Program("curl"),
        reason: "fetches the files by HTTP 6970 and by TFTP",
    },
    Package {
        name: "openssl",
        need: Need::Tests,
        sign: Sign::Program("openssl"),
        reason: "verifies our signatures from the raw bytes and talks TLS 1.0 to 1.3 to TVS",
    },
    Package {
        name: "mount",
        need: Need::Tests,
        sign: Sign::Program("mount"),
        reason: "makes a small disk that gets full while something is changed",
    },
    Package {
        name: "openssh-server",
        need: Need::Tests,
        sign: Sign::Program("sshd"),
        reason: "an SFTP server that nobody here wrote: clusters exchange certificates through it",
    },
    Package {
        name: "libnss-wrapper",
        need: Need::Tests,
        // the library has no SONAME, so the loader's list does not name it: only loading it tells
        sign: Sign::Says(
            "/usr/bin/python3",
            "-cimport ctypes; ctypes.CDLL('libnss_wrapper.so'); print('nss_wrapper')",
            "nss_wrapper",
        ),
        reason: "shows that server a user with a password, without touching the machine's accounts",
    },
    Package {
        name: "rsyslog",
        need: Need::Tests,
        sign: Sign::Program("rsyslogd"),
        reason: "a syslog receiver that nobody here wrote: takes the alarms over UDP and TCP",
    },
    Package {
        name: "python3-aiosmtpd",
        need: Need::Tests,
        sign: Sign::Says("/usr/bin/python3", "-cimport aiosmtpd; print('aiosmtpd')", "aiosmtpd"),
        reason: "an SMTP server with STARTTLS: takes the e-mail of the certificate monitor",
    },
    Package {
        name: "python3-prometheus-client",
        need: Need::Tests,
        sign: Sign::Says("/usr/bin/python3", "-cimport prometheus_client; print('prometheus')", "prometheus"),
        reason: "reads the metrics as Prometheus does",
    },
    Package {
        name: "sqlite3",
        need: Need::Tests,
        sign: Sign::Program("sqlite3"),
        reason: "reads our tables without our code",
    },
    Package {
        name: "softhsm2",
        need: Need::Tokens,
        sign: Sign::Program("softhsm2-util"),
        reason: "Security Tokens in software: a PKCS#11 module that nobody here wrote signs the CTL",
    },
    Package {
        name: "gcc",
        need: Need::Tests,
        sign: Sign::Program("cc"),
        reason: "compiles the PKCS#11 module that plays tokens which hang, lock or are pulled out",
    },
    Package {
        name: "make",
        need: Need::Build,
        sign: Sign::Program("make"),
        reason: "builds the allocator of the program",
    },
    Package {
        name: "g++",
        need: Need::Fuzz,
        sign: Sign::Program("g++"),
        reason: "compiles libFuzzer for the fuzz targets",
    },
    Package {
        name: "libwrap0",
        need: Need::Peers,
        sign: Sign::Library("libwrap.so.0"),
        reason: "a library of tftpd-hpa and atftpd",
    },
    Package {
        name: "libnftables1",
        need: Need::Peers,
        sign: Sign::Library("libnftables.so.1"),
        reason: "a library of dnsmasq",
    },
    Package {
        name: "libnetfilter-conntrack3",
        need: Need::Peers,
        sign: Sign::Library("libnetfilter_conntrack.so.3"),
        reason: "a library of dnsmasq",
    },
];

impl Package {
    /// Whether the work goes on without it: OpenSSL, and what finds it, can be built from source.
    pub fn can_be_done_without(&self) -> bool {
        matches!(self.name, "pkg-config" | "libssl-dev")
    }

    /// Is the thing that we need from this package there?
    pub fn is_present(&self, machine: &dyn Machine) -> bool {
        match self.sign {
            Sign::Program(program) => machine.has(program),
            Sign::Says(program, argument, word) => {
                machine.has(program) && machine.ask(program, &[argument]).is_some_and(|text| text.contains(word))
            }
            Sign::Library(library) => machine.ask("ldconfig", &["-p"]).is_some_and(|text| text.contains(library)),
            Sign::OpenSsl => {
                // openssl-sys reads these two before it asks pkg-config
                machine.variable("OPENSSL_DIR").is_some()
                    || machine.variable("OPENSSL_LIB_DIR").is_some()
                    || machine.ask("pkg-config", &["--exists", "openssl"]).is_some()
            }
        }
    }
}

/// The packages of these needs that are missing here.
pub fn missing(machine: &dyn Machine, needs: &[Need]) -> Vec<&'static Package> {
    PACKAGES.iter().filter(|package| needs.contains(&package.need) && !package.is_present(machine)).collect()
}

/// Names in one line, as `apt-get install` takes them.
pub fn names(packages: &[&'static Package]) -> String {
    packages.iter().map(|package| package.name).collect::<Vec<_>>().join(" ")
}
