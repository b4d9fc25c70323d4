//! Requests to a CA: `set csr`, `show csr` [sources/shell#certificate-commands], [sources/certificates#requests].

use cluster::Surroundings;
use cluster::certificates::digests::digest_named;
use cluster::certificates::key_choice::digests_of_requests;
use cluster::certificates::requests::RequestCertificate;
use cluster::certificates::requests::RestoreRequest;
use cluster::certificates::requests::{ListedRequest, ParentDomain, RequestChoice, RequestDigest};
use cluster::moment;
use cluster::units::Unit;
use ringfence_core::CoreError;

use crate::run::certificates::bits;
use crate::session::{Reply, Session};

/// What the original says when nothing was requested.
pub(crate) const NO_REQUEST: &str = "No Certificate Sign Request available for display\n";

impl Session {
    pub(crate) async fn generate_request(
        &self,
        unit: &str,
        options: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let unit = self.unit(unit)?;
        let choice = choice(options, |bits| digests_of_requests(self.cluster.release(), unit, bits))?;
        self.cluster.perform(&self.actor, &self.node, &RequestCertificate { unit, choice }, surroundings).await?;
        Ok(Reply::done(format!("Successfully Generated CSR for {}.\n", unit.name())))
    }

    /// The unit with a name, if the release has it.
    pub(super) fn unit(&self, name: &str) -> Result<Unit, CoreError> {
        let release = self.cluster.release();
        let known = Unit::named(name).filter(|unit| release.units(true).any(|known| known == *unit));
        known.ok_or_else(|| {
            let names: Vec<&str> = release.units(self.node.publisher).map(Unit::name).collect();
            CoreError::BadInput(format!("no unit {name}; there are {}", names.join(", ")))
        })
    }

    pub(crate) async fn list_requests(&self, of_unit: Option<&str>) -> Result<Reply, CoreError> {
        let unit = of_unit.map(|name| self.unit(name)).transpose()?;
        let all = self.cluster.requests(&self.node).await?;
        let lines = all.iter().filter(|one| unit.is_none_or(|unit| unit == one.unit)).map(|one| self.request_line(one));
        let text: String = lines.collect();
        Ok(Reply::done(if text.is_empty() { NO_REQUEST.to_owned() } else { text }))
    }

    /// The one that waits is listed as the original lists it; those before it, which the original loses, with their date.
    fn request_line(&self, one: &ListedRequest) -> String {
        let name = one.unit.name();
        if one.file == format!("{name}.csr") {
            return format!("{name}/{}\n", one.file);
        }
        let made = moment(one.row.created_at, self.cluster.zone());
        format!("{name}/{}: replaced; made {made}; `set csr restore {name}/{0}` makes it wait again\n", one.file)
    }

    pub(crate) async fn show_request(&self, name: &str, standard: bool) -> Result<Reply, CoreError> {
        self.unit(name.split('/').next().unwrap_or_default())?;
        Ok(Reply::done(match self.cluster.find_request(&self.node, name).await? {
            None => NO_REQUEST.to_owned(),
            Some(found) if standard => found.request.to_pem().to_owned(),
            Some(found) => found.request.to_pem().replace("CERTIFICATE REQUEST-----", "CERTIFICATE SIGN REQUEST-----"),
        }))
    }

    pub(crate) async fn restore_request(
        &self,
        name: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let found = self
            .cluster
            .perform(&self.actor, &self.node, &RestoreRequest { name: name.to_owned() }, surroundings)
            .await?;
        Ok(Reply::done(format!("The CSR {name} waits for its certificate as {}/{0}.csr.\n", found.unit.name())))
    }
}

/// The options of a request that have a value behind them, and the one that has none.
pub(crate) const REQUEST_OPTIONS: &[&str] =
    &["multi-server", "common-name", "parent-domain", "names", "key-length", "hash", "ou"];

/// The words behind `set csr gen UNIT`: `multi-server`, and pairs of a word and its value.
fn choice(options: &str, digests: impl FnOnce(Option<u32>) -> Vec<RequestDigest>) -> Result<RequestChoice, CoreError> {
    let mut choice = RequestChoice::default();
    let mut hash = None;
    let mut words = options.split_whitespace();
    while let Some(word) = words.next() {
        let word = word.to_ascii_lowercase();
        if word == "multi-server" {
            choice.multi_server = true;
            continue;
        }
        if !REQUEST_OPTIONS.contains(&word.as_str()) {
            let known = REQUEST_OPTIONS.join(", ");
            return Err(CoreError::BadInput(format!(
                "`{word}` is not an option of a request; the options are {known}"
            )));
        }
        let value = words.next().ok_or_else(|| CoreError::BadInput(format!("a value is missing after {word}")))?;
        match word.as_str() {
            "common-name" => choice.common_name = Some(value.to_owned()),
            "parent-domain" if value.eq_ignore_ascii_case("none") => choice.parent_domain = ParentDomain::Left,
            "parent-domain" => choice.parent_domain = ParentDomain::Named(value.to_owned()),
            "names" => choice.names = value.split(',').map(str::to_owned).collect(),
            "key-length" => choice.bits = Some(bits(value)?),
            "hash" => hash = Some(value),
            _ => choice.with_ou = Some(yes_or_no(value)?),
        }
    }
    choice.digest = hash.map(|name| digest_named(name, &digests(choice.bits))).transpose()?;
    Ok(choice)
}

fn yes_or_no(value: &str) -> Result<bool, CoreError> {
    match value.to_ascii_lowercase().as_str() {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(CoreError::BadInput(format!("`{value}` is not yes or no"))),
    }
}
