//! A data team reads the topic: another language and client (Python, confluent-kafka, fastavro), the
//! published schema, the real broker. Its fold is what REST shows.
//!
//! Needs running engines, `PARLOR_STORIES=shared`, and Python with those packages in `PARLOR_PYTHON`;
//! `dev/test topic` has all of it.

mod world;

use serde_json::{Value, json};
use std::{collections::BTreeMap, process::Command};
use world::World;

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|e| panic!("{program}: {e}"));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {error}");
    String::from_utf8(output.stdout).expect("text")
}

/// A record of REST with the fields that the fold has.
fn seen(record: &Value) -> Value {
    let mut body = serde_json::Map::new();
    for name in ["text", "target", "emoji"] {
        if let Some(value) = record["body"].get(name).filter(|value| !value.is_null()) {
            body.insert(name.to_owned(), value.clone());
        }
    }
    let mut seen = json!({ "body": body });
    for name in ["kind", "message_id", "sender_id", "client_msg_id", "seq", "ord"] {
        seen[name] = record[name].clone();
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn another_language_finds_what_rest_shows() {
    let python = std::env::var("PARLOR_PYTHON").expect("PARLOR_PYTHON: `dev/test topic` sets it");
    let world = World::new().await;
    let broker = world.config().log.strip_prefix("kafka://").expect("PARLOR_STORIES=shared").to_owned();
    let topic = format!("{}chat.messages.v1", world.config().engines.kafka.prefix);
    let people = world.people(&["ann", "bob", "cid"]).await;
    let ann = people[0].connect().await;
    let mut conversations = vec![
        people[0].direct(&people[1]).await,
        people[0].direct(&people[2]).await,
        people[0].group("all", &[&people[1], &people[2]]).await,
    ];
    for conversation in &conversations {
        let mut sent = Vec::new();
        for n in 0..20 {
            sent.push(ann.send(conversation, &format!("{n} 👋 مرحبا")));
        }
        for id in &sent {
            ann.answer(id).await;
        }
        let path = format!("/conversations/{conversation}/messages");
        let url = |seq: u64| format!("{path}/{seq}");
        let edit = json!({ "body": { "text": "edited" } });
        let (status, answer) = people[0].call(reqwest::Method::PATCH, &url(3), Some(edit)).await;
        assert!(status.is_success(), "{answer}");
        for seq in [3, 5] {
            let (status, answer) = people[0].call(reqwest::Method::DELETE, &url(seq), None).await;
            assert!(status.is_success(), "{answer}");
        }
        let (status, answer) =
            people[0].call(reqwest::Method::PUT, &format!("{}/reactions/👍", url(7)), None).await;
        assert!(status.is_success(), "{answer}");
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/tests/topic.py");
    let found: Value = serde_json::from_str(&run(&python, &[script, &broker, &topic])).expect("JSON");
    assert_eq!(found["logs"].as_object().expect("logs").len(), conversations.len());
    for conversation in &conversations {
        let rest: Vec<Value> = people[0].records(conversation).await.iter().map(seen).collect();
        assert_eq!(rest.len(), 25);
        assert_eq!(found["logs"][conversation], json!(rest));
    }
    // A console tool shows the partition that we compute.
    let console = run("kcat", &["-C", "-b", &broker, "-t", &topic, "-e", "-q", "-f", "%k %p\n"]);
    let shown: BTreeMap<&str, &str> = console.lines().filter_map(|line| line.split_once(' ')).collect();
    conversations.sort();
    let partitions = world.config().engines.partitions;
    for conversation in &conversations {
        let id = parlor_schemas::ConversationId(conversation.parse().expect("an id"));
        let ours = parlor_schemas::topics::of_conversation(id, partitions).to_string();
        assert_eq!(shown[conversation.as_str()], ours);
        assert_eq!(found["partitions"][conversation].to_string(), ours);
    }
}
