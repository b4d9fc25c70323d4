//! Order, time, and the answers of the caller.

use std::time::Duration;

use wire::capf::{
    Cause, Done, Failure, MAX_BUFFERED, MAX_CERTIFICATE, MAX_IN_PROGRESS, Operation, Question, Refusal, ServerSession,
    ServerStep, Stage, Timeouts,
};

use crate::desk::{Open, Played, RSA_2048, auth, message, origin};

const KEY: &[(u8, &[u8])] = &[(9, b"key")];

fn install() -> Open {
    Open::with(Operation::Install(RSA_2048))
}

#[test]
fn messages_before_their_turn_wait_for_it() {
    let mut all = auth(7);
    all.extend(message(17, 7, &[]));
    all.extend(message(4, 7, KEY));
    all.extend(message(10, 7, &[(1, &[1])]));
    all.extend_from_slice(b"what comes behind the end is not looked at");
    let mut played = Played::start(7);
    played.give(&all, &mut install());
    assert_eq!(played.end(), ("installed", Some(1)));
    let sent: Vec<u8> = played.sent.iter().map(|message| message[1]).collect();
    assert_eq!(sent, [1, 3, 9, 15], "one write for each");
    assert_eq!(played.asked.last(), Some(&Question::Record(Done::Stored)));
    // and the end stays the end
    played.give(&auth(7), &mut install());
    played.close(&mut install());
    assert_eq!(played.end(), ("installed", Some(1)));
    assert_eq!(played.sent.len(), 4);
}

#[test]
fn each_stage_has_its_own_time() {
    let second = Duration::from_secs(1);
    // up to a stage: what was given, the operation, the time of the stage in seconds, what failed
    type Row<'a> = (&'a [Vec<u8>], Operation, u64, Stage, Failure);
    let stages: [Row<'_>; 5] = [
        (&[], Operation::None, 60, Stage::Authentication, Failure::PhoneCommunication),
        (&[auth(1)], Operation::Install(RSA_2048), 600, Stage::KeyGeneration, Failure::KeyGeneration),
        (&[auth(1), message(4, 1, KEY)], Operation::Install(RSA_2048), 30, Stage::Store, Failure::PhoneCommunication),
        (&[auth(1)], Operation::Fetch, 30, Stage::Fetch, Failure::PhoneCommunication),
        (&[auth(1)], Operation::Delete, 30, Stage::Delete, Failure::PhoneCommunication),
    ];
    for (given, operation, seconds, stage, failure) in stages {
        let mut desk = Open::with(operation);
        let mut played = Played::start(1);
        for message in given {
            played.give(message, &mut desk);
        }
        assert_eq!(played.wait(Duration::from_secs(seconds) - second, &mut desk).end(), ("open", None));
        // trickling bytes do not make it longer
        played.give(&[0x55], &mut desk);
        assert_eq!(played.end(), ("open", None));
        assert_eq!(played.wait(second, &mut desk).end(), ("timed-out", None));
        let ended = played.ended.as_ref().unwrap();
        assert_eq!((ended.stage, ended.failure()), (stage, Some(failure)));
        assert!(ended.to_string().contains("no answer in time"), "{ended}");
    }
}

#[test]
fn a_busy_phone_gets_the_time_of_its_key_and_no_more() {
    let mut played = Played::start(1);
    played.give(&auth(1), &mut install());
    for _ in 0..9 {
        played.wait(Duration::from_secs(60), &mut install()).give(&message(17, 1, &[]), &mut install());
    }
    assert_eq!(played.end(), ("open", None));
    assert_eq!(played.wait(Duration::from_secs(60), &mut install()).end(), ("timed-out", None));
    // bytes that come too late are not looked at, even when nobody watched the clock
    let mut played = Played::start(1);
    played.now += Duration::from_secs(60);
    played.give(&auth(1), &mut install());
    assert_eq!(played.end(), ("timed-out", None));
    assert!(played.asked.is_empty());
}

#[test]
fn in_progress_is_taken_often_but_not_for_ever() {
    let mut played = Played::start(1);
    played.give(&auth(1), &mut install());
    for _ in 0..MAX_IN_PROGRESS {
        played.give(&message(17, 1, &[]), &mut install());
    }
    assert_eq!(played.end(), ("open", None));
    played.give(&message(17, 1, &[]), &mut install());
    assert_eq!(played.end(), ("in-progress", Some(7)));
}

#[test]
fn a_broken_connection_says_how_far_it_came() {
    for (given, stage) in [
        (vec![], Stage::Authentication),
        (vec![auth(1)], Stage::KeyGeneration),
        (vec![auth(1), message(17, 1, &[])], Stage::KeyGeneration),
        (vec![auth(1), message(4, 1, KEY)], Stage::Store),
    ] {
        let mut played = Played::start(1);
        for message in &given {
            played.give(message, &mut install());
        }
        played.close(&mut install());
        assert_eq!(played.end(), ("closed", None));
        let ended = played.ended.unwrap();
        assert_eq!((ended.stage, ended.failure()), (stage, Some(Failure::PhoneCommunication)));
    }
}

#[test]
fn every_refusal_has_its_reason() {
    let mut all = vec![(Refusal::UnknownDevice, 9, None), (Refusal::Limit, 7, None), (Refusal::Internal, 7, None)];
    all.extend(Failure::ALL.map(|failure| (Refusal::Failed(failure), 7, Some(failure))));
    for (refusal, reason, failure) in all {
        let now = origin();
        let mut session = ServerSession::new(5, Timeouts::default());
        assert!(matches!(session.step(now), ServerStep::Send(_)));
        session.receive(&auth(5), now);
        assert!(matches!(session.step(now), ServerStep::Ask(Question::Authenticate(_))));
        session.refuse(refusal);
        let end = [0x55, 15, 0, 0, 0, 5, 0, 4, 1, 0, 1, reason];
        assert_eq!(session.step(now), ServerStep::Send(end.to_vec()));
        let ServerStep::End(ended) = session.step(now) else { panic!("{refusal:?}") };
        assert_eq!(ended.cause, Cause::Refused(refusal));
        assert_eq!((ended.failure(), ended.is_success()), (failure, false));
        // a late answer changes nothing
        session.operation(Operation::Fetch);
        session.issued(b"x");
        session.recorded();
        session.refuse(Refusal::Internal);
        assert_eq!(session.step(now), ServerStep::End(ended));
    }
}

#[test]
fn what_could_not_be_recorded_is_not_called_a_success() {
    let now = origin();
    let mut session = ServerSession::new(5, Timeouts::default());
    assert!(matches!(session.step(now), ServerStep::Send(_)));
    session.receive(&[auth(5), message(14, 5, &[(1, &[1])])].concat(), now);
    assert!(matches!(session.step(now), ServerStep::Ask(Question::Authenticate(_))));
    session.operation(Operation::Delete);
    assert!(matches!(session.step(now), ServerStep::Send(_)));
    assert_eq!(session.step(now), ServerStep::Ask(Question::Record(Done::Deleted)));
    session.refuse(Refusal::Internal);
    let ServerStep::Send(end) = session.step(now) else { panic!("END_SESSION") };
    assert_eq!(end.last(), Some(&7));
}

#[test]
fn faults_of_the_caller_end_the_session_and_nothing_else() {
    let asked = || {
        let now = origin();
        let mut session = ServerSession::new(5, Timeouts::default());
        assert!(matches!(session.step(now), ServerStep::Send(_)));
        session.receive(&auth(5), now);
        assert!(matches!(session.step(now), ServerStep::Ask(Question::Authenticate(_))));
        (session, now)
    };
    let faults: [fn(&mut ServerSession); 4] = [
        |session| session.issued(b"x"),
        ServerSession::recorded,
        // too early: the certificate is checked when it is due
        |session| {
            session.operation(Operation::Fetch);
            session.operation(Operation::Fetch);
        },
        // no answer at all
        |_| {},
    ];
    for fault in faults {
        let (mut session, now) = asked();
        fault(&mut session);
        let ServerStep::Send(end) = session.step(now) else { panic!("END_SESSION") };
        assert_eq!(end, [0x55, 15, 0, 0, 0, 5, 0, 4, 1, 0, 1, 7]);
        let ServerStep::End(ended) = session.step(now) else { panic!("the end") };
        assert_eq!((ended.label(), ended.failure()), ("misused", None));
    }
    let mut desk = install();
    desk.certificate = vec![0; MAX_CERTIFICATE + 1];
    let mut played = Played::start(1);
    played.give(&auth(1), &mut desk).give(&message(4, 1, KEY), &mut desk);
    assert_eq!(played.end(), ("misused", Some(7)));
}

#[test]
fn a_session_holds_no_more_than_two_messages() {
    let now = origin();
    let mut session = ServerSession::new(1, Timeouts::default());
    session.receive(&vec![0x55; MAX_BUFFERED], now);
    assert!(matches!(session.step(now), ServerStep::Send(_)), "nothing was looked at yet");
    session.receive(b"x", now);
    let ServerStep::Send(end) = session.step(now) else { panic!("END_SESSION") };
    assert_eq!(end.last(), Some(&7));
    let ServerStep::End(ended) = session.step(now) else { panic!("the end") };
    assert_eq!(ended.label(), "overrun");
}

#[test]
fn no_setting_of_the_times_is_too_long() {
    let now = origin();
    let longest = Timeouts { authentication: Duration::MAX, key_generation: Duration::MAX, answer: Duration::MAX };
    let mut session = ServerSession::new(1, longest);
    assert!(matches!(session.step(now), ServerStep::Send(_)));
    assert_eq!(session.step(now), ServerStep::Receive { until: now + Duration::from_secs(86_400) });
}
