//! Facts that end again, and two writers at once: a zombie that replays while its successor writes.

use crate::{
    conformance::{
        Setting as _,
        words::{conversation, edit, fresh, membership, message, message_id, receipt, text, user},
    },
    setting::{Cassandra, driver},
};
use parlor_engines::{
    Engines,
    store::{Effect, Head, Info, StoredAck},
};
use parlor_schemas::{
    Ack, ClientMsgId, ConversationId, MediaId, Membership, Receipt, Timestamp, UserId,
    error::Code,
    receipt::Marks,
    record::{ConversationKind, HistoryRule, Role, Skipped},
};
use rand::{SeedableRng, rngs::StdRng, seq::SliceRandom};
use uuid::Uuid;

const AT: Timestamp = Timestamp(1_800_000_000_000);

/// Settings whose title and picture come and go.
fn info(id: ConversationId, seq: u64) -> Info {
    Info {
        conversation_id: id,
        kind: if seq.is_multiple_of(2) { ConversationKind::Group } else { ConversationKind::Direct },
        title: (!seq.is_multiple_of(3))
            .then(|| if seq % 3 == 1 { String::new() } else { format!("title {seq}") }),
        avatar_media_id: (seq % 2 == 1).then_some(MediaId(Uuid::from_u128(u128::from(seq)))),
        history: if seq.is_multiple_of(2) { HistoryRule::All } else { HistoryRule::Joined },
        created_by: UserId(id.0),
        created_at: AT,
        seq,
    }
}

fn ack(id: ConversationId, client_msg_id: ClientMsgId, seq: u64) -> StoredAck {
    let skipped = Skipped { user_id: UserId(id.0), code: Code::NotFound };
    let ack = Ack {
        conversation_id: id,
        client_msg_id,
        seq,
        ord: seq,
        message_id: message_id(seq),
        at: AT,
        duplicate: false,
        skipped: if seq.is_multiple_of(2) { vec![skipped] } else { vec![] },
        owner_id: seq.is_multiple_of(3).then_some(UserId(id.0)),
    };
    StoredAck { payload_hash: [seq as u8; 16], ack }
}

/// Someone who leaves and comes back, with another role each time.
fn standing(id: ConversationId, user: UserId, seq: u64) -> Membership {
    let role = [Role::Member, Role::Admin, Role::Owner][seq as usize % 3];
    Membership {
        role,
        floor: seq / 2,
        left_seq: (seq.is_multiple_of(2)).then_some(seq),
        ..membership(id, user, seq)
    }
}

fn history(id: ConversationId, user: UserId, client: ClientMsgId, count: u64) -> Vec<Effect> {
    let mut effects = Vec::new();
    for seq in 1..=count {
        let body =
            if seq.is_multiple_of(4) { edit(seq - 3, "edited") } else { message(&format!("text {seq}")) };
        effects.push(Effect::Record(id, text(id, seq, AT, body)));
        effects.push(Effect::Membership(standing(id, user, seq)));
        effects.push(Effect::Info(info(id, seq)));
        effects.push(Effect::Ack(user, ack(id, client, seq)));
        effects.push(Effect::Own(id, user, Marks { own_seq: seq, own_ord: seq / 2, ..Marks::default() }));
        effects.push(Effect::Head(id, Head { seq, ord: seq, at: AT }));
        if seq.is_multiple_of(6) {
            effects.push(Effect::Redact(id, seq - 5));
        }
    }
    effects
}

async fn seen(engines: &Engines, id: ConversationId, user: UserId, client: ClientMsgId) -> String {
    let store = &*engines.store;
    format!(
        "{:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        store.records(id, 0, u64::MAX, 999, false).await.unwrap(),
        store.memberships(&[(id, user)]).await.unwrap(),
        store.of_user(user, None, 9).await.unwrap(),
        store.infos(&[id]).await.unwrap(),
        store.acks(&[(id, user, client)]).await.unwrap(),
        store.stored_marks(&[(id, user)]).await.unwrap(),
        store.heads(&[id]).await.unwrap(),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_writers_in_any_order_come_to_the_same() {
    let setting = Cassandra::new().await;
    let other = Cassandra::new().await;
    let (one, two) = (setting.open().await, other.open().await);
    let mut random = StdRng::seed_from_u64(7);
    for round in 0..8 {
        let count = 17 + round;
        let (id, user, client) = (conversation(), user(), ClientMsgId(fresh()));
        let effects = history(id, user, client, count);
        let mut writers = Vec::new();
        for engines in [&one, &two, &one] {
            let (store, mut mixed) = (engines.store.clone(), effects.clone());
            mixed.shuffle(&mut random);
            writers.push(tokio::spawn(async move {
                for piece in mixed.chunks(23) {
                    store.write(0, piece.to_vec(), 1).await.unwrap();
                }
            }));
        }
        for writer in writers {
            writer.await.unwrap();
        }
        let store = &one.store;
        assert_eq!(store.infos(&[id]).await.unwrap(), [Some(info(id, count))]);
        assert_eq!(store.memberships(&[(id, user)]).await.unwrap(), [Some(standing(id, user, count))]);
        assert_eq!(store.of_user(user, None, 9).await.unwrap(), [standing(id, user, count)]);
        assert_eq!(store.acks(&[(id, user, client)]).await.unwrap(), [Some(ack(id, client, count))]);
        let marks = Marks { own_seq: count, own_ord: count / 2, ..Marks::default() };
        assert_eq!(store.stored_marks(&[(id, user)]).await.unwrap(), [marks]);
        for record in store.records(id, 0, u64::MAX, 999, false).await.unwrap() {
            let gone = |seq: u64| (seq + 5).is_multiple_of(6) && seq + 5 <= count;
            let expected = gone(record.seq) || record.seq.is_multiple_of(4) && gone(record.seq - 3);
            assert_eq!(record.redacted, expected, "record {}", record.seq);
        }
        // A rewind: everything again from the beginning changes nothing.
        let before = seen(&one, id, user, client).await;
        one.store.write(0, effects, 1).await.unwrap();
        assert_eq!(seen(&two, id, user, client).await, before);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_of_marks_keeps_the_earliest_time_of_each() {
    let engines = Cassandra::new().await.open().await;
    let (id, reader) = (conversation(), user());
    let receipts: Vec<Receipt> =
        [(5, 0, 100), (5, 0, 90), (7, 7, 300), (5, 0, 110), (9, 7, 310), (9, 7, 305)]
            .map(|(delivered, read, at)| Receipt {
                at: Timestamp(at),
                ..receipt(id, reader, delivered, read)
            })
            .into();
    for receipts in receipts.chunks(2).chain(receipts.chunks(3)) {
        engines.store.raise(receipts.to_vec()).await.unwrap();
    }
    let query =
        "SELECT status, upto_seq, at FROM parlor_test.receipt_log WHERE conversation_id = ? AND user_id = ?";
    let found =
        driver().await.query_unpaged(query, (id.0, reader.0)).await.unwrap().into_rows_result().unwrap();
    let rows = found.rows::<(String, i64, scylla::value::CqlTimestamp)>().unwrap();
    let rows: Vec<_> = rows.map(|row| row.map(|(status, seq, at)| (status, seq, at.0)).unwrap()).collect();
    let expected = [("delivered", 5, 90), ("delivered", 7, 300), ("delivered", 9, 305), ("read", 7, 300)];
    assert_eq!(rows, expected.map(|(status, seq, at)| (status.to_owned(), seq, at)));
}
