//! Media in a directory, which all gateways share if there are several.

use super::{Announced, Media, MediaError, Pieces};
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use parlor_schemas::MediaId;
use sha2::{Digest, Sha256};
use std::{
    io::{self, SeekFrom},
    ops::Range,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};
use tokio::{
    fs::{self, File},
    io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt},
};

/// Bytes read at once.
const PIECE: usize = 64 * 1024;

/// The directory.
pub(crate) struct Folder {
    root: PathBuf,
    /// Names of what is arriving are never used twice.
    arriving: AtomicU64,
}

impl From<io::Error> for MediaError {
    fn from(error: io::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl Folder {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root, arriving: AtomicU64::new(0) }
    }

    /// By the last characters of the id, which are random: the first ones are the time.
    fn place(&self, id: MediaId) -> PathBuf {
        let name = id.0.simple().to_string();
        self.root.join(&name[30..]).join(name)
    }

    async fn arrive(
        &self,
        path: &Path,
        announced: Announced,
        mut pieces: Pieces,
    ) -> Result<bool, MediaError> {
        let mut file = File::create(path).await?;
        let (mut size, mut hash) = (0, Sha256::new());
        while let Some(piece) = pieces.next().await {
            let piece: Bytes = piece.map_err(|error| MediaError::Cut(error.to_string()))?;
            size += piece.len() as u64;
            if size > announced.size {
                return Ok(false);
            }
            hash.update(&piece);
            file.write_all(&piece).await?;
        }
        let fits = size == announced.size && hash.finalize()[..] == announced.sha256;
        if fits {
            file.sync_all().await?;
        }
        Ok(fits)
    }
}

#[async_trait]
impl Media for Folder {
    async fn put(&self, id: MediaId, announced: Announced, pieces: Pieces) -> Result<bool, MediaError> {
        let place = self.place(id);
        let folder = place.parent().expect("a place is in a folder").to_owned();
        fs::create_dir_all(&folder).await?;
        let number = self.arriving.fetch_add(1, Ordering::Relaxed);
        // Several processes may share the directory.
        let half = folder.join(format!("{}.{}.{number}", id.0.simple(), std::process::id()));
        let outcome = self.arrive(&half, announced, pieces).await;
        if outcome == Ok(true) {
            // Complete before it has its name, and the name is on the disk too.
            fs::rename(&half, &place).await?;
            File::open(&folder).await?.sync_all().await?;
        } else {
            fs::remove_file(&half).await?;
        }
        outcome
    }

    async fn has(&self, id: MediaId) -> Result<bool, MediaError> {
        Ok(fs::try_exists(self.place(id)).await?)
    }

    async fn get(&self, id: MediaId, range: Range<u64>) -> Result<Option<Pieces>, MediaError> {
        let mut file = match File::open(self.place(id)).await {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        file.seek(SeekFrom::Start(range.start)).await?;
        let file = file.take(range.end.saturating_sub(range.start));
        let pieces = stream::try_unfold(file, |mut file| async move {
            let mut piece = BytesMut::with_capacity(PIECE);
            let count = file.read_buf(&mut piece).await?;
            Ok((count > 0).then(|| (piece.freeze(), file)))
        });
        Ok(Some(pieces.boxed()))
    }
}
