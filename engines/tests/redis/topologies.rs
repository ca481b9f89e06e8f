//! Sentinel and Cluster: the suite's hardest parts, and a failover.

use crate::{
    conformance::{
        live::tails::{put, whole, write},
        soon, until,
        words::{conversation, fresh, message},
    },
    loss::{Own, another_epoch},
    server::{Server, free_port},
};
use parlor_engines::{
    Engines,
    live::{LiveError, Route},
};
use parlor_schemas::{DeviceId, GatewayId, Timestamp, UserId, topics::of_conversation};
use std::{
    io::Write as _,
    process::{Child, Command, Stdio},
};

/// Tails, routes and channels do what they do on one server.
async fn works(engines: &Engines) {
    let (live, ids) = (&*engines.live, [conversation(), conversation(), conversation()]);
    whole(engines, 0).await;
    let (since, _) = live.recent(UserId(fresh())).await.unwrap();
    for id in ids {
        let writes = (1..=3).map(|seq| write(id, seq, seq, Timestamp(1_800_000_000_000), message("x")));
        put(engines, writes.collect()).await;
    }
    let heads = live.live_heads(&ids).await.unwrap();
    assert!(heads.iter().all(|head| head.is_some_and(|head| head.seq == 3 && head.version > since)));
    assert_eq!(live.tail(ids[0], 1, 9, 9, false).await.unwrap().records.len(), 2);
    let (gateway, user) = (GatewayId(fresh()), UserId(fresh()));
    let route = Route { user_id: user, device_id: DeviceId(fresh()), gateway_id: gateway, connection: 1 };
    assert_eq!(live.register(&[route]).await.unwrap(), [false]);
    assert_eq!(live.routes(&[user, UserId(fresh())]).await.unwrap(), [vec![route], vec![]]);
    let mut channel = live.subscribe(gateway).await.unwrap();
    assert_eq!(live.gateways().await.unwrap(), [gateway]);
    let nobody = GatewayId(fresh());
    let sent = vec![(gateway, "one".into()), (nobody, "two".into())];
    assert_eq!(live.publish(sent).await.unwrap(), [1, 0]);
    assert_eq!(soon("the message", channel.recv()).await.unwrap(), "one");
    live.drop_gateway(gateway).await.unwrap();
    assert_eq!(live.routes(&[user]).await.unwrap(), [vec![]]);
    live.put_ticket("ticket", "ada".into(), std::time::Duration::from_secs(30)).await.unwrap();
    assert_eq!(live.take_ticket("ticket").await.unwrap().unwrap(), "ada");
}

/// Reads again, once whoever rebuilds has said that all is whole.
async fn works_again(engines: &Engines, before: &str) {
    let epoch = another_epoch(engines, before).await;
    // Of the shard whose primary is gone; the others have lost nothing.
    let id = std::iter::repeat_with(conversation).find(|id| of_conversation(*id, 4) == 0).unwrap();
    assert_eq!(engines.live.live_heads(&[id]).await, Err(LiveError::Rebuilding));
    assert!(!engines.live.set_whole(0, true, 0, before).await.unwrap(), "said of what is gone");
    assert_eq!(engines.live.epoch().await.unwrap(), epoch);
    until("a publish", async || engines.live.publish(vec![(GatewayId(fresh()), "x".into())]).await.ok())
        .await;
    works(engines).await;
}

struct Sentinel {
    process: Child,
    port: u16,
    _directory: tempfile::TempDir,
}

impl Sentinel {
    fn watch(primary: u16) -> Self {
        let (port, directory) = (free_port(), tempfile::tempdir().unwrap());
        let path = directory.path().join("sentinel.conf");
        let mut file = std::fs::File::create(&path).unwrap();
        writeln!(
            file,
            "port {port}\nbind 127.0.0.1\nsentinel monitor chat 127.0.0.1 {primary} 1\n\
             sentinel down-after-milliseconds chat 500\nsentinel failover-timeout chat 3000"
        )
        .unwrap();
        let mut command = Command::new("redis-server");
        let process = command.arg(&path).arg("--sentinel").stdout(Stdio::null()).spawn().unwrap();
        Self { process, port, _directory: directory }
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinel_fails_over_to_another_epoch() {
    let mut primary = Server::start(&[]).await;
    let replica = Server::start(&["--replicaof", "127.0.0.1", &primary.port.to_string()]).await;
    replica.follows().await;
    let sentinel = Sentinel::watch(primary.port);
    let at = Own::at(format!("redis+sentinel://127.0.0.1:{}/chat", sentinel.port));
    let engines = Box::pin(until("the sentinel", async || Box::pin(at.try_open()).await.ok())).await;
    works(&engines).await;
    let knows = redis::Client::open(format!("redis://127.0.0.1:{}", sentinel.port)).unwrap();
    until("the sentinel's knowledge of the replica", async || {
        let mut connection = knows.get_multiplexed_async_connection().await.ok()?;
        let mut ask = redis::cmd("SENTINEL");
        let replicas: redis::Value =
            ask.arg("REPLICAS").arg("chat").query_async(&mut connection).await.ok()?;
        format!("{replicas:?}").contains(&replica.port.to_string()).then_some(())
    })
    .await;
    let epoch = engines.live.epoch().await.unwrap();
    primary.kill();
    works_again(&engines, &epoch).await;
}

/// Three primaries, each with a replica.
async fn cluster() -> Vec<Server> {
    let mut nodes = Vec::new();
    for _ in 0..6 {
        nodes.push(Server::start(&["--cluster-enabled", "yes", "--cluster-node-timeout", "1000"]).await);
    }
    let mut create = Command::new("redis-cli");
    create.args(["--cluster", "create"]).args(nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)));
    let created = create.args(["--cluster-replicas", "1", "--cluster-yes"]).output().unwrap();
    assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stdout));
    for node in &nodes {
        until("the cluster", async || {
            format!("{:?}", node.run(&["CLUSTER", "INFO"]).await).contains("cluster_state:ok").then_some(())
        })
        .await;
        node.follows().await;
    }
    nodes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_works_and_fails_over_to_another_epoch() {
    let mut nodes = cluster().await;
    let hosts: Vec<_> = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
    let engines = Own::at(format!("redis+cluster://{}", hosts.join(","))).try_open().await.unwrap();
    works(&engines).await;
    let epoch = engines.live.epoch().await.unwrap();
    // Where the first shard lives: `redis-cli` follows the redirection.
    let shown = nodes[0].run(&["CLUSTER", "KEYSLOT", "parlor:1:{s0}:life"]).await;
    let redis::Value::Int(slot) = shown else { panic!("{shown:?}") };
    let slots = nodes[0].run(&["CLUSTER", "SLOTS"]).await;
    let port = primary_of(&slots, slot);
    nodes.iter_mut().find(|node| i64::from(node.port) == port).unwrap().kill();
    works_again(&engines, &epoch).await;
}

fn primary_of(slots: &redis::Value, slot: i64) -> i64 {
    let redis::Value::Array(ranges) = slots else { panic!("{slots:?}") };
    let found = ranges.iter().find_map(|range| match range {
        redis::Value::Array(range) => match &range[..] {
            [redis::Value::Int(from), redis::Value::Int(to), redis::Value::Array(primary), ..]
                if (*from..=*to).contains(&slot) =>
            {
                Some(primary[1].clone())
            }
            _ => None,
        },
        _ => None,
    });
    let Some(redis::Value::Int(port)) = found else { panic!("{found:?}") };
    port
}
