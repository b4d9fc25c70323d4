//! Metrics in the text format of Prometheus 0.0.4: when certificates expire, as time stamps (an alert computes what is left by itself), and
//! what phones did at TVS and CAPF.

use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cluster::monitor::watched::Watched;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use ringfence_core::monitor::MonitorChoice;
use ringfence_core::{Cluster, CoreError};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::capf::CapfCounters;
use crate::line_log::Drops;
use crate::places::{Heard, Limits, Places, SILENCE};
use crate::surroundings::now;
use crate::tftp::BindError;
use crate::tvs::TvsCounters;

/// Scrapes at a time: a few servers and a curious person.
pub(crate) const CONNECTIONS: usize = 16;

/// How long a scrape may take, all in all.
const PATIENCE: Duration = Duration::from_secs(30);

/// Media type of the text format.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What is counted.
#[derive(Debug, Clone)]
pub struct Counted {
    /// Of TVS.
    pub tvs: Arc<TvsCounters>,
    /// Of CAPF; `None` on a subscriber.
    pub capf: Option<Arc<CapfCounters>>,
    /// Of logs that nobody waits for.
    pub logs: Vec<Drops>,
}

/// The text of a scrape at `now`, milliseconds since 1970 UTC. Of LSCs those that end first in the notification
/// window, one page of them: a series for each LSC of a large cluster is more than a Prometheus wants.
///
/// # Errors
/// [`CoreError`].
pub async fn text(cluster: &Cluster, counted: &Counted, choice: &MonitorChoice, now: i64) -> Result<String, CoreError> {
    let mut out = String::new();
    let mut watched = cluster.watched().await?;
    let mut ending = None;
    if choice.lsc {
        let horizon = cluster.monitor_schedule(choice.window_days, choice.repeat_hours).horizon(now);
        ending = Some(cluster.count_watched_lscs(horizon).await?);
        watched.extend(cluster.watched_lscs(horizon).next().await?.unwrap_or_default().lscs);
    }
    // Writing to a String never fails.
    let written = expiries(&mut out, &watched)
        .and_then(|()| ending.map_or(Ok(()), |count| lscs_ending(&mut out, count)))
        .and_then(|()| counters(&mut out, counted));
    written.map_err(CoreError::internal)?;
    Ok(out)
}

fn lscs_ending(out: &mut String, count: i64) -> std::fmt::Result {
    let name = "ringfence_lscs_ending";
    let help = "LSCs of phones that have expired or end within the notification window.";
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {count}")
}

fn expiries(out: &mut String, watched: &[Watched]) -> std::fmt::Result {
    let name = "ringfence_certificate_expiry_timestamp_seconds";
    writeln!(out, "# HELP {name} Last second of validity of a certificate, since 1970 UTC.")?;
    writeln!(out, "# TYPE {name} gauge")?;
    for one in watched {
        writeln!(
            out,
            "{name}{{unit=\"{}\",file=\"{}\",kind=\"{}\",in_use=\"{}\",acknowledged=\"{}\",sha256=\"{}\"}} {}",
            label(&one.unit),
            label(&one.file),
            one.kind.word(),
            !one.depends.is_empty(),
            one.acknowledged.is_some(),
            one.fingerprint,
            one.not_after
        )?;
    }
    Ok(())
}

fn lost(out: &mut String, logs: &[Drops]) -> std::fmt::Result {
    let name = "ringfence_log_lines_lost_total";
    writeln!(out, "# HELP {name} Lines of a log that could not be written in time, or at all.\n# TYPE {name} counter")?;
    logs.iter().try_for_each(|log| writeln!(out, "{name}{{log=\"{}\"}} {}", log.name, log.count()))
}

fn counters(out: &mut String, counted: &Counted) -> std::fmt::Result {
    lost(out, &counted.logs)?;
    let tvs = &counted.tvs;
    let rows = [
        ("tvs_connections", "Connections taken.", tvs.connections()),
        ("tvs_refused", "Connections closed because of a limit.", tvs.refused()),
        ("tvs_made_room", "Silent connections closed because others needed their places.", tvs.made_room()),
        ("tvs_handshakes", "Handshakes that succeeded.", tvs.handshakes()),
        ("tvs_resumed", "Handshakes that resumed a session.", tvs.resumed()),
        ("tvs_handshakes_failed", "Handshakes that failed or took too long.", tvs.handshakes_failed()),
        ("tvs_verify", "VERIFY requests answered.", tvs.verify()),
        ("tvs_query", "QUERY requests answered.", tvs.query()),
        ("tvs_not_valid", "Answers that a certificate is not valid.", tvs.not_valid()),
        ("tvs_timed_out", "Connections closed because they were too slow.", tvs.timed_out()),
        ("tvs_malformed", "Connections closed because of bytes that are no request.", tvs.malformed()),
    ];
    rows.into_iter().try_for_each(|row| counter(out, row))?;
    let Some(capf) = &counted.capf else { return Ok(()) };
    let rows = [
        ("capf_connections", "Connections taken.", capf.connections()),
        ("capf_refused", "Connections closed because of a limit.", capf.refused()),
        ("capf_made_room", "Silent connections closed because others needed their places.", capf.made_room()),
        ("capf_handshakes", "Handshakes that succeeded.", capf.handshakes()),
        ("capf_handshakes_failed", "Handshakes that failed or took too long.", capf.handshakes_failed()),
        ("capf_installed", "Sessions after which a phone has a new LSC.", capf.installed()),
        ("capf_deleted", "Sessions after which a phone has no LSC.", capf.deleted()),
        ("capf_fetched", "Sessions in which a phone has shown its certificate.", capf.fetched()),
        ("capf_nothing_pending", "Sessions without anything to do.", capf.nothing_pending()),
        ("capf_unknown_device", "Sessions of devices that are not known.", capf.unknown_device()),
        ("capf_limited", "Sessions refused by a limit of the device.", capf.limited()),
        ("capf_internal", "Sessions refused by our own fault.", capf.internal()),
        ("capf_phone_failed", "Sessions in which the phone could not.", capf.phone_failed()),
        ("capf_timed_out", "Sessions in which the phone did not answer in time.", capf.timed_out()),
        ("capf_closed", "Sessions that the phone broke off.", capf.closed()),
        ("capf_malformed", "Sessions that ended by bytes that may not come.", capf.malformed()),
    ];
    rows.into_iter().try_for_each(|row| counter(out, row))
}

fn counter(out: &mut String, (name, help, value): (&str, &str, u64)) -> std::fmt::Result {
    let name = format!("ringfence_{name}_total");
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}")
}

/// A label value: backslash, quote and line break are escaped.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Listens and answers `GET /metrics` until `stopped`.
///
/// # Errors
/// [`BindError`].
pub async fn serve(
    listen: SocketAddr,
    cluster: Cluster,
    counted: Counted,
    choice: MonitorChoice,
    stopped: watch::Receiver<bool>,
) -> Result<(SocketAddr, impl Future<Output = ()>), BindError> {
    let (listener, address) = crate::places::listen(listen)?;
    Ok((address, accept(listener, Arc::new((cluster, counted, choice)), stopped)))
}

async fn accept(
    listener: TcpListener,
    source: Arc<(Cluster, Counted, MonitorChoice)>,
    mut stopped: watch::Receiver<bool>,
) {
    let places = Places::new("metrics", Limits { most: CONNECTIONS, per_address: CONNECTIONS / 2, silence: SILENCE });
    loop {
        let next = tokio::select! {
            // An error means that the sender is gone: that is the end too.
            _ = stopped.wait_for(|stop| *stop) => return,
            next = places.next(&listener) => next,
        };
        let Ok((stream, _, place)) = next else { continue };
        let source = Arc::clone(&source);
        tokio::spawn(async move {
            let place = Arc::new(place);
            let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
                let (source, place) = (Arc::clone(&source), Arc::clone(&place));
                async move {
                    if !place.busy() {
                        return Err(std::io::Error::other("closed for another connection"));
                    }
                    let answer = answer(request.method(), request.uri().path(), &source).await;
                    place.waits();
                    Ok(answer)
                }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE)
                .keep_alive(false)
                .serve_connection(TokioIo::new(Heard::new(stream, Arc::clone(&place))), service);
            tokio::select! {
                () = place.taken_away() => {}
                ended = tokio::time::timeout(PATIENCE, connection) => {
                    if let Ok(Err(error)) = ended {
                        tracing::debug!(%error, "a scrape of metrics ended");
                    }
                }
            }
        });
    }
}

async fn answer(method: &Method, path: &str, source: &(Cluster, Counted, MonitorChoice)) -> Response<Full<Bytes>> {
    let (cluster, counted, choice) = source;
    let (status, body) = match (method, path) {
        (&Method::GET, "/metrics") => match text(cluster, counted, choice, now()).await {
            Ok(text) => (StatusCode::OK, text),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
        },
        (&Method::GET, _) => (StatusCode::NOT_FOUND, "the metrics are at /metrics\n".to_owned()),
        _ => (StatusCode::METHOD_NOT_ALLOWED, "GET only\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, hyper::header::HeaderValue::from_static(TEXT_FORMAT));
    response
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::mpsc::{Receiver, channel};

    use super::*;
    use crate::line_log::LineLog;

    /// A disk that takes nothing until it is told to.
    struct Stuck(Receiver<()>);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.recv().map_or(Ok(bytes.len()), |()| Ok(bytes.len()))
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_that_are_lost_are_counted() {
        let (go_on, held) = channel();
        let log = LineLog::to(Stuck(held)).unwrap();
        let counted = Counted { tvs: Arc::new(TvsCounters::default()), capf: None, logs: vec![log.drops("tvs.log")] };
        let said = || {
            let mut out = String::new();
            counters(&mut out, &counted).unwrap();
            let line =
                out.lines().find_map(|line| line.strip_prefix("ringfence_log_lines_lost_total{log=\"tvs.log\"} "));
            line.unwrap().parse::<u64>().unwrap()
        };
        assert_eq!(said(), 0);
        (0..20_000).for_each(|_| log.line("debug x"));
        assert!(said() > 0 && said() == log.dropped());
        drop(go_on);
    }
}
