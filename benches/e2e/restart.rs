//! `restart`: `kill -9` under load to the first login, and to the first `sequenced`.

use crate::{
    frames::send_frame,
    load::{self, Plan, Shape},
    measure::{Run, Sample, now},
    people::People,
    server::Server,
    socket::log_in,
};
use std::{cell::RefCell, time::Duration};

const USERS: usize = 100;

pub async fn bench(run: &Run) {
    let people = People::embedded(USERS).await.pairs().await;
    let plan = Plan::windows(Shape::Pairs, USERS, 16, run.round.max(Duration::from_secs(2)));
    load::run(&plan, &people).await;
    let (server, tokens, conversations) = people.part_from_server();
    let running = RefCell::new(Some(server));
    let again = run
        .alone(async || {
            let data = running.take().expect("a server").kill();
            let started = now();
            let server = Server::embedded(data);
            let (mut reader, mut writer) = log_in(&server.address, &tokens[0]).await.expect("a socket");
            let login = started.elapsed().as_secs_f64();
            writer.queue(&send_frame(&conversations[0], 1));
            writer.flush().await.expect("the socket is open");
            assert!(reader.until(br#""type":"sequenced""#).await, "the message is sequenced");
            let sequenced = started.elapsed().as_secs_f64();
            running.replace(Some(server));
            let figures = vec![("login_s", login), ("sequenced_s", sequenced)];
            Sample { done: 1.0, cpu: 0.0, wall: sequenced, figures }
        })
        .await;
    let case = "kill -9 to the first `sequenced`";
    run.tell(&again.report("restart", case, "s", |sample| sample.figure("sequenced_s")));
}
