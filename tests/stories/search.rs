//! Search in the own conversations.

use crate::world::{PATIENCE, Person, World, until};
use parlor_engines::log::StoredOffset;
use parlor_schemas::topics::Group;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

fn path(q: &str, more: &str) -> String {
    let q = q.bytes().fold(String::new(), |text, byte| text + &format!("%{byte:02X}"));
    format!("/search?q={q}{more}")
}

/// The seqs of what is found, newest first; `None` while search is unavailable.
async fn find(person: &Person, q: &str, more: &str) -> Option<Vec<u64>> {
    let (status, answer) = person.call(Method::GET, &path(q, more), None).await;
    if status == StatusCode::SERVICE_UNAVAILABLE {
        return None;
    }
    assert_eq!(status, StatusCode::OK, "{answer}");
    Some(
        answer["items"].as_array().expect("items").iter().map(|item| item["seq"].as_u64().unwrap()).collect(),
    )
}

/// Waits until a question has this answer.
async fn found(person: &Person, q: &str, expected: &[u64]) {
    let mut last = None;
    let mut again = tokio::time::interval(std::time::Duration::from_millis(20));
    let asking = async {
        loop {
            last = find(person, q, "").await;
            if last.as_deref() == Some(expected) {
                return;
            }
            again.tick().await;
        }
    };
    let done = tokio::time::timeout(PATIENCE, asking).await;
    assert!(done.is_ok(), "{q:?}: {last:?} instead of {expected:?}");
}

async fn send(person: &Person, chat: &str, body: Value) -> u64 {
    let answer = person.post(&format!("/conversations/{chat}/messages"), json!({"body": body})).await;
    answer["seq"].as_u64().expect("a seq")
}

#[tokio::test(flavor = "multi_thread")]
async fn words_and_their_beginnings_are_found_in_several_scripts() {
    let world = World::new().await;
    let people = world.people(&["ann", "bob"]).await;
    let chat = people[0].direct(&people[1]).await;
    let mut seqs = Vec::new();
    for text in
        ["Crème brûlée for dessert", "今日は東京都へ行く", "مَرْحَبًا بالعالم", "שָׁלוֹם", "안녕하세요 여러분"]
    {
        seqs.push(send(&people[0], &chat, json!({"text": text})).await);
    }
    for (q, expected) in [("brul", 0), ("dess creme", 0), ("東京", 1), ("مرحبا", 2), ("שלום", 3), ("안녕", 4)]
    {
        found(&people[1], q, &[seqs[expected]]).await;
    }
    for q in ["rulee", "京東", "nothing", "creme tokyo"] {
        assert_eq!(find(&people[1], q, "").await.as_deref(), Some(&[][..]), "{q}");
    }
    let item = &people[1].get(&path("brulee", "")).await["items"][0];
    assert_eq!(item["snippet"], "Crème brûlée for dessert");
    assert_eq!((&item["conversation_id"], &item["sender_id"]), (&json!(chat), &json!(people[0].user_id)));
    assert!(item["at"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_found_that_may_not_be_read() {
    let world = World::new().await;
    let people = world.people(&["ann", "bob", "cid", "eve"]).await;
    let [ann, bob, cid, eve] = people.as_slice() else { unreachable!() };
    let group = ann.group("secrets", &[bob]).await;
    let before = send(ann, &group, json!({"text": "walrus one"})).await;
    ann.post(&format!("/conversations/{group}/members"), json!({"user_ids": [cid.user_id]})).await;
    let after = send(ann, &group, json!({"text": "walrus two"})).await;
    found(bob, "walrus", &[after, before]).await;
    found(cid, "walrus", &[after]).await;
    found(eve, "walrus", &[]).await;
    let (status, answer) =
        eve.call(Method::GET, &path("walrus", &format!("&conversation_id={group}")), None).await;
    assert_eq!((status, &answer["code"]), (StatusCode::NOT_FOUND, &json!("not_found")));
    // Leaving takes it out of the results at once.
    bob.post(&format!("/conversations/{group}/leave"), json!({})).await;
    assert_eq!(find(bob, "walrus", "").await, Some(vec![]));
    let (_, answer) =
        bob.call(Method::GET, &path("walrus", &format!("&conversation_id={group}")), None).await;
    assert_eq!(answer["code"], "not_a_member");
    // What was deleted, edited or has expired is not found by what it said.
    ann.call(Method::DELETE, &format!("/conversations/{group}/messages/{before}"), None).await;
    assert_eq!(find(ann, "walrus", "").await, Some(vec![after]), "at once");
    let edit = json!({"body": {"text": "narwhal"}});
    let (status, _) =
        ann.call(Method::PATCH, &format!("/conversations/{group}/messages/{after}"), Some(edit)).await;
    assert_eq!(status, StatusCode::OK);
    found(ann, "narwhal", &[after]).await;
    found(ann, "walrus", &[]).await;
    send(ann, &group, json!({"text": "a mayfly", "ttl_ms": 1000})).await;
    let stays = send(ann, &group, json!({"text": "no mayfly"})).await;
    found(cid, "mayfly", &[stays]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn results_come_in_pages_newest_first() {
    let world = World::new().await;
    let people = world.people(&["ann", "bob", "cid"]).await;
    let chats = [people[0].direct(&people[1]).await, people[0].direct(&people[2]).await];
    let mut sent = Vec::new();
    for n in 0..25 {
        let chat = &chats[n % 2];
        sent.push((chat.clone(), send(&people[0], chat, json!({"text": format!("page {n}")})).await));
    }
    sent.reverse();
    let all: Vec<u64> = sent.iter().map(|(_, seq)| *seq).collect();
    found(&people[0], "page", &all).await;
    let (mut pages, mut more) = (Vec::new(), "&limit=7".to_owned());
    loop {
        let page = people[0].get(&path("page", &more)).await;
        let items = page["items"].as_array().unwrap();
        pages.extend(items.iter().map(|item| {
            (item["conversation_id"].as_str().unwrap().to_owned(), item["seq"].as_u64().unwrap())
        }));
        let Some(next) = page["next"].as_str() else { break };
        more = format!("&limit=7&cursor={next}");
    }
    assert_eq!(pages, sent);
    let one = people[0].get(&path("page", &format!("&conversation_id={}", chats[1]))).await;
    assert_eq!(one["items"].as_array().unwrap().len(), 12);
    for bad in ["/search", "/search?q=", "/search?q=%21", "/search?q=a&cursor=x", "/search?q=a&limit=0"] {
        let (status, answer) = people[0].call(Method::GET, bad, None).await;
        assert_eq!((status, &answer["code"]), (StatusCode::BAD_REQUEST, &json!("invalid_request")), "{bad}");
    }
    let (status, _) = people[0].call(Method::GET, &path(&"x".repeat(257), ""), None).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_made_anew_or_set_back_finds_the_same() {
    let mut world = World::new().await;
    let people = world.people(&["ann", "bob"]).await;
    let chat = people[0].direct(&people[1]).await;
    let first = send(&people[0], &chat, json!({"text": "phoenix"})).await;
    let second = send(&people[0], &chat, json!({"text": "phoenix again"})).await;
    let gone = send(&people[0], &chat, json!({"text": "phoenix gone"})).await;
    people[0].call(Method::DELETE, &format!("/conversations/{chat}/messages/{gone}"), None).await;
    found(&people[0], "phoenix", &[second, first]).await;
    let data = world.config().data.clone();
    for is_deleted in [true, false] {
        world.stop().await;
        if is_deleted {
            std::fs::remove_dir_all(data.join("search-1")).unwrap();
        } else {
            let engines = parlor::node::open(&mut world.config().clone()).await.unwrap();
            for partition in 0..engines.log.partitions(Group::Indexer.topic()) {
                let to = StoredOffset::default();
                engines.log.rewind(Group::Indexer, partition, to).await.unwrap();
            }
            engines.close().await;
        }
        world.start().await;
        let ann = people[0].at(&world.gateway(0));
        // Unavailable for a while, but never an answer with less in it.
        let asking = async {
            loop {
                if let Some(seqs) = find(&ann, "phoenix", "").await {
                    return seqs;
                }
            }
        };
        let seqs = tokio::time::timeout(PATIENCE, asking).await.expect("search comes back");
        assert_eq!(seqs, [second, first]);
    }
}

/// On embedded engines alone: a real log takes away whole segments, after hours.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_is_made_anew_from_the_store_where_the_log_has_forgotten() {
    let mut world = World::with(|config| {
        for engine in [&mut config.log, &mut config.store, &mut config.live] {
            "embedded".clone_into(engine);
        }
        config.engines.retention_every_ms = 200;
        config.engines.messages.age_ms = 8_000;
    })
    .await;
    let people = world.people(&["ann", "bob"]).await;
    let chat = people[0].direct(&people[1]).await;
    let mut seqs = Vec::new();
    for text in ["phoenix one", "phoenix two", "phoenix gone", "phoenix edited"] {
        seqs.push(send(&people[0], &chat, json!({"text": text})).await);
    }
    let path = |seq: u64| format!("/conversations/{chat}/messages/{seq}");
    people[0].call(Method::DELETE, &path(seqs[2]), None).await;
    people[0].call(Method::PATCH, &path(seqs[3]), Some(json!({"body": {"text": "sparrow"}}))).await;
    found(&people[0], "phoenix", &[seqs[1], seqs[0]]).await;
    let forgotten = async || {
        let log = &world.engines().log;
        for partition in 0..log.partitions(Group::Indexer.topic()) {
            if log.ends(Group::Indexer.topic(), partition).await.unwrap().first > seqs[0] {
                return Some(());
            }
        }
        None
    };
    until("the log has forgotten the first messages", forgotten).await;
    world.stop().await;
    std::fs::remove_dir_all(world.config().data.join("search-1")).unwrap();
    world.start().await;
    let ann = people[0].at(&world.gateway(0));
    let asked = async || find(&ann, "phoenix", "").await;
    assert_eq!(until("search is there again", asked).await, [seqs[1], seqs[0]]);
    found(&ann, "sparrow", &[seqs[3]]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_without_an_index_says_so() {
    use parlor::cli::RoleName::{Fanout, Gateway, Ingest, Persister, Pusher};
    let world = World::with_nodes(vec![vec![Gateway, Ingest, Persister, Fanout, Pusher]], |_| {}).await;
    let people = world.people(&["ann", "bob"]).await;
    assert_eq!(find(&people[0], "anything", "").await, Some(vec![]), "in no conversation there is nothing");
    people[0].direct(&people[1]).await;
    let (status, answer) = people[0].call(Method::GET, &path("anything", ""), None).await;
    assert_eq!((status, &answer["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("unavailable")));
}

#[tokio::test(flavor = "multi_thread")]
async fn indexers_elsewhere_are_asked_over_http() {
    use parlor::cli::RoleName::{Fanout, Gateway, Indexer, Ingest, Persister, Pusher};
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = free.local_addr().expect("an address").to_string();
    drop(free);
    let layout = vec![vec![Gateway], vec![Ingest, Persister, Fanout, Pusher], vec![Indexer]];
    let mut world = World::with_nodes(layout, |config| {
        config.search = format!("http://{address}");
        config.search_listen.clone_from(&address);
    })
    .await;
    let people = world.people(&["ann", "bob"]).await;
    let chat = people[0].direct(&people[1]).await;
    let seq = send(&people[0], &chat, json!({"text": "over the wire"})).await;
    found(&people[1], "wire", &[seq]).await;
    world.stop_node(2).await;
    assert_eq!(find(&people[1], "wire", "").await, None, "an index that is away is no empty answer");
}
