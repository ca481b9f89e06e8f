//! Writes of tails and marks, and the port's reads (see `reads`).

use super::{RedisLive, client::items, reads, scripts, unexpected};
use crate::live::{LiveError, LiveHead, LiveMarks, LiveMembership, TailRead, TailWrite, Tails, Version};
use async_trait::async_trait;
use parlor_schemas::{
    ConversationId, Membership, Receipt, RecordText, UserId,
    receipt::Marks,
    record::Kind,
    topics::{Offset, Partition},
};
use redis::{Cmd, Value};
use std::collections::BTreeMap;

/// Heads that moved are told for so long (the port's contract).
const MOVED_MS: i64 = 600_000;
/// Scripts count in doubles: whole numbers up to here.
const NUMBER_MAX: u64 = 1 << 53;

#[async_trait]
impl Tails for RedisLive {
    async fn write_tails(
        &self,
        partition: Partition,
        writes: Vec<TailWrite>,
        epoch: &str,
    ) -> Result<bool, LiveError> {
        self.check(partition)?;
        let Some(life) = self.lives.of(epoch, self.keys.shard(partition)) else { return Ok(false) };
        let mut by_conversation: Vec<(ConversationId, Vec<TailWrite>)> = Vec::new();
        let mut places: BTreeMap<ConversationId, usize> = BTreeMap::new();
        for write in writes {
            let place = *places.entry(write.conversation_id).or_insert_with(|| {
                by_conversation.push((write.conversation_id, Vec::new()));
                by_conversation.len() - 1
            });
            by_conversation[place].1.push(write);
        }
        let write = |(id, writes): &(_, Vec<_>)| self.write(partition, &life, *id, writes);
        let commands: Vec<Cmd> = by_conversation.iter().map(write).collect();
        let mut commands = commands.into_iter().peekable();
        while commands.peek().is_some() {
            let some = commands.by_ref().take(self.settings.pipeline_max).collect();
            if self.data.run(some).await?.iter().any(|answer| *answer != Value::Int(1)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn tail(
        &self,
        conversation: ConversationId,
        after: u64,
        before: u64,
        limit: usize,
        last: bool,
    ) -> Result<TailRead, LiveError> {
        let partition = self.keys.partition(conversation);
        let mut command = scripts::TAIL.call(&[
            self.keys.of_shard(self.keys.shard(partition), "places"),
            self.keys.conversation(conversation),
        ]);
        command
            .arg(partition)
            .arg(after.min(NUMBER_MAX))
            .arg(before.min(NUMBER_MAX))
            .arg(limit)
            .arg(i32::from(last));
        reads::tail(items(self.data.one(command).await?, "a tail")?)
    }

    async fn live_heads(&self, of: &[ConversationId]) -> Result<Vec<Option<LiveHead>>, LiveError> {
        let read = |ids: &[&ConversationId]| {
            let keys = ids.iter().map(|id| self.keys.conversation(**id));
            let mut command = scripts::HEADS.call(&self.with_places(ids[0], keys));
            command.arg(ids.iter().map(|id| self.keys.partition(**id)).collect::<Vec<_>>());
            command
        };
        let answers = self.by_shard(of, |id| *id, read).await?;
        answers.iter().map(reads::head).collect()
    }

    async fn recent(&self, user: UserId) -> Result<(Version, Vec<LiveMembership>), LiveError> {
        let now = self.clock.now().0;
        let shards = self.keys.shards();
        let command = |shard| {
            let key = |name| self.keys.of_shard(shard, name);
            let keys = [key("version"), key("places"), self.keys.standings(shard, user)];
            let mut command = scripts::RECENT.call(&keys);
            command.arg(now).arg(self.limits.tail_ms).arg(i32::from(shards > 1));
            command.arg(self.keys.partitions_of(shard).collect::<Vec<_>>());
            command
        };
        let answers = self.data.run((0..shards).map(command).collect()).await?;
        let (mut version, mut standings) = (Version::MAX, Vec::new());
        for answer in answers {
            let (of_shard, some) = reads::standings(&items(answer, "standings")?)?;
            // What moves from here on, in any shard, has a larger one.
            version = version.min(of_shard);
            standings.extend(some);
        }
        Ok((version, standings))
    }

    async fn raise_live(
        &self,
        partition: Partition,
        receipts: &[Receipt],
        epoch: &str,
    ) -> Result<Option<Vec<(usize, Marks)>>, LiveError> {
        self.check(partition)?;
        let shard = self.keys.shard(partition);
        let Some(life) = self.lives.of(epoch, shard) else { return Ok(None) };
        let keys = [self.keys.of_shard(shard, "life"), self.keys.of_shard(shard, "version")];
        let mut by_conversation: BTreeMap<ConversationId, Vec<usize>> = BTreeMap::new();
        for (index, receipt) in receipts.iter().enumerate() {
            by_conversation.entry(receipt.conversation_id).or_default().push(index);
        }
        let mut moved = Vec::new();
        let groups: Vec<_> = by_conversation.into_iter().collect();
        for some in groups.chunks(self.settings.pipeline_max) {
            let commands = some.iter().map(|(id, indices)| {
                let mut command = scripts::RAISE.call(&[&keys[0], &keys[1], &self.keys.marks(*id)]);
                command.arg(&life).arg(self.settings.mark_ttl_ms);
                for receipt in indices.iter().map(|index| &receipts[*index]) {
                    let marks = Marks::of(receipt);
                    command.arg(receipt.user_id.to_string());
                    command.arg(marks.delivered_seq).arg(marks.read_seq).arg(marks.read_ord);
                }
                command
            });
            for ((_, indices), answer) in some.iter().zip(self.data.run(commands.collect()).await?) {
                if answer == Value::Int(0) {
                    return Ok(None);
                }
                for (index, answer) in indices.iter().zip(items(answer, "a raise")?) {
                    if answer != Value::Nil {
                        moved.push((*index, reads::marks(&answer)?.marks));
                    }
                }
            }
        }
        moved.sort_unstable_by_key(|(index, _)| *index);
        Ok(Some(moved))
    }

    async fn set_marks_whole(
        &self,
        partition: Partition,
        whole: bool,
        epoch: &str,
    ) -> Result<bool, LiveError> {
        self.check(partition)?;
        let shard = self.keys.shard(partition);
        let Some(life) = self.lives.of(epoch, shard) else { return Ok(false) };
        let keys = [self.keys.of_shard(shard, "life"), self.keys.of_shard(shard, "places")];
        let mut command = scripts::MARKS_WHOLE.call(&keys);
        command.arg(partition).arg(life).arg(i32::from(whole));
        Ok(self.data.one(command).await? == Value::Int(1))
    }

    async fn live_marks(&self, of: &[(ConversationId, UserId)]) -> Result<Vec<LiveMarks>, LiveError> {
        let read = |some: &[&(ConversationId, UserId)]| {
            let keys = some.iter().map(|(id, _)| self.keys.marks(*id));
            let mut command = scripts::MARKS.call(&self.with_places(&some[0].0, keys));
            for (id, user) in some {
                command.arg(self.keys.partition(*id)).arg(user.to_string());
            }
            command
        };
        let answers = self.by_shard(of, |(id, _)| *id, read).await?;
        answers.iter().map(reads::marks).collect()
    }

    async fn moved(&self, partition: Partition, millis: i64) -> Result<Vec<ConversationId>, LiveError> {
        self.check(partition)?;
        let places = self.keys.of_shard(self.keys.shard(partition), "places");
        let mut command = scripts::MOVED.call(&[places, self.keys.of_partition(partition, "moved")]);
        command.arg(partition).arg(self.clock.now().plus_millis(-millis).0);
        reads::conversations(&items(self.data.one(command).await?, "what moved")?)
    }

    async fn set_whole(
        &self,
        partition: Partition,
        whole: bool,
        written_to: Offset,
        epoch: &str,
    ) -> Result<bool, LiveError> {
        self.check(partition)?;
        let shard = self.keys.shard(partition);
        let Some(life) = self.lives.of(epoch, shard) else { return Ok(false) };
        let mut command = scripts::WHOLE.call(&[
            self.keys.of_shard(shard, "life"),
            self.keys.of_shard(shard, "places"),
            self.keys.of_partition(partition, "moved"),
            self.keys.of_partition(partition, "due"),
        ]);
        command
            .arg(partition)
            .arg(life)
            .arg(i32::from(whole))
            .arg(written_to.min(NUMBER_MAX))
            .arg(self.clock.now().0)
            .arg(MOVED_MS)
            .arg(self.settings.head_ttl_ms)
            .arg(self.keys.conversations(shard));
        Ok(self.data.one(command).await? == Value::Int(1))
    }
}

impl RedisLive {
    fn check(&self, partition: Partition) -> Result<(), LiveError> {
        let missing = || LiveError::Unavailable(format!("there is no partition {partition}"));
        self.keys.has(partition).then_some(()).ok_or_else(missing)
    }

    /// The `places` of a conversation's shard, then keys.
    fn with_places(&self, id: &ConversationId, keys: impl Iterator<Item = String>) -> Vec<String> {
        let places = self.keys.of_shard(self.keys.shard(self.keys.partition(*id)), "places");
        std::iter::once(places).chain(keys).collect()
    }

    /// One script call per shard and run of items; the answers in the order asked.
    async fn by_shard<T>(
        &self,
        of: &[T],
        conversation: impl Fn(&T) -> ConversationId,
        read: impl Fn(&[&T]) -> Cmd,
    ) -> Result<Vec<Value>, LiveError> {
        let mut shards: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (index, item) in of.iter().enumerate() {
            shards.entry(self.keys.shard(self.keys.partition(conversation(item)))).or_default().push(index);
        }
        let runs: Vec<&[usize]> =
            shards.values().flat_map(|indices| indices.chunks(self.settings.pipeline_max)).collect();
        let command = |run: &&[usize]| read(&run.iter().map(|index| &of[*index]).collect::<Vec<_>>());
        let answers = self.data.run(runs.iter().map(command).collect()).await?;
        let mut found = vec![Value::Nil; of.len()];
        for (run, answer) in runs.into_iter().zip(answers) {
            let answers = items(answer, "a read")?;
            if answers.len() != run.len() {
                return Err(unexpected("a read"));
            }
            run.iter().zip(answers).for_each(|(index, answer)| found[*index] = answer);
        }
        Ok(found)
    }

    /// The script call that writes records of one conversation.
    fn write(&self, partition: Partition, life: &str, id: ConversationId, writes: &[TailWrite]) -> Cmd {
        let shard = self.keys.shard(partition);
        let standings: Vec<(&Membership, Offset)> =
            writes.iter().flat_map(|write| write.memberships.iter().map(|m| (m, write.offset))).collect();
        let mut keys = vec![
            self.keys.of_shard(shard, "version"),
            self.keys.of_shard(shard, "places"),
            self.keys.conversation(id),
            self.keys.marks(id),
            self.keys.of_partition(partition, "moved"),
            self.keys.of_partition(partition, "due"),
            self.keys.of_shard(shard, "life"),
        ];
        keys.extend(standings.iter().map(|(membership, _)| self.keys.standings(shard, membership.user_id)));
        let mut command = scripts::WRITE.call(&keys);
        let (limits, settings) = (&self.limits, &self.settings);
        command.arg(life).arg(id.to_string()).arg(partition).arg(self.clock.now().0);
        command.arg(limits.tail_records).arg(limits.tail_records_cap).arg(limits.tail_ms);
        command.arg(settings.mark_ttl_ms).arg(settings.mark_ttl_ms).arg(writes.len());
        for write in writes {
            record(&mut command, &write.text, write.offset);
        }
        for (membership, offset) in standings {
            command.arg(membership.seq).arg(offset).arg(reads::encode(membership));
        }
        command
    }
}

fn record(command: &mut Cmd, text: &RecordText, offset: Offset) {
    let own = if text.kind.is_countable() { text.sender_id.to_string() } else { String::new() };
    let kind = match text.kind {
        Kind::Delete => "d",
        Kind::Edit => "e",
        _ => "",
    };
    let whole = if text.redacted { Vec::new() } else { reads::encode(text) };
    command.arg(text.seq).arg(text.ord).arg(text.at.0).arg(offset).arg(own).arg(kind);
    command.arg(text.target.unwrap_or_default()).arg(reads::encode(&text.redact())).arg(whole);
}
