//! Accounts, pictures and search against the model.

use super::{
    check::{eventually, of_user, pages, same},
    fold,
    model::{Conversation, Model},
    town::{Dweller, Town},
};
use reqwest::{Method, StatusCode};
use serde_json::json;
use std::collections::BTreeSet;

/// Words that are looked for, for each person.
const WORDS: usize = 4;
/// Pictures that each person asks for; in a large town each one asks for others.
const PICTURES: usize = 200;

pub async fn all(town: &Town, model: &Model) {
    gone(town, model).await;
    for dweller in town.people() {
        for word in words(dweller, model) {
            let what = format!("{} looks for {word}", dweller.person.username);
            eventually(&what, || async { found(dweller, model, &word).await }).await;
        }
    }
    pictures(town, model).await;
    names(town).await;
}

/// Whoever deleted the account has left every group, and is shown to nobody.
async fn gone(town: &Town, model: &Model) {
    let looks = town.people().next().expect("somebody is left");
    for dweller in town.dwellers.iter().filter(|dweller| dweller.is_gone) {
        let (user, name) = (&dweller.person.user_id, &dweller.person.username);
        let profile = looks.person.get(&format!("/users/{user}")).await;
        let is_deleted = profile["username"] == "";
        assert!(is_deleted || profile["username"] == name.as_str(), "{profile}");
        for (id, conversation) in of_user(model, user).filter(|_| is_deleted) {
            // A group whose member brought them back at that very moment is not counted.
            let is_left = !conversation.is_present(user) || conversation.members[user].spans.len() > 1;
            assert!(is_left || conversation.is_direct(), "{name} is still in {id}");
        }
    }
}

/// The beginnings of some words that stand in what a person sees.
fn words(dweller: &Dweller, model: &Model) -> BTreeSet<String> {
    let user = &dweller.person.user_id;
    let present = of_user(model, user).filter(|(_, conversation)| conversation.is_present(user));
    let texts = present.flat_map(|(_, conversation)| visible(conversation, user));
    let last = texts.filter_map(|(_, text)| Some(text?.rsplit(' ').next()?.to_owned()));
    last.take(WORDS).collect()
}

/// The messages that a member or former member sees, with their texts, without what is deleted or ends by
/// itself.
fn visible(conversation: &Conversation, user: &str) -> Vec<(u64, Option<String>)> {
    let floor = conversation.span(user).floor;
    let messages = fold::messages(conversation, conversation.head(user)).into_iter();
    let shown = messages.filter(|(seq, message)| *seq > floor && !message.is_deleted);
    shown.map(|(seq, message)| (seq, message.text)).collect()
}

async fn found(dweller: &Dweller, model: &Model, word: &str) -> Result<(), String> {
    let user = &dweller.person.user_id;
    let mut wanted = BTreeSet::new();
    for (id, conversation) in of_user(model, user).filter(|(_, known)| known.is_present(user)) {
        for (seq, text) in visible(conversation, user) {
            let text = text.unwrap_or_default();
            if text.split(|c: char| !c.is_alphanumeric()).any(|token| token.starts_with(word)) {
                wanted.insert((id.clone(), seq));
            }
        }
    }
    let mut found = BTreeSet::new();
    for item in pages(&dweller.person, &format!("/search?q={word}")).await {
        let id = item["conversation_id"].as_str().expect("an id").to_owned();
        let seq = item["seq"].as_u64().expect("a seq");
        // What ends by itself may be there still.
        if model.conversations[&id].records[seq as usize - 1].expires_at().is_none() {
            found.insert((id, seq));
        }
    }
    same(&found, &wanted)
}

/// A picture is there for whoever may read a message that shows it, and for whoever made it.
async fn pictures(town: &Town, model: &Model) {
    let all: BTreeSet<&String> = town.people().flat_map(|dweller| &dweller.pictures).collect();
    assert!(!all.is_empty(), "somebody has sent a picture");
    let step = all.len().div_ceil(PICTURES);
    for (place, dweller) in town.people().enumerate() {
        let user = &dweller.person.user_id;
        let mut may: BTreeSet<String> = dweller.pictures.iter().cloned().collect();
        for (_, conversation) in of_user(model, user) {
            let shown = visible(conversation, user).into_iter();
            let media = shown.flat_map(|(seq, _)| conversation.records[seq as usize - 1].body.media());
            may.extend(media.map(|media_id| media_id.to_string()));
        }
        for media_id in all.iter().skip(place % step).step_by(step) {
            let (status, answer) =
                dweller.person.call(Method::GET, &format!("/media/{media_id}"), None).await;
            let expected = if may.contains(*media_id) { StatusCode::OK } else { StatusCode::NOT_FOUND };
            assert_eq!(status, expected, "{}: {answer}", dweller.person.username);
        }
    }
}

/// Everybody is shown by the name they set last.
async fn names(town: &Town) {
    let looks = town.people().next().expect("somebody is left");
    for dweller in town.people() {
        let Some(name) = &dweller.name else { continue };
        let shown = async || looks.person.get(&format!("/users/{}", dweller.person.user_id)).await;
        eventually("a name", || async { same(&shown().await["display_name"], &json!(name)) }).await;
    }
}
