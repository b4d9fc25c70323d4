//! A terminal for the program: a test presses keys and waits for what is shown.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use nix::pty::{OpenptyResult, Winsize, openpty};

/// How long the program may think: far more than it needs, so that a slow machine fails nothing.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program on a terminal of 24 lines and 80 columns.
pub struct Terminal {
    keys: File,
    screen: Receiver<Vec<u8>>,
    child: Child,
    /// What was shown and not looked at yet, without the sequences that move the cursor.
    shown: String,
    plain: Plain,
}

impl Terminal {
    /// Starts a command on it.
    pub fn start(command: Command) -> Self {
        Self::of_size(command, 24, 80)
    }

    /// Starts a command on a terminal of so many lines and columns.
    pub fn of_size(mut command: Command, rows: u16, columns: u16) -> Self {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let OpenptyResult { master, slave } = openpty(&size, None).unwrap();
        let child = command
            .env("TERM", "xterm")
            .stdin(Stdio::from(slave.try_clone().unwrap()))
            .stderr(Stdio::from(slave.try_clone().unwrap()))
            .stdout(Stdio::from(slave))
            .spawn()
            .unwrap();
        let keys = File::from(master);
        let mut reader = keys.try_clone().unwrap();
        let (sender, screen) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0_u8; 4096];
            // Linux says EIO when the program has closed its side.
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { keys, screen, child, shown: String::new(), plain: Plain::default() }
    }

    /// Types keys.
    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// What a terminal does at Ctrl-C while no editor reads the keys: this one controls no session, so it cannot do it itself.
    pub fn interrupt(&self) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    }

    /// Waits until a text was shown; gives everything up to its end.
    pub fn until(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = self.shown.find(text) {
                let rest = self.shown.split_off(at + text.len());
                return std::mem::replace(&mut self.shown, rest);
            }
            match self.screen.recv_timeout(PATIENCE) {
                Ok(bytes) => {
                    let text = self.plain.take(&bytes);
                    self.shown.push_str(&text);
                }
                Err(error) => panic!("{error} while waiting for {text:?}; shown: {:?}", self.shown),
            }
        }
    }

    /// Everything that is shown until the program ends.
    pub fn whole(mut self) -> String {
        loop {
            match self.screen.recv_timeout(PATIENCE) {
                Ok(bytes) => {
                    let text = self.plain.take(&bytes);
                    self.shown.push_str(&text);
                }
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return std::mem::take(&mut self.shown),
                Err(error) => panic!("{error} while waiting for the end; shown: {:?}", self.shown),
            }
        }
    }

    /// Waits for the end of the program: its exit code.
    pub fn end(mut self) -> i32 {
        self.child.wait().unwrap().code().unwrap()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // A test that failed leaves no program behind; one that waited for its end has none.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Takes escape sequences and carriage returns out of what is shown, wherever a read cuts it.
#[derive(Default)]
enum Plain {
    #[default]
    Text,
    Escape,
    Sequence,
}

impl Plain {
    fn take(&mut self, bytes: &[u8]) -> String {
        let mut out = Vec::new();
        for byte in bytes {
            *self = match (&self, byte) {
                (Self::Text, 0x1b) => Self::Escape,
                (Self::Text, byte) => {
                    out.extend((*byte != b'\r').then_some(*byte));
                    Self::Text
                }
                (Self::Escape, b'[') => Self::Sequence,
                (Self::Escape, _) => Self::Text,
                (Self::Sequence, byte) if byte.is_ascii_alphabetic() || *byte == b'~' => Self::Text,
                (Self::Sequence, _) => Self::Sequence,
            };
        }
        String::from_utf8(out).expect("the programs of these tests show ASCII")
    }
}
