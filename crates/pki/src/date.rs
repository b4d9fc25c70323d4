//! Times as people read them. No time stops a listing: `99991231235959Z`, which says that a certificate has no end (RFC 5280, 4.1.2.5), lies
//! behind the last one that a time zone can be applied to.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// What the clocks of `zone` show at a second since 1970 UTC, and what the zone is called then. The last day of the year 9999 is given in
/// UTC; what lies outside the years -9999 to 9999 becomes the nearest second inside.
#[must_use]
pub fn wall_clock(seconds: i64, zone: &TimeZone) -> (DateTime, String) {
    if let Ok(timestamp) = Timestamp::from_second(seconds) {
        let local = timestamp.to_zoned(zone.clone());
        return (local.datetime(), local.strftime("%Z").to_string());
    }
    let first = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
    (first.saturating_add(SignedDuration::from_secs(seconds)), "UTC".to_owned())
}

/// A time as the original prints it, such as `Fri Mar 06 21:56:07 CET 2015`; seconds since 1970 UTC.
#[must_use]
pub fn date(seconds: u64, zone: &TimeZone) -> String {
    day_and_time(i64::try_from(seconds).unwrap_or(i64::MAX), zone)
}

/// The same for a time that may lie before 1970.
#[must_use]
pub fn day_and_time(seconds: i64, zone: &TimeZone) -> String {
    let (time, zone) = wall_clock(seconds, zone);
    format!("{} {zone} {}", time.strftime("%a %b %d %H:%M:%S"), time.year())
}

/// A time for machines, such as `2015-03-06T20:56:07Z`; seconds since 1970 UTC.
#[must_use]
pub fn utc(seconds: i64) -> String {
    wall_clock(seconds, &TimeZone::UTC).0.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `99991231235959Z`.
    const NO_END: i64 = 253_402_300_799;

    #[test]
    fn every_second_has_a_date() {
        let warsaw = TimeZone::get("Europe/Warsaw").unwrap();
        assert_eq!(date(1_425_675_367, &warsaw), "Fri Mar 06 21:56:07 CET 2015");
        assert_eq!(utc(1_425_675_367), "2015-03-06T20:56:07Z");
        assert_eq!(date(NO_END.unsigned_abs(), &warsaw), "Fri Dec 31 23:59:59 UTC 9999");
        for behind in [NO_END, NO_END + 1, i64::MAX] {
            assert_eq!(utc(behind), "9999-12-31T23:59:59Z");
        }
        assert!(utc(i64::MIN).starts_with("-"), "{}", utc(i64::MIN));
        assert_eq!(date(u64::MAX, &TimeZone::UTC), "Fri Dec 31 23:59:59 UTC 9999");
    }
}
