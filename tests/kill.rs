//! `kill -9` of the real binary under load: what was accepted is in history exactly once.

mod receiver;
mod server;
mod world;

use receiver::Receiver;
use reqwest::Method;
use serde_json::{Value, json};
use server::Server;
use std::{collections::HashMap, process::Command, time::Duration};
use world::{Device, Person, api};

/// Everything that a device was told is in history exactly once, in the place it was told.
fn check(device: &Device, history: &[Value]) {
    let mut by_id: HashMap<&str, Vec<&Value>> = HashMap::new();
    for record in history {
        by_id.entry(record["client_msg_id"].as_str().unwrap()).or_default().push(record);
    }
    device.see(|state| {
        for id in &state.accepted {
            assert_eq!(by_id.get(id.as_str()).map(Vec::len), Some(1), "accepted {id}");
        }
        for (id, answer) in &state.answers {
            assert_eq!(answer["type"], "sequenced", "{answer}");
            assert_eq!(by_id[id.as_str()].len(), 1, "sequenced {id}");
            assert_eq!(by_id[id.as_str()][0]["seq"], answer["seq"], "the place that was told");
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_kills_under_load_lose_and_double_nothing() {
    let kills: usize = std::env::var("PARLOR_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(10);
    let mut server = Server::start().await;
    let mut people = Vec::new();
    for name in ["ann", "bob", "cid"] {
        people.push(Person::register(&server.address(), name).await);
    }
    let group = people[0].group("kill", &[&people[1], &people[2]]).await;
    let mut devices = Vec::new();
    for person in &people {
        devices.push(person.connect().await);
    }
    let mut sent = 0_u64;
    for kill in 0..kills {
        // Another moment of the pipeline each time.
        let answered = 20 + 37 * (kill % 7);
        let before = devices[0].see(|state| state.answers.len());
        while devices[0].see(|state| state.answers.len()) < before + answered {
            for device in &devices {
                device.send(&group, &format!("{sent} 👋 مرحبا"));
                sent += 1;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        server.kill_and_start().await;
    }
    for device in &devices {
        device.wait("all is answered", |state| state.outbox.is_empty().then_some(())).await;
    }
    let history = people[0].records(&group).await;
    let seqs: Vec<_> = history.iter().map(|record| record["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=1 + sent).collect::<Vec<_>>(), "contiguous, and each message once");
    for device in &devices {
        device.upto(&group, 1 + sent).await;
        check(device, &history);
        device.see(|state| {
            assert_eq!(state.logs[&group].records, history, "live and history agree");
            assert_eq!(state.logs[&group].violation, None);
        });
    }
    println!("{kills} kills, {sent} messages, each accepted one exactly once");
    let (status, _) = api(
        reqwest::Method::GET,
        &format!("http://{}/v1/me", server.address()),
        Some(&people[0].token),
        None,
        None,
    )
    .await;
    assert_eq!(status, 200, "sessions outlive the kills, too");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_job_outlives_kills() {
    let receiver = Receiver::start().await;
    let settings = [
        ("PUSH__PATIENCE_MS", "200".to_owned()),
        ("PUSH__WEBHOOK_URL", receiver.url()),
        ("PUSH__WEBHOOK_SECRET", receiver::SECRET.to_owned()),
        ("PUSH__WEBHOOK_PAUSE_MAX_MS", "300".to_owned()),
    ];
    let mut server = Server::with(&settings).await;
    let ann = Person::register(&server.address(), "ann").await;
    let bob = Person::register(&server.address(), "bob").await;
    let token = format!("/push-tokens/{}", bob.device_id);
    assert_eq!(bob.call(Method::PUT, &token, Some(json!({"token": "phone"}))).await.0, 204);
    let chat = ann.direct(&bob).await;
    receiver.refuse_all(true);
    for n in 0..4 {
        // Killed right after the ack, and while the push is being tried.
        ann.post(&format!("/conversations/{chat}/messages"), json!({"body": {"text": "x"}})).await;
        if n % 2 == 1 {
            receiver.attempt(|_| true).await;
        }
        server.kill_and_start().await;
    }
    receiver.refuse_all(false);
    let push = receiver.push(|push| push["seq"] == 5).await;
    assert_eq!((&push["token"], &push["badge"]), (&json!("phone"), &json!(4)));
    let ids = receiver.attempts(|push| push["seq"] == 5);
    assert!(ids.iter().all(|attempt| attempt.id == ids[0].id), "the same push in every life");
}

#[test]
fn roles_apart_on_the_embedded_log_are_refused_with_the_reason() {
    let output = Command::new(env!("CARGO_BIN_EXE_parlor")).arg("gateway,ingest").output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(told.contains("embedded log") && told.contains("persister"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_on_the_same_data_is_refused() {
    let server = Server::start().await;
    let mut second = Command::new(env!("CARGO_BIN_EXE_parlor"));
    second.args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data"]).arg(server.data());
    let output = second.output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(told.contains("in use"), "{told}");
}

#[tokio::test]
async fn logs_hold_no_body_token_password_or_ticket() {
    let server = Server::tracing("trace").await;
    let people =
        [Person::register(&server.address(), "ann").await, Person::register(&server.address(), "bob").await];
    let chat = people[0].direct(&people[1]).await;
    let (ann, bob) = (people[0].connect().await, people[1].connect().await);
    ann.answer(&ann.send(&chat, "canary in a body")).await;
    bob.upto(&chat, 2).await;
    let ticket = people[0].post("/ws-tickets", serde_json::json!({})).await;
    let ticket = ticket["ticket"].as_str().expect("a ticket").to_owned();
    let url = format!("ws://{}/v1/ws?ticket={ticket}", server.address());
    drop(tokio_tungstenite::connect_async(url).await.expect("the ticket opens a socket"));
    let told = server.told();
    assert!(told.len() > 1_000, "everything is told at this level: {told}");
    for secret in ["canary", &people[0].password, &people[0].token, &people[0].refresh_token, &ticket] {
        let at = told.find(secret);
        assert_eq!(at, None, "{}", &told[at.unwrap_or(0).saturating_sub(300)..][..300.min(told.len())]);
    }
}
