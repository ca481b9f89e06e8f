//! The main job on real input: mixed text of several scripts from many devices whose sockets are
//! cut at random. Every accepted message is in every member's log exactly once and in order.
//!
//! `PARLOR_LOAD=100000 cargo test --release --test load` for the long run.

mod server;
mod world;

use rand::{Rng, SeedableRng, rngs::StdRng};
use server::Server;
use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};
use world::{Device, Person};

/// Beginnings of texts: scripts, emoji, right-to-left, combining marks, code, whitespace.
const TEXTS: [&str; 12] = [
    "Hello, how are you?",
    "Grüße aus Köln – schön, dass es klappt",
    "Привет, как дела? Всё хорошо.",
    "مرحبا بالعالم، كيف الحال؟",
    "שלום עולם, מה נשמע?",
    "你好,世界。今天天气很好。",
    "こんにちは世界、元気ですか",
    "안녕하세요 세계",
    "नमस्ते दुनिया, आप कैसे हैं",
    "👩‍👩‍👧‍👦 🏳️‍🌈 🤷🏽‍♀️ 🇩🇪 e\u{301} a\u{30a}",
    "fn main() { println!(\"{}\", \"quoted \\\\ \\n\"); }",
    "   spaces \t tabs \n and lines   ",
];

fn text(random: &mut StdRng, number: usize) -> String {
    let beginning = TEXTS[random.random_range(0..TEXTS.len())];
    // Most are short; some are long.
    let times = if random.random_range(0..50) == 0 { random.random_range(20..200) } else { 1 };
    format!("{number} {}", beginning.repeat(times))
}

async fn meet(server: &Server, count: usize) -> (Vec<Person>, Vec<(String, Vec<usize>)>) {
    let mut people = Vec::new();
    for n in 0..count {
        people.push(Person::register(&server.address(), &format!("user{n}")).await);
    }
    let mut conversations = Vec::new();
    for n in (0..count).step_by(2) {
        conversations.push((people[n].direct(&people[n + 1]).await, vec![n, n + 1]));
    }
    for (title, members) in [("all", 0..count), ("some", 0..count / 2), ("few", 0..3)] {
        let others: Vec<_> = members.clone().skip(1).map(|n| &people[n]).collect();
        conversations.push((people[members.start].group(title, &others).await, members.collect()));
    }
    (people, conversations)
}

#[tokio::test(flavor = "multi_thread")]
async fn mixed_text_under_random_disconnects_arrives_once_and_in_order() {
    let total: usize = std::env::var("PARLOR_LOAD").ok().and_then(|n| n.parse().ok()).unwrap_or(5_000);
    let seed: u64 = std::env::var("PARLOR_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let mut random = StdRng::seed_from_u64(seed);
    let server = Server::start().await;
    let (people, conversations) = meet(&server, 20).await;
    let mut devices: Vec<Device> = Vec::new();
    for person in &people {
        devices.push(person.connect().await);
    }
    let mut sent: Vec<(usize, String, String)> = Vec::new();
    let mut cuts = 0;
    for number in 0..total {
        let (conversation, members) = &conversations[random.random_range(0..conversations.len())];
        let sender = members[random.random_range(0..members.len())];
        let id = devices[sender].send(conversation, &text(&mut random, number));
        sent.push((sender, conversation.clone(), id));
        if random.random_range(0..100) == 0 {
            devices[random.random_range(0..devices.len())].cut();
            cuts += 1;
        }
        if number % 200 == 199 {
            // A bounded number is under way, as with people.
            let waiting = |device: &Device| device.see(|state| state.outbox.len());
            while devices.iter().map(waiting).sum::<usize>() > 1_000 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
    for device in &devices {
        device.wait("all is answered", |state| state.outbox.is_empty().then_some(())).await;
    }
    for (sender, _, id) in &sent {
        let answer = devices[*sender].see(|state| state.answers[id].clone());
        assert_eq!(answer["type"], "sequenced", "{answer}");
    }
    for (conversation, members) in &conversations {
        let history = people[members[0]].records(conversation).await;
        let wanted: HashSet<&str> =
            sent.iter().filter(|(_, c, _)| c == conversation).map(|(_, _, id)| id.as_str()).collect();
        let messages = history.iter().filter(|record| record["kind"] == "message");
        let found: Vec<&str> = messages.filter_map(|record| record["client_msg_id"].as_str()).collect();
        assert_eq!(found.len(), wanted.len(), "each once");
        assert_eq!(found.iter().copied().collect::<HashSet<_>>(), wanted, "and no other");
        for (at, record) in history.iter().enumerate() {
            assert_eq!(record["seq"], at as u64 + 1);
        }
        let order: HashMap<&str, usize> = found.iter().enumerate().map(|(at, id)| (*id, at)).collect();
        for member in members {
            let own = sent.iter().filter(|(sender, c, _)| sender == member && c == conversation);
            assert!(own.map(|(_, _, id)| order[id.as_str()]).is_sorted(), "a sender's own order is kept");
        }
        for member in members {
            devices[*member].upto(conversation, history.len() as u64).await;
            devices[*member].see(|state| {
                assert_eq!(state.logs[conversation].records, history, "every member's log is the history");
                assert_eq!(state.logs[conversation].violation, None);
            });
        }
    }
    println!(
        "{total} messages, {cuts} cuts, {} conversations: each once, in order, at every member",
        conversations.len()
    );
}
