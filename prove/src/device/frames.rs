//! What a frame means: what changes in the state, and what the history notes.

use super::state::State;
use crate::wire::{Frame, HeadItem, Record, parse};
use parlor_checker::history::{CursorSet, Event, Head, Source};
use parlor_schemas::{Code, ConversationId, record::Kind};
use std::time::Duration;
use tokio::time::Instant;

/// "Later" without a time.
const LATER: Duration = Duration::from_millis(500);
/// The longest "later" that is waited for.
const LATER_MAX: Duration = Duration::from_secs(5);

/// What the connection is to do besides noting.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Then {
    Nothing,
    Ready,
}

impl State {
    /// Takes a frame. An error: no server may say this.
    pub(super) fn take(&mut self, text: &str, events: &mut Vec<Event>) -> Result<Then, String> {
        let frame: Frame<'_> = parse(text)?;
        let missing = || format!("a {} frame lacks something: {}", frame.kind, text.len());
        match frame.kind.as_str() {
            "ready" => {
                let left = self.ready();
                events.extend(left.into_iter().map(|op| Event::Unknown { op }));
                return Ok(Then::Ready);
            }
            "record" => {
                let record: Record = parse(frame.record.ok_or_else(missing)?.get())?;
                let epoch = frame.epoch.ok_or_else(missing)?;
                self.epoch(record.conversation_id, &epoch, 0, events);
                self.record(record, Source::Live, events);
            }
            "records" => self.records(&frame, events).ok_or_else(missing)??,
            "heads" => {
                let items: Vec<HeadItem> = parse(frame.items.ok_or_else(missing)?.get())?;
                for item in items {
                    self.head(&item, events);
                }
                let is_last = frame.more == Some(false);
                if is_last && frame.as_of.is_some() {
                    self.since = frame.as_of;
                }
                if is_last && frame.id.as_deref() == Some("all") {
                    self.heads_asked = None;
                }
            }
            "accepted" => {
                if let Some(op) = op(&frame) {
                    self.accepted(op);
                    events.push(Event::Accepted { op });
                }
            }
            "sequenced" => {
                let (op, ack) = (op(&frame).ok_or_else(missing)?, frame.ack().ok_or_else(missing)?);
                self.settled(op);
                events.push(Event::Ok { op, ack: Some(ack) });
            }
            "error" => self.error(&frame, events)?,
            "receipt" => {
                let receipt = || {
                    Some(Event::Receipt {
                        conversation_id: frame.conversation_id?,
                        user_id: frame.user_id?,
                        delivered_seq: frame.delivered_seq?,
                        read_seq: frame.read_seq?,
                    })
                };
                events.push(receipt().ok_or_else(missing)?);
            }
            "presence" => {
                let told = frame.user_id.zip(frame.status);
                let (user_id, status) = told.ok_or_else(missing)?;
                events.push(Event::Presence { user_id, status });
            }
            _ => {}
        }
        Ok(Then::Nothing)
    }

    fn record(&mut self, record: Record, source: Source, events: &mut Vec<Event>) {
        let is_own = self.user_id == Some(record.sender_id);
        let log = self.logs.entry(record.conversation_id).or_default();
        if log.take(record.seq) && record.kind == Kind::Message {
            log.note_message(record.seq, is_own);
        }
        events.push(Event::Record(record.seen(source, Some(log.cursor), None)));
    }

    fn records(&mut self, frame: &Frame<'_>, events: &mut Vec<Event>) -> Option<Result<(), String>> {
        let (id, head) = (frame.conversation_id?, frame.head_seq?);
        let items: Vec<Record> = match parse(frame.items?.get()) {
            Ok(items) => items,
            Err(why) => return Some(Err(why)),
        };
        self.epoch(id, frame.epoch.as_deref()?, frame.floor?, events);
        self.floor(id, frame.floor?, events);
        let before = self.logs[&id].cursor;
        for record in items {
            self.record(record, Source::Fetch, events);
        }
        let log = self.logs.get_mut(&id)?;
        log.head = log.head.max(head);
        log.fetched(Instant::now(), log.cursor > before);
        Some(Ok(()))
    }

    fn head(&mut self, item: &HeadItem, events: &mut Vec<Event>) {
        let Head { conversation_id: id, floor, head_seq, left, .. } = item.head;
        self.epoch(id, &item.epoch, floor, events);
        self.floor(id, floor, events);
        let log = self.logs.entry(id).or_default();
        // Who has left sees a head that stands still; one heard of before may be beyond it.
        log.head = if left { head_seq } else { log.head.max(head_seq) };
        log.left = left;
        events.push(Event::Head(item.head));
    }

    fn floor(&mut self, conversation_id: ConversationId, floor: u64, events: &mut Vec<Event>) {
        if self.logs.entry(conversation_id).or_default().raise_floor(floor) {
            events.push(Event::Cursor { conversation_id, cursor: floor, why: CursorSet::Floor });
        }
    }

    /// Another epoch: the local log is dropped.
    fn epoch(&mut self, conversation_id: ConversationId, epoch: &str, floor: u64, events: &mut Vec<Event>) {
        let log = self.logs.entry(conversation_id).or_default();
        if log.epoch == epoch {
            return;
        }
        if !log.epoch.is_empty() {
            log.begin_again(floor);
            events.push(Event::Cursor { conversation_id, cursor: floor, why: CursorSet::Epoch });
        }
        epoch.clone_into(&mut log.epoch);
    }

    fn error(&mut self, frame: &Frame<'_>, events: &mut Vec<Event>) -> Result<(), String> {
        let code = frame.code.ok_or("an error without a code")?;
        let id = frame.id.as_deref().unwrap_or_default();
        let now = Instant::now();
        if let Some(op) = op(frame) {
            if code.is_definite() {
                self.settled(op);
                events.push(Event::Fail { op, code });
            } else {
                let pause = frame.retry_after_ms.map_or(LATER, Duration::from_millis).min(LATER_MAX);
                self.later(op, now + pause);
                events.push(Event::Later { op, code });
            }
        } else if let Some(log) = id.strip_prefix('f').and_then(|id| self.logs.get_mut(&id.parse().ok()?)) {
            // What can't be read now is asked again, like "not yet"; a stranger's has no records.
            if matches!(code, Code::NotFound | Code::NotAMember) {
                log.head = log.cursor;
            }
            log.fetched(now, false);
        } else if id == "all" {
            self.heads_asked = Some(true);
        } else if code == Code::InvalidRequest || code == Code::Internal {
            let said = frame.message.as_deref().unwrap_or_default();
            return Err(format!("an error to {id:?} that nobody caused: {} {said}", code.as_str()));
        }
        Ok(())
    }
}

/// The operation that a frame answers.
fn op(frame: &Frame<'_>) -> Option<u64> {
    frame.id.as_deref()?.strip_prefix('o')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::state::Out;
    use parlor_schemas::UserId;
    use uuid::Uuid;

    const CONVERSATION: &str = "0190f5c2-7b1e-5c3d-8e4f-5a6b7c8d9e0f";

    fn state() -> State {
        let mut state = State::of(UserId(Uuid::from_u128(1)));
        assert_eq!(state.take(r#"{"type":"ready"}"#, &mut Vec::new()), Ok(Then::Ready));
        state
    }

    fn record(seq: u64) -> String {
        let ids = r#""message_id":"0190f5c2-7b1e-1c3d-8e4f-5a6b7c8d9e0f","sender_id":"0190f5c2-7b1e-7c3d-8e4f-5a6b7c8d9e0f","device_id":"0190f5c2-7b1e-7c3d-8e4f-5a6b7c8d9e0f","client_msg_id":"0190f5c2-7b1e-7c3d-8e4f-5a6b7c8d9e0f""#;
        format!(
            r#"{{"conversation_id":"{CONVERSATION}","seq":{seq},"ord":1,{ids},"kind":"message","at":"2026-11-20T10:00:00.123Z","body":{{"text":"x"}}}}"#
        )
    }

    #[test]
    fn a_hole_is_fetched_once_and_noted_as_it_came() {
        let (mut state, mut events) = (state(), Vec::new());
        let live = format!(r#"{{"type":"record","record":{},"epoch":"1"}}"#, record(2));
        state.take(&live, &mut events).unwrap();
        assert!(matches!(&events[..], [Event::Record(seen)] if seen.cursor == Some(0)));
        let due = state.due(Instant::now());
        assert!(matches!(&due[..], [Out::Frame(frame)] if frame.contains(r#""after":0"#)));
        assert!(state.due(Instant::now()).is_empty());
        let answer = format!(
            r#"{{"type":"records","id":"f","conversation_id":"{CONVERSATION}","items":[{}],"upto":1,"more":false,"head_seq":2,"floor":0,"epoch":"1"}}"#,
            record(1)
        );
        state.take(&answer, &mut events).unwrap();
        assert!(matches!(events.last(), Some(Event::Record(seen)) if seen.cursor == Some(2)));
        assert!(state.is_caught_up());
    }

    #[test]
    fn later_is_tried_again_and_a_refusal_is_not() {
        let (mut state, mut events) = (state(), Vec::new());
        state.push(7, "{}".to_owned());
        let now = Instant::now();
        assert!(matches!(state.due(now)[..], [Out::Command(7, _)]));
        assert!(state.due(now).is_empty());
        let later = r#"{"type":"error","id":"o7","code":"unavailable","message":"","retry_after_ms":100}"#;
        state.take(later, &mut events).unwrap();
        assert!(state.due(now).is_empty());
        assert!(matches!(state.due(now + Duration::from_secs(1))[..], [Out::Command(7, _)]));
        let refused = r#"{"type":"error","id":"o7","code":"forbidden","message":""}"#;
        state.take(refused, &mut events).unwrap();
        assert!(state.outbox.is_empty());
        assert!(matches!(events[..], [Event::Later { op: 7, .. }, Event::Fail { op: 7, .. }]));
    }

    #[test]
    fn one_command_in_four_relies_on_accepted() {
        let (mut state, mut events) = (state(), Vec::new());
        for op in [7, 8, 12] {
            state.push(op, "{}".to_owned());
        }
        state.due(Instant::now());
        for op in [7, 8] {
            state.take(&format!(r#"{{"type":"accepted","id":"o{op}"}}"#), &mut events).unwrap();
        }
        state.take(r#"{"type":"ready"}"#, &mut events).unwrap();
        assert!(matches!(events.last(), Some(Event::Unknown { op: 8 })));
        assert_eq!(state.outbox.keys().copied().collect::<Vec<_>>(), [7, 12], "sent again");
    }

    #[test]
    fn what_no_server_may_say_is_an_error() {
        let mut state = state();
        for odd in ["[]", r#"{"type":"record"}"#, r#"{"type":"sequenced","id":"o1"}"#] {
            assert!(state.take(odd, &mut Vec::new()).is_err(), "{odd}");
        }
        assert_eq!(state.take(r#"{"type":"news"}"#, &mut Vec::new()), Ok(Then::Nothing));
    }
}
