//! `kill -9` to the first login, and to the first `sequenced`.

use crate::{
    load::{self, Plan},
    people::People,
    server::{Server, now},
    socket::{connect, find},
};
use std::time::Duration;

/// After a load of some seconds.
pub async fn run() {
    let people = People::pairs(100).await;
    let plan = Plan { users: 100, group: 0, window: 16, rate: 0, duration: Duration::from_secs(5) };
    load::run(&plan, &people, people.server().pid()).await;
    let (token, conversation) = (people.tokens[0].clone(), people.conversations[0].clone());
    let data = people.into_server().kill();
    let started = now();
    let server = Server::parlor(data);
    let (mut reader, mut writer) = connect(&server.address, Some(&token)).await.expect("a socket");
    let mut ready = false;
    while !ready {
        assert!(reader.frames(|frame| ready |= find(frame, b"\"ready\"").is_some()).await);
    }
    let login = started.elapsed();
    let id = uuid::Uuid::now_v7();
    writer.queue(&format!(r#"{{"type":"send","id":"1","conversation_id":"{conversation}","client_msg_id":"{id}","body":{{"text":"again"}}}}"#));
    writer.flush().await.expect("the socket is open");
    let mut answered = false;
    while !answered {
        assert!(reader.frames(|frame| answered |= find(frame, b"\"sequenced\"").is_some()).await);
    }
    println!(
        "\n| kill -9 after a load | first login {:.2} s | first `sequenced` {:.2} s |",
        login.as_secs_f64(),
        started.elapsed().as_secs_f64()
    );
}
