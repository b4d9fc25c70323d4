//! What is refused anyway is refused before anybody is asked: a question is put only where a yes does something.

use cluster::devices::Device;
use cluster::{Actor, Level};
use shell::{Outcome, State};

use crate::node::Place;

/// A command on a cluster of a release, after others, and what it says instead of asking.
struct Case {
    release: &'static str,
    before: &'static [&'static str],
    command: &'static str,
    says: &'static str,
}

const fn case(
    release: &'static str,
    before: &'static [&'static str],
    command: &'static str,
    says: &'static str,
) -> Case {
    Case { release, before, command, says }
}

const MIXED: &[&str] = &["utils ctl set-cluster mixed-mode", "y"];

const CASES: &[Case] = &[
    case("12.5", &[], "set cert regen tomcat hash MD5", "`MD5` is no digest; there are SHA256, SHA512"),
    case("10.5", &[], "set cert regen tomcat hash MD5", "`MD5` is no digest; there are SHA256, SHA1, SHA512"),
    case("15", &[], "set cert regen tomcat hash SHA1", "SHA1 is not offered for this key; there are SHA256, SHA512"),
    case(
        "12.5",
        &[],
        "set cert regen tomcat key-length 512",
        "no key length of 512 bits here; there are 2048, 3072, 4096",
    ),
    case("12.5", &[], "set cert regen CallManager key-length 512", "no key length of 512 bits here; there are 2048\n"),
    case("12.5", &[], "set cert regen CallManager key-length 3072", "Ask with another key length: 2048\n"),
    case(
        "12.5",
        &[],
        "set cert regen CallManager key-length 4096",
        "Take key-length 2048, or remove those phones first",
    ),
    case(
        "12.5",
        &[],
        "set cert regen CallManager-ECDSA key-length 521 hash MD5",
        "`MD5` is no digest; there are SHA512\n",
    ),
    case("12.5", &[], "set csr gen tomcat hash MD5", "`MD5` is no digest; there are SHA256, SHA384, SHA512"),
    case("10.5", &["set cert regen CallManager", "yes"], "set cert regen TVS", "in the last 5 minutes"),
    case("10.5", &[], "set cert regen force CAPF  ", "force"),
    case("10.5", &[], "set network ip 10.48.47.154", "cucm-1051-a-sub1 (10.48.47.154) has this address already"),
    case("9.1", &[], "utils ctl set-cluster mixed-mode", "is not a command of release 9.1"),
    case("10.5", &[], "utils ctl update CTLFile", "The cluster is not in mixed mode"),
    case("12.5", &[], "utils ctl reset localkey", "The cluster is not in mixed mode"),
    case("10.5", MIXED, "utils ctl reset localkey", "names no second certificate"),
    case("10.5", &[], "set cert delete CallManager-trust CAPF-e41e7d87.pem", "is in use as an own certificate"),
    case("10.5", &[], "set cert delete tomcat-trust nobody.pem", "nobody.pem"),
    case("10.5", &[], "set cert default-ca-list disable CAP-RTP-001", "CAP-RTP-001 stands in no trust store"),
    case("10.5", &[], "set cert default-ca-list enable all", "all is not switched off"),
    case("10.5", &[], "utils system switch-version 10.5", "follows release 10.5 already"),
    case("10.5", &["set rollback enable", "yes"], "utils itl reset localkey", "prepares for a rollback"),
    case("12.5", &["set rollback enable", "yes"], "set rollback enable", "is on already"),
    case("12.5", &[], "set rollback disable", "is off already"),
    case("10.5", &[], "utils capf device cancel all", "Nothing was pending"),
    case("15", &[], "utils itl reset remotekey other.p12", "is not a command of release 15"),
    case("12.5", &[], "utils itl reset remotekey nothing.p12", "nothing.p12"),
    case("12.5", &[], "file get tftp ITLRecovery.p12 nothing/there", "nothing is no directory"),
    case("9.1", &[], "file get tftp ITLRecovery.p12", "no ITLRecovery certificate"),
    case("10.5", &[], "set account name system", "cannot be the name of an account"),
    case("10.5", &[], "utils capf device schedule all install string 2001:01:01:00", "a time that is over"),
    case("10.5", &[], "utils capf device schedule all install same-string", "has no authentication string"),
    case("10.5", &[], "utils capf device schedule SEP000000000001 install typed-string", "no device SEP000000000001"),
    case("10.5", &[], "utils capf device wave start all string", "has no authentication string"),
    case("10.5", &[], "utils capf device wave start stale lsc", "no device has a stale LSC"),
    case(
        "10.5",
        &["utils capf device wave start all null", "y"],
        "utils capf device wave start all null",
        "go on with it or give it up first",
    ),
    case("10.5", &["utils capf device wave start all null", "y"], "utils capf device cancel all", "waits for"),
    case(
        "10.5",
        &["utils capf device wave start all null", "y"],
        "utils capf device schedule all install null",
        "waits for",
    ),
];

/// One of the 7900 series, which checks keys of 2048 bits at most.
async fn add_phone(place: &mut Place) {
    let device = Device { model: "7965".into(), ..testbed::phone("SEP885A92D977CA") };
    place.cluster.put_devices(&Actor::new("admin", Level::Install), &[device], &mut place.clock).await.unwrap();
}

#[tokio::test]
async fn what_is_refused_anyway_is_refused_before_a_question() {
    let mut wrong = Vec::new();
    for case in CASES {
        let mut place = Place::new(case.release).await;
        add_phone(&mut place).await;
        let mut session = place.session(None, Level::Install).await;
        let (_, outcome) = place.type_in(&mut session, case.before).await;
        assert_eq!(outcome, Outcome::Done, "{:?}", case.before);
        let reply = session.line(case.command, &mut place.clock).await;
        let text = reply.text.split_whitespace().collect::<Vec<_>>().join(" ") + "\n";
        let wanted = case.says.trim_end();
        let ends = case.says.ends_with('\n');
        let said = if ends { text.contains(&format!("{wanted} Executed")) } else { text.contains(wanted) };
        if reply.state != State::Prompt || !said {
            wrong.push(format!("{} in {}: {:?} {}", case.command, case.release, reply.state, reply.text));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A password that cannot be one is not asked for again.
#[tokio::test]
async fn a_short_password_is_not_asked_for_twice() {
    let mut place = Place::new("12.5").await;
    let mut session = place.session(None, Level::Install).await;
    for lines in [&["set account name anna", "1", "12345"][..], &["file get tftp ITLRecovery.p12", "1234567"]] {
        let mut last = None;
        for line in lines {
            last = Some(session.line(line, &mut place.clock).await);
        }
        let last = last.unwrap();
        assert_eq!((last.state, last.outcome), (State::Prompt, Outcome::Refused), "{lines:?}: {}", last.text);
    }
}

/// What a hint offers is taken.
#[tokio::test]
async fn what_a_hint_offers_is_taken() {
    for release in ["9.1", "10.5", "12.5", "15"] {
        let mut place = Place::new(release).await;
        add_phone(&mut place).await;
        let mut session = place.session(None, Level::Install).await;
        let units: Vec<String> = place.cluster.release().units(true).map(|unit| unit.name().to_owned()).collect();
        for unit in units {
            for (word, bad) in [("hash", "MD5"), ("key-length", "1")] {
                let reply = session.line(&format!("set cert regen {unit} {word} {bad}"), &mut place.clock).await;
                let (_, offered) =
                    reply.text.split_once("there are ").unwrap_or_else(|| panic!("{unit}: {}", reply.text));
                for value in offered.lines().next().unwrap().split(", ") {
                    let command = format!("set cert regen {unit} {word} {value}");
                    let reply = session.line(&command, &mut place.clock).await;
                    assert!(matches!(reply.state, State::Ask(_)), "{command} in {release}: {}", reply.text);
                    session.line("no", &mut place.clock).await;
                }
            }
        }
    }
}
