//! Topics: made once, mended, and refused when they are not what they were.

use crate::{
    conformance::{
        Setting as _, until,
        words::{append, entry},
    },
    setting::{Kafka, broker},
};
use parlor_engines::{OpenError, log::LogError};
use parlor_schemas::{Topic, topics::Group};
use rdkafka::{
    admin::{AdminOptions, AlterConfig, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication},
    topic_partition_list::{Offset, TopicPartitionList},
};
use std::time::Duration;

async fn described(at: &Kafka, topic: Topic) -> ConfigResource {
    let name = at.topic(topic);
    let asked = [ResourceSpecifier::Topic(&name)];
    let mut found = at.admin().describe_configs(&asked, &AdminOptions::new()).await.unwrap();
    found.remove(0).unwrap()
}

/// How many topics there are: the five, and a group's dead letters each.
fn topics() -> usize {
    5 + Group::ALL.len()
}

async fn value(at: &Kafka, topic: Topic, setting: &str) -> String {
    described(at, topic).await.get(setting).unwrap().value.clone().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_are_made_once_with_their_settings() {
    let at = Kafka::at(broker());
    let refused = at.log().await.err().unwrap();
    assert!(matches!(refused, OpenError::NotInitialised { .. }), "{refused}");
    assert!(refused.to_string().contains("chat.commands.v1"), "{refused}");
    assert_eq!(at.init().await.unwrap().len(), topics(), "every topic and every group's dead letters");
    assert_eq!(at.init().await.unwrap(), Vec::<String>::new(), "nothing is left to do");
    assert_eq!(value(&at, Topic::Commands, "message.timestamp.type").await, "LogAppendTime");
    assert_eq!(value(&at, Topic::Commands, "retention.ms").await, "604800000");
    assert_eq!(value(&at, Topic::Conversations, "cleanup.policy").await, "compact");
    assert!(at.log().await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_differs_is_set_and_the_others_stay() {
    let mut at = Kafka::new().await;
    let name = at.topic(Topic::Push);
    let alter = AlterConfig::new(ResourceSpecifier::Topic(&name)).set("flush.messages", "777");
    at.admin().alter_configs([&alter], &AdminOptions::new()).await.unwrap();
    until("their setting", async || (value(&at, Topic::Push, "flush.messages").await == "777").then_some(()))
        .await;
    at.tuning.push.age_ms = 7_200_000;
    let done = at.init().await.unwrap();
    assert!(done[0].contains("chat.push.v1") && done[0].contains("retention.ms=7200000"), "{done:?}");
    until("the settings", async || {
        let found = described(&at, Topic::Push).await;
        let is = |name: &str, value: &str| found.get(name).unwrap().value.as_deref() == Some(value);
        (is("flush.messages", "777") && is("retention.ms", "7200000")).then_some(())
    })
    .await;
    assert_eq!(at.init().await.unwrap(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_number_of_partitions_is_refused() {
    let mut at = Kafka::new().await;
    at.tuning.partitions = 5;
    for refused in [at.log().await.err().unwrap(), at.init().await.unwrap_err()] {
        assert!(matches!(refused, OpenError::TopicPartitions { made: 4, asked: 5, .. }), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_that_are_not_there_are_named() {
    let mut at = Kafka::at("kafka://me:secret@127.0.0.1:1".to_owned());
    at.tuning.kafka.request_ms = 500;
    let refused = at.log().await.err().unwrap();
    assert!(matches!(refused, OpenError::Unreachable { .. }), "{refused}");
    let text = refused.to_string();
    assert!(text.contains("127.0.0.1:1") && !text.contains("secret"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_is_out_of_range() {
    let at = Kafka::new().await;
    let engines = at.open().await;
    let entries = (0..10).map(|n| entry(Topic::Messages, 0, "k", Some(&n.to_string())));
    append(&*engines.log, entries.collect()).await;
    let mut before = TopicPartitionList::new();
    before.add_partition_offset(&at.topic(Topic::Messages), 0, Offset::Offset(4)).unwrap();
    let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(5)));
    at.admin().delete_records(&before, &options).await.unwrap();
    let ends = engines.log.ends(Topic::Messages, 0).await.unwrap();
    assert_eq!((ends.first, ends.end), (4, 10));
    let refused = engines.log.read(Topic::Messages, 0, 3).await.err();
    assert!(matches!(refused, Some(LogError::OutOfRange { asked: 3, first: 4, end: 10, .. })), "{refused:?}");
    assert!(engines.log.read(Topic::Messages, 0, 4).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_was_made_anew_is_refused() {
    let at = Kafka::new().await;
    let engines = at.open().await;
    append(&*engines.log, vec![entry(Topic::Commands, 0, "k", Some("v"))]).await;
    engines.close().await;
    let (admin, options) = (at.admin(), AdminOptions::new().operation_timeout(Some(Duration::from_secs(10))));
    let messages = at.topic(Topic::Messages);
    for done in admin.delete_topics(&[&messages], &options).await.unwrap() {
        done.unwrap();
    }
    let refused = until("the deletion", async || at.init().await.err()).await;
    assert!(matches!(refused, OpenError::TopicsMadeAnew { .. }), "{refused}");
    assert!(refused.to_string().contains(&messages), "{refused}");
    let anew = NewTopic::new(&messages, 4, TopicReplication::Fixed(1));
    for done in admin.create_topics([&anew], &options).await.unwrap() {
        done.unwrap();
    }
    let refused = until("the new one", async || {
        at.log().await.err().filter(|refused| !matches!(refused, OpenError::NotInitialised { .. }))
    });
    let refused = refused.await;
    assert!(
        matches!(&refused, OpenError::TopicsMadeAnew { topics, .. } if topics.starts_with(&messages)),
        "{refused}"
    );
    let refused = at.init().await.unwrap_err();
    assert!(matches!(refused, OpenError::TopicsMadeAnew { .. }), "{refused}");
}

/// An `init` that was cut off, or that met topics made by hand, goes on where nothing is lost.
#[tokio::test(flavor = "multi_thread")]
async fn topics_without_records_are_completed() {
    let at = Kafka::at(broker());
    let (admin, options) = (at.admin(), AdminOptions::new().operation_timeout(Some(Duration::from_secs(10))));
    let messages = at.topic(Topic::Messages);
    let by_hand = NewTopic::new(&messages, 4, TopicReplication::Fixed(1));
    for done in admin.create_topics([&by_hand], &options).await.unwrap() {
        done.unwrap();
    }
    let done = until("the topic", async || {
        Some(at.init().await.unwrap()).filter(|done| done.iter().any(|step| step.starts_with("set on")))
    });
    assert_eq!(done.await.len(), topics(), "one mended, the others made");
    until("the settings", async || at.log().await.ok()).await;
}
