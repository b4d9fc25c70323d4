//! One file by TFTP: mode octet, blocks of 512 bytes without options, as phones ask [sources/phones#transport].

use std::net::SocketAddr;
use std::time::Instant;

use tokio::net::UdpSocket;
use tokio::time::{timeout, timeout_at};
use wire::file_name::FileName;
use wire::tftp::receive::Outgoing;
use wire::tftp::{Download, DownloadError, ErrorCode, Mode, Options, Progress, Wish};

use super::got::Got;
use crate::settings::PhoneSettings;
use crate::waits::Waits;

/// Largest datagram that can come.
const LARGEST_DATAGRAM: usize = 65_535;

/// Reads `name` from `server`.
pub(super) async fn get(server: SocketAddr, name: &FileName, limit: usize, waits: &Waits) -> Got {
    match timeout(waits.http, read(server, name, limit, waits)).await {
        Ok(Ok(got)) => got,
        Ok(Err(error)) => Got::Silent(error.to_string()),
        Err(_) => Got::Failed(format!("no whole file within {:?}", waits.http)),
    }
}

async fn read(server: SocketAddr, name: &FileName, limit: usize, waits: &Waits) -> std::io::Result<Got> {
    let socket = UdpSocket::bind(PhoneSettings::any_for(server.ip())).await?;
    over(&socket, server, name, limit, waits).await
}

/// The same from a socket that is there.
pub(super) async fn over(
    socket: &UdpSocket,
    server: SocketAddr,
    name: &FileName,
    limit: usize,
    waits: &Waits,
) -> std::io::Result<Got> {
    let wish = Wish {
        file: name.as_str().to_owned(),
        mode: Mode::Octet,
        options: Options::default(),
        max_size: limit as u64,
        wait: waits.tftp,
        retries: waits.tftp_retries,
    };
    let (mut download, request) = Download::new(wish, server, Instant::now());
    send(socket, &[request]).await?;
    let mut buffer = vec![0; LARGEST_DATAGRAM];
    let mut out = Vec::new();
    loop {
        let progress = match timeout_at(download.deadline().into(), socket.recv_from(&mut buffer)).await {
            Ok(received) => {
                let (length, from) = received?;
                let datagram = buffer.get(..length).unwrap_or_default();
                download.datagram(Instant::now(), from, datagram, &mut out)
            }
            Err(_) => download.timeout(Instant::now(), &mut out),
        };
        send(socket, &out).await?;
        out.clear();
        match progress {
            Ok(Progress::More) => {}
            Ok(Progress::Done) => return Ok(Got::File(download.into_bytes())),
            Err(DownloadError::Refused { code: ErrorCode::FileNotFound, .. }) => return Ok(Got::NotFound),
            Err(error @ DownloadError::NoAnswer { .. }) => {
                return Ok(Got::Silent(error.to_string()));
            }
            Err(error) => return Ok(Got::Failed(error.to_string())),
        }
    }
}

async fn send(socket: &UdpSocket, out: &[Outgoing]) -> std::io::Result<()> {
    for (to, datagram) in out {
        socket.send_to(datagram, to).await?;
    }
    Ok(())
}
