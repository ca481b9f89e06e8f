//! A live engine that forgets is noticed: another epoch, nothing whole, channels closed.

use crate::{
    conformance::{Setting as _, TestClock, live::tails::whole, soon, until, words::fresh},
    server::Server,
    setting::Redis,
};
use parlor_engines::{Engines, OpenError, Tuning, Urls, live::LiveError, open};
use parlor_schemas::{ConversationId, GatewayId, Limits, Timestamp};
use std::{sync::Arc, time::Duration};

/// Engines with their live engine on a server of the test's own.
pub struct Own {
    directory: tempfile::TempDir,
    url: String,
}

impl Own {
    pub fn at(url: String) -> Self {
        Self { directory: tempfile::tempdir().unwrap(), url }
    }

    pub async fn try_open(&self) -> Result<Engines, OpenError> {
        let data = self.directory.path().join("data");
        let urls = Urls { data, live: Some(self.url.clone()), ..Urls::default() };
        let clock = Arc::new(TestClock::new(Timestamp(1_800_000_000_000)));
        open(&urls, &Tuning::default(), &Limits::default(), clock).await
    }
}

/// The present epoch, once it is another one than `before`.
pub async fn another_epoch(engines: &Engines, before: &str) -> String {
    until("another epoch", async || engines.live.epoch().await.ok().filter(|now| now != before)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forgetting_everything_is_another_epoch_for_everybody() {
    let at = Redis::new().await;
    let (engines, other) = (at.open().await, {
        let second = Redis { prefix: at.prefix.clone(), ..Redis::new().await };
        second.open().await
    });
    let epoch = engines.live.epoch().await.unwrap();
    assert_eq!(other.live.epoch().await.unwrap(), epoch, "two processes, one engine");
    whole(&engines, 0).await;
    let id = ConversationId(fresh());
    assert_eq!(other.live.live_heads(&[id]).await.unwrap(), [None]);
    let mut channel = other.live.subscribe(GatewayId(fresh())).await.unwrap();
    at.lose_live().await;
    assert_eq!(other.live.live_heads(&[id]).await, Err(LiveError::Rebuilding));
    assert!(!other.live.set_whole(0, true, 0, &epoch).await.unwrap(), "said of what is gone");
    assert_eq!(soon("the channel's end", channel.recv()).await, None);
    let new = another_epoch(&engines, &epoch).await;
    assert_eq!(other.live.epoch().await.unwrap(), new);
    assert_eq!(other.live.live_heads(&[id]).await, Err(LiveError::Rebuilding));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_connection_is_made_anew_and_closes_channels() {
    let server = Server::start(&[]).await;
    let engines = Own::at(server.url()).try_open().await.unwrap();
    let epoch = engines.live.epoch().await.unwrap();
    let gateway = GatewayId(fresh());
    let mut channel = engines.live.subscribe(gateway).await.unwrap();
    server.run(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).await;
    server.run(&["CLIENT", "KILL", "TYPE", "pubsub"]).await;
    assert_eq!(soon("the channel's end", channel.recv()).await, None);
    until("an answer", async || engines.live.epoch().await.ok().filter(|now| *now == epoch)).await;
    let mut again = engines.live.subscribe(gateway).await.unwrap();
    assert_eq!(engines.live.publish(vec![(gateway, "here".into())]).await.unwrap(), [1]);
    assert_eq!(soon("the message", again.recv()).await.unwrap(), "here");
}

/// The connection stays open and nothing comes: only asking tells.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_server_is_unavailable_and_closes_channels() {
    let server = Server::start(&[]).await;
    let engines = Own::at(server.url()).try_open().await.unwrap();
    let mut channel = engines.live.subscribe(GatewayId(fresh())).await.unwrap();
    server.signal("STOP");
    let asked = soon("an error", engines.live.live_heads(&[ConversationId(fresh())])).await;
    assert!(matches!(asked, Err(LiveError::Unavailable(_))), "{asked:?}");
    let end = tokio::time::timeout(Duration::from_secs(5), channel.recv()).await;
    assert_eq!(end.expect("noticed within 5 s"), None);
    server.signal("CONT");
    until("an answer", async || engines.live.epoch().await.ok()).await;
}

/// It comes back with keys of before, but who knows which: they are not taken for whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_restarts_with_saved_keys_is_another_epoch() {
    let mut server = Server::start(&[]).await;
    let engines = Own::at(server.url()).try_open().await.unwrap();
    let epoch = engines.live.epoch().await.unwrap();
    whole(&engines, 0).await;
    server.run(&["SAVE"]).await;
    server.kill();
    let id = ConversationId(fresh());
    assert!(matches!(engines.live.live_heads(&[id]).await, Err(LiveError::Unavailable(_))));
    server.restart().await;
    until("what is not whole", async || {
        let asked = engines.live.live_heads(&[id]).await;
        assert!(asked.is_err(), "{asked:?}");
        (asked == Err(LiveError::Rebuilding)).then_some(())
    })
    .await;
    assert_ne!(engines.live.epoch().await.unwrap(), epoch);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_evicts_is_refused() {
    let server = Server::start(&["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]).await;
    let at = Own::at(server.url());
    let refused = at.try_open().await.err().unwrap().to_string();
    assert!(refused.contains("allkeys-lru") && refused.contains("noeviction"), "{refused}");
    server.run(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]).await;
    at.try_open().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_enter_is_told_why() {
    let server = Server::start(&["--requirepass", "open/sesame"]).await;
    let refused = Own::at(server.url()).try_open().await.err().unwrap().to_string();
    assert!(refused.contains("password"), "{refused}");
    let with = |password: &str| Own::at(format!("redis://:{password}@127.0.0.1:{}", server.port));
    let refused = with("guess").try_open().await.err().unwrap().to_string();
    assert!(refused.contains("password") && !refused.contains("guess"), "{refused}");
    with("open%2Fsesame").try_open().await.unwrap();
}
