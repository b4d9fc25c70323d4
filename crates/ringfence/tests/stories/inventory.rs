//! `ringfence inventory`: certificates of nodes and stores, LSCs over several pages, and what it takes when asked for a part.

use std::collections::BTreeSet;
use std::process::Command;

use crate::admin_cluster::Place;
use serde_json::Value;

/// LSCs of the test: more than two pages.
const LSCS: usize = 2500;

fn inventory(place: &Place, arguments: &[&str]) -> Vec<Value> {
    let all = [&["inventory", "--json"], arguments].concat();
    place.run(&all, "").success().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn sqlite3(place: &Place, statement: &str) {
    let done = Command::new("sqlite3").arg(place.file("ringfence.db")).arg(statement).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn all_of_it_and_parts_of_it() {
    let place = Place::new(|_| async {});
    place.run(&["admin", "-c", "utils ctl set-cluster mixed-mode", "--yes"], "").success();
    sqlite3(
        &place,
        &format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {LSCS}) \
             INSERT INTO lsc SELECT 'key' || i, printf('SEP%012X', i), printf('%032x', i), 'CN=' || printf('SEP%012X', i), \
             'CN=CAPF', (SELECT fingerprint FROM certificate JOIN certificateservicecertificatemap ON \
             fkcertificate = certificate.pkid WHERE tkcertificateservice = 9), 0, \
             CASE WHEN i % 100 = 0 THEN 1000000000 ELSE 9000000000 END, '', NULL, NULL, CASE WHEN i % 10 = 0 THEN 4 ELSE 3 END, \
             0, 0 FROM n"
        ),
    );
    let all = inventory(&place, &[]);
    let lscs: Vec<&Value> = all.iter().filter(|entry| entry["kind"] == "LSC").collect();
    let devices: BTreeSet<&str> = lscs.iter().map(|entry| entry["device"].as_str().unwrap()).collect();
    assert_eq!((lscs.len(), devices.len()), (LSCS, LSCS), "none is missing and none comes twice");
    assert_eq!(lscs[0]["trusted_by"], serde_json::json!(["CallManager-trust", "CAPF-trust"]));

    // CAPF: LSCs hang on it, both lists name it; CallManager of the publisher signs.
    let own = |unit: &str| {
        let mine = |entry: &&Value| {
            let by = entry["presented_by"].as_array().unwrap();
            by.iter().any(|it| it["node"] == "pub" && it["unit"] == unit)
        };
        all.iter().find(mine).unwrap()
    };
    assert_eq!(own("CAPF")["lscs_issued"], LSCS - LSCS / 10);
    assert_eq!(own("CAPF")["presented_by"][0]["ports"], serde_json::json!([3804]));
    assert_eq!(own("TVS")["presented_by"][0]["ports"], serde_json::json!([2445]));
    for (parameter, unit) in [("CAPFPhonePort 13804", "CAPF"), ("TVSPort 12445", "TVS")] {
        place.run(&["admin", "-c", &format!("set parameter {parameter}")], "").success();
        let moved = inventory(&place, &["--subject", own(unit)["subject"].as_str().unwrap()]);
        let mut presented = moved.iter().filter_map(|entry| entry["presented_by"].as_array()).flatten();
        let port: u64 = parameter.rsplit(' ').next().unwrap().parse().unwrap();
        let at = presented.find(|it| it["unit"] == unit && it["node"] == "pub").map(|it| it["ports"].clone());
        assert_eq!(at, Some(serde_json::json!([port])), "{moved:?}");
    }
    let trusted: Vec<&str> =
        own("CAPF")["trusted_by"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    assert!(trusted.contains(&"CTL of pub") && trusted.contains(&"ITL of sub1") && trusted.contains(&"CAPF-trust"));
    let signed = own("CallManager")["lists_signed"].as_array().unwrap();
    assert_eq!(signed, &["CTL of pub", "ITL of pub", "CTL of sub1"]);
    assert!(own("TVS")["trusted_by"].as_array().unwrap().contains(&"ITL of sub1".into()), "by its hash");

    // Parts.
    let one = inventory(&place, &["--device", "SEP0000000007D0"]);
    assert_eq!((one.len(), &one[0]["status"]), (1, &"superseded".into()));
    assert_eq!(inventory(&place, &["--subject", "sep00000000000"]).len(), 15, "1 to F");
    assert_eq!(inventory(&place, &["--issuer", "CN=CAPF", "--expires-within", "30"]).len(), LSCS / 100);
    assert_eq!(inventory(&place, &["--status", "superseded"]).len(), LSCS / 10);
    assert_eq!(inventory(&place, &["--subject", "nobody"]).len(), 0);
    let text = place.run(&["inventory", "--device", "SEP0000000007D0", "--long"], "").success();
    assert!(
        text.starts_with("LSC superseded until 2001-09-09 01:46:40 UTC: CN=SEP0000000007D0; held by SEP"),
        "{text}"
    );

    // As a table: a row is a line, and its columns stay those of the first page.
    let text = place.run(&["inventory"], "").success();
    assert_eq!(text.lines().count(), 1 + all.len());
    let title = text.lines().next().unwrap();
    assert!(title.starts_with("KIND         STATUS") && title.contains("UNTIL       NAME"), "{title}");
    let at = title.find("UNTIL").unwrap();
    let days = text.lines().skip(1).filter(|line| line.get(at..at + 10).is_some_and(is_day));
    assert_eq!(days.count(), all.len(), "the column stands below its title");
    let capf = text.lines().find(|line| line.contains("presented by CAPF of pub")).unwrap();
    assert!(capf.ends_with(&format!("{} LSCs hang on it", LSCS - LSCS / 10)), "{capf}");

    // A device without a clock begins before 1970.
    let old = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/found/unusual/utc1950.pem");
    place.run(&["admin", "-c", &format!("set cert import trust tomcat-trust {old}")], "").success();
    assert_eq!(inventory(&place, &["--subject", "CN=x"])[0]["not_before"], "1950-01-01T00:00:00Z");

    // Nobody of that name is an answer.
    let ended = place.run(&["inventory", "--device", "NOBODY"], "");
    assert_eq!((ended.code(), ended.out()), (1, ""));
    assert_eq!(ended.error(), "no phone NOBODY; `ringfence device list` names them\n");
}

fn is_day(text: &str) -> bool {
    text.split('-').map(str::len).eq([4, 2, 2]) && text.chars().all(|letter| letter.is_ascii_digit() || letter == '-')
}
