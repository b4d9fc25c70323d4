//! Wrong passwords on record: who can make the cluster forget them.

use std::net::IpAddr;
use std::time::Duration;

use cluster::Level;
use cluster::rows::FailedLogInRow;
use ringfence_core::CoreError;
use ringfence_core::administrators::Password;
use ringfence_core::log_ins::SLOW_TIME;

use crate::enrolment::place::Place;

fn from(number: u8) -> IpAddr {
    IpAddr::from([10, 9, 9, number])
}

/// Rows of a flood: more than the node takes of all in an hour without making everybody wait.
const FLOOD: usize = 5000;

/// More are never kept.
const MOST: usize = 20_000;

async fn flood(place: &Place, account: impl Fn(usize) -> String, now: i64) {
    let mut transaction = place.cluster.store().begin().await.unwrap();
    for number in 0..FLOOD {
        let (account, address) = (account(number), format!("2001:db8:0:{number:x}::/64"));
        // one each millisecond
        let last_at = now + i64::try_from(number).unwrap();
        let row = FailedLogInRow { account, address, wrong: 1, last_at, locked_until: 0, unnoted: 0, noted_at: now };
        transaction.put_failed_log_in(&row).await.unwrap();
    }
    transaction.commit().await.unwrap();
}

async fn rows(place: &Place) -> Vec<FailedLogInRow> {
    place.cluster.store().begin().await.unwrap().failed_log_ins().await.unwrap()
}

#[tokio::test]
async fn a_flood_of_log_ins_ends_no_lock() {
    let mut place = Place::new(&[]).await;
    for name in ["chief", "clerk"] {
        let password = Password::new("Cisco123");
        let added = place.cluster.add_administrator(&place.actor, name, Level::ReadWrite, password, &mut place.clock);
        added.await.unwrap();
    }
    let mut now = place.clock.now;
    for _ in 0..5 {
        place.cluster.begin_log_in("chief", from(1), now).await.unwrap();
    }
    let held = async |what: &str, now: i64| {
        let refused = place.cluster.begin_log_in("chief", from(1), now).await.unwrap_err();
        assert!(matches!(refused, CoreError::Refused { label: "too-many-attempts", .. }), "{what}: {refused}");
    };
    held("at once", now).await;
    // names that nobody has, then another account, and the account itself, from everywhere
    for account in ["?", "clerk", "chief"] {
        now += 1000;
        let named = |number: usize| if account == "?" { format!("?{number:032x}") } else { account.to_owned() };
        flood(&place, named, now).await;
        now += 10_000;
        place.cluster.begin_log_in(if account == "?" { "nobody" } else { account }, from(4), now).await.unwrap();
        held(account, now).await;
        let begun = place.cluster.begin_log_in("chief", from(3), now).await.unwrap();
        assert!(begun.delay >= Duration::from_secs(1), "what slows the account down stays: {account}");
        let kept = rows(&place).await.len();
        assert!(kept < MOST, "they are not kept without end: {kept}");
    }
    // what counts for nothing any more is forgotten
    now += SLOW_TIME + 2 * 60 * 1000;
    let begun = place.cluster.begin_log_in("chief", from(5), now).await.unwrap();
    assert_eq!((begun.delay, rows(&place).await.len()), (Duration::ZERO, 1));
}

/// What is done about a log-in: how long it waits, or that it is refused.
async fn outcome(place: &Place, name: &str, address: IpAddr, now: i64) -> Result<Duration, String> {
    let begun = place.cluster.begin_log_in(name, address, now).await;
    begun.map(|begun| begun.delay).map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_name_that_is_no_account_is_treated_as_one_that_is() {
    // Two clusters to which the same happens: in one of them the name is an account.
    let (mut with, without) = (Place::new(&[]).await, Place::new(&[]).await);
    let password = Password::new("Cisco123");
    let added = with.cluster.add_administrator(&with.actor, "chief", Level::ReadWrite, password, &mut with.clock);
    added.await.unwrap();
    let mut now = with.clock.now;
    let mut outcomes = [Vec::new(), Vec::new()];
    let mut step = 0;
    for part in 0..3 {
        for address in [1, 1, 1, 1, 1, 1, 2, 2, 2, 3] {
            now += 1000;
            step += 1;
            for (place, outcomes) in [&with, &without].into_iter().zip(&mut outcomes) {
                outcomes.push((step, outcome(place, "chief", from(address), now).await));
            }
        }
        // many other names, from everywhere; what was told of is not held back
        now += 1000;
        for place in [&with, &without] {
            flood(place, |number| format!("?{part}{number:031x}"), now).await;
        }
        now += 10_000;
    }
    assert_eq!(outcomes[0], outcomes[1]);
    assert!(outcomes[0].iter().any(|(_, outcome)| outcome.is_err()), "the lock counts");
}

#[tokio::test]
async fn who_tries_many_names_waits() {
    let place = Place::new(&[]).await;
    let mut delays = Vec::new();
    for number in 0..20 {
        let now = place.clock.now + number;
        delays.push(outcome(&place, &format!("name{number}"), from(1), now).await.unwrap().as_secs());
    }
    assert_eq!(delays[..16], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 30]);
    assert!(delays[16..].iter().all(|delay| *delay == 30));
    let elsewhere = outcome(&place, "name99", from(2), place.clock.now + 99).await;
    assert_eq!(elsewhere, Ok(Duration::ZERO), "another address does not");
}
