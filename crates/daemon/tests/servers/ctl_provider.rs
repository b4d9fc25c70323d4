//! The CTL provider over its socket: who is heard, who waits, and what is left when a connection or the provider breaks off.

use std::io::{Read, Write};
use std::net::Ipv4Addr;

use crate::ctl_desk::{Desk, PASSWORD, refusal, sign, sign_draft, token};
use cluster::parameters::SecurityMode;
use daemon::ctl_provider::{ClientError, CtlProviderLimits};
use pki::ctl_client::CtlDraft;
use ringfence_core::administrators::Password;
use ringfence_core::log_ins;
use wire::ctl_provider::{Choice, Entry, Request, Upload};
use wire::role::Role;

/// Wrong passwords that one address has.
const WRONG_LIMIT: usize = log_ins::WRONG_LIMIT as usize;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_client_is_at_the_desk_and_the_second_is_told_who() {
    let desk = Desk::new(&["7975"]).await;
    let mut first = desk.sit_down().await;
    let error = desk.log_in("ccmadmin", PASSWORD).await.err().unwrap();
    let busy = "Another CTL client is at work: ccmadmin at 127.0.0.1. Try again when it has finished";
    assert_eq!(refusal(&error), ("busy", busy));
    // The one at the desk is not disturbed by that.
    let tokens = [token("ADN008580ef"), token("ADN0054f509")];
    let upload = sign(first.look().await.unwrap(), &tokens);
    let (nodes, warnings) = first.store(upload.clone()).await.unwrap();
    assert_eq!((nodes.len(), nodes.iter().filter(|node| node.failure.is_some()).count()), (2, 0));
    assert!(warnings.is_empty(), "{warnings:?}");
    drop(first);
    let mut second = desk.sit_down().await;
    assert_eq!(second.look().await.unwrap().ctl, Some(upload.file));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_clients_that_saw_the_same_do_not_overwrite_each_other() {
    let desk = Desk::new(&["7975"]).await;
    let tokens = [token("ADN008580ef"), token("ADN0054f509")];
    let mut first = desk.sit_down().await;
    let late = sign(first.look().await.unwrap(), &tokens);
    drop(first);
    let mut second = desk.sit_down().await;
    let taken = sign_draft(
        CtlDraft::new(second.look().await.unwrap()).unwrap(),
        None,
        &[token("ADN0000aaaa"), token("ADN0000bbbb")],
    );
    second.store(taken.clone()).await.unwrap();
    drop(second);
    // The first comes back with what it signed before.
    let error = desk.sit_down().await.store(late).await.unwrap_err();
    assert_eq!(refusal(&error).0, "ctl-changed");
    assert_eq!(desk.published().await, [Some(taken.file.clone()), Some(taken.file)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_cut_off_before_all_was_sent_has_changed_nothing() {
    let desk = Desk::new(&["7975"]).await;
    let tokens = [token("ADN008580ef"), token("ADN0054f509")];
    let mut client = desk.sit_down().await;
    let upload = sign(client.look().await.unwrap(), &tokens);
    // Signed, and gone.
    drop(client);
    drop(desk.sit_down().await);
    desk.assert_untouched().await;
    // Gone in the middle of the file, without and with a good-bye.
    let frame = Request::Store(upload.clone()).encode().unwrap();
    for length in [1, 7, 100, frame.len() - 1] {
        let mut raw = desk.raw_at_the_desk();
        raw.write(&frame[..length]);
        drop(raw);
        drop(desk.sit_down().await);
        desk.assert_untouched().await;
    }
    let mut next = desk.sit_down().await;
    let (nodes, _) = next.store(upload.clone()).await.unwrap();
    assert!(nodes.iter().all(|node| node.failure.is_none()));
    assert_eq!(desk.mode().await, SecurityMode::Mixed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_cut_off_before_the_answer_finds_its_work_done() {
    let desk = Desk::new(&["7975"]).await;
    let tokens = [token("ADN008580ef"), token("ADN0054f509")];
    let upload = sign(desk.sit_down().await.look().await.unwrap(), &tokens);
    let mut raw = desk.raw_at_the_desk();
    raw.write(&Request::Store(upload.clone()).encode().unwrap());
    drop(raw);
    desk.wait_until_published(&upload.file).await;
    // It brings the file again, as it does when an answer is lost: the same answer.
    let (nodes, warnings) = desk.sit_down().await.store(upload.clone()).await.unwrap();
    assert!(nodes.iter().all(|node| node.failure.is_none()) && warnings.is_empty());
    assert_eq!(desk.mode().await, SecurityMode::Mixed);
    assert!(desk.cluster.ctl_trouble().await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_is_restarted_in_between() {
    let mut desk = Desk::new(&["7975"]).await;
    let tokens = [token("ADN008580ef"), token("ADN0054f509")];
    let mut client = desk.sit_down().await;
    let upload = sign(client.look().await.unwrap(), &tokens);
    desk.stop().await;
    let lost = client.store(upload.clone()).await.unwrap_err();
    assert!(matches!(lost, ClientError::Lost(_)), "{lost}");
    assert!(lost.to_string().starts_with("the connection to the CTL provider was lost: "), "{lost}");
    desk.assert_untouched().await;
    let gone = daemon::ctl_provider::CtlProviderClient::connect("127.0.0.1", desk.address.port()).await;
    let gone = gone.err().unwrap().to_string();
    assert!(gone.contains("is the service Cisco CTL Provider activated there"), "{gone}");
    // What was signed before is good after it.
    desk.start().await;
    let (nodes, _) = desk.sit_down().await.store(upload.clone()).await.unwrap();
    assert!(nodes.iter().all(|node| node.failure.is_none()));
    assert_eq!(desk.published().await, [Some(upload.file.clone()), Some(upload.file)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_passwords_are_counted_and_then_the_right_one_waits_too() {
    let desk = Desk::new(&[]).await;
    for number in 0..WRONG_LIMIT {
        let error = desk.log_in("ccmadmin", "Cisco124").await.err().unwrap();
        assert_eq!(refusal(&error), ("login", "The user name or the password is wrong"), "{number}");
    }
    let error = desk.log_in("ccmadmin", PASSWORD).await.err().unwrap();
    let (label, text) = refusal(&error);
    assert_eq!(label, "too-many-attempts");
    assert!(text.starts_with("Too many wrong passwords. Try again in ") && text.ends_with(" seconds"), "{text}");
    // It is told of once, not five times; the rest waits for the next minute.
    let told = async || {
        let entries = desk.cluster.store().audit(1000).await.unwrap().into_iter();
        entries.filter(|entry| entry.command == "log in").map(|entry| (entry.at, entry.result)).collect::<Vec<_>>()
    };
    let first = told().await;
    assert_eq!(first.iter().map(|(_, result)| result).collect::<Vec<_>>(), ["1 failed: ccmadmin from 127.0.0.1 (1)"]);
    let next_minute = first[0].0 + log_ins::NOTE_TIME;
    desk.cluster.note_failed_log_ins(next_minute).await.unwrap();
    desk.cluster.note_failed_log_ins(next_minute).await.unwrap();
    let told = told().await;
    let second = (next_minute, "4 failed: ccmadmin from 127.0.0.1 (4, locked)".to_owned());
    assert!(told.len() == 2 && told.contains(&second), "{told:?}");
    let alarms = std::fs::read_to_string(desk.path().join("log/alarms.log")).unwrap();
    assert_eq!(alarms.matches("UC_LOGIN-4-AuthenticationFailed").count(), 2, "{alarms}");
    // Elsewhere the account is slow, and open.
    let elsewhere = std::net::IpAddr::from([10, 9, 9, 9]);
    let password = Password::new(PASSWORD);
    let actor = daemon::log_in::log_in(&desk.cluster, "ccmadmin", password, elsewhere, || true).await.unwrap();
    assert_eq!(actor.name(), "ccmadmin");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_leave_room_and_the_one_at_the_desk_keeps_his() {
    let mut desk = Desk::new(&["7975"]).await;
    desk.stop().await;
    let silence = std::time::Duration::ZERO;
    desk.limits = CtlProviderLimits { connections: 4, per_address: 4, silence, ..desk.limits.clone() };
    desk.start().await;
    let mut first = desk.sit_down().await;
    let mut idle = Vec::new();
    for _ in 0..4 {
        for last in [2, 2, 3] {
            idle.push(stranger(&desk, last));
        }
        let error = desk.log_in("ccmadmin", PASSWORD).await.err().unwrap();
        assert_eq!(refusal(&error).0, "busy", "it was heard");
    }
    assert!(first.look().await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_close_nobody_who_waits_for_the_answer_to_his_log_in() {
    let mut desk = Desk::new(&[]).await;
    desk.stop().await;
    let silence = std::time::Duration::ZERO;
    desk.limits = CtlProviderLimits { connections: 4, per_address: 4, silence, ..desk.limits.clone() };
    desk.start().await;
    // Somebody guesses at the account from elsewhere, so that it is slow: two seconds.
    for (last, guesses) in [(8, WRONG_LIMIT - 1), (9, 2)] {
        for _ in 0..guesses {
            let elsewhere = std::net::IpAddr::from([10, 9, 9, last]);
            desk.cluster.begin_log_in("ccmadmin", elsewhere, daemon::surroundings::now()).await.unwrap();
        }
    }
    let desk = std::sync::Arc::new(desk);
    let administrator = {
        let desk = std::sync::Arc::clone(&desk);
        tokio::spawn(async move { desk.log_in("ccmadmin", PASSWORD).await.map(drop) })
    };
    let waits = async || {
        let mut rows = desk.cluster.store().begin().await.unwrap();
        rows.failed_log_ins_of("ccmadmin").await.unwrap().iter().any(|row| row.address == "127.0.0.1")
    };
    while !waits().await {
        tokio::task::yield_now().await;
    }
    let idle: Vec<_> = (0..16).map(|number| stranger(&desk, 2 + number % 4)).collect();
    assert!(!administrator.is_finished(), "the flood came too late to prove anything");
    administrator.await.unwrap().expect("he is let in");
    drop(idle);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_wait_for_what_they_guessed_leave_room_for_an_administrator() {
    let mut desk = Desk::new(&[]).await;
    desk.stop().await;
    desk.limits = CtlProviderLimits { connections: 8, per_address: 4, ..desk.limits.clone() };
    desk.start().await;
    // Two addresses have guessed at so many names that each further guess waits for half a minute.
    for number in 0..20 {
        for last in [2, 3] {
            let address = std::net::IpAddr::from([127, 0, 0, last]);
            let name = format!("guessed{number}");
            desk.cluster.begin_log_in(&name, address, daemon::surroundings::now()).await.unwrap();
        }
    }
    let guess = |last: u8, number: usize| {
        let mut raw = desk.raw_from(last);
        let password = wire::ctl_provider::Password::new(b"Cisco124".to_vec());
        let login = wire::ctl_provider::Login { user: format!("at-once-{last}-{number}"), password };
        raw.write(&Request::Login(login).encode().unwrap());
        raw
    };
    let crowd: Vec<_> = (0..8).map(|number| guess(if number < 4 { 2 } else { 3 }, number)).collect();
    let looked_at = async || {
        let rows = desk.cluster.store().begin().await.unwrap().failed_log_ins().await.unwrap();
        rows.len() == 40 + crowd.len()
    };
    while !looked_at().await {
        tokio::task::yield_now().await;
    }
    drop(desk.sit_down().await);
}

/// A connection from another address of the loopback on which nothing is said.
fn stranger(desk: &Desk, last: u8) -> socket2::Socket {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&std::net::SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0)).into()).unwrap();
    socket.connect(&desk.address.into()).unwrap();
    socket
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_guesses_at_once_are_no_more_than_one_after_the_other() {
    let desk = std::sync::Arc::new(Desk::new(&[]).await);
    let mut guesses = tokio::task::JoinSet::new();
    for number in 0..12 {
        let desk = std::sync::Arc::clone(&desk);
        guesses.spawn(async move { desk.log_in("ccmadmin", &format!("Cisco{number}")).await.err().unwrap() });
    }
    let errors = guesses.join_all().await;
    let labels: Vec<&str> = errors.iter().map(|error| refusal(error).0).collect();
    let count = |label| labels.iter().filter(|found| **found == label).count();
    assert_eq!((count("login"), count("too-many-attempts")), (WRONG_LIMIT, 12 - WRONG_LIMIT), "{labels:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_only_read_and_who_is_a_stranger() {
    let desk = Desk::new(&["7975"]).await;
    let error = desk.log_in("reader", PASSWORD).await.err().unwrap();
    let (label, text) = refusal(&error);
    assert!(label == "not-permitted" && text.contains("reader"), "{label}: {text}");
    // He does not take the desk from anybody.
    drop(desk.sit_down().await);
    // Nothing is answered to somebody who has not logged in, whatever he asks.
    let store = Upload { choice: Choice::Mixed, forced: true, file: vec![0; 500], base: None };
    for request in [Request::Look, Request::Store(store)] {
        let mut raw = desk.raw();
        raw.write(&request.encode().unwrap());
        assert_eq!(raw.rest(), b"");
    }
    // Nor to somebody who speaks something else, inside of TLS or without it.
    let mut raw = desk.raw();
    raw.write(b"GET / HTTP/1.1\r\n\r\n");
    assert_eq!(raw.rest(), b"");
    let mut tcp = std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, desk.address.port())).unwrap();
    tcp.write_all(b"\x43\x01\x02\x00\x00\x00\x00\x00").unwrap();
    let mut said = Vec::new();
    drop(tcp.read_to_end(&mut said)); // a reset is an end too
    assert!(!said.windows(4).any(|bytes| bytes == b"cucm"), "{said:?}");
    drop(desk.sit_down().await);
    desk.assert_untouched().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ctl_that_phones_cannot_take_is_refused_with_their_names() {
    let desk = Desk::new(&["7975", "8861", "7960"]).await;
    let tokens = [token("ADN008580ef"), token("ADN0054f509"), token("ADN00000001")];
    let mut client = desk.sit_down().await;
    let state = client.look().await.unwrap();

    // More SAST records than the old models hold.
    let error = client.store(sign(state.clone(), &tokens)).await.unwrap_err();
    let (label, text) = refusal(&error);
    assert_eq!(label, "ctl-above-limits");
    let concerned = "3 SAST records are more than these phones take: SEP000000000001, SEP000000000003";
    assert!(text.contains(concerned) && text.contains("`utils ctl update CTLFile`"), "{text}");

    // Above 64 KB, well signed: alternate TFTP servers without end.
    let mut draft = CtlDraft::new(state.clone()).unwrap();
    for last in 1..=75 {
        let entry = Entry {
            role: Role::TFTP,
            host: format!("127.0.48.{last}"),
            address: Ipv4Addr::new(127, 0, 48, last),
            certificate: tokens[2].certificate.der().to_vec(),
        };
        draft.add_server(entry).unwrap();
    }
    let mut upload = sign_draft(draft, None, &tokens[..2]);
    assert!(upload.file.len() > 65_535, "{}", upload.file.len());
    upload.forced = true;
    let error = client.store(upload.clone()).await.unwrap_err();
    let bytes = upload.file.len();
    let text = format!(
        "The CTL file has {bytes} bytes; phones load 65535 at most: SEP000000000001, SEP000000000002, SEP000000000003. \
         Delete alternate TFTP servers, firewalls and Security Tokens that nobody needs, and sign again"
    );
    assert_eq!(refusal(&error), ("ctl-too-large", text.as_str()));

    // Larger than anything that is sent: said before.
    upload.file.resize(200_000, 0);
    let error = client.store(upload).await.unwrap_err();
    assert!(matches!(error, ClientError::Misused(_)), "{error}");
    desk.assert_untouched().await;
    // The connection is as good as before.
    let (nodes, _) = client.store(sign(state, &tokens[..2])).await.unwrap();
    assert!(nodes.iter().all(|node| node.failure.is_none()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_failed_is_in_the_answer_and_finished_later() {
    let desk = Desk::new(&["7975"]).await;
    let tokens = [token("ADN008580ef"), token("ADN0054f509")];
    let blocked = desk.path().join("nodes/cucm-1051-a-sub1/published/CTLFile.tlv");
    std::fs::create_dir_all(blocked.join("in the way")).unwrap();
    let mut client = desk.sit_down().await;
    let upload = sign(client.look().await.unwrap(), &tokens);
    let (nodes, _) = client.store(upload.clone()).await.unwrap();
    let failed: Vec<(&str, bool)> = nodes.iter().map(|node| (node.host.as_str(), node.failure.is_some())).collect();
    assert_eq!(failed, [("127.0.47.155", false), ("127.0.47.156", true)]);
    std::fs::remove_dir_all(&blocked).unwrap();
    let (nodes, _) = client.store(upload.clone()).await.unwrap();
    assert!(nodes.iter().all(|node| node.failure.is_none()));
    desk.wait_until_published(&upload.file).await;
}
