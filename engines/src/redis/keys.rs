//! The names of keys and channels.

use parlor_schemas::{
    ConversationId, GatewayId, UserId,
    topics::{Partition, of_conversation},
};

/// The form of what is stored: another one has other names, so that two versions of the program
/// never read each other's values.
const FORMAT: &str = "1";

/// Makes names. What is in braces decides the slot on a cluster.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    prefix: String,
    partitions: u32,
    shards: u32,
    is_cluster: bool,
}

impl Keys {
    pub(super) fn new(prefix: &str, partitions: u32, shards: u32, is_cluster: bool) -> Self {
        Self { prefix: format!("{prefix}{FORMAT}:"), partitions, shards, is_cluster }
    }

    pub(super) fn shards(&self) -> u32 {
        self.shards
    }

    pub(super) fn is_cluster(&self) -> bool {
        self.is_cluster
    }

    pub(super) fn partition(&self, conversation: ConversationId) -> Partition {
        of_conversation(conversation, self.partitions)
    }

    /// The partitions of a shard.
    pub(super) fn partitions_of(&self, shard: u32) -> impl Iterator<Item = Partition> + '_ {
        (0..self.partitions).filter(move |partition| self.shard(*partition) == shard)
    }

    /// Whether there is such a partition.
    pub(super) fn has(&self, partition: Partition) -> bool {
        partition < self.partitions
    }

    pub(super) fn shard(&self, partition: Partition) -> u32 {
        partition % self.shards
    }

    /// A key of a shard: `life`, `version`, `places`, ...
    pub(super) fn of_shard(&self, shard: u32, name: &str) -> String {
        format!("{}{{s{shard}}}:{name}", self.prefix)
    }

    /// A key of a partition: `moved`, `due`.
    pub(super) fn of_partition(&self, partition: Partition, name: &str) -> String {
        self.of_shard(self.shard(partition), &format!("{name}:{partition}"))
    }

    /// What conversations' keys of a shard begin with.
    pub(super) fn conversations(&self, shard: u32) -> String {
        self.of_shard(shard, "c:")
    }

    pub(super) fn conversation(&self, id: ConversationId) -> String {
        self.of_shard(self.shard(self.partition(id)), &format!("c:{id}"))
    }

    pub(super) fn marks(&self, id: ConversationId) -> String {
        self.of_shard(self.shard(self.partition(id)), &format!("m:{id}"))
    }

    pub(super) fn standings(&self, shard: u32, user: UserId) -> String {
        self.of_shard(shard, &format!("s:{user}"))
    }

    pub(super) fn routes(&self, user: UserId) -> String {
        format!("{}r:{{{user}}}", self.prefix)
    }

    /// A word that changes with the routes of some users.
    pub(super) fn word(&self, word: u64) -> String {
        format!("{}w:{word}", self.prefix)
    }

    /// What gateways say of a user.
    pub(super) fn presence(&self, user: UserId) -> String {
        format!("{}p:{{{user}}}", self.prefix)
    }

    /// The gateways that say it.
    pub(super) fn boots(&self) -> String {
        format!("{}{{presence}}:boots", self.prefix)
    }

    pub(super) fn gateway_users(&self, gateway: GatewayId) -> String {
        format!("{}g:{{{gateway}}}", self.prefix)
    }

    pub(super) fn ticket(&self, ticket: &str) -> String {
        format!("{}t:{{{ticket}}}", self.prefix)
    }

    pub(super) fn revoked(&self, name: &str) -> String {
        format!("{}{{revoked}}:{name}", self.prefix)
    }

    /// A gateway's channel; what is before its id is the same for all.
    pub(super) fn channel(&self, gateway: GatewayId) -> String {
        format!("{}{gateway}", self.channels())
    }

    /// Who types, told to every fanout.
    pub(super) fn typing(&self) -> String {
        format!("{}typing", self.prefix)
    }

    pub(super) fn channels(&self) -> String {
        format!("{}bus:", self.prefix)
    }
}
