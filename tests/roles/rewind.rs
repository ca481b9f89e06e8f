//! A group that begins again at the beginning changes nothing in any view.

use crate::roles::{fleet::Fleet, load::Load};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn a_rewound_group_changes_no_view() {
    let mut fleet = Fleet::two_of_each().await;
    let load = Load::start(&fleet).await;
    load.more(200).await;
    let people = load.people.clone();
    load.check(&fleet).await;
    let mut before = Vec::new();
    for person in &people {
        before.push(view(person).await);
    }
    for (role, groups) in [
        ("persister", ["persister", "persister-receipts"]),
        ("fanout", ["fanout", "fanout-receipts"]),
        ("pusher", ["pusher", "push-sender"]),
    ] {
        for number in fleet.of(role) {
            fleet.stop(number).await;
        }
        for group in groups {
            let said = fleet.parlor(&["rewind", group, "--to", "beginning"]);
            assert!(said.contains("goes on at 0"), "{said}");
        }
        for number in fleet.of(role) {
            fleet.start(number);
        }
        fleet.ready().await;
        fleet.at_rest().await;
        for (person, before) in people.iter().zip(&before) {
            assert_eq!(&view(person).await, before, "{role} was rewound");
        }
    }
}

/// All that REST shows one person.
async fn view(person: &crate::world::Person) -> Vec<Value> {
    let list = person.get("/conversations").await;
    let mut views = vec![list["items"].clone()];
    for item in list["items"].as_array().expect("items") {
        let id = item["conversation_id"].as_str().expect("an id");
        views.extend(person.records(id).await);
        views.push(person.get(&format!("/conversations/{id}")).await);
    }
    views
}
