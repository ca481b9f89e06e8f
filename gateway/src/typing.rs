//! `typing` (PROTOCOL §3): gathered for a moment and told to fanout, which knows the members. It never
//! touches the log; nobody keeps it, and what is lost is said again by who still types.

use crate::{
    edge::Edge,
    problem::Problem,
    settings::{EdgeLimits, millis},
    socket::session::Session,
};
use parking_lot::Mutex;
use parlor_schemas::{
    ConversationId, UserId,
    frames::ClientFrame,
    presence::{Typing, encode_typing},
};
use std::{collections::HashMap, sync::Arc};
use tokio::time::{MissedTickBehavior, interval};

/// What was said since the last tick; the last word of each counts.
#[derive(Debug)]
pub(crate) struct Gathered {
    waiting: Mutex<HashMap<(ConversationId, UserId), bool>>,
    max: usize,
}

impl Gathered {
    /// Nothing yet, and never more than the settings say.
    pub fn new(settings: &EdgeLimits) -> Self {
        Self { waiting: Mutex::default(), max: settings.typing_waiting_max }
    }

    fn add(&self, conversation_id: ConversationId, user_id: UserId, on: bool) {
        let mut waiting = self.waiting.lock();
        if waiting.len() < self.max || waiting.contains_key(&(conversation_id, user_id)) {
            waiting.insert((conversation_id, user_id), on);
        } else {
            metrics::counter!("gateway_typing_dropped_total").increment(1);
        }
    }

    fn take(&self) -> Vec<Typing> {
        let typing = |((conversation_id, user_id), on)| Typing { conversation_id, user_id, on };
        std::mem::take(&mut *self.waiting.lock()).into_iter().map(typing).collect()
    }
}

/// `typing`: gathered, never answered.
pub(crate) fn hear(session: &Session, frame: &ClientFrame<'_>) -> Result<(), Problem> {
    let user_id = session.identity()?.user_id;
    let id = frame.conversation_id.ok_or_else(|| Problem::invalid("conversation_id: missing"))?;
    let on = frame.on.ok_or_else(|| Problem::invalid("on: missing"))?;
    session.edge.buckets.hint(user_id)?;
    session.edge.typing.add(id, user_id, on);
    Ok(())
}

/// Tells fanout, until the task is ended.
pub(crate) async fn run(edge: Arc<Edge>) {
    let mut tick = interval(millis(edge.settings.typing_every_ms));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        for some in edge.typing.take().chunks(edge.settings.routes_batch) {
            if edge.engines.live.tell_typing(encode_typing(some)).await.is_err() {
                metrics::counter!("gateway_typing_dropped_total").increment(some.len() as u64);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn the_last_word_counts_and_the_number_is_bounded() {
        let settings = EdgeLimits { typing_waiting_max: 1, ..EdgeLimits::default() };
        let (chat, ada, eve) =
            (ConversationId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)), UserId(Uuid::from_u128(3)));
        let gathered = Gathered::new(&settings);
        gathered.add(chat, ada, true);
        gathered.add(chat, eve, true);
        gathered.add(chat, ada, false);
        assert_eq!(gathered.take(), [Typing { conversation_id: chat, user_id: ada, on: false }]);
        assert_eq!(gathered.take(), []);
    }
}
