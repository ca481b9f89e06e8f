//! Who deleted the account and is added to a group all the same leaves it again.
//!
//! Whether somebody may be added is looked at by a gateway, before the command is in the log; the account
//! may be deleted between the two. Deleting marks the account first and lists its groups then; here the
//! standing is written first and the mark is looked at then. So one of the two always sees the other.

use parlor_engines::{
    Engines,
    consume::{Feed, Stop, alarm},
    log::Entry,
};
use parlor_schemas::{
    Action, Body, ClientMsgId, Command, ConversationId, DeviceId, GatewayId, Origin, Record, Topic, UserId,
    command::payload_hash, membership::MembershipChange, record::ConversationKind,
};
use uuid::{Builder, Uuid};

/// Lets those leave whom `records`, which the store has, brought into a group. Records that come again are
/// looked at again: nobody knows whether the command of the first time was written.
pub(crate) async fn leave_again<'a>(
    engines: &Engines,
    feed: &Feed,
    records: impl IntoIterator<Item = &'a Record>,
) -> Result<(), Stop> {
    let joined: Vec<(ConversationId, UserId)> = records.into_iter().flat_map(joined).collect();
    if joined.is_empty() {
        return Ok(());
    }
    let store = &engines.store;
    let users: Vec<UserId> = joined.iter().map(|(_, user)| *user).collect();
    let found = feed.retry.run("look for deleted accounts", || store.users(&users)).await?;
    let is_deleted = found.into_iter().map(|user| user.is_some_and(|user| user.is_deleted()));
    let deleted: Vec<_> = joined
        .into_iter()
        .zip(is_deleted)
        .filter_map(|(key, is_deleted)| is_deleted.then_some(key))
        .collect();
    if deleted.is_empty() {
        return Ok(());
    }
    let standings = feed.retry.run("read standings", || store.memberships(&deleted)).await?;
    let present = deleted
        .into_iter()
        .zip(standings)
        .filter(|(_, standing)| standing.is_some_and(|standing| standing.left_seq.is_none()));
    let commands: Vec<Entry> = present.map(|(key, _)| leave(engines, key)).collect::<Result<_, _>>()?;
    let append = || async { engines.log.append(commands.clone()).await?.await };
    feed.retry.run("write commands to leave", append).await
}

/// Whom a record brings into a group; a direct conversation stays with the other side.
fn joined(record: &Record) -> Vec<(ConversationId, UserId)> {
    let is_direct =
        matches!(&record.body, Body::Created(body) if body.conversation_kind == ConversationKind::Direct);
    let joined = MembershipChange::of(record).into_iter().filter_map(|change| match change {
        MembershipChange::Joined(standing) if !is_direct => Some((record.conversation_id, standing.user_id)),
        _ => None,
    });
    joined.collect()
}

/// As the user would on leaving, from no device; nobody waits for the answer. A command that is one too
/// many is refused, and makes no record.
fn leave(engines: &Engines, (conversation_id, sender_id): (ConversationId, UserId)) -> Result<Entry, Stop> {
    // By the clock and not by the record: an old id could be refused while the store is behind.
    let now = engines.clock.now().0.max(0) as u64;
    let command = Command {
        conversation_id,
        sender_id,
        device_id: DeviceId(Uuid::nil()),
        client_msg_id: ClientMsgId(Builder::from_unix_timestamp_millis(now, &rand::random()).into_uuid()),
        payload_hash: payload_hash("leave", &()).map_err(alarm)?,
        origin: Origin { gateway_id: GatewayId(Uuid::nil()), request: 0 },
        action: Action::Leave,
        refused: None,
    };
    Ok(Entry::command(&command, engines.log.partitions(Topic::Commands)))
}
