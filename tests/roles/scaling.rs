//! A second and a third process of a role join and leave under load.

use crate::roles::{engines::Instance, fleet::Fleet, fleet::ROLES, load::Load};

#[tokio::test(flavor = "multi_thread")]
async fn processes_join_and_leave_under_load() {
    let mut fleet = Fleet::prepare(Instance::given());
    for role in ROLES {
        fleet.add(role);
    }
    fleet.ready().await;
    let load = Load::start(&fleet).await;
    for role in ["persister", "fanout", "ingest", "gateway"] {
        load.more(20).await;
        fleet.add(role);
        let third = fleet.add(role);
        fleet.ready().await;
        load.more(50).await;
        let first = fleet.of(role)[0];
        if role != "gateway" {
            // The load's people are at the first gateway.
            fleet.stop(first).await;
            load.more(50).await;
        }
        fleet.stop(third).await;
        load.more(50).await;
    }
    let sent = load.check(&fleet).await;
    println!("joins and leaves of four roles, {sent} messages: each once, in order, at every member");
}
