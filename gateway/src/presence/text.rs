//! What a person reads about somebody's presence (PROTOCOL §3): English, in the viewer's time zone.

use crate::problem::Problem;
use jiff::{
    Timestamp as Instant,
    tz::{TimeZone, TimeZoneDatabase},
};
use parlor_schemas::{Timestamp, presence::Status};
use std::sync::LazyLock;

/// The zones in the binary, so that every gateway knows the same ones.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// The zone of an IANA name; an unknown one is `invalid_request`.
pub(crate) fn zone(name: &str) -> Result<TimeZone, Problem> {
    ZONES.get(name).map_err(|_| Problem::invalid("tz: no time zone that is known by this name"))
}

/// "Online", "Away", "Last seen 5 minutes ago", "Last seen on April 5"; nothing for one who was never
/// seen, or is hidden.
pub(crate) fn text(status: Status, last_seen: Option<Timestamp>, now: Timestamp, tz: &TimeZone) -> String {
    match (status, last_seen) {
        (Status::Online, _) => "Online".into(),
        (Status::Away, _) => "Away".into(),
        (Status::Offline, None) => String::new(),
        (Status::Offline, Some(at)) => format!("Last seen {}", ago(at, now, tz)),
    }
}

fn ago(at: Timestamp, now: Timestamp, tz: &TimeZone) -> String {
    // A clock that is ahead by a little has seen somebody in the future.
    let elapsed = (now.0 - at.0).max(0);
    if elapsed < MINUTE_MS {
        return "just now".into();
    }
    if elapsed < HOUR_MS {
        let minutes = elapsed / MINUTE_MS;
        return format!("{minutes} minute{} ago", if minutes == 1 { "" } else { "s" });
    }
    let local = |time: Timestamp| {
        Instant::from_millisecond(time.0).unwrap_or(Instant::UNIX_EPOCH).to_zoned(tz.clone())
    };
    let (then, today) = (local(at), local(now));
    if then.date() == today.date() {
        then.strftime("today at %-I:%M %p").to_string()
    } else if then.year() == today.year() {
        then.strftime("on %B %-d").to_string()
    } else {
        then.strftime("on %B %-d, %Y").to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> Timestamp {
        Timestamp(text.parse::<Instant>().expect("a time").as_millisecond())
    }

    /// The time now, in UTC, and what is told of when somebody was seen, by zone.
    #[test]
    fn the_table_of_texts() {
        for (now, seen, tz, expected) in [
            ("2026-04-05T14:30:00Z", "2026-04-05T14:30:00Z", "UTC", "just now"),
            ("2026-04-05T14:30:00Z", "2026-04-05T14:29:00.001Z", "UTC", "just now"),
            ("2026-04-05T14:30:00Z", "2026-04-05T14:30:09Z", "UTC", "just now"),
            ("2026-04-05T14:30:00Z", "2026-04-05T14:29:00Z", "UTC", "1 minute ago"),
            ("2026-04-05T14:30:00Z", "2026-04-05T14:28:00.001Z", "UTC", "1 minute ago"),
            ("2026-04-05T14:30:00Z", "2026-04-05T14:25:00Z", "UTC", "5 minutes ago"),
            ("2026-04-05T14:30:00Z", "2026-04-05T13:30:00.001Z", "UTC", "59 minutes ago"),
            // Minutes count across midnight, too.
            ("2026-04-06T00:10:00Z", "2026-04-05T23:50:00Z", "UTC", "20 minutes ago"),
            ("2026-04-05T15:30:00Z", "2026-04-05T14:30:00Z", "UTC", "today at 2:30 PM"),
            ("2026-04-05T23:59:59Z", "2026-04-05T00:00:00Z", "UTC", "today at 12:00 AM"),
            ("2026-04-05T13:00:00Z", "2026-04-05T12:00:00Z", "UTC", "today at 12:00 PM"),
            ("2026-04-06T14:30:00Z", "2026-04-05T14:30:00Z", "UTC", "on April 5"),
            ("2026-04-06T01:00:00Z", "2026-04-05T23:59:00Z", "UTC", "on April 5"),
            ("2026-12-31T14:30:00Z", "2026-01-01T14:30:00Z", "UTC", "on January 1"),
            ("2026-04-05T14:30:00Z", "2025-04-05T14:30:00Z", "UTC", "on April 5, 2025"),
            ("2027-01-01T01:30:00Z", "2026-12-31T23:30:00Z", "UTC", "on December 31, 2026"),
            // The viewer's day, and the viewer's year.
            ("2026-04-05T20:00:00Z", "2026-04-05T14:30:00Z", "Asia/Tokyo", "on April 5"),
            ("2026-04-05T20:00:00Z", "2026-04-05T16:30:00Z", "Asia/Tokyo", "today at 1:30 AM"),
            ("2026-04-06T03:00:00Z", "2026-04-05T22:30:00Z", "America/New_York", "today at 6:30 PM"),
            ("2027-01-01T01:30:00Z", "2026-12-31T23:30:00Z", "Europe/Berlin", "today at 12:30 AM"),
            ("2026-12-31T22:30:00Z", "2025-12-31T23:30:00Z", "Europe/Berlin", "on January 1"),
            ("2026-04-05T12:30:00Z", "2026-04-05T10:00:00Z", "Asia/Kolkata", "today at 3:30 PM"),
            // The clock goes forward: 1:59 is followed by 3:00.
            ("2026-03-29T05:00:00Z", "2026-03-29T00:59:00Z", "Europe/Berlin", "today at 1:59 AM"),
            ("2026-03-29T05:00:00Z", "2026-03-29T01:00:00Z", "Europe/Berlin", "today at 3:00 AM"),
        ] {
            let told = text(Status::Offline, Some(ms(seen)), ms(now), &zone(tz).unwrap());
            assert_eq!(told, format!("Last seen {expected}"), "{seen} at {now} in {tz}");
        }
    }

    #[test]
    fn who_is_here_has_no_last_seen() {
        let (now, utc) = (Timestamp(1_800_000_000_000), TimeZone::UTC);
        assert_eq!(text(Status::Online, None, now, &utc), "Online");
        assert_eq!(text(Status::Away, Some(now), now, &utc), "Away");
        assert_eq!(text(Status::Offline, None, now, &utc), "", "never connected, or hidden");
    }

    #[test]
    fn zones_have_iana_names() {
        for known in ["UTC", "Europe/Berlin", "america/argentina/buenos_aires", "Asia/Calcutta"] {
            assert!(zone(known).is_ok(), "{known}");
        }
        for unknown in ["", "Mars/Olympus", "EST5EDT4,M3", "../../etc/passwd", "Europe/Berlin "] {
            let problem = zone(unknown).unwrap_err();
            assert_eq!(problem.code, parlor_schemas::Code::InvalidRequest, "{unknown}");
        }
    }
}
