//! `utils capf device`: what CAPF is to do for which phones. Ours: the original has it on the page of a phone and in the bulk
//! tool, whose words are used here [sources/capf#phone-block].

use cluster::Surroundings;
use cluster::enrolment::guesses::UNTIL_SCHEDULED;
use cluster::enrolment::{AuthenticationMode, KeyOrder, KeyPlan, Operation};
use ringfence_core::CoreError;
use ringfence_core::enrolment::schedule::{completes_by_text, parse_completes_by};
use ringfence_core::enrolment::{
    AuthenticationString, Curve, Enrolment, LscRow, RsaSize, Schedule, Scheduled, Selection, StringChoice,
};
use ringfence_core::import::title;

use crate::columns::pairs;
use crate::question::Question;
use crate::run::capf::{CAPF_STOPPED, NAMES, counted, day, issuer_name, table};
use crate::session::{Reply, Session, one_line};

/// Digits of a string that is generated: as many as a person types without a slip.
const GENERATED_DIGITS: usize = 6;

/// What is said of keys that cannot prove themselves with SHA-512.
const SHORT_KEY: &str = "the key has no room for the proof with SHA-512, so that CAPF refuses the certificate as Invalid Credentials, \
    unless it takes SHA-1 alone (ringfence serve --capf-sha1-proofs). Use RSA 1024 and up.\n";

/// Where nothing is there to cancel.
const NOTHING_PENDING: &str = "Nothing was pending.\n";

/// Words of *Authentication Mode* in `schedule`; the last two are by string too.
pub(crate) const AUTHENTICATIONS: &[&str] = &["null", "lsc", "mic", "string", "same-string", "typed-string"];

/// Words that `list` takes.
pub(crate) const LISTS: &[&str] = &["all", "pending", "failed", "encrypted"];

impl Session {
    /// Parses a schedule; asks for a string that is typed, and before anything is done to all phones.
    pub(crate) async fn schedule_devices(
        &mut self,
        arguments: &[&str],
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let [devices, operation, authentication] = three(arguments);
        let (mode, string) = match authentication {
            "string" => (AuthenticationMode::AuthenticationString, StringChoice::Generate(GENERATED_DIGITS)),
            "same-string" | "typed-string" => (AuthenticationMode::AuthenticationString, StringChoice::Keep),
            other => (other.parse()?, StringChoice::Keep),
        };
        let completes_by = arguments.get(3).map(|time| parse_completes_by(time, self.cluster.zone())).transpose()?;
        let schedule = Schedule { operation: operation.parse()?, mode, string, completes_by };
        let selection = selection(devices);
        let typed = authentication == "typed-string";
        if typed || selection == Selection::All {
            let now = surroundings.now();
            self.cluster.check_scheduling(&self.actor, &selection, &schedule, typed, now).await?;
        }
        if typed {
            return Ok(self.ask(Question::TypeString { selection, schedule }));
        }
        if selection == Selection::All {
            let phones = self.all_phones().await?;
            return Ok(self.ask(Question::ScheduleAll { schedule, phones }));
        }
        self.schedule(&selection, &schedule, surroundings).await
    }

    /// The answer to the question for a string.
    pub(crate) async fn schedule_with_string(
        &self,
        selection: &Selection,
        schedule: Schedule,
        typed: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let string = StringChoice::Given(AuthenticationString::new(typed.trim())?);
        self.schedule(selection, &Schedule { string, ..schedule }, surroundings).await
    }

    pub(crate) async fn schedule(
        &self,
        selection: &Selection,
        schedule: &Schedule,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let done = self.cluster.schedule(&self.actor, selection, schedule, surroundings).await?;
        Ok(Reply::done(self.scheduled(&done, schedule)))
    }

    fn scheduled(&self, done: &Scheduled, schedule: &Schedule) -> String {
        let mut text = format!(
            "Scheduled {}, {}, for {}.\nOperation Completes By {}.\n",
            schedule.operation.name(),
            schedule.mode.name(),
            named(&done.devices),
            completes_by_text(done.completes_by, self.cluster.zone())
        );
        if !done.strings.is_empty() {
            let row = |(name, string): &(String, AuthenticationString)| {
                vec![Some(name.clone()), Some(string.reveal().to_owned())]
            };
            let rows = done.strings.iter().map(row).collect();
            text.push_str(&self.table(&table(&["device", "authenticationstring"], rows)));
        }
        if !done.short_keys.is_empty() {
            text.push_str(&format!("{} by its LSC: {SHORT_KEY}", named(&done.short_keys)));
        }
        for untold in done.untold.iter().take(NAMES) {
            text.push_str(&format!("Its config does not say so: {}.\n", one_line(&untold.reason)));
        }
        if done.untold.len() > NAMES {
            text.push_str(&format!("The same with {} more.\n", counted(done.untold.len() - NAMES, "config")));
        }
        if !done.capf_runs {
            text.push_str(CAPF_STOPPED);
        }
        text
    }

    pub(crate) async fn cancel_devices(
        &mut self,
        devices: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let selection = selection(devices);
        if selection == Selection::All {
            return Ok(match self.cluster.check_cancelling(&self.actor, &selection).await? {
                0 => Reply::done(NOTHING_PENDING),
                phones => self.ask(Question::CancelAll { phones }),
            });
        }
        self.cancel(&selection, surroundings).await
    }

    pub(crate) async fn cancel(
        &self,
        selection: &Selection,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let cancelled = self.cluster.cancel_operation(&self.actor, selection, surroundings).await?;
        Ok(Reply::done(match cancelled.as_slice() {
            [] => NOTHING_PENDING.to_owned(),
            names => format!("Cancelled for {}.\n", named(names)),
        }))
    }

    pub(crate) async fn set_device_keys(
        &self,
        arguments: &[&str],
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let [devices, order, first] = three(arguments);
        let (order, default): (KeyOrder, _) = (order.parse()?, KeyPlan::default());
        // who wants EC keys only gives one size, that of the curve
        let (rsa, ec) = match (order, first, arguments.get(3).copied()) {
            (KeyOrder::EcOnly, curve, None) if curve_of(curve).is_ok() => ("", Some(curve)),
            (_, rsa, ec) => (rsa, ec),
        };
        let rsa = match rsa {
            "" => default.rsa,
            bits => bits.parse().ok().and_then(RsaSize::from_bits).ok_or_else(|| {
                let sizes: Vec<String> = RsaSize::ALL.iter().map(|size| size.bits().to_string()).collect();
                let behind =
                    if curve_of(bits).is_ok() { "; the EC size follows it, or stands alone with ec-only" } else { "" };
                CoreError::BadInput(format!("`{bits}` is not an RSA size; write {}{behind}", sizes.join(", ")))
            })?,
        };
        let ec = ec.map_or(Ok(default.ec), curve_of)?;
        let keys = KeyPlan { order, rsa, ec };
        let done = self.cluster.set_keys(&self.actor, &selection(devices), keys, surroundings).await?;
        let short = if keys.proves_sha2() { String::new() } else { format!("RSA {}: {SHORT_KEY}", keys.rsa.bits()) };
        Ok(Reply::done(format!("Key order {}: {} for {}.\n{short}", keys.order.name(), sizes(keys), named(&done))))
    }

    pub(crate) async fn set_encrypted_config(
        &self,
        devices: &str,
        on: bool,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let done = self.cluster.set_encrypted_config(&self.actor, &selection(devices), on, surroundings).await?;
        let state = if on { "on" } else { "off" };
        Ok(Reply::done(format!("TFTP Encrypted Config is {state} for {}.\n", named(&done))))
    }

    pub(crate) async fn show_string(
        &self,
        device: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let string = self.cluster.authentication_string(&self.actor, device, surroundings).await?;
        Ok(Reply::done(match string {
            Some(string) => format!("{}\n", string.reveal()),
            None => "It has no authentication string. `utils capf device schedule` generates one.\n".to_owned(),
        }))
    }

    pub(crate) async fn list_devices(&self, which: &str, now: i64) -> Result<Reply, CoreError> {
        // What is overdue is told as it is, not as it was when the phone was last looked at.
        self.cluster.expire_operations(now).await?;
        let zone = self.cluster.zone();
        let fits = |enrolment: &Enrolment| match which {
            "pending" => enrolment.operation != Operation::None,
            "failed" => enrolment.status.is_failure(),
            "encrypted" => enrolment.encrypted,
            _ => true,
        };
        let row = |enrolment: Enrolment| {
            let pending = enrolment.operation != Operation::None;
            let until = enrolment.completes_by.map(|time| completes_by_text(time, zone));
            let cells = [
                enrolment.device,
                enrolment.operation.word().to_owned(),
                if pending { enrolment.mode.word().to_owned() } else { String::new() },
                until.unwrap_or_default(),
                enrolment.lsc.as_ref().map_or_else(|| "none".to_owned(), |lsc| day(lsc.not_after, zone)),
                enrolment.lsc.as_ref().map_or("", |lsc| issuer_name(&lsc.issuer)).to_owned(),
                if enrolment.encrypted { "yes" } else { "no" }.to_owned(),
                enrolment.status.name().to_owned(),
            ];
            cells.map(Some).to_vec()
        };
        let rows: Vec<_> = self.cluster.enrolments().await?.into_iter().filter(fits).map(row).collect();
        let count = counted(rows.len(), "device");
        let columns = ["device", "operation", "by", "completes by", "lsc until", "lsc issuer", "encrypted", "status"];
        Ok(Reply::done(format!("{}{count}\n", self.table(&table(&columns, rows)))))
    }

    pub(crate) async fn show_device(&self, device: &str, now: i64) -> Result<Reply, CoreError> {
        self.cluster.expire_operations(now).await?;
        let zone = self.cluster.zone();
        let it = self.cluster.enrolment(device).await?;
        let lsc = |lsc: &LscRow| {
            format!("{} from {}, until {}", lsc.serial, issuer_name(&lsc.issuer), day(lsc.not_after, zone))
        };
        let mut rows = vec![
            ("Device", it.device.clone()),
            ("Certificate Operation", it.operation.name().to_owned()),
            ("Authentication Mode", it.mode.name().to_owned()),
            ("Authentication String", if it.has_string { "set" } else { "none" }.to_owned()),
            ("Key Order", it.keys.order.name().to_owned()),
            ("RSA Key Size (Bits)", it.keys.rsa.bits().to_string()),
            ("EC Key Size (Bits)", it.keys.ec.bits().to_string()),
            ("Operation Completes By", it.completes_by.map_or_else(String::new, |time| completes_by_text(time, zone))),
            ("Certificate Operation Status", it.status.name().to_owned()),
            ("TFTP Encrypted Config", if it.encrypted { "yes" } else { "no" }.to_owned()),
            ("LSC", it.lsc.as_ref().map_or_else(|| "none".to_owned(), lsc)),
        ];
        if let Some(unconfirmed) = &it.unconfirmed {
            rows.push(("LSC sent, not confirmed", lsc(unconfirmed)));
        }
        rows.push(("MIC", it.mic.as_ref().map_or_else(|| "not seen".to_owned(), title)));
        rows.extend(it.fetched.as_ref().map(|fetched| ("Fetched", fetched.text(zone))));
        if let Some(way_back) = it.way_back() {
            rows.push(("Way back", way_back));
        }
        if it.attempts > 0 {
            rows.push(("Attempts", it.attempts.to_string()));
        }
        if it.locked_until == UNTIL_SCHEDULED {
            rows.push(("Wrong strings", "no string is taken until it is scheduled anew".to_owned()));
        }
        for (address, until) in it.locked_addresses.iter().filter(|(_, until)| *until > now) {
            let minutes = (until - now + 59_999) / 60_000;
            let said = format!("no string is taken from {address} for {} more", counted(minutes, "minute"));
            rows.push(("Wrong strings", said));
        }
        let rows: Vec<(&str, String)> = rows.iter().map(|(name, value)| (*name, one_line(value))).collect();
        let rows = rows.iter().map(|(name, value)| (*name, value.as_str()));
        Ok(Reply::done(pairs(rows, 29, self.columns)))
    }

    pub(super) async fn all_phones(&self) -> Result<usize, CoreError> {
        Ok(self.cluster.store().devices().await?.len())
    }
}

/// A curve by its bits.
fn curve_of(bits: &str) -> Result<Curve, CoreError> {
    let fits = |curve: &Curve| bits.parse() == Ok(curve.bits());
    let unknown = || CoreError::BadInput(format!("`{bits}` is not an EC size; write 256, 384, 521"));
    Curve::ALL.into_iter().find(fits).ok_or_else(unknown)
}

/// `all`, a name, or names with commas between.
pub(super) fn selection(devices: &str) -> Selection {
    if devices.eq_ignore_ascii_case("all") {
        return Selection::All;
    }
    Selection::Devices(devices.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

/// `SEP..`, or `12 devices`.
fn named(names: &[String]) -> String {
    match names {
        [one] => one.clone(),
        many => counted(many.len(), "device"),
    }
}

fn sizes(keys: KeyPlan) -> String {
    let (rsa, ec) = (keys.rsa.bits(), keys.ec.bits());
    match keys.order {
        KeyOrder::RsaOnly => format!("RSA {rsa}"),
        KeyOrder::EcOnly => format!("EC {ec}"),
        KeyOrder::EcPreferred => format!("EC {ec}, RSA {rsa}"),
    }
}

/// The first three arguments; empty where one is missing.
pub(super) fn three<'a>(arguments: &[&'a str]) -> [&'a str; 3] {
    let at = |index: usize| arguments.get(index).copied().unwrap_or_default();
    [at(0), at(1), at(2)]
}
