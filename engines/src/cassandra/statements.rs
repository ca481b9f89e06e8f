//! Every statement that the store runs, prepared when it opens. `{k}` is the keyspace.

use super::{connect::Profiles, failure::Failure};
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use scylla::{
    client::session::Session,
    statement::{Consistency, prepared::PreparedStatement},
};

/// Statements prepared at the same time.
const AT_ONCE: usize = 16;
/// Rows of one page: an answer of whole pages stays far below the protocol's frame limit.
const PAGE: i32 = 1_000;

/// What a statement is, for how it is run.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Idempotent, hedged.
    Read,
    /// Idempotent: its write time is given, or it takes a row away.
    Write,
    /// A lightweight transaction: never retried by the driver.
    Decide,
    /// Reads what lightweight transactions have come to, unfinished ones included.
    Decided,
}

macro_rules! statements {
    ($($name:ident: $kind:ident = $cql:expr;)*) => {
        /// The prepared statements.
        pub(super) struct Statements {
            $(pub(super) $name: PreparedStatement,)*
        }

        impl Statements {
            pub(super) async fn prepare(
                session: &Session,
                keyspace: &str,
                profiles: &Profiles,
            ) -> Result<Self, Failure> {
                let all = [$((Kind::$kind, $cql)),*];
                let one = |(kind, cql)| prepare(session, keyspace, profiles, kind, cql).boxed();
                let preparing: Vec<_> = all.into_iter().map(one).collect();
                let prepared: Vec<_> = stream::iter(preparing).buffered(AT_ONCE).try_collect().await?;
                let mut prepared = prepared.into_iter();
                Ok(Self { $($name: prepared.next().expect("one for each"),)* })
            }
        }
    };
}

async fn prepare(
    session: &Session,
    keyspace: &str,
    profiles: &Profiles,
    kind: Kind,
    cql: &str,
) -> Result<PreparedStatement, Failure> {
    let mut statement = session.prepare(cql.replace("{k}", keyspace)).await?;
    let profile = if kind == Kind::Read { &profiles.read } else { &profiles.write };
    statement.set_execution_profile_handle(Some(profile.clone()));
    statement.set_is_idempotent(kind != Kind::Decide);
    statement.set_page_size(PAGE);
    // Columns are always named, so the shape of an answer never changes under a statement.
    statement.set_use_cached_result_metadata(matches!(kind, Kind::Read | Kind::Decided));
    if kind == Kind::Decided {
        statement.set_consistency(Consistency::LocalSerial);
    }
    Ok(statement)
}

macro_rules! record {
    ($rest:literal) => {
        concat!(
            "SELECT seq, ord, message_id, kind, at, sender_id, device_id, client_msg_id, target, expires_at, \
             body, redacted FROM {k}.messages_by_conversation WHERE conversation_id = ? AND bucket = ? ",
            $rest
        )
    };
}

macro_rules! session {
    () => {
        "SELECT session_id, user_id, device_id, created_at, ended_at, generation, rotated_at, generation_used, \
         secret, swap_id FROM {k}.sessions WHERE session_id = ?"
    };
}

statements! {
    // --- history
    put_record: Write = "INSERT INTO {k}.messages_by_conversation (conversation_id, bucket, seq, ord, \
        message_id, kind, at, sender_id, device_id, client_msg_id, target, expires_at, body) \
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?";
    empty_record: Write = "UPDATE {k}.messages_by_conversation USING TIMESTAMP ? \
        SET body = '', redacted = true WHERE conversation_id = ? AND bucket = ? AND seq = ?";
    records_up: Read = record!("AND seq >= ? AND seq <= ? ORDER BY seq ASC LIMIT ?");
    records_down: Read = record!("AND seq >= ? AND seq <= ? ORDER BY seq DESC LIMIT ?");
    record: Read = record!("AND seq = ?");
    redacted: Read = "SELECT seq, redacted FROM {k}.messages_by_conversation \
        WHERE conversation_id = ? AND bucket = ? AND seq IN ?";
    put_edit: Write = "INSERT INTO {k}.message_edits (conversation_id, bucket, target, seq) \
        VALUES (?, ?, ?, ?) USING TIMESTAMP ?";
    edits: Read = "SELECT seq FROM {k}.message_edits \
        WHERE conversation_id = ? AND bucket = ? AND target = ?";
    edits_within: Read = "SELECT target, seq FROM {k}.message_edits \
        WHERE conversation_id = ? AND bucket = ? AND target >= ? AND target <= ?";
    put_reaction: Write = "INSERT INTO {k}.reactions (conversation_id, bucket, target, user_id, emoji, on_now, seq) \
        VALUES (?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?";
    reactions: Read = "SELECT target, user_id, emoji, on_now, seq FROM {k}.reactions \
        WHERE conversation_id = ? AND bucket = ? AND target >= ? AND target <= ?";
    put_pin: Write = "INSERT INTO {k}.pins (conversation_id, target, on_now, seq) \
        VALUES (?, ?, ?, ?) USING TIMESTAMP ?";
    pins: Read = "SELECT target, on_now, seq FROM {k}.pins \
        WHERE conversation_id = ? AND target >= ? AND target <= ?";
    put_ack: Write = "INSERT INTO {k}.client_messages (conversation_id, sender_id, client_msg_id, payload_hash, \
        seq, ord, message_id, at, more) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) USING TTL ? AND TIMESTAMP ?";
    ack: Read = "SELECT payload_hash, seq, ord, message_id, at, more FROM {k}.client_messages \
        WHERE conversation_id = ? AND sender_id = ? AND client_msg_id = ?";
    put_head: Write = "INSERT INTO {k}.conversation_heads (conversation_id, seq, ord, at) \
        VALUES (?, ?, ?, ?) USING TIMESTAMP ?";
    head: Read = "SELECT seq, ord, at FROM {k}.conversation_heads WHERE conversation_id = ?";
    put_written_to: Write = "INSERT INTO {k}.written_to (topic_partition, log_offset) \
        VALUES (?, ?) USING TIMESTAMP ?";
    written_to: Read = "SELECT log_offset FROM {k}.written_to WHERE topic_partition = ?";
    // --- conversations
    put_info: Write = "INSERT INTO {k}.conversations (conversation_id, kind, has_title, title, avatar_media_id, \
        history, created_by, created_at, seq) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?";
    info: Read = "SELECT kind, has_title, title, avatar_media_id, history, created_by, created_at, seq \
        FROM {k}.conversations WHERE conversation_id = ?";
    put_participant: Write = "INSERT INTO {k}.conversation_participants (conversation_id, user_id, seq, role, \
        floor, joined_seq, joined_at, left_seq) VALUES (?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?";
    put_by_user: Write = "INSERT INTO {k}.conversations_by_user (user_id, conversation_id, seq, role, \
        floor, joined_seq, joined_at, left_seq) VALUES (?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?";
    participant: Read = "SELECT user_id, seq, role, floor, joined_seq, joined_at, left_seq \
        FROM {k}.conversation_participants WHERE conversation_id = ? AND user_id = ?";
    participants: Read = "SELECT user_id, seq, role, floor, joined_seq, joined_at, left_seq \
        FROM {k}.conversation_participants WHERE conversation_id = ? AND user_id > ? LIMIT ?";
    of_user: Read = "SELECT conversation_id, seq, role, floor, joined_seq, joined_at, left_seq \
        FROM {k}.conversations_by_user WHERE user_id = ? AND conversation_id < ? LIMIT ?";
    // --- marks
    raise_delivered_seq: Write = "INSERT INTO {k}.receipts (conversation_id, user_id, delivered_seq) \
        VALUES (?, ?, ?) USING TIMESTAMP ?";
    raise_read_seq: Write = "INSERT INTO {k}.receipts (conversation_id, user_id, read_seq) \
        VALUES (?, ?, ?) USING TIMESTAMP ?";
    raise_read_ord: Write = "INSERT INTO {k}.receipts (conversation_id, user_id, read_ord) \
        VALUES (?, ?, ?) USING TIMESTAMP ?";
    raise_own_seq: Write = "INSERT INTO {k}.receipts (conversation_id, user_id, own_seq) \
        VALUES (?, ?, ?) USING TIMESTAMP ?";
    raise_own_ord: Write = "INSERT INTO {k}.receipts (conversation_id, user_id, own_ord) \
        VALUES (?, ?, ?) USING TIMESTAMP ?";
    put_receipt: Write = "INSERT INTO {k}.receipt_log (conversation_id, user_id, status, upto_seq, at) \
        VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?";
    marks: Read = "SELECT delivered_seq, read_seq, read_ord, own_seq, own_ord FROM {k}.receipts \
        WHERE conversation_id = ? AND user_id = ?";
    reached: Read = "SELECT at FROM {k}.receipt_log \
        WHERE conversation_id = ? AND user_id = ? AND status = ? AND upto_seq >= ? LIMIT ?";
    // --- blocks
    put_block: Write = "INSERT INTO {k}.blocks (user_id, blocked_id, blocked) VALUES (?, ?, ?) \
        USING TIMESTAMP ?";
    block: Read = "SELECT blocked FROM {k}.blocks WHERE user_id = ? AND blocked_id = ?";
    // Filtering stays inside one partition.
    blocks_of: Read = "SELECT blocked_id FROM {k}.blocks WHERE user_id = ? AND blocked_id > ? \
        AND blocked = true LIMIT ? ALLOW FILTERING";
    // --- accounts
    make_user: Write = "INSERT INTO {k}.users (user_id, username, display_name, email, avatar_media_id, \
        password_hash, created_at) VALUES (?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?";
    put_user: Write = "INSERT INTO {k}.users (user_id, display_name, email, avatar_media_id, password_hash, \
        created_at) VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?";
    drop_user: Write = "DELETE FROM {k}.users USING TIMESTAMP ? WHERE user_id = ?";
    user: Read = "SELECT user_id, username, display_name, email, avatar_media_id, password_hash, created_at \
        FROM {k}.users WHERE user_id = ?";
    claim_name: Decide = "INSERT INTO {k}.users_by_name (username, user_id) VALUES (?, ?) IF NOT EXISTS";
    name: Read = "SELECT user_id FROM {k}.users_by_name WHERE username = ?";
    // --- users' own settings
    put_settings: Write = "INSERT INTO {k}.user_settings (user_id, conversation_id, muted_until, archived, \
        pinned, draft, marked_unread) VALUES (?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?";
    settings: Read = "SELECT muted_until, archived, pinned, draft, marked_unread FROM {k}.user_settings \
        WHERE user_id = ? AND conversation_id = ?";
    // --- pushes
    put_token: Write = "INSERT INTO {k}.push_tokens (user_id, device_id, push_token, platform) \
        VALUES (?, ?, ?, ?) USING TIMESTAMP ?";
    delete_tokens: Write = "DELETE FROM {k}.push_tokens USING TIMESTAMP ? \
        WHERE user_id = ? AND device_id = ?";
    drop_token: Write = "DELETE FROM {k}.push_tokens USING TIMESTAMP ? \
        WHERE user_id = ? AND device_id = ? AND push_token = ?";
    tokens: Read = "SELECT device_id, push_token, platform FROM {k}.push_tokens WHERE user_id = ?";
    raise_notified: Write = "INSERT INTO {k}.pushed (user_id, conversation_id, notified_seq) \
        VALUES (?, ?, ?) USING TIMESTAMP ?";
    raise_cancelled: Write = "INSERT INTO {k}.pushed (user_id, conversation_id, cancelled_seq) \
        VALUES (?, ?, ?) USING TIMESTAMP ?";
    pushed: Read = "SELECT notified_seq, cancelled_seq FROM {k}.pushed \
        WHERE user_id = ? AND conversation_id = ?";
    replace_name: Decide = "UPDATE {k}.users_by_name SET user_id = ? WHERE username = ? IF user_id = ?";
    name_decided: Decided = "SELECT user_id FROM {k}.users_by_name WHERE username = ?";
    users: Read = "SELECT user_id, username, display_name, email, avatar_media_id, password_hash, created_at \
        FROM {k}.users LIMIT ?";
    users_after: Read = "SELECT user_id, username, display_name, email, avatar_media_id, password_hash, \
        created_at FROM {k}.users WHERE token(user_id) > token(?) LIMIT ?";
    // --- administration
    put_admin: Write = "INSERT INTO {k}.account_states (user_id, is_admin) VALUES (?, ?) USING TIMESTAMP ?";
    put_banned: Write = "INSERT INTO {k}.account_states (user_id, banned_at) VALUES (?, ?) USING TIMESTAMP ?";
    put_deleted: Write = "INSERT INTO {k}.account_states (user_id, deleted_at) VALUES (?, ?) USING TIMESTAMP ?";
    state: Read = "SELECT is_admin, banned_at, deleted_at FROM {k}.account_states WHERE user_id = ?";
    put_audit: Write = "INSERT INTO {k}.audits (year, audit_id, at, actor_id, action, target) \
        VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?";
    audits: Read = "SELECT audit_id, at, actor_id, action, target FROM {k}.audits \
        WHERE year = ? AND audit_id < ? LIMIT ?";
    // --- media
    put_media: Write = "INSERT INTO {k}.media (media_id, owner_id, name, content_type, size, sha256, created_at) \
        VALUES (?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?";
    media: Read = "SELECT owner_id, name, content_type, size, sha256, created_at FROM {k}.media \
        WHERE media_id = ?";
    put_reference: Write = "INSERT INTO {k}.media_references (media_id, conversation_id, seq) \
        VALUES (?, ?, ?) USING TIMESTAMP ?";
    references: Read = "SELECT conversation_id, seq FROM {k}.media_references \
        WHERE media_id = ? AND (conversation_id, seq) > (?, ?) LIMIT ?";
    // --- devices and sessions
    put_device: Write = "INSERT INTO {k}.devices (user_id, device_id, kind, name, created_at, last_used_at) \
        VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?";
    delete_device: Write = "DELETE FROM {k}.devices USING TIMESTAMP ? WHERE user_id = ? AND device_id = ?";
    devices: Read = "SELECT device_id, kind, name, created_at, last_used_at FROM {k}.devices WHERE user_id = ?";
    make_session: Write = "INSERT INTO {k}.sessions (session_id, user_id, device_id, created_at, ended_at, \
        generation, rotated_at, generation_used, secret) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP 1";
    swap_session: Decide = "UPDATE {k}.sessions SET user_id = ?, device_id = ?, created_at = ?, ended_at = ?, \
        generation = ?, rotated_at = ?, generation_used = ?, secret = ?, swap_id = ? WHERE session_id = ? \
        IF user_id = ? AND device_id = ? AND created_at = ? AND ended_at = ? AND generation = ? \
        AND rotated_at = ? AND generation_used = ? AND secret = ?";
    session: Read = session!();
    session_decided: Decided = session!();
    open_session: Write = "INSERT INTO {k}.sessions_by_user (user_id, session_id) VALUES (?, ?) \
        USING TIMESTAMP 1";
    close_session: Write = "DELETE FROM {k}.sessions_by_user USING TIMESTAMP ? \
        WHERE user_id = ? AND session_id = ?";
    sessions_of: Read = "SELECT session_id FROM {k}.sessions_by_user WHERE user_id = ?";
    // --- what others see of a user
    put_last_seen_to: Write = "INSERT INTO {k}.privacy (user_id, last_seen_to) VALUES (?, ?) USING TIMESTAMP ?";
    put_read_receipts: Write = "INSERT INTO {k}.privacy (user_id, read_receipts) VALUES (?, ?) \
        USING TIMESTAMP ?";
    privacy: Read = "SELECT last_seen_to, read_receipts FROM {k}.privacy WHERE user_id = ?";
    put_last_seen: Write = "INSERT INTO {k}.last_seen (user_id, at) VALUES (?, ?) USING TIMESTAMP ?";
    last_seen: Read = "SELECT at FROM {k}.last_seen WHERE user_id = ?";
}
