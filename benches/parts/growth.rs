//! `growth`: what a message costs as conversations grow, against a world of a thousand in the same
//! process and in turn. Always a thousand conversations are active, drawn anew from all of them for each
//! turn, so that batches are alike and only what is looked up differs.

use crate::{
    measure::{Judged, Run, Side, resident},
    words::command,
    world::{Place, World, quiet},
};
use parlor_schemas::{Action, ConversationId, UserId};
use rand::seq::IndexedRandom as _;
use uuid::Uuid;

const SMALL: usize = 1_000;
/// The last one takes minutes and gigabytes: `BENCH_FULL=1`.
const SIZES: [usize; 3] = [10_000, 100_000, 1_000_000];
const ACTIVE: usize = 1_000;
const MESSAGES: usize = 20_000;
/// Conversations made at once.
const STEP: usize = 50_000;

pub async fn bench(run: &Run) {
    let (small, mut few) = (World::new().await, Vec::new());
    grow(&small, &mut few, SMALL).await;
    let (large, mut many) = (World::new().await, Vec::new());
    let sizes = if run.is_full { &SIZES[..] } else { &SIZES[..2] };
    for size in sizes {
        grow(&large, &mut many, *size).await;
        quiet().await;
        // Caches, and what a new size moves once.
        small.messages(&active(&few), MESSAGES / 4).await;
        large.messages(&active(&many), MESSAGES / 4).await;
        let duel = run
            .duel(async |side| match side {
                Side::Ours => large.messages(&active(&many), MESSAGES).await,
                Side::Baseline => small.messages(&active(&few), MESSAGES).await,
            })
            .await;
        let report = duel.cpu("growth", format!("{size} conversations"), "message");
        let report = report.against("1000 conversations").judged(Judged::Flat(0.1));
        run.tell(&report.at("conversations", *size as f64));
    }
    println!("    resident with {} conversations: {:.0} MB", many.len(), resident(std::process::id()) / 1e6);
    small.end().await;
    large.end().await;
}

fn active(places: &[Place]) -> Vec<Place> {
    places.choose_multiple(&mut rand::rng(), ACTIVE).copied().collect()
}

/// Direct conversations of people who know nobody else.
async fn grow(world: &World, places: &mut Vec<Place>, to: usize) {
    while places.len() < to {
        let new: Vec<_> = (places.len()..to)
            .take(STEP)
            .map(|_| {
                let (sender, peer_id) = (UserId(Uuid::now_v7()), UserId(Uuid::now_v7()));
                (ConversationId::direct(sender, peer_id), sender, peer_id)
            })
            .collect();
        let made = new.iter().map(|(conversation, sender, peer_id)| {
            command(*conversation, *sender, Action::CreateDirect { peer_id: *peer_id })
        });
        world.take(made).await;
        places.extend(new.iter().map(|(conversation, sender, _)| (*conversation, *sender)));
    }
}
