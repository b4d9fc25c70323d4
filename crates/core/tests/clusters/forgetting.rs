//! Tables that only grow: a change stays for the node that was away, and goes when all have taken it.

use std::process::Command;

use cluster::parameters::TVS_TIME_TO_LIVE;

use crate::certificates::place::Place;

const DAY: i64 = 86_400_000;

fn sqlite3(place: &Place, statement: &str) -> String {
    let done = Command::new("sqlite3").arg(place.folder.path().join("ringfence.db")).arg(statement).output();
    let done = done.expect("sqlite3(1) is installed");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

async fn change(place: &mut Place, value: &str) -> i64 {
    let cluster = &place.cluster;
    cluster.set_parameter(&place.actor, TVS_TIME_TO_LIVE, value, &mut place.clock).await.unwrap();
    cluster.store().last_change().await.unwrap()
}

/// Numbers of the changes that are there.
async fn changes(place: &Place) -> Vec<i64> {
    place.cluster.store().changes_after(0).await.unwrap().into_iter().map(|change| change.seq).collect()
}

#[tokio::test]
async fn a_change_stays_until_every_node_has_taken_it() {
    let mut place = Place::new("15").await;
    let (cluster, later) = (place.cluster.clone(), place.clock.now + 2 * DAY);
    let first = change(&mut place, "1000").await;
    let second = change(&mut place, "2000").await;
    let all: Vec<i64> = (1..=second).collect();
    assert_eq!(changes(&place).await, all);

    // One node has never been there.
    cluster.note_taken(&place.publisher, second).await.unwrap();
    assert_eq!(cluster.forget_old(later).await.unwrap(), 0);
    assert_eq!(changes(&place).await, all);

    // It has come, and is away: the change that was made meanwhile is its own.
    cluster.note_taken(&place.subscriber, first).await.unwrap();
    assert_eq!(cluster.forget_old(place.clock.now).await.unwrap(), 0, "for a day they stay anyway");
    cluster.forget_old(later).await.unwrap();
    assert_eq!(changes(&place).await, (first + 1..=second).collect::<Vec<i64>>());

    // The last one stays, so that the numbers go on.
    cluster.note_taken(&place.subscriber, second).await.unwrap();
    cluster.forget_old(later).await.unwrap();
    assert_eq!(changes(&place).await, [second]);
    assert_eq!(change(&mut place, "3000").await, second + 1);

    // Who stays away for too long holds ten megabytes and no more.
    let many = format!(
        "WITH RECURSIVE n(i) AS (SELECT {second} + 2 UNION ALL SELECT i + 1 FROM n WHERE i < {second} + 150000) \
         INSERT INTO change SELECT i, 0, 'device', 'x' FROM n"
    );
    sqlite3(&place, &many);
    cluster.forget_old(later).await.unwrap();
    let left = sqlite3(&place, "SELECT COUNT(*), MAX(seq) FROM change");
    assert_eq!(left.trim(), format!("100000|{}", second + 150_000));
}

#[tokio::test]
async fn old_waves_and_notices_about_what_is_gone_go_after_a_year() {
    let place = Place::new("15").await;
    let now = place.clock.now;
    let mine = sqlite3(&place, "SELECT fingerprint FROM certificate LIMIT 1");
    let (mine, old) = (mine.trim(), now - 366 * DAY);
    sqlite3(
        &place,
        &format!(
            "INSERT INTO wave VALUES (1, 'done', '', 10, 5, 1, 1, {old}), (2, 'stopped', '', 10, 5, 1, 1, {old}), \
             (3, 'done', '', 10, 5, 1, 1, {now}), (4, 'done', '', 10, 5, 1, 1, {old});
             INSERT INTO wavedevice SELECT number, 'SEP001122334455', 1, 'done', 0 FROM wave;
             INSERT INTO certificatenotice VALUES ('gone', 'a', {old}), ('late', 'a', {now}), ('{mine}', 'a', {old});"
        ),
    );
    assert_eq!(place.cluster.forget_old(now).await.unwrap(), 3);
    assert_eq!(sqlite3(&place, "SELECT group_concat(number) FROM wave").trim(), "2,3,4", "the last one is shown");
    assert_eq!(sqlite3(&place, "SELECT group_concat(fkwave) FROM wavedevice").trim(), "2,3,4");
    assert_eq!(sqlite3(&place, "SELECT COUNT(*) FROM certificatenotice").trim(), "2");
}
