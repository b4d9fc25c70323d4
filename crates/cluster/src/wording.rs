//! Numbers and times as our own sentences and tables write them. What the original prints has its own forms, and JSON has UTC ([`pki::date::utc`]).

use jiff::tz::TimeZone;
use pki::date::wall_clock;

/// `1 device`, `2 devices`, `1 entry`, `2 entries`.
pub fn counted(count: impl TryInto<u64>, noun: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    let before = noun.strip_suffix('y').filter(|rest| !rest.ends_with(['a', 'e', 'o', 'u']));
    match before {
        _ if count == 1 => format!("1 {noun}"),
        Some(before) => format!("{count} {before}ies"),
        None => format!("{count} {noun}s"),
    }
}

/// A moment in the zone of the cluster, such as `2015-03-06 21:56:07 CET`; milliseconds since 1970 UTC.
pub fn moment(milliseconds: i64, zone: &TimeZone) -> String {
    let (time, zone) = wall_clock(milliseconds.div_euclid(1000), zone);
    format!("{} {zone}", time.strftime("%Y-%m-%d %H:%M:%S"))
}

/// Names that a refusal gives before it counts the rest.
const NAMED: usize = 3;

/// The first names, and how many more there are.
pub fn listed(names: &[String]) -> String {
    let first = names.get(..NAMED.min(names.len())).unwrap_or_default().join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_moments() {
        assert_eq!(counted(1_usize, "phone"), "1 phone");
        assert_eq!(counted(0_i64, "day"), "0 days");
        assert_eq!([counted(1_u16, "entry"), counted(2_u16, "entry")], ["1 entry", "2 entries"]);
        let warsaw = TimeZone::get("Europe/Warsaw").unwrap();
        assert_eq!(moment(1_425_675_367_999, &warsaw), "2015-03-06 21:56:07 CET");
    }
}
