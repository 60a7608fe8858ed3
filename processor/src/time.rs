//! Calendar days and how times are shown.
use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

pub(crate) const DAY_MS: i64 = 86_400_000;

/// The UTC calendar day that `ms` lies in, counted from 1970.
pub(crate) fn day_of(ms: i64) -> i32 {
    ms.div_euclid(DAY_MS).clamp(i64::from(i32::MIN / 4), i64::from(i32::MAX / 4)) as i32
}

/// The first millisecond of a day.
pub(crate) fn day_start(day: i32) -> i64 {
    i64::from(day) * DAY_MS
}

/// Whose midnights are borders of days: UTC's, or those of a tenant's time zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Calendar(Option<&'static TimeZone>);

impl Calendar {
    /// Of an IANA name: `Europe/Berlin`. It stays for as long as the process runs: there are as many as tenants with a zone.
    pub(crate) fn named(name: &str) -> Result<Self, jiff::Error> {
        TimeZone::get(name).map(|zone| Self(Some(Box::leak(Box::new(zone)))))
    }

    /// The day that `ms` lies in, counted from 1970-01-01 of the calendar.
    pub(crate) fn day_of(self, ms: i64) -> i32 {
        let Some(zone) = self.0 else { return day_of(ms) };
        let offset = Timestamp::from_millisecond(ms).map_or(Offset::UTC, |at| zone.to_offset(at));
        day_of(ms.saturating_add(i64::from(offset.seconds()) * 1000))
    }

    /// The first millisecond of a day.
    pub(crate) fn day_start(self, day: i32) -> i64 {
        let Some(zone) = self.0 else { return day_start(day) };
        // Where a day has no midnight it begins with the hour that comes instead.
        let date = Timestamp::from_millisecond(day_start(day)).map(|start| Offset::UTC.to_datetime(start).date());
        date.and_then(|date| date.to_zoned(zone.clone())).map_or(day_start(day), |start| start.timestamp().as_millisecond())
    }
}

/// As the API shows times; `None` outside the years that can be written.
pub(crate) fn rfc3339(ms: i64) -> Option<String> {
    Timestamp::from_millisecond(ms).ok().map(|time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_zone_also_where_clocks_change() {
        let ms = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
        let berlin = Calendar::named("Europe/Berlin").unwrap();
        for (at, day) in [
            ("2026-01-09T22:59:59Z", "2026-01-09"),
            ("2026-01-09T23:00:00Z", "2026-01-10"),
            ("2026-03-28T23:00:00Z", "2026-03-29"),
            ("2026-03-29T21:59:59Z", "2026-03-29"),
            ("2026-03-29T22:00:00Z", "2026-03-30"),
        ] {
            assert_eq!(berlin.day_of(ms(at)), day_of(ms(&format!("{day}T00:00:00Z"))), "{at}");
        }
        for day in 20_400..20_800 {
            let start = berlin.day_start(day);
            assert_eq!((berlin.day_of(start), berlin.day_of(start - 1)), (day, day - 1));
        }
        assert_eq!(Calendar::default().day_start(20_000), day_start(20_000));
        assert!(Calendar::named("Europe/Nowhere").is_err());
    }
}
