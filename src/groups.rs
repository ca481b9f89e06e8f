//! What an operator does to topics and consumer groups: make, look, rewind.

use crate::{cli, config::Config, node};
use anyhow::{Context, bail};
use parlor_engines::log::{Log, StoredOffset};
use parlor_schemas::topics::{Group, Partition};

/// Makes topics and tables.
pub async fn init(config: &Config) -> anyhow::Result<()> {
    let done = parlor_engines::init(&config.urls(), &config.engines).await?;
    for step in &done {
        println!("{step}");
    }
    if done.is_empty() {
        println!("everything is there");
    }
    Ok(())
}

/// Prints where each group stands in each partition.
pub async fn show(mut config: Config) -> anyhow::Result<()> {
    let engines = node::open(&mut config).await?;
    println!(
        "{:<20} {:<22} {:>9} {:>12} {:>12} {:>10}",
        "GROUP", "TOPIC", "PARTITION", "STORED", "END", "BEHIND"
    );
    for group in Group::ALL {
        let stored = engines.log.stored(group).await?;
        for (partition, stored) in (0..).zip(stored) {
            let ends = engines.log.ends(group.topic(), partition).await?;
            let at = stored.map(|stored| stored.offset);
            println!(
                "{:<20} {:<22} {partition:>9} {:>12} {:>12} {:>10}",
                group.name(),
                group.topic().name(),
                at.map_or("-".into(), |at| at.to_string()),
                ends.end,
                ends.end.saturating_sub(at.unwrap_or(ends.first)),
            );
        }
    }
    println!(
        "BEHIND counts offsets: on Kafka a transaction's marker takes one, so that a group at rest may show 1."
    );
    engines.close().await;
    Ok(())
}

/// Sets stored offsets of a group that is stopped.
pub async fn rewind(mut config: Config, ask: &cli::Rewind) -> anyhow::Result<()> {
    let known = || Group::ALL.map(Group::name).join(", ");
    let group = Group::ALL.into_iter().find(|group| group.name() == ask.group);
    let group = group.with_context(|| format!("there is no group {:?}; there are {}", ask.group, known()))?;
    if group == Group::Ingest {
        bail!(
            "ingest goes on where its own position rows say, in the same transaction as its output: a stored \
             offset changes nothing there"
        );
    }
    let engines = node::open(&mut config).await?;
    let partitions = engines.log.partitions(group.topic());
    let asked = match ask.partition {
        Some(partition) if partition >= partitions => bail!("there are {partitions} partitions, from 0"),
        Some(partition) => partition..partition + 1,
        None => 0..partitions,
    };
    for partition in asked {
        let offset = place(&*engines.log, group, partition, &ask.to).await?;
        let to = StoredOffset { offset, metadata: String::new() };
        engines.log.rewind(group, partition, to).await?;
        println!("{} partition {partition}: goes on at {offset}", group.name());
    }
    engines.close().await;
    Ok(())
}

async fn place(log: &dyn Log, group: Group, partition: Partition, to: &str) -> anyhow::Result<u64> {
    let ends = log.ends(group.topic(), partition).await?;
    if to == "beginning" {
        return Ok(ends.first);
    }
    let offset = to.parse().with_context(|| format!("--to {to:?} is neither an offset nor \"beginning\""))?;
    if !(ends.first..=ends.end).contains(&offset) {
        bail!("partition {partition} has offsets {} to {}", ends.first, ends.end);
    }
    Ok(offset)
}
