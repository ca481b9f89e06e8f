//! The people of a run: accounts, devices, and the conversations they have.

use crate::{
    book::Book,
    device::Device,
    operations::{Operation, over_rest},
    plan::{Plan, Planned},
    rest::Api,
    settings::Settings,
};
use parking_lot::Mutex;
use parlor_checker::history::{Event, OpKind};
use parlor_schemas::{ConversationId, UserId};
use reqwest::Method;
use serde_json::json;
use std::{collections::HashSet, sync::Arc};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// People whose presence a device watches.
const WATCHED_MAX: usize = 20;

/// Everybody, and where they talk.
#[derive(Debug)]
pub(crate) struct People {
    pub all: Vec<Person>,
    /// In the order of the plan.
    pub conversations: Vec<ConversationId>,
    /// Who was added, removed or left somewhere: marks from outside count for nothing.
    pub moved: Mutex<HashSet<(ConversationId, UserId)>>,
}

/// Somebody with an account.
#[derive(Debug)]
pub(crate) struct Person {
    pub user_id: UserId,
    /// One at least.
    pub devices: Vec<Device>,
}

impl People {
    /// Makes accounts, devices and conversations as planned.
    pub async fn settle(api: &Api, book: &Book, plan: &Plan, settings: &Settings) -> Result<Self, String> {
        // Names of their own: a deployment may have seen this seed before.
        let run = Uuid::now_v7().simple().to_string();
        let (mut all, run_label): (Vec<Person>, Arc<str>) = (Vec::new(), "run".into());
        let mut number = 0;
        for (n, count) in plan.devices.iter().enumerate() {
            let username = format!("p{n}.{}", &run[4..18]);
            let mut devices: Vec<Device> = Vec::new();
            for k in 0..*count {
                let session = api.sign_in(&username, k == 0, settings.patience).await?;
                if k == 0 {
                    let user = Event::User { user_id: session.user_id, username: username.clone() };
                    book.note(&run_label, user).await;
                }
                let label = Arc::from(format!("{n}.{k}"));
                devices.push(Device::start(label, session, number, api, book, settings.seed).await);
                number += 1;
            }
            all.push(Person { user_id: devices[0].session.user_id, devices });
        }
        let mut people = Self { all, conversations: Vec::new(), moved: Mutex::default() };
        for planned in &plan.conversations {
            let made = people.make(api, book, planned, settings).await?;
            people.conversations.push(made);
        }
        people.watch(plan);
        Ok(people)
    }

    async fn make(
        &self,
        api: &Api,
        book: &Book,
        planned: &Planned,
        settings: &Settings,
    ) -> Result<ConversationId, String> {
        let users: Vec<UserId> = planned.members.iter().map(|person| self.all[*person].user_id).collect();
        let creator = &self.all[planned.members[0]].devices[0];
        let direct = (!planned.is_group).then(|| ConversationId::direct(users[0], users[1]));
        let mut body = json!({"kind": "direct", "member_ids": &users[1..]});
        if planned.is_group {
            body["kind"] = "group".into();
            body["title"] = "a group".into();
            body["history"] = if planned.is_all { "all" } else { "joined" }.into();
        }
        let operation = Operation { user_ids: users[1..].to_vec(), ..Operation::new(OpKind::Create, direct) };
        let by = (api, book, &creator.label);
        // Nothing stops this but the time that anything may take.
        let stopping = CancellationToken::new();
        let hurry = stopping.clone();
        let timer = tokio::spawn(async move {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            hurry.cancel();
        });
        let call = (Method::POST, "/conversations", Some(&body));
        let made = over_rest(by, &creator.session, &operation, call, (&stopping, settings.patience)).await;
        timer.abort();
        let made = made.map_err(|code| format!("a conversation could not be made: {}", code.as_str()))?;
        let id = made["conversation_id"].as_str().and_then(|id| id.parse().ok());
        id.ok_or_else(|| "a conversation without an id was made".to_owned())
    }

    /// Everybody watches those they talk with.
    fn watch(&self, plan: &Plan) {
        for (n, person) in self.all.iter().enumerate() {
            let shared = plan.conversations.iter().filter(|planned| planned.members.contains(&n));
            let mut others: Vec<UserId> = shared
                .flat_map(|planned| &planned.members)
                .filter(|other| **other != n)
                .map(|other| self.all[*other].user_id)
                .collect();
            others.sort_unstable();
            others.dedup();
            others.truncate(WATCHED_MAX);
            for device in &person.devices {
                device.watch(others.clone());
            }
        }
    }

    pub fn devices(&self) -> impl Iterator<Item = &Device> {
        self.all.iter().flat_map(|person| &person.devices)
    }
}
