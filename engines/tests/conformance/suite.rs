//! What every adapter of a port must do, written against the traits. An adapter's test crate
//! implements [`Setting`] and calls [`all!`], or [`log!`], [`store!`], [`live!`] … for one port.

pub mod live;
pub mod log;
pub mod media;
pub mod search;
pub mod store;
pub mod words;

use async_trait::async_trait;
use parlor_engines::{Clock, Engines};
use parlor_schemas::Timestamp;
use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

/// One deployment of engines, empty at first. Topics have four partitions.
#[async_trait]
pub trait Setting: Send + Sync + 'static {
    /// Makes one.
    async fn new() -> Self;
    /// Opens its engines; the next open after a close finds the same log and store.
    async fn open(&self) -> Engines;
    /// The clock of its engines.
    fn clock(&self) -> &TestClock;
    /// Whether this can be the time at which the log took a record just now. A shared log has a
    /// clock of its own.
    fn is_now(&self, at: Timestamp) -> bool {
        at == self.clock().now()
    }
    /// The closed live engine forgets everything, where closing alone does not do it.
    async fn lose_live(&self) {}
}

/// A clock that a test moves.
#[derive(Debug)]
pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn new(at: Timestamp) -> Self {
        Self(AtomicI64::new(at.0))
    }

    pub fn advance(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// Waits for something that must come; a test that waits so long has failed.
pub async fn soon<T>(what: &str, waited: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(Duration::from_secs(20), waited).await;
    waited.unwrap_or_else(|_| panic!("{what} did not come"))
}

/// Asks again and again until there is an answer.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        let mut again = tokio::time::interval(Duration::from_millis(2));
        loop {
            again.tick().await;
            if let Some(answer) = ask().await {
                return answer;
            }
        }
    };
    soon(what, asking).await
}

/// Makes a test of each promise of each port. (These four are reached by `#[macro_use]`: by path they
/// would meet the modules of the same names.)
#[allow(unused_macros, reason = "an adapter of one port calls one of them")]
macro_rules! all {
    ($setting:ty) => {
        log!($setting);
        store!($setting);
        live!($setting);
        search!($setting);
        media!($setting);
    };
}

/// Makes a test of each promise of the log.
#[allow(unused_macros, reason = "an adapter of one port calls one of them")]
macro_rules! log {
    ($setting:ty) => {
        crate::conformance::tests!($setting, log::order:
            entries_keep_the_order_of_appends,
            batches_are_read_from_any_offset,
            a_reader_follows_the_end,
            headers_keys_and_times_are_kept,
            an_offset_outside_the_log_is_an_error,
            what_was_written_is_there_after_a_restart,
            a_partition_that_is_not_there_is_refused,
        );
        crate::conformance::tests!($setting, log::owners:
            a_commit_over_topics_gives_offsets,
            a_claim_fences_the_owner_before,
            a_fenced_commit_leaves_nothing,
            claims_of_other_partitions_do_not_fence,
        );
        crate::conformance::tests!($setting, log::compacted:
            the_newest_of_each_key_stays,
            a_tombstone_ends_a_key,
            a_reader_sees_the_live_keys_and_then_every_change,
        );
        crate::conformance::tests!($setting, log::groups:
            a_member_gets_all_partitions_and_delivers_in_order,
            stored_offsets_come_back,
            rewind_is_for_groups_without_members,
            two_members_share_and_hand_over_after_release,
            a_member_that_is_gone_leaves_its_partitions,
            a_partition_of_another_is_fenced,
            a_paused_partition_delivers_nothing,
            groups_do_not_disturb_each_other,
        );
    };
}

/// Makes a test of each promise of the store.
#[allow(unused_macros, reason = "an adapter of one port calls one of them")]
macro_rules! store {
    ($setting:ty) => {
        crate::conformance::tests!($setting, store::history:
            records_are_read_in_ranges,
            acts_are_found_by_what_they_act_on,
            a_redaction_never_comes_undone,
            written_to_only_rises,
            no_clock_makes_the_dedup_index_forget,
            marks_keep_the_maximum,
            effects_are_right_in_any_order_and_number,
            concurrent_marks_do_not_lose_each_other,
            a_large_write_is_whole,
        );
        crate::conformance::tests!($setting, store::members:
            the_larger_seq_wins,
            pages_of_a_user_go_down_and_those_of_a_conversation_up,
        );
        crate::conformance::tests!($setting, store::accounts:
            a_name_is_given_once,
            a_row_is_replaced_but_not_its_name,
            devices_come_and_go,
            a_session_is_swapped_only_from_what_it_is,
            an_ended_session_never_comes_back,
        );
        crate::conformance::tests!($setting, store::reached:
            who_reached_a_record_and_when,
        );
        crate::conformance::tests!($setting, store::blocks:
            the_newest_of_a_pair_stays_and_lists_are_paged,
        );
        crate::conformance::tests!($setting, store::pushes:
            a_device_has_one_token_and_a_dead_one_takes_no_other_away,
            how_far_users_were_notified_only_rises,
        );
        crate::conformance::tests!($setting, store::settings:
            a_setting_changes_alone_and_can_be_cleared,
        );
        crate::conformance::tests!($setting, store::visibility:
            privacy_has_defaults_and_changes_by_part,
            last_seen_only_rises,
        );
        crate::conformance::tests!($setting, store::admin:
            states_change_part_by_part,
            the_audit_book_is_read_backwards,
            all_users_are_listed_once,
            a_name_changes_hands_once,
            media_rows_and_references_stay,
        );
    };
}

/// Makes a test of each promise of search.
#[allow(unused_macros, reason = "an adapter of one port calls one of them")]
macro_rules! search {
    ($setting:ty) => {
        crate::conformance::tests!($setting, search:
            what_was_written_is_found_also_after_a_restart,
            edits_and_deletes_change_what_is_found,
            the_same_changes_again_change_nothing,
            what_is_not_served_is_an_error,
            hits_come_newest_first_in_pages,
            a_partition_is_cleared_alone,
        );
    };
}

/// Makes a test of each promise of media.
#[allow(unused_macros, reason = "an adapter of one port calls one of them")]
macro_rules! media {
    ($setting:ty) => {
        crate::conformance::tests!($setting, media:
            only_what_was_announced_is_kept,
            it_is_there_after_a_restart,
        );
    };
}

/// Makes a test of each promise of the live engine.
#[allow(unused_macros, reason = "an adapter of one port calls one of them")]
macro_rules! live {
    ($setting:ty) => {
        crate::conformance::tests!($setting, live::bus:
            messages_reach_who_listens,
            a_full_receiver_loses_messages_but_is_reached,
            an_epoch_names_a_life,
            routes_come_and_go,
        );
        crate::conformance::tests!($setting, live::tails:
            nothing_is_read_before_it_is_whole,
            a_tail_is_filled_once,
            an_epoch_that_is_over_writes_nothing,
            a_hole_leaves_the_newer_run,
            a_delete_redacts_its_target_and_its_edits,
            a_tail_is_trimmed_below_what_is_written,
            a_tail_is_trimmed_by_age,
        );
        crate::conformance::tests!($setting, live::marks:
            marks_keep_the_maximum_and_a_version,
            marks_are_read_when_they_are_whole,
            own_messages_are_marks,
            versions_tell_what_moved,
            standings_are_told_with_a_version,
            moved_heads_are_told,
        );
        crate::conformance::tests!($setting, live::tickets:
            a_ticket_is_taken_once,
            a_ticket_ends,
            revocations_are_numbered,
            another_epochs_number_is_not_known,
        );
        crate::conformance::tests!($setting, live::presence:
            the_most_present_word_counts,
            who_is_not_heard_of_is_gone_with_all_users,
            presence_is_gone_with_its_life,
            typing_reaches_all_who_listen,
        );
    };
}

/// Tests of one file of the suite.
macro_rules! tests {
    ($setting:ty, $port:ident: $($test:ident),* $(,)?) => {
        mod $port {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    use crate::conformance::{$port as suite, Setting as _};
                    suite::$test(&<$setting>::new().await).await;
                }
            )*
        }
    };
    ($setting:ty, $port:ident::$part:ident: $($test:ident),* $(,)?) => {
        mod $part {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    use crate::conformance::{$port::$part as suite, Setting as _};
                    suite::$test(&<$setting>::new().await).await;
                }
            )*
        }
    };
}

pub(crate) use tests;
