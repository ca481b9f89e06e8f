//! A town: many people, each with one to three devices, do at random whatever the protocol knows, while
//! their sockets are cut. In the end every device, REST and the store agree with a model that is computed
//! from the log alone.
//!
//! `PARLOR_SIMULATION_S=600 PARLOR_SIMULATION_PEOPLE=200 cargo test --release --test simulation` for the
//! long run; `PARLOR_SEED` chooses another one.

mod world;

mod simulation {
    pub mod acts;
    pub mod check;
    pub mod fold;
    pub mod model;
    pub mod own;
    pub mod own_check;
    pub mod town;
}

use simulation::{check, model::Model, own_check, town::Town};
use std::time::Duration;
use world::World;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_town_at_random_agrees_with_its_log() {
    let people = number("PARLOR_SIMULATION_PEOPLE", 40) as usize;
    let lasts = Duration::from_secs(number("PARLOR_SIMULATION_S", 20));
    // Nobody renews a token here.
    let world = World::with(|config| config.auth.access_ttl_ms = 86_400_000).await;
    let town = Town::settle(&world, people, number("PARLOR_SEED", 1)).await;
    let mut town = town.live(lasts).await;
    town.come_to_rest().await;
    let model = Model::of(&world).await;
    check::answers(&town, &model);
    check::devices(&town, &model).await;
    check::rest(&town, &model).await;
    check::store(&world, &model).await;
    own_check::all(&town, &model).await;
    println!("{}; {}", town.told(), model.told());
}
