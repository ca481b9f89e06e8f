//! `chat.conversations.v1` as a table: members rows of one partition, followed by `assign`.
