//! Keyspaces: made once, refused when they are not what this program needs.

use crate::setting::{Cassandra, driver, drop_keyspace, server};
use parlor_engines::{OpenError, Tuning, Urls, init};

const NAME: &str = "parlor_test_init";

fn urls() -> Urls {
    Urls { store: Some(format!("{}/{NAME}", server())), ..Urls::default() }
}

async fn refused() -> String {
    let opened = Cassandra::at(urls().store.unwrap()).try_open().await;
    opened.err().expect("a refusal").to_string()
}

/// One after the other, because they are about one keyspace.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_keyspace_is_made_once_and_checked_ever_after() {
    drop_keyspace(NAME).await;
    let driver = driver().await;
    let cql = async |cql: &str| driver.query_unpaged(cql.replace("{k}", NAME), ()).await.unwrap();

    let text = refused().await;
    assert!(text.contains("no keyspace parlor_test_init") && text.contains("parlor init"), "{text}");
    let (tuning, urls) = (Tuning::default(), urls());
    let (one, two, three) = tokio::join!(init(&urls, &tuning), init(&urls, &tuning), init(&urls, &tuning));
    let done = [one.unwrap(), two.unwrap(), three.unwrap()].concat().join("\n");
    for words in ["keyspace parlor_test_init made, with copies: ", "migration 1 (history) applied"] {
        assert!(done.contains(words), "{done}");
    }
    assert_eq!(init(&urls, &tuning).await.unwrap(), Vec::<String>::new(), "again changes nothing");
    Cassandra::at(urls.store.clone().unwrap()).try_open().await.unwrap();

    cql("DELETE FROM {k}.schema_migrations WHERE version = 3").await;
    let text = refused().await;
    assert!(text.contains("lacks the migrations 3 (receipts)") && text.contains("parlor init"), "{text}");
    let done = init(&urls, &tuning).await.unwrap();
    assert_eq!(done, ["cassandra: migration 3 (receipts) applied"], "what was cut short is finished");

    cql("INSERT INTO {k}.schema_migrations (version, checksum) VALUES (99, 'x')").await;
    assert!(refused().await.contains("newer than this program (migration 99)"));
    assert!(init(&urls, &tuning).await.unwrap_err().to_string().contains("newer"));
    cql("DELETE FROM {k}.schema_migrations WHERE version = 99").await;

    cql("UPDATE {k}.schema_migrations SET checksum = 'tampered' WHERE version = 2").await;
    let text = refused().await;
    assert!(text.contains("migration 2 (conversations) was applied with another content"), "{text}");
    assert!(init(&urls, &tuning).await.unwrap_err().to_string().contains("another content"));
    drop_keyspace(NAME).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_opened_says_why() {
    let setting = Cassandra::at("cassandra://127.0.0.1:1/k".into());
    let error = setting.try_open().await.err().unwrap();
    assert!(matches!(error, OpenError::Unreachable { port: "store", .. }), "{error}");
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");

    let mut setting = Cassandra::at(format!("{}/k", server()));
    setting.tuning.cassandra.datacenter = "nowhere".into();
    let error = setting.try_open().await.err().unwrap().to_string();
    assert!(error.contains("no datacenter \"nowhere\", only "), "{error}");

    let mut setting = Cassandra::at(format!("{}/k", server()));
    setting.tuning.cassandra.in_flight_max = 0;
    let error = setting.try_open().await.err().unwrap().to_string();
    assert!(error.contains("cassandra.in_flight_max"), "{error}");
}

#[cfg(not(feature = "engine-tls"))]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_that_was_not_built_in_is_refused() {
    let mut setting = Cassandra::at(format!("{}/k", server()));
    setting.tuning.cassandra.tls = true;
    let error = setting.try_open().await.err().unwrap().to_string();
    assert!(error.contains("built without TLS") && error.contains("engine-tls"), "{error}");
}
