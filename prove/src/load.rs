//! The load: acts of the plan, one after another, at a rate or as fast as answers come.

use crate::{
    book::Book,
    device::Device,
    operations::{Operation, over_rest},
    people::People,
    plan::{Act, Plan, What},
    rest::Api,
    settings::Settings,
};
use parlor_checker::history::{OpKind, canary};
use parlor_schemas::{ConversationId, UserId};
use rand::{Rng, SeedableRng, rngs::StdRng};
use reqwest::Method;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// Calls over REST at the same time; acts beyond that are left out.
const REST_MAX: usize = 64;
/// Acts are begun this often.
const PACE: Duration = Duration::from_millis(10);
/// Acts of one moment, without a rate.
const BURST: u32 = 64;
/// A device that leaves stays away for up to this.
const AWAY_MAX_MS: u64 = 3_000;
const EMOJI: [&str; 4] = ["👍", "❤️", "😂", "🇩🇪"];

/// What acts upon people.
pub(crate) struct Load {
    pub api: Api,
    pub book: Book,
    pub people: Arc<People>,
    pub settings: Settings,
    /// No new acts.
    pub stopping: CancellationToken,
}

impl Load {
    /// Acts until it is told to stop, then waits for what it has begun over REST.
    pub async fn run(self, mut plan: Plan) {
        let (load, rest) = (Arc::new(self), Arc::new(Semaphore::new(REST_MAX)));
        let mut calls = JoinSet::new();
        let mut pace = interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let restless = tokio::spawn(load.clone().restless());
        // Rate times pace, in thousandths of an act.
        let (mut owed, each) = (0_u64, u64::from(load.settings.rate) * PACE.as_millis() as u64);
        while !load.stopping.is_cancelled() {
            pace.tick().await;
            owed += if each == 0 { u64::from(BURST) * 1_000 } else { each };
            while owed >= 1_000 {
                owed -= 1_000;
                load.act(plan.next(), &mut calls, &rest).await;
            }
            while calls.try_join_next().is_some() {}
        }
        let patience = load.settings.patience * 2;
        let _ = timeout(patience, async { while calls.join_next().await.is_some() {} }).await;
        restless.abort();
    }

    async fn act(self: &Arc<Self>, act: Act, calls: &mut JoinSet<()>, rest: &Arc<Semaphore>) {
        let device = &self.people.all[act.person].devices[act.device];
        if device.see(|state| state.outbox.len() >= self.settings.window) {
            return;
        }
        if matches!(act.what, What::SendOverRest | What::Add | What::Remove | What::Leave) {
            let Ok(permit) = rest.clone().try_acquire_owned() else { return };
            let load = self.clone();
            calls.spawn(async move {
                load.over_rest(act).await;
                drop(permit);
            });
            return;
        }
        let conversation = self.people.conversations[act.conversation];
        let socket = |kind, seq: Option<u64>, text: Option<String>| Operation {
            seq,
            text,
            ..Operation::new(kind, Some(conversation))
        };
        let own = || target(device, conversation, act.lot, true);
        let any = || target(device, conversation, act.lot, false);
        let (operation, frame) = match act.what {
            What::Read => return device.mark_read(conversation),
            What::Edit => {
                let (Some(seq), text) = (own(), text(conversation, act)) else { return };
                let frame = json!({"type": "edit", "target": seq, "body": {"text": text}});
                (socket(OpKind::Edit, Some(seq), Some(text)), frame)
            }
            What::Delete => {
                let Some(seq) = own() else { return };
                (socket(OpKind::Delete, Some(seq), None), json!({"type": "delete", "target": seq}))
            }
            What::React => {
                let Some(seq) = any() else { return };
                let (emoji, op) = (EMOJI[act.lot as usize % EMOJI.len()], op(act.lot));
                let frame = json!({"type": "react", "target": seq, "emoji": emoji, "op": op});
                (socket(OpKind::React, Some(seq), None), frame)
            }
            What::Pin => {
                let Some(seq) = any() else { return };
                let frame = json!({"type": "pin", "target": seq, "op": op(act.lot)});
                (socket(OpKind::Pin, Some(seq), None), frame)
            }
            _ => {
                let text = text(conversation, act);
                let frame = json!({"type": "send", "body": {"text": text}});
                (socket(OpKind::Send, None, Some(text)), frame)
            }
        };
        device.command(&self.book, &operation, frame).await;
    }

    async fn over_rest(&self, act: Act) {
        let person = &self.people.all[act.person];
        let device = &person.devices[act.device];
        let conversation = self.people.conversations[act.conversation];
        let other: UserId = self.people.all[act.lot as usize % self.people.all.len()].user_id;
        let path = format!("/conversations/{conversation}");
        if act.what != What::SendOverRest {
            let whom = if act.what == What::Leave { person.user_id } else { other };
            self.people.moved.lock().insert((conversation, whom));
        }
        let mut operation = Operation::new(OpKind::Send, Some(conversation));
        let call: (Method, String, Option<Value>) = match act.what {
            What::Add => {
                (operation.kind, operation.user_ids) = (OpKind::Add, vec![other]);
                (Method::POST, format!("{path}/members"), Some(json!({"user_ids": [other]})))
            }
            What::Remove => {
                (operation.kind, operation.user_ids) = (OpKind::Remove, vec![other]);
                (Method::DELETE, format!("{path}/members/{other}"), None)
            }
            What::Leave => {
                operation.kind = OpKind::Leave;
                (Method::POST, format!("{path}/leave"), None)
            }
            _ => {
                let text = text(conversation, act);
                operation.text = Some(text.clone());
                (Method::POST, format!("{path}/messages"), Some(json!({"body": {"text": text}})))
            }
        };
        let (method, path, body) = call;
        let by = (&self.api, &self.book, &device.label);
        let until = (&self.stopping, self.settings.patience);
        // A refusal is in the history; the checker decides whether it was right.
        let _ = over_rest(by, &device.session, &operation, (method, &path, body.as_ref()), until).await;
    }

    /// Sockets are cut, and devices leave for a while.
    async fn restless(self: Arc<Self>) {
        if self.settings.restless_ms == 0 {
            return;
        }
        let mut random = StdRng::seed_from_u64(!self.settings.seed);
        let devices: Vec<&Device> = self.people.devices().collect();
        while !self.stopping.is_cancelled() {
            sleep(Duration::from_millis(random.random_range(0..=self.settings.restless_ms * 2))).await;
            let device = devices[random.random_range(0..devices.len())];
            if random.random_range(0..4) == 0 {
                device.stay_away(Duration::from_millis(random.random_range(0..AWAY_MAX_MS)));
            } else {
                device.cut();
            }
        }
    }
}

/// A text that tells its conversation wherever it turns up, and its act.
fn text(conversation: ConversationId, act: Act) -> String {
    format!("{} {:x} 👋 مرحبا", canary(conversation), act.lot)
}

fn op(lot: u64) -> &'static str {
    if lot.is_multiple_of(4) { "remove" } else { "add" }
}

/// A recent message that the device knows.
fn target(device: &Device, conversation: ConversationId, lot: u64, is_own: bool) -> Option<u64> {
    device.see(|state| {
        let recent = &state.logs.get(&conversation)?.recent;
        let fitting: Vec<u64> =
            recent.iter().filter(|(_, own)| *own || !is_own).map(|(seq, _)| *seq).collect();
        fitting.get(lot as usize % fitting.len().max(1)).copied()
    })
}

/// Waits until no device has an unanswered command; false: not in time.
pub(crate) async fn answered(people: &People, until: Instant) -> bool {
    for device in people.devices() {
        if !device.wait(until, |state| state.outbox.is_empty()).await {
            return false;
        }
    }
    true
}
