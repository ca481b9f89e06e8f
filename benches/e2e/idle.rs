//! Idle connections: memory of each, and the time to log many in.

use crate::{
    people::People,
    server::{cpu, now, resident},
    socket::{connect, find},
};
use futures_util::future::join_all;

/// Logs `count` sockets in by token and leaves them idle.
pub async fn run(count: usize) {
    let (people, _) = People::new(count).await;
    let (address, pid) = (people.server().address.clone(), people.server().pid());
    // The first sockets pay for what is made once.
    let mut kept = Vec::new();
    for token in &people.tokens[..10] {
        kept.push(connect(&address, Some(token)).await.expect("a socket"));
    }
    let (before, used, started) = (resident(pid), cpu(pid), now());
    let login = |token: String| {
        let address = address.clone();
        async move {
            let (mut reader, writer) = connect(&address, Some(&token)).await.expect("a socket");
            let mut ready = false;
            while !ready {
                assert!(reader.frames(|frame| ready |= find(frame, b"\"ready\"").is_some()).await);
            }
            (reader, writer)
        }
    };
    for chunk in people.tokens[10..].chunks(200) {
        kept.extend(join_all(chunk.iter().map(|token| login(token.clone()))).await);
    }
    let (wall, used) = (started.elapsed(), cpu(pid).saturating_sub(used));
    // What is left once the handshakes' buffers are given back.
    tokio::time::sleep(std::time::Duration::from_secs(20)).await;
    let each = resident(pid).saturating_sub(before) as f64 / (count - 10) as f64;
    let idle = cpu(pid);
    tokio::time::sleep(std::time::Duration::from_secs(10)).await;
    let idle = cpu(pid).saturating_sub(idle).as_secs_f64() * 1e6 / 10.0 / count as f64;
    println!(
        "\n| {count} sockets | logged in by token: {:.2} s, {:.0} µs CPU each | idle: {:.1} KB each, {idle:.2} µs CPU/s each |",
        wall.as_secs_f64(),
        used.as_secs_f64() * 1e6 / count as f64,
        each / 1024.0
    );
    drop(kept);
}
