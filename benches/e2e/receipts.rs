//! `receipts_storm`: everybody reads at once. What a `read` mark costs in direct conversations, and what
//! a told mark costs in a group where everybody hears of everybody's, against a raw server that gathers
//! marks for as long and tells them without keeping them.

use crate::{
    load::{self, Plan, Shape},
    measure::{Run, Sample, Side, now},
    people::People,
    server::Server,
    socket::{Reader, Writer, connect, log_in},
};
use std::{cell::Cell, rc::Rc, time::Duration};
use tokio::task::LocalSet;

/// In two and two; as many marks as 2 000 people make who scroll.
const PAIRED: usize = 200;
/// Others' marks are told in conversations up to this size (`limits.receipt_members_max`).
const GROUP: usize = 64;
/// Of each socket; the gateway gathers for 300 ms, so that most are never written.
const EVERY: Duration = Duration::from_millis(50);
/// Gathered marks are still told after the last one.
const SETTLE: Duration = Duration::from_millis(700);

pub async fn bench(run: &Run) {
    for (shape, users) in [(Shape::Pairs, PAIRED), (Shape::Group, GROUP)] {
        let people = People::embedded(users).await;
        let people = if shape == Shape::Pairs { people.pairs().await } else { people.group().await };
        let plan = Plan::windows(shape, users, 16, Duration::from_secs(2));
        load::run(&plan, &people).await;
        people.server().quiet().await;
        // Goes on over the rounds: a mark that does not move is not told.
        let newest = Rc::new(Cell::new(2));
        let duel = run
            .duel(async |side| match side {
                Side::Ours => ours(&people, run.round, &newest).await,
                Side::Baseline => {
                    let size = if shape == Shape::Pairs { 0 } else { users };
                    raw(users, size, run.round).await
                }
            })
            .await;
        if shape == Shape::Pairs {
            let case = format!("{users} sockets in pairs, 20 marks/s each");
            run.tell(&duel.cpu("receipts_storm", case, "mark").against("raw tokio"));
        } else {
            let case = format!("group of {users}, 20 marks/s each");
            let report = duel.report("receipts_storm", case, "µs CPU/told mark", |sample| {
                sample.cpu * 1e6 / sample.figure("told").max(1.0)
            });
            run.tell(&report.against("raw tokio"));
        }
    }
}

async fn ours(people: &People, duration: Duration, newest: &Rc<Cell<u64>>) -> Sample {
    let mut sockets = Vec::new();
    for token in &people.tokens {
        sockets.push(log_in(&people.server().address, token).await.expect("a socket"));
    }
    drive(people.server(), sockets, &people.conversations, duration, newest).await
}

async fn raw(users: usize, group: usize, duration: Duration) -> Sample {
    let server = Server::part(&["raw-server", "receipts", &group.to_string()]);
    let mut sockets = Vec::new();
    for _ in 0..users {
        sockets.push(connect(&server.address, None).await.expect("a socket"));
    }
    let conversations = vec!["01987654-3210-7000-8000-000000000000".to_owned(); users];
    drive(&server, sockets, &conversations, duration, &Rc::new(Cell::new(2))).await
}

async fn drive(
    server: &Server,
    sockets: Vec<(Reader, Writer)>,
    conversations: &[String],
    duration: Duration,
    newest: &Rc<Cell<u64>>,
) -> Sample {
    let (local, told, sent) = (LocalSet::new(), Rc::new(Cell::new(0_u64)), Rc::new(Cell::new(0_u64)));
    let is_over = Rc::new(Cell::new(false));
    let (started, cpu) = (now(), server.cpu());
    let count = sockets.len();
    for (place, (mut reader, writer)) in sockets.into_iter().enumerate() {
        let counted = told.clone();
        local.spawn_local(async move {
            let mut count = |frame: &[u8]| {
                let is_told = frame.starts_with(b"{\"type\":\"receipt\"");
                counted.set(counted.get() + u64::from(is_told));
            };
            while reader.frames(&mut count).await {}
        });
        let offset = EVERY.mul_f64(place as f64 / count as f64);
        let marks = Marks { newest: newest.clone(), sent: sent.clone(), is_over: is_over.clone() };
        local.spawn_local(mark(writer, conversations[place].clone(), offset, marks));
    }
    // The marks of all move on together, a record per gathering.
    let moving = newest.clone();
    local.spawn_local(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(300)).await;
            moving.set(moving.get() + 1);
        }
    });
    local.run_until(tokio::time::sleep(duration)).await;
    is_over.set(true);
    let wall = started.elapsed().as_secs_f64();
    local.run_until(tokio::time::sleep(SETTLE)).await;
    let (sent, told) = (sent.get() as f64, told.get() as f64);
    let figures = vec![("told", told), ("told_per_s", told / wall), ("marks_per_s", sent / wall)];
    Sample { done: sent, cpu: server.cpu() - cpu, wall, figures }
}

struct Marks {
    newest: Rc<Cell<u64>>,
    sent: Rc<Cell<u64>>,
    is_over: Rc<Cell<bool>>,
}

async fn mark(mut writer: Writer, conversation: String, offset: Duration, marks: Marks) {
    tokio::time::sleep(offset).await;
    while !marks.is_over.get() {
        let seq = marks.newest.get();
        writer.queue(&format!(r#"{{"type":"read","conversation_id":"{conversation}","seq":{seq}}}"#));
        if writer.flush().await.is_err() {
            return;
        }
        marks.sent.set(marks.sent.get() + 1);
        tokio::time::sleep(EVERY).await;
    }
    // The socket stays open until what was gathered has been told.
    std::future::pending::<()>().await;
}
