//! The Tab key: what can follow what was typed. Made from the table and from the names of the node.

use cluster::bulk::units::BulkUnit;
use cluster::releases::{RELEASES, Release};
use cluster::units::{SERVICES, Unit};
use cluster::{Level, parameters};

use crate::parse::{command_of, words};
use crate::table::{Argument, Command, Kind, visible};

/// What a completion knows: the level of the administrator and the names on his node. Ask the session for a new one
/// before each line; the names change.
#[derive(Debug, Clone)]
pub struct Completer {
    /// Privilege level.
    pub level: Level,
    /// The release that the cluster follows.
    pub release: &'static Release,
    /// Units of the node.
    pub units: Vec<String>,
    /// Units of all nodes of the release.
    pub of_release: Vec<Unit>,
    /// Entries of the trust stores, `store/file`.
    pub trust: Vec<String>,
    /// Names of the phones.
    pub devices: Vec<String>,
    /// Requests of the node, `unit/file`.
    pub requests: Vec<String>,
    /// Services of the node in its release.
    pub services: Vec<String>,
    /// Steps that are pending on the node and done elsewhere.
    pub steps: Vec<String>,
}

/// A word that can follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The text, without a blank behind it.
    pub text: String,
    /// Whether it has sub-commands: shown as `*` behind it.
    pub menu: bool,
}

/// What can follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// Where the text begins that a candidate replaces, in bytes.
    pub start: usize,
    /// The candidates in order.
    pub candidates: Vec<Candidate>,
}

impl Completer {
    /// Candidates for the end of `line`, which is the text before the cursor.
    pub fn complete(&self, line: &str) -> Completion {
        let typed = words(line);
        let (start, partial) = match typed.last() {
            Some((start, word)) if line.ends_with(word) => (*start, *word),
            _ => (line.len(), ""),
        };
        let done: Vec<&str> = typed.iter().filter(|(at, _)| *at < start).map(|(_, word)| *word).collect();
        if let Some(command) = command_of(&done).filter(|command| self.offers(command)) {
            return self.argument(command, line, &done, start, partial);
        }
        let mut candidates: Vec<Candidate> = Vec::new();
        for command in visible(self.level, self.release).filter(|command| command.begins_with(&done)) {
            let Some(word) = command.words.get(done.len()) else {
                continue;
            };
            let menu = command.words.len() > done.len() + 1;
            if begins(word, partial) && candidates.iter().all(|known| known.text != *word) {
                candidates.push(Candidate { text: (*word).to_owned(), menu });
            }
        }
        Completion { start, candidates }
    }

    fn offers(&self, command: &Command) -> bool {
        command.level <= self.level && command.missing_in(self.release).is_none()
    }

    fn argument(&self, command: &Command, line: &str, done: &[&str], start: usize, partial: &str) -> Completion {
        let index = done.len() - command.words.len();
        let rest = command.arguments.iter().enumerate().find(|(_, argument)| argument.kind.takes_rest());
        if let Some((place, rest)) = rest.filter(|(place, _)| *place <= index) {
            // The whole text behind the words and arguments before it is one argument.
            let from = words(line).get(command.words.len() + place).map_or(line.len(), |(at, _)| *at);
            let typed = line.get(from..).unwrap_or_default();
            return match rest.kind {
                Kind::CommandWords => {
                    let inner = self.complete(typed);
                    Completion { start: from + inner.start, ..inner }
                }
                // The word at the cursor, when it is no value of an option.
                Kind::Options(words) => fitting(own(words.iter().copied()), start, partial),
                kind => self.values(kind, from, typed),
            };
        }
        match command.arguments.get(index) {
            Some(argument) if argument.kind == Kind::TrustFile => {
                let store = done.last().copied().unwrap_or_default();
                let inside = self.trust.iter().filter_map(|entry| entry.split_once('/'));
                let files = inside.filter(|(of, _)| of.eq_ignore_ascii_case(store)).map(|(_, file)| file);
                fitting(own(files), start, partial)
            }
            // Of several phones the last one is completed.
            Some(Argument { kind: Kind::Devices(_), .. }) if partial.contains(',') => {
                let behind = partial.rfind(',').map_or(0, |comma| comma + 1);
                fitting(self.devices.clone(), start + behind, partial.get(behind..).unwrap_or_default())
            }
            Some(argument) => self.values(argument.kind, start, partial),
            None => Completion { start, candidates: Vec::new() },
        }
    }

    fn values(&self, kind: Kind, start: usize, typed: &str) -> Completion {
        let names: Vec<String> = match kind {
            Kind::Choice(words) => own(words.iter().copied().filter(|word| self.has_unit(word))),
            Kind::File(words) => own(words.iter().copied()),
            Kind::Unit | Kind::OwnCertificate => self.units.clone(),
            Kind::Request => self.requests.clone(),
            Kind::Release => own(RELEASES.iter().map(|release| release.name)),
            Kind::Step => self.steps.clone(),
            Kind::TrustCertificate => self.trust.clone(),
            Kind::TrustStore => {
                let stores = SERVICES.iter().filter(|service| service.trust).map(|service| service.name);
                own(stores.filter(|store| self.has_unit(store.trim_end_matches("-trust"))))
            }
            Kind::Device => self.devices.clone(),
            Kind::Devices(words) => {
                own(words.iter().copied()).into_iter().chain(self.devices.iter().cloned()).collect()
            }
            Kind::Service => self.services.clone(),
            Kind::Parameter => own(parameters::by_hand()),
            Kind::TrustFile | Kind::Word | Kind::Value | Kind::Statement | Kind::CommandWords | Kind::Options(_) => {
                Vec::new()
            }
        };
        fitting(names, start, typed)
    }

    /// Whether a word may be offered: one that names no unit, or one of the release.
    fn has_unit(&self, word: &str) -> bool {
        let unit = Unit::named(word).or_else(|| BulkUnit::named(word).map(|bulk| bulk.unit));
        unit.is_none_or(|unit| self.of_release.contains(&unit))
    }
}

fn fitting(names: Vec<String>, start: usize, typed: &str) -> Completion {
    let fitting = names.into_iter().filter(|name| begins(name, typed));
    Completion { start, candidates: fitting.map(|text| Candidate { text, menu: false }).collect() }
}

fn own<'a>(words: impl Iterator<Item = &'a str>) -> Vec<String> {
    words.map(str::to_owned).collect()
}

/// Whether a word begins with what was typed, in any case.
fn begins(word: &str, typed: &str) -> bool {
    word.get(..typed.len()).is_some_and(|first| first.eq_ignore_ascii_case(typed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completer(level: Level) -> Completer {
        Completer {
            level,
            release: cluster::releases::release("10.5").unwrap(),
            units: own(["tomcat", "ipsec", "CallManager", "CAPF", "TVS"].into_iter()),
            trust: own(["CallManager-trust/CAPF-e41e7d87.pem", "tomcat-trust/cm9.pem"].into_iter()),
            devices: own(["SEP885A92D977CA", "SEPB83861583B73"].into_iter()),
            of_release: vec![Unit::Tomcat, Unit::Ipsec, Unit::CallManager, Unit::Capf, Unit::Tvs],
            requests: own(["tomcat/tomcat.csr"].into_iter()),
            services: own(["Cisco Tftp", "Cisco Tomcat", "Cisco Trust Verification Service"].into_iter()),
            steps: own(["Cisco HAProxy", "reset the phones"].into_iter()),
        }
    }

    fn texts(line: &str) -> Vec<String> {
        let completion = completer(Level::Install).complete(line);
        completion
            .candidates
            .into_iter()
            .map(|candidate| candidate.text + if candidate.menu { "*" } else { "" })
            .collect()
    }

    #[test]
    fn words_of_commands() {
        assert_eq!(texts(""), ["delete*", "file*", "help", "quit", "run*", "set*", "show*", "utils*"]);
        assert_eq!(texts("sh"), ["show*"]);
        let show = texts("show ");
        assert!(["cert*", "ctl", "itl"].iter().all(|word| show.iter().any(|offered| offered == word)), "{show:?}");
        assert_eq!(texts("show c"), ["cert*", "cli*", "csr*", "ctl"]);
        assert_eq!(texts("utils ctl set-cluster "), ["mixed-mode", "non-secure-mode"]);
        assert_eq!(texts("set cert regen TVS "), ["key-length", "hash"]);
        assert_eq!(texts("set cert import trust tomcat-trust --"), ["--description"]);
        assert_eq!(texts("frob "), Vec::<String>::new());
    }

    #[test]
    fn arguments() {
        assert_eq!(texts("set cert regen "), ["tomcat", "ipsec", "CallManager", "CAPF", "TVS"]);
        assert_eq!(texts("set cert regen ca"), ["CallManager", "CAPF"]);
        assert_eq!(texts("show cert trust Call"), ["CallManager-trust/CAPF-e41e7d87.pem"]);
        assert_eq!(texts("file delete tftp "), ["CTLFile.tlv", "ITLFile.tlv"]);
        assert_eq!(texts("file delete tftp CTLFile.tlv "), ["noconfirm"]);
        assert_eq!(texts("show ctl "), Vec::<String>::new());
        assert_eq!(texts("set parameter tftp"), ["TFTPFileSignatureAlgorithm"]);
        assert_eq!(texts("set cli pagination o"), ["on", "off"]);
        assert_eq!(texts("set cert delete capf-"), ["CAPF-trust"]);
        assert_eq!(texts("set cert delete CallManager-trust "), ["CAPF-e41e7d87.pem"]);
        assert_eq!(texts("utils capf device wave start s"), ["stale", "SEP885A92D977CA", "SEPB83861583B73"]);
        assert_eq!(texts("utils capf device schedule SEPB83861583B73,sep8"), ["SEP885A92D977CA"]);
        assert_eq!(texts("utils capf device schedule all t"), ["troubleshoot"]);
        assert_eq!(texts("utils capf device show s"), ["SEP885A92D977CA", "SEPB83861583B73"]);
        assert_eq!(texts("show csr own "), ["tomcat/tomcat.csr"]);
        assert_eq!(texts("utils system switch-version 1"), ["10.5", "11.5", "12.5", "14", "15"]);
        assert_eq!(texts("utils service mark-done r"), ["reset the phones"]);
        assert_eq!(texts("set parameter Clus"), Vec::<String>::new(), "it has a command of its own");
        assert_eq!(texts("set csr gen tomcat key-"), ["key-length"]);
        assert_eq!(texts("set csr gen tomcat key-length 2048 h"), ["hash"]);
        assert_eq!(texts("set cert import own tomcat tomcat.pem --d"), ["--dry-run", "--description"]);
    }

    #[test]
    fn what_the_release_has_not_is_not_offered() {
        // 9.1: no ITLRecovery, whatever it is called
        assert_eq!(texts("set cert bulk export "), ["tomcat", "CallManager", "CAPF", "tftp", "all"]);
        let stores = texts("set cert import trust ");
        assert!(stores.iter().any(|store| store == "Phone-SAST-trust"), "{stores:?}");
        assert!(stores.iter().all(|store| !store.starts_with("cup")), "{stores:?}");
    }

    #[test]
    fn services_contain_blanks() {
        let completion = completer(Level::Install).complete("utils service restart Cisco T");
        assert_eq!(completion.start, "utils service restart ".len());
        let texts: Vec<&str> = completion.candidates.iter().map(|candidate| candidate.text.as_str()).collect();
        assert_eq!(texts, ["Cisco Tftp", "Cisco Tomcat", "Cisco Trust Verification Service"]);
    }

    #[test]
    fn help_completes_commands_and_levels_hide() {
        let completion = completer(Level::Install).complete("help set c");
        assert_eq!(completion.start, "help set ".len());
        assert_eq!(completion.candidates.len(), 3);
        let few = completer(Level::Read).complete("set ");
        assert_eq!(few.candidates.len(), 1, "only cli");
        assert_eq!(completer(Level::Read).complete("set cert regen ").candidates, []);
    }
}
