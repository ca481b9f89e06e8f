//! `growth`, the other way: what a message costs in groups of 2 to 1 024 whose members are all connected
//! to one gateway, up to the link message that the gateway would read. Against groups of two in the same
//! world.

use crate::{
    measure::{Report, Run, Side},
    words::command,
    world::{Place, World},
};
use parlor_engines::live::Route;
use parlor_schemas::{
    Action, ClientMsgId, ConversationId, DeviceId, GatewayId, UserId, link::LinkMessage, record::HistoryRule,
};
use uuid::Uuid;

const SIZES: [usize; 6] = [2, 8, 32, 128, 512, 1_024];
/// Groups of each size.
const GROUPS: usize = 10;
const MESSAGES: usize = 20_000;
const GATEWAY: u128 = 4;

pub async fn bench(run: &Run) {
    let world = World::new().await;
    let gateway = GatewayId(Uuid::from_u128(GATEWAY));
    let mut channel = world.engines.live.subscribe(gateway).await.expect("a channel");
    // As much of a gateway's work as there is without sockets.
    tokio::spawn(async move {
        while let Some(message) = channel.recv().await {
            LinkMessage::decode(&message).expect("a link message");
        }
    });
    let two = make(&world, SIZES[0]).await;
    for size in SIZES {
        let groups = make(&world, size).await;
        world.messages(&groups, MESSAGES / 5).await;
        let duel = run
            .duel(async |side| {
                let places = if side == Side::Ours { &groups } else { &two };
                let mut sample = world.messages(places, MESSAGES).await;
                if side == Side::Ours {
                    sample.figures.push(("us_per_delivery", sample.cpu_us() / size as f64));
                }
                sample
            })
            .await;
        let report: Report = duel.cpu("growth", format!("groups of {size}"), "message");
        run.tell(&report.against("groups of 2").at("groups", size as f64));
    }
    world.end().await;
}

/// Groups of people who are all connected.
async fn make(world: &World, size: usize) -> Vec<Place> {
    let mut places = Vec::new();
    let mut commands = Vec::new();
    for _ in 0..GROUPS {
        let people: Vec<UserId> = (0..size).map(|_| UserId(Uuid::now_v7())).collect();
        let id = ConversationId::group(people[0], ClientMsgId(Uuid::now_v7()));
        let action = Action::CreateGroup {
            title: None,
            history: HistoryRule::Joined,
            member_ids: people[1..].to_vec(),
            skipped: Vec::new(),
        };
        commands.push(command(id, people[0], action));
        places.push((id, people[0]));
        let routes: Vec<Route> = people.iter().enumerate().map(route).collect();
        world.engines.live.register(&routes).await.expect("registered");
    }
    world.take(commands).await;
    places
}

fn route((place, user_id): (usize, &UserId)) -> Route {
    Route {
        user_id: *user_id,
        device_id: DeviceId(Uuid::from_u128(3)),
        gateway_id: GatewayId(Uuid::from_u128(GATEWAY)),
        // As the hub numbers them: a serial above, the place below.
        connection: (place as u64 + 1) << 24 | place as u64,
    }
}
