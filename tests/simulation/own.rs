//! What concerns the own account: devices, pictures, search, the profile, the end; and what
//! administrators look at and do.

use super::{
    acts::{call, conversation},
    town::{DOOMED, Dweller},
};
use crate::world::{PATIENCE, client, new_id};
use rand::{Rng, seq::IndexedRandom};
use reqwest::{Method, StatusCode};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

/// One of these acts.
pub async fn any(who: &mut Dweller) {
    match who.random.random_range(0..24) {
        0..4 => look_for_words(who).await,
        4..8 => send_a_picture(who).await,
        8..11 => log_in(who).await,
        11..14 => log_out(who).await,
        14..16 => change_profile(who).await,
        16 => change_password(who).await,
        17 => {
            call(who, "export", Method::GET, "/me/export", None).await;
        }
        18 => {
            let path = format!("/push-tokens/{}", who.person.device_id);
            let body = json!({"token": new_id(), "platform": "fcm"});
            call(who, "push token", Method::PUT, &path, Some(body)).await;
        }
        19..23 if who.is_admin => administer(who).await,
        23 if who.is_doomed => {
            if call(who, "end", Method::DELETE, "/me", None).await {
                who.is_gone = true;
            }
        }
        _ => {
            let body = json!({ "user_ids": [who.another(), who.another()] });
            call(who, "presence", Method::POST, "/presence", Some(body)).await;
        }
    }
}

async fn look_for_words(who: &mut Dweller) {
    let words = ["hello", "gr%C3%BC", "%D0%BF%D1%80", "%E4%BD%A0", "edited"];
    let word = words.choose(&mut who.random).expect("words");
    call(who, "search", Method::GET, &format!("/search?q={word}&limit=20"), None).await;
}

async fn send_a_picture(who: &mut Dweller) {
    let Some((id, _)) = conversation(who) else { return };
    let bytes: Vec<u8> = (0..who.random.random_range(1..4_000)).map(|_| who.random.random()).collect();
    let sha256 = Sha256::digest(&bytes).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    let body = json!({"name": "p.png", "content_type": "image/png", "size": bytes.len(), "sha256": sha256});
    let (status, place) = who.person.call(Method::POST, "/media", Some(body)).await;
    if status != StatusCode::CREATED {
        assert!(who.is_doomed, "{status} {place}");
        return;
    }
    let upload = place["upload"]["url"].as_str().expect("a place");
    let put = client().put(format!("http://{}{upload}", who.person.address)).body(bytes).send();
    assert_eq!(put.await.expect("the gateway answers").status(), StatusCode::NO_CONTENT);
    let media_id = place["media_id"].as_str().expect("an id").to_owned();
    let body = json!({"body": {"media": [{ "media_id": media_id }]}});
    if call(who, "picture", Method::POST, &format!("/conversations/{id}/messages"), Some(body)).await {
        who.pictures.push(media_id);
    }
}

/// One more device, up to three.
async fn log_in(who: &mut Dweller) {
    if who.devices.len() < 3 && !who.is_doomed {
        who.devices.push(who.person.log_in().await.connect().await);
        who.tally.entry("log in").or_default().0 += 1;
    }
}

/// One device less; the first one stays.
async fn log_out(who: &mut Dweller) {
    if who.devices.len() < 2 {
        return;
    }
    let at = who.random.random_range(1..who.devices.len());
    let path = format!("/devices/{}", who.devices[at].person.device_id);
    if call(who, "log out", Method::DELETE, &path, None).await {
        end(who, at).await;
    }
}

/// Ends all sessions but the first one.
async fn change_password(who: &mut Dweller) {
    let new = format!("horse battery {}", who.random.random_range(0..1_000_000));
    let body = json!({"old": who.person.password, "new": new});
    if call(who, "password", Method::PUT, "/me/password", Some(body)).await {
        who.person.password = new;
        while who.devices.len() > 1 {
            end(who, 1).await;
        }
    }
}

/// The session of a device has ended: its token is dead soon, wherever it is used.
async fn end(who: &mut Dweller, at: usize) {
    let device = who.devices.remove(at);
    let began = Instant::now();
    while device.person.call(Method::GET, "/me", None).await.0 != StatusCode::UNAUTHORIZED {
        assert!(began.elapsed() < PATIENCE, "the session ends");
    }
    device.go_offline();
    who.former.push(device);
}

async fn change_profile(who: &mut Dweller) {
    let name = format!("name {}", who.random.random_range(0..1_000));
    let seen = ["everyone", "contacts", "nobody"].choose(&mut who.random).expect("some");
    let body = json!({"display_name": name, "last_seen_to": seen});
    if call(who, "profile", Method::PATCH, "/me", Some(body)).await {
        who.name = Some(name);
    }
}

/// Administrators look around, and ban some of the doomed.
async fn administer(who: &mut Dweller) {
    let conversation = conversation(who).map_or_else(String::new, |(id, _)| id);
    let doomed: Vec<_> = who.everybody.iter().skip(DOOMED - 1).step_by(DOOMED).cloned().collect();
    let victim = doomed.choose(&mut who.random).cloned();
    match (who.random.random_range(0..6), victim) {
        (0, Some(user)) => {
            call(who, "ban", Method::PUT, &format!("/admin/users/{user}/ban"), None).await;
        }
        (1, _) => {
            call(who, "admin", Method::GET, "/admin/users?limit=20", None).await;
        }
        (2, _) => {
            call(who, "admin", Method::GET, &format!("/admin/conversations/{conversation}"), None).await;
        }
        (3, _) => {
            call(who, "admin", Method::GET, "/admin/groups", None).await;
        }
        (4, _) => {
            call(who, "admin", Method::GET, "/admin/audit", None).await;
        }
        _ => {
            let letters = who.person.get("/admin/dead-letters").await;
            assert_eq!(letters["items"], json!([]), "nothing that a person does is a dead letter");
        }
    }
}
