//! The media port.

use super::{Setting, words::fresh};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use parlor_engines::{
    Engines,
    media::{Announced, MediaError, Pieces},
};
use parlor_schemas::MediaId;
use sha2::{Digest, Sha256};
use std::ops::Range;

fn of(bytes: &[u8]) -> Announced {
    Announced { size: bytes.len() as u64, sha256: Sha256::digest(bytes).into() }
}

fn pieces(bytes: &[u8]) -> Pieces {
    let pieces: Vec<_> = bytes.chunks(1_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    stream::iter(pieces).boxed()
}

async fn read(engines: &Engines, id: MediaId) -> Option<Vec<u8>> {
    part(engines, id, 0..u64::MAX).await
}

async fn part(engines: &Engines, id: MediaId, range: Range<u64>) -> Option<Vec<u8>> {
    let pieces = engines.media.get(id, range).await.unwrap()?;
    let pieces: Vec<Bytes> = pieces.try_collect().await.unwrap();
    Some(pieces.concat())
}

pub async fn only_what_was_announced_is_kept(at: &impl Setting) {
    let engines = at.open().await;
    let bytes: Vec<u8> = (0..200_000_u32).map(|n| n as u8).collect();
    let id = MediaId(fresh());
    let other = [&bytes[1..], &[0]].concat();
    for wrong in [&bytes[1..], &other, &[&bytes[..], &[0]].concat(), &[]] {
        assert_eq!(engines.media.put(id, of(&bytes), pieces(wrong)).await, Ok(false));
    }
    let cut = pieces(&bytes[..5_000]).chain(stream::iter([Err(std::io::Error::other("gone"))])).boxed();
    assert!(matches!(engines.media.put(id, of(&bytes), cut).await, Err(MediaError::Cut(_))));
    assert_eq!((engines.media.has(id).await, read(&engines, id).await), (Ok(false), None));
    assert_eq!(engines.media.put(id, of(&bytes), pieces(&bytes)).await, Ok(true));
    for (range, wanted) in [
        (0..1, &bytes[..1]),
        (65_530..140_000, &bytes[65_530..140_000]),
        (199_999..900_000, &bytes[199_999..]),
        (7..7, &[]),
        (900_000..900_001, &[]),
    ] {
        assert_eq!(part(&engines, id, range.clone()).await.as_deref(), Some(wanted), "{range:?}");
    }
    assert_eq!((engines.media.has(id).await, read(&engines, id).await), (Ok(true), Some(bytes)));
    let empty = MediaId(fresh());
    assert_eq!(engines.media.put(empty, of(&[]), pieces(&[])).await, Ok(true));
    assert_eq!(read(&engines, empty).await, Some(vec![]));
}

pub async fn it_is_there_after_a_restart(at: &impl Setting) {
    let engines = at.open().await;
    let id = MediaId(fresh());
    let puts = (0..8).map(|_| engines.media.put(id, of(b"an object"), pieces(b"an object")));
    assert!(futures_util::future::join_all(puts).await.into_iter().all(|put| put == Ok(true)));
    assert_eq!(engines.media.put(id, of(b"an object"), pieces(b"another")).await, Ok(false));
    engines.close().await;
    let engines = at.open().await;
    assert_eq!(read(&engines, id).await.as_deref(), Some(&b"an object"[..]));
}
