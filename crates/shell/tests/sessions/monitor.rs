//! `show cert monitor`, `set cert acknowledge`: what the shell shows of the certificate monitor.

use crate::node::Place;
use cluster::Level;
use cluster::Surroundings;
use shell::Outcome;

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

#[tokio::test]
async fn what_expires_and_what_is_known() {
    let mut place = Place::new("15").await;
    let mut session = place.session(None, Level::ReadWrite).await;
    let (said, _) = place.type_in(&mut session, &["show cert monitor"]).await;
    assert_eq!(said, "admin:show cert monitor\nNothing expires within 90 days.\nadmin:");
    // Five years later, but for five days.
    place.clock.now += (1825 - 5) * DAY;
    let (said, _) = place.type_in(&mut session, &["show cert monitor"]).await;
    let tomcat = said.lines().find(|line| line.contains(" tomcat/tomcat.der ")).unwrap().to_owned();
    let columns: Vec<&str> = tomcat.split_whitespace().collect();
    assert_eq!(columns[2..5], ["own", "4", "UC_CERT-2-CertValidfor7days"], "{tomcat}");
    assert!(tomcat.ends_with("presents it"), "{tomcat}");
    let digits = columns[0].to_owned();

    let (said, outcome) =
        place.type_in(&mut session, &[&format!("set cert acknowledge {digits} new one on Monday")]).await;
    assert_eq!(outcome, Outcome::Done);
    assert!(
        said.contains("\ntomcat/tomcat.der is acknowledged; the monitor is silent about it until it gets worse.\n"),
        "{said}"
    );
    let (said, _) = place.type_in(&mut session, &["show cert monitor"]).await;
    assert!(said.contains("; acknowledged by admin: new one on Monday\n"), "{said}");
    let (said, _) = place.type_in(&mut session, &[&format!("set cert unacknowledge {digits}")]).await;
    assert!(said.contains("\nThe monitor speaks about it again.\n"), "{said}");

    for (line, reason) in [
        ("set cert acknowledge 1234 why", "8 digits of its SHA-256"),
        ("set cert acknowledge 00000000000000000000 why", "no certificate begins with"),
        ("set cert acknowledge zzzzzzzz why", "8 digits of its SHA-256"),
    ] {
        let (said, outcome) = place.type_in(&mut session, &[line]).await;
        assert_eq!(outcome, Outcome::Refused, "{line}");
        assert!(said.contains(reason), "{said}");
    }
    let mut reader = place.session(None, Level::Read).await;
    let (_, outcome) = place.type_in(&mut reader, &[&format!("set cert acknowledge {digits} why")]).await;
    assert_eq!(outcome, Outcome::Refused);
    assert!(place.folder.path().exists() && place.clock.now() > 0);
}

#[tokio::test]
async fn revocation_that_is_off_and_on() {
    let mut place = Place::new("15").await;
    let mut session = place.session(None, Level::ReadWrite).await;
    let (said, _) = place.type_in(&mut session, &["show cert revocation"]).await;
    assert!(said.contains("\nRevocation is not checked: `set parameter EnableOCSP T` or"), "{said}");
    for (line, reason) in [
        ("set parameter EnableOCSP yes", "yes is not F or T"),
        ("set parameter ConfiguredOCSPURI https://a/", "none or an http:// address, 1 at most"),
        ("set parameter ConfiguredOCSPURI http://a/ http://b/", "1 at most"),
        ("set parameter CRLDistributionPointURI http://a http://b http://c http://d http://e http://f", "5 at most"),
        ("set parameter RevocationCheckEvery 0", "1 to 8760"),
    ] {
        let (said, outcome) = place.type_in(&mut session, &[line]).await;
        assert_eq!(outcome, Outcome::Refused, "{line}");
        assert!(said.contains(reason), "{said}");
    }
    let lines = ["set parameter CRLDistributionPointURI http://a http://b", "set parameter EnableCRL T"];
    assert_eq!(place.type_in(&mut session, &lines).await.1, Outcome::Done);
    let (said, _) = place.type_in(&mut session, &["show cert revocation"]).await;
    assert!(said.contains("\nNothing was checked yet: "), "{said}");
    let mut reader = place.session(None, Level::Read).await;
    assert_eq!(place.type_in(&mut reader, &["utils cert revocation check"]).await.1, Outcome::Refused);
}
