//! Presence (DESIGN §6): nobody is shown as online or away more than 65 s after the last sign of life
//! of their last connection, and whoever is connected is shown as such within 10 s, at rest.

use crate::{
    index::{Connection, PresenceSeen},
    report::Outcome,
    truth::Standing,
    views::Case,
};
use parlor_schemas::presence::Status;

/// 60 s of silence (DESIGN §6), and the 5 s at which gateways look.
const GONE_WITHIN_US: u64 = 65_000_000;
/// Two looks of a gateway.
const HERE_WITHIN_US: u64 = 10_000_000;

pub(super) fn check(case: &Case, outcome: &mut Outcome) {
    for seen in &case.index.presences {
        if is_disturbed(case, seen.at_us) {
            outcome.unchecked("what was said during a fault or within 65 s of one");
            continue;
        }
        outcome.checked += 1;
        let connections = case.devices_of(seen.user).flat_map(|who| &case.index.connections[&who]);
        if seen.status == Status::Offline {
            let is_here = |c: &&Connection| {
                c.ready_us.is_some_and(|ready| ready + HERE_WITHIN_US <= seen.at_us)
                    && c.gone_us.is_none_or(|gone| gone > seen.at_us)
            };
            if let Some(connection) = connections.into_iter().find(is_here)
                && knows(case, seen)
            {
                let sentence = format!("{} is shown as offline, and is connected", name(case, seen));
                outcome.violation(sentence, [connection.line, seen.line]);
            }
            continue;
        }
        let begun = connections.filter(|connection| connection.from_us <= seen.at_us);
        let last = begun.max_by_key(|connection| connection.gone_us.unwrap_or(u64::MAX));
        let until = last.map_or(0, |connection| connection.gone_us.unwrap_or(u64::MAX));
        if until.saturating_add(GONE_WITHIN_US) < seen.at_us {
            let since = (seen.at_us - until) / 1_000_000;
            let sentence = format!("{} is shown as here, gone for {since} s", name(case, seen));
            outcome.violation(sentence, [last.map_or(0, |connection| connection.gone_line), seen.line]);
        }
    }
}

fn name(case: &Case, seen: &PresenceSeen) -> String {
    case.index.name(seen.user)
}

/// Whether a fault was on, or only just over.
fn is_disturbed(case: &Case, at_us: u64) -> bool {
    let before = case.index.faults.iter().rfind(|noted| noted.at_us <= at_us);
    before.is_some_and(|noted| noted.what.is_some() || noted.at_us + GONE_WITHIN_US > at_us)
}

/// Whether the one who looks has shared a conversation with the other from its beginning to the end:
/// strangers see `offline`, and who comes and goes is a stranger at times.
fn knows(case: &Case, seen: &PresenceSeen) -> bool {
    let Some(viewer) = case.index.user_of(seen.who) else { return false };
    let is_always = |standing: &Standing| {
        let [span] = standing.spans.as_slice() else { return false };
        span.joined == 1 && span.left.is_none()
    };
    case.truth.all().any(|(_, conversation)| {
        [viewer, seen.user].iter().all(|user| conversation.members.get(user).is_some_and(is_always))
    })
}
