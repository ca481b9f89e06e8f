//! Tells watchers what has changed; and looks at everybody who is watched now and then.

use super::{
    look::{Seen, as_seen_by, states},
    watches::Watch,
};
use crate::{edge::Edge, hub::Connection, problem::Problem, reads::ReadError, settings::millis};
use jiff::tz::TimeZone;
use parlor_schemas::{Timestamp, UserId, frames::ServerFrame};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// After a failed look.
const PAUSE: Duration = Duration::from_secs(1);

/// Tells watchers of users who moved, until the task is ended.
pub(super) async fn run(edge: Arc<Edge>) {
    let watches = &edge.presence.watches;
    loop {
        watches.bell.notified().await;
        // What moves together is read together.
        sleep(millis(edge.settings.presence_every_ms)).await;
        let moved = watches.take_moved();
        for some in moved.chunks(edge.settings.routes_batch) {
            if let Err(error) = tell(&edge, some).await {
                // Nobody is told "offline" for it: watchers keep what they know.
                tracing::warn!(?error, "watched presence can't be read; trying again");
                watches.moved(some, false);
                sleep(PAUSE).await;
            }
        }
    }
}

/// Looks at everybody who is watched, so that a gateway that was killed is noticed without a word
/// from it; and doubts, a few at a time, who may know whom.
pub(super) async fn look_around(edge: Arc<Edge>) {
    let (watches, settings) = (&edge.presence.watches, &edge.settings);
    let mut again = interval(millis(settings.presence_look_ms));
    again.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let trust = settings.watch_trust_ms.div_ceil(settings.sweep_ms.max(1)) as u32;
    loop {
        again.tick().await;
        for some in watches.subjects().chunks(settings.routes_batch) {
            match states(&edge.reads, some).await {
                Ok(states) => {
                    let states: Vec<(UserId, Seen)> = some.iter().copied().zip(states).collect();
                    watches.moved(&watches.differ(&states), false);
                }
                Err(error) => tracing::warn!(?error, "watched presence can't be read; trying again later"),
            }
        }
        watches.doubt(edge.hub.tick().saturating_sub(trust), settings.watch_checks_max);
    }
}

/// Reads the state of users anew and tells it to those of their watchers who were told another one.
async fn tell(edge: &Edge, users: &[UserId]) -> Result<(), ReadError> {
    let watches = &edge.presence.watches;
    let mut all: Vec<(UserId, Arc<Connection>, UserId, Watch)> = Vec::new();
    for user in users {
        for (number, watch) in watches.watchers(*user) {
            let connection = edge.hub.get(number);
            if let Some((connection, viewer)) =
                connection.and_then(|c| c.identity.get().map(|i| i.user_id).map(|viewer| (c, viewer)))
            {
                all.push((*user, connection, viewer, watch));
            }
        }
    }
    let doubted: Vec<(UserId, UserId)> = all
        .iter()
        .filter(|(_, _, _, watch)| watch.may.is_none())
        .map(|(user, _, viewer, _)| (*viewer, *user))
        .collect();
    let tick = edge.hub.tick();
    let mut found = edge.reads.visible(&doubted).await?.into_iter();
    for (_, _, _, watch) in &mut all {
        if watch.may.is_none() {
            watch.may = Some((found.next().unwrap_or(false), tick));
        }
    }
    // The state last: nobody is told one that is older than a permission.
    let states: HashMap<UserId, Seen> =
        users.iter().copied().zip(states(&edge.reads, users).await?).collect();
    let now = edge.engines.clock.now();
    let mut texts = Texts::default();
    for (user, connection, _, watch) in all {
        let may = watch.may.is_some_and(|(may, _)| may);
        let seen = if may { states.get(&user).copied().unwrap_or(Seen::HIDDEN) } else { Seen::HIDDEN };
        if watches.told(user, connection.number, Watch { told: Some(seen), ..watch }) {
            connection.outbox.push(texts.of(user, seen, now, connection.tz()));
        }
    }
    Ok(())
}

/// Frames that go to several: encoded once for each state and time zone.
#[derive(Default)]
struct Texts {
    made: Vec<(UserId, Seen, TimeZone, Utf8Bytes)>,
}

impl Texts {
    fn of(&mut self, user: UserId, seen: Seen, now: Timestamp, tz: TimeZone) -> Utf8Bytes {
        let last = self.made.iter().rev().take_while(|(known, ..)| *known == user);
        if let Some((.., text)) = last.clone().find(|(_, of, zone, _)| *of == seen && *zone == tz) {
            return text.clone();
        }
        let presence = seen.view(user, now, &tz);
        let text: Utf8Bytes = ServerFrame::Presence { id: None, presence: &presence }.text().into();
        self.made.push((user, seen, tz, text.clone()));
        text
    }
}

/// The first answer to `watch`: a frame for each. Who watches is told of changes from before this on,
/// so that nothing is missed between.
pub(crate) async fn show(
    edge: &Edge,
    connection: &Connection,
    users: &[UserId],
    id: Option<&str>,
) -> Result<(), Problem> {
    let Some(viewer) = connection.identity.get().map(|identity| identity.user_id) else { return Ok(()) };
    let (tick, tz) = (edge.hub.tick(), connection.tz());
    let seen = as_seen_by(edge, viewer, users).await?;
    let now = edge.engines.clock.now();
    for (user, seen) in users.iter().zip(seen) {
        let may = seen.is_some();
        let seen = seen.unwrap_or(Seen::HIDDEN);
        let watch = Watch { told: Some(seen), may: Some((may, tick)) };
        edge.presence.watches.told(*user, connection.number, watch);
        let presence = seen.view(*user, now, &tz);
        if !connection.outbox.push_with_room(ServerFrame::Presence { id, presence: &presence }.text()).await {
            return Ok(());
        }
    }
    Ok(())
}
