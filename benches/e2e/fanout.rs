//! `ws_fanout`: one sender, many sockets. A burst is sent when the one before has reached every socket,
//! so that nothing but the fan-out is measured; the time to the last socket comes with it.

use crate::{
    frames::{field, send_frame},
    measure::{Judged, Run, Sample, Side, now, percentile_ms},
    people::People,
    server::Server,
    socket::{Reader, Writer, connect, log_in},
};
use std::{cell::Cell, rc::Rc, time::Duration};
use tokio::{sync::Notify, task::LocalSet};

/// A group has at most 1 024 members: more sockets are more devices of them.
const MEMBERS_MAX: usize = 1_000;
/// Receivers tell what they have got before anybody would be pushed to (`push.patience_ms`).
const MARK_EVERY: Duration = Duration::from_secs(2);

pub async fn bench(run: &Run) {
    for sockets in [100, 1_000, 5_000] {
        let people = People::embedded(sockets.min(MEMBERS_MAX)).await.group().await;
        for burst in [1, 16] {
            let duel = run
                .duel(async |side| match side {
                    Side::Ours => ours(&people, sockets, burst, run.round).await,
                    Side::Baseline => raw(sockets, burst, run.round).await,
                })
                .await;
            let judged = match (sockets, burst) {
                (1_000, 1) => Judged::Efficiency(0.80),
                (1_000, _) => Judged::Efficiency(0.60),
                _ => Judged::Nothing,
            };
            let report = duel.cpu("ws_fanout", format!("{sockets} sockets, burst {burst}"), "delivery");
            let report = report.against("raw pre-framed writer").judged(judged);
            run.tell(&report.at(format!("burst {burst}"), sockets as f64));
        }
    }
}

async fn ours(people: &People, sockets: usize, burst: usize, duration: Duration) -> Sample {
    let server = people.server();
    let mut connected = Vec::with_capacity(sockets);
    for place in 0..sockets {
        let token = &people.tokens[place % people.tokens.len()];
        connected.push(log_in(&server.address, token).await.expect("a socket"));
    }
    drive(server, connected, &people.conversations[0], burst, duration).await
}

async fn raw(sockets: usize, burst: usize, duration: Duration) -> Sample {
    let server = Server::part(&["raw-server", "writer"]);
    let mut connected = Vec::with_capacity(sockets);
    for _ in 0..sockets {
        connected.push(connect(&server.address, None).await.expect("a socket"));
    }
    drive(&server, connected, "01987654-3210-7000-8000-000000000000", burst, duration).await
}

/// What all receivers share.
#[derive(Default)]
struct Audience {
    received: Cell<u64>,
    /// The sender waits until so many have been received.
    wanted: Cell<u64>,
    reached: Notify,
}

impl Audience {
    fn took(&self) {
        self.received.set(self.received.get() + 1);
        if self.received.get() == self.wanted.get() {
            self.reached.notify_one();
        }
    }
}

async fn drive(
    server: &Server,
    sockets: Vec<(Reader, Writer)>,
    conversation: &str,
    burst: usize,
    duration: Duration,
) -> Sample {
    let (local, audience, count) = (LocalSet::new(), Rc::new(Audience::default()), sockets.len());
    let mut sender = None;
    for (place, (reader, writer)) in sockets.into_iter().enumerate() {
        let newest = Rc::new(Cell::new(0));
        local.spawn_local(listen(reader, audience.clone(), newest.clone()));
        if place == 0 {
            sender = Some(writer);
        } else {
            // Spread, as people are.
            let offset = MARK_EVERY.mul_f64(place as f64 / count as f64);
            local.spawn_local(mark(writer, conversation.to_owned(), newest, offset));
        }
    }
    let mut sender = sender.expect("a sender");
    let sending = async {
        // The first burst finds caches cold.
        for _ in 0..3 {
            send(&mut sender, conversation, burst, count, &audience).await;
        }
        let (started, cpu, before) = (now(), server.cpu(), audience.received.get());
        let mut times = Vec::new();
        while started.elapsed() < duration {
            times.push(send(&mut sender, conversation, burst, count, &audience).await);
        }
        Sample {
            done: (audience.received.get() - before) as f64,
            cpu: server.cpu() - cpu,
            wall: started.elapsed().as_secs_f64(),
            figures: vec![
                ("last_p50_ms", percentile_ms(&times, 50.0)),
                ("last_p99_ms", percentile_ms(&times, 99.0)),
                (
                    "deliveries_per_s",
                    (audience.received.get() - before) as f64 / started.elapsed().as_secs_f64(),
                ),
            ],
        }
    };
    local.run_until(sending).await
}

/// A burst to everybody; microseconds until the last socket has the last frame.
async fn send(
    sender: &mut Writer,
    conversation: &str,
    burst: usize,
    sockets: usize,
    audience: &Audience,
) -> u32 {
    let started = now();
    audience.wanted.set(audience.received.get() + (burst * sockets) as u64);
    for number in 1..=burst {
        sender.queue(&send_frame(conversation, number as u64));
    }
    sender.flush().await.expect("the sender's socket is open");
    audience.reached.notified().await;
    started.elapsed().as_micros() as u32
}

async fn listen(mut reader: Reader, audience: Rc<Audience>, newest: Rc<Cell<u64>>) {
    let mut take = |frame: &[u8]| {
        if frame.starts_with(b"{\"type\":\"record\"") {
            audience.took();
            newest.set(newest.get().max(field(&frame[..frame.len().min(200)], b"\"seq\":")));
        } else if frame.starts_with(b"{\"type\":\"error\"") {
            panic!("{}", String::from_utf8_lossy(frame));
        }
    };
    while reader.frames(&mut take).await {}
}

async fn mark(mut writer: Writer, conversation: String, newest: Rc<Cell<u64>>, offset: Duration) {
    tokio::time::sleep(offset).await;
    let mut told = 0;
    loop {
        if newest.get() > told {
            told = newest.get();
            writer
                .queue(&format!(r#"{{"type":"delivered","conversation_id":"{conversation}","seq":{told}}}"#));
            if writer.flush().await.is_err() {
                return;
            }
        }
        tokio::time::sleep(MARK_EVERY).await;
    }
}
