//! The data directory: one process, one partition count, and no surprises at the next start.

use crate::{
    conformance::{
        Setting as _,
        words::{append, entry, read_all},
    },
    setting::Embedded,
};
use parlor_engines::{OpenError, Tuning};
use parlor_schemas::Topic;

#[tokio::test]
async fn a_directory_in_use_is_refused_by_name() {
    let at = Embedded::new().await;
    let engines = at.open().await;
    let refused = at.try_open().await.err().unwrap();
    assert!(matches!(refused, OpenError::InUse { .. }));
    let text = refused.to_string();
    assert!(text.contains(&at.path().join("data").display().to_string()), "{text}");
    engines.close().await;
    at.open().await.close().await;
}

#[tokio::test]
async fn it_is_free_when_the_last_handle_is_gone() {
    let at = Embedded::new().await;
    let engines = at.open().await;
    append(&*engines.log, vec![entry(Topic::Commands, 0, "k", Some("v"))]).await;
    let reader = engines.log.read(Topic::Commands, 0, 0).await.unwrap();
    engines.close().await;
    assert!(at.try_open().await.is_err(), "a reader still has it");
    drop(reader);
    assert_eq!(read_all(&*at.open().await.log, Topic::Commands, 0, 0).await.len(), 1);
}

#[tokio::test]
async fn the_partition_count_is_fixed() {
    let mut at = Embedded::new().await;
    at.open().await.close().await;
    at.tuning = Tuning { partitions: 8, ..at.tuning };
    let refused = at.try_open().await.err().unwrap();
    assert!(matches!(refused, OpenError::Partitions { made: 4, asked: 8, .. }), "{refused}");
}

#[tokio::test]
async fn a_strange_format_is_refused() {
    let at = Embedded::new().await;
    at.open().await.close().await;
    let format = at.path().join("data/format");
    std::fs::write(&format, "version 99\npartitions 4\n").unwrap();
    let refused = at.try_open().await.err().unwrap();
    assert!(matches!(&refused, OpenError::Format { found, .. } if found.contains("99")), "{refused}");
    std::fs::remove_file(&format).unwrap();
    assert!(matches!(at.try_open().await, Err(OpenError::Format { .. })));
}

#[tokio::test]
async fn a_setting_that_cannot_work_is_refused() {
    let mut at = Embedded::new().await;
    at.tuning.partitions = 0;
    assert!(matches!(at.try_open().await, Err(OpenError::Setting { name: "partitions", .. })));
}
