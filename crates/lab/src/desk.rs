//! The desk of an administrator who has Security Tokens: tokens of SoftHSM in a folder, and `ringfence token` and `ringfence
//! ctl-client` beside them.
//!
//! Both run as programs of their own, as they do on a PC: the PKCS#11 module reads where its tokens are from its
//! environment, once per process.

use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use phone::factory::ManufacturingCa;

use crate::Failure;
use crate::failure::could_not;
use crate::transcript::Transcript;
use ringfence_core::aside;

/// Where the module of SoftHSM stands: Debian, then others.
const MODULES: [&str; 3] =
    ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so", "/usr/lib/libsofthsm2.so"];

/// The program that makes an empty token.
const TOOL: &str = "softhsm2-util";

/// Password of the tokens [sources/ctl-client#tokens].
const PIN: &str = "Cisco123";

/// Size of the certificate on a token, bytes [sources/ctl-client#tokens].
const CERTIFICATE: &str = "902";

/// The administrator whom the CTL provider knows, and his password.
pub const ADMINISTRATOR: (&str, &str) = ("ccmadmin", "Secret12");

/// A Security Token.
#[derive(Debug, Clone, Copy)]
pub struct SecurityToken {
    /// Its label; the name in its certificate is `SAST-` and this.
    pub label: &'static str,
    /// Serial number of its certificate, hexadecimal; the CTL has its bytes in reverse.
    pub serial: &'static str,
}

/// The tokens of [sources/ctl-client#tokens]; the first one signs.
pub const TOKENS: [SecurityToken; 2] = [
    SecurityToken { label: "ADN008580ef", serial: "31af455500000008e983" },
    SecurityToken { label: "ADN0054f509", serial: "45daa2af00000027f93c" },
];

/// Two that are bought when those are lost.
pub const NEW_TOKENS: [SecurityToken; 2] = [
    SecurityToken { label: "ADN0071c2a0", serial: "5b10c3d200000031a7f4" },
    SecurityToken { label: "ADN0071c2b7", serial: "5b10c3d200000031a7f5" },
];

/// Where the CTL provider is found, and what it is known by.
pub struct CtlProvider {
    /// Its address.
    pub address: SocketAddr,
    /// SHA-256 of its certificate, hexadecimal.
    pub fingerprint: String,
}

/// The desk.
pub struct Desk {
    folder: PathBuf,
    module: &'static str,
    provider: CtlProvider,
}

/// What this machine lacks for Security Tokens, with the next step; `None` when nothing.
pub fn lacks() -> Option<String> {
    let tool = Command::new(TOOL).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let what = match (module(), tool) {
        (None, _) => "the PKCS#11 module of SoftHSM",
        (_, Err(_)) => TOOL,
        _ => return None,
    };
    Some(format!("{what} is not on this machine: install the Debian package softhsm2"))
}

fn module() -> Option<&'static str> {
    MODULES.into_iter().find(|path| Path::new(path).exists())
}

impl Desk {
    /// Sets it up in a folder that is made, with a manufacturing CA for the tokens.
    pub fn open(folder: &Path, provider: CtlProvider) -> Result<Self, Failure> {
        let module = module().ok_or_else(|| could_not(lacks().unwrap_or_default()))?;
        let desk = Self { folder: folder.to_path_buf(), module, provider };
        let tokens = folder.join("tokens");
        std::fs::create_dir_all(&tokens).map_err(|error| Failure::at(&tokens, error))?;
        let settings = format!("directories.tokendir = {}\nobjectstore.backend = file\n", tokens.display());
        desk.write("softhsm2.conf", settings.as_bytes())?;
        desk.write("pin", format!("{PIN}\n").as_bytes())?;
        desk.write("password", format!("{}\n", ADMINISTRATOR.1).as_bytes())?;
        desk.write("manufacturing-ca.pem", &ManufacturingCa::new().and_then(|ca| ca.to_pem()).map_err(could_not)?)?;
        Ok(desk)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        aside::write(&self.folder.join(name), bytes, 0o600).map_err(could_not)
    }

    /// Makes a token as its maker delivers it.
    pub async fn make(&self, transcript: &Transcript, token: SecurityToken) -> Result<(), Failure> {
        // The tokens are thrown away with the lab: the PIN is no secret, and the tool takes it only so.
        let empty = ["--init-token", "--free", "--label", token.label, "--so-pin", "87654321", "--pin", PIN];
        let (code, said) = self.run(TOOL, &empty).await?;
        if code != Some(0) {
            return Err(could_not(format!("{TOOL}: {}", said.trim())));
        }
        let name = format!("SAST-{}", token.label);
        let ca = ["--ca", "manufacturing-ca.pem", "--ca-key", "manufacturing-ca.pem"];
        let token = ["token", "prepare", "--module", self.module, "--token", token.label, "--serial", token.serial];
        let (code, said) = self
            .types(
                transcript,
                &[&token[..], &["--pin-file", "pin", "--name", &name, "--size", CERTIFICATE], &ca].concat(),
            )
            .await?;
        if code == Some(0) { Ok(()) } else { Err(could_not(said.trim())) }
    }

    /// Exports the certificate of a token. The file.
    pub async fn export(&self, transcript: &Transcript, token: SecurityToken) -> Result<PathBuf, Failure> {
        let file = format!("SAST-{}.pem", token.label);
        let words = ["token", "export", "--module", self.module, "--token", token.label, "--out", &file];
        let (code, said) = self.types(transcript, &words).await?;
        if code == Some(0) { Ok(self.folder.join(file)) } else { Err(could_not(said.trim())) }
    }

    /// The CTL client, with tokens of which the first one signs. Its exit code, and all that it said.
    pub async fn client(
        &self,
        transcript: &Transcript,
        set: &str,
        tokens: [SecurityToken; 2],
        force: bool,
    ) -> Result<(Option<i32>, String), Failure> {
        let (server, port) = (self.provider.address.ip().to_string(), self.provider.address.port().to_string());
        let mut words = vec!["ctl-client", "--yes", "--server", &server, "--port", &port, "--user", ADMINISTRATOR.0];
        words.extend(["--password-file", "password", "--fingerprint", &self.provider.fingerprint, "--set", set]);
        words.extend(["--module", self.module, "--pin-file", "pin"]);
        words.extend(tokens.iter().flat_map(|token| ["--token", token.label]));
        if force {
            words.push("--force");
        }
        self.types(transcript, &words).await
    }

    /// Runs `ringfence` and shows it.
    async fn types(&self, transcript: &Transcript, words: &[&str]) -> Result<(Option<i32>, String), Failure> {
        transcript.typed("$ ", &format!("ringfence {}", words.join(" ")))?;
        let program = std::env::current_exe().map_err(could_not)?;
        let done = self.run(program, words).await?;
        transcript.output(&done.1)?;
        Ok(done)
    }

    /// Runs a program in the folder; output and errors in the order in which they come.
    async fn run(
        &self,
        program: impl AsRef<std::ffi::OsStr>,
        words: &[&str],
    ) -> Result<(Option<i32>, String), Failure> {
        let (mut reader, writer) = std::io::pipe().map_err(could_not)?;
        let mut command = Command::new(program);
        command.args(words).current_dir(&self.folder).env("SOFTHSM2_CONF", self.folder.join("softhsm2.conf"));
        command.stdin(Stdio::null()).stdout(writer.try_clone().map_err(could_not)?).stderr(writer);
        let run = move || {
            let mut child = command.spawn()?;
            // Our ends of the pipe; the output ends when those of the program are closed.
            drop(command);
            let mut said = Vec::new();
            reader.read_to_end(&mut said)?;
            Ok::<_, std::io::Error>((child.wait()?.code(), said))
        };
        let done = tokio::task::spawn_blocking(run).await.map_err(could_not)?;
        let (code, said) = done.map_err(could_not)?;
        Ok((code, String::from_utf8_lossy(&said).into_owned()))
    }
}
