//! TLS and passwords. Built with `--features engine-tls` alone, it needs a server that asks for
//! both: `dev/engines up cassandra --secure --instance tls`.

use crate::{
    conformance::words::{conversation, message, text},
    setting::Cassandra,
};
use parlor_engines::{OpenError, Tuning, Urls, init, store::Effect};
use parlor_schemas::Timestamp;

fn given(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!(
            "{name} is not set: built with engine-tls, these tests need a Cassandra with TLS and passwords \
             (`dev/engines up cassandra --secure --instance tls`): PARLOR_TEST_CASSANDRA_SECURE is its URL \
             with user and password, PARLOR_TEST_CASSANDRA_CA a file with its authority"
        )
    })
}

/// `cassandra://user:password@host:port`, without a keyspace.
fn server() -> String {
    given("PARLOR_TEST_CASSANDRA_SECURE")
}

fn trusting(ca: Option<String>) -> Tuning {
    let mut tuning = Tuning::default();
    tuning.cassandra.tls = true;
    tuning.cassandra.tls_ca = ca;
    tuning
}

fn authority() -> String {
    std::fs::read_to_string(given("PARLOR_TEST_CASSANDRA_CA")).expect("the authority can be read")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_over_tls_works() {
    let mut setting = Cassandra::at(format!("{}/parlor_test_secure", server()));
    setting.tuning = trusting(Some(authority()));
    let urls = Urls { store: Some(setting.url.clone()), ..Urls::default() };
    init(&urls, &setting.tuning).await.unwrap();
    let (engines, id) = (setting.try_open().await.unwrap(), conversation());
    let record = Effect::Record(id, text(id, 1, Timestamp(1), message("text")));
    engines.store.write(0, vec![record], 1).await.unwrap();
    assert_eq!(engines.store.records(id, 0, 9, 9, false).await.unwrap().len(), 1);
}

/// What is wrong is said, and no password is in it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_login_or_authority_is_refused() {
    let (login, node) = server().trim_start_matches("cassandra://").rsplit_once('@').map_or_else(
        || panic!("PARLOR_TEST_CASSANDRA_SECURE has no user and password"),
        |(login, node)| (login.to_owned(), node.to_owned()),
    );
    let user = login.split(':').next().unwrap();
    let stranger = include_str!("stranger.pem").to_owned();
    for (url, ca, words) in [
        (format!("cassandra://{user}:wr0ng@{node}/k"), Some(authority()), "credentials"),
        (format!("cassandra://{node}/k"), Some(authority()), "uthentication"),
        (format!("cassandra://{login}@{node}/k"), None, "certificate"),
        (format!("cassandra://{login}@{node}/k"), Some(stranger), "certificate"),
    ] {
        let mut setting = Cassandra::at(url);
        setting.tuning = trusting(ca);
        let error = setting.try_open().await.err().unwrap();
        assert!(matches!(error, OpenError::Unreachable { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains(words) && !text.contains("wr0ng"), "{text}");
    }
    let mut setting = Cassandra::at(format!("{}/k", server()));
    setting.tuning = trusting(Some("no PEM".into()));
    let error = setting.try_open().await.err().unwrap().to_string();
    assert!(error.contains("cassandra.tls_ca"), "{error}");
}
