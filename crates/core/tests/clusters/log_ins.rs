//! Wrong passwords on record: who can make the cluster forget them.

use std::net::IpAddr;
use std::time::Duration;

use ringfence_core::administrators::Password;
use ringfence_core::log_ins::LOCK_TIME;
use ringfence_core::{CoreError, Level};
use store::rows::FailedLogInRow;

use crate::enrolment::place::Place;

fn from(number: u8) -> IpAddr {
    IpAddr::from([10, 9, 9, number])
}

/// Rows of a flood: more than are kept.
const FLOOD: usize = 5000;

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
    // names that nobody has
    now += 1000;
    flood(&place, |number| format!("?{number:032x}"), now).await;
    now += 10_000;
    place.cluster.begin_log_in("nobody", from(2), now).await.unwrap();
    held("names that nobody has", now).await;
    assert!(rows(&place).await.len() < FLOOD, "they are not kept without end");
    let begun = place.cluster.begin_log_in("chief", from(3), now).await.unwrap();
    assert_eq!(begun.delay, Duration::from_secs(1), "and what slows the account down stays");
    // another account, and the account itself, from everywhere
    for account in ["clerk", "chief"] {
        now += 1000;
        flood(&place, |_| account.to_owned(), now).await;
        now += 10_000;
        place.cluster.begin_log_in(account, from(4), now).await.unwrap();
        held(account, now).await;
        let kept = rows(&place).await.into_iter().filter(|row| row.account == account).count();
        assert!(kept < FLOOD, "{account}: {kept}");
    }
    // a lock that is over may be forgotten
    now += LOCK_TIME;
    place.cluster.begin_log_in("chief", from(4), now).await.unwrap();
    let own = |row: &FailedLogInRow| row.account == "chief" && row.address == from(1).to_string();
    assert!(!rows(&place).await.iter().any(own));
}
