//! The data directory: one process at a time, and a marker of what it was made with.

use crate::OpenError;
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
};

const VERSION: u32 = 1;

/// Makes the directory if need be and locks it; `Ok(None)`: somebody else has the lock. The lock
/// lasts as long as the file is open.
pub(super) fn lock(directory: &Path) -> Result<Option<File>, OpenError> {
    fs::create_dir_all(directory).map_err(|source| io_error(directory, source))?;
    let path = directory.join("lock");
    let open = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path);
    let mut file = open.map_err(|source| io_error(&path, source))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(source)) => return Err(io_error(&path, source)),
    }
    let mark = |file: &mut File| -> io::Result<()> {
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())
    };
    mark(&mut file).map_err(|source| io_error(&path, source))?;
    Ok(Some(file))
}

/// The error that names who has the directory.
pub(super) fn in_use(directory: &Path) -> OpenError {
    let mut pid = String::new();
    let read = File::open(directory.join("lock")).and_then(|mut file| file.read_to_string(&mut pid));
    let by = match (read, pid.trim()) {
        (Ok(_), pid) if pid == std::process::id().to_string() => "this very process".to_owned(),
        (Ok(_), pid) if !pid.is_empty() => format!("process {pid}"),
        _ => "another process".to_owned(),
    };
    OpenError::InUse { directory: directory.to_owned(), by }
}

/// Checks the directory's marker, or makes it in a new directory.
pub(super) fn check_format(directory: &Path, partitions: u32) -> Result<(), OpenError> {
    let path = directory.join("format");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if database(directory).exists() {
                let found = "a database without its `format` file".to_owned();
                return Err(OpenError::Format { directory: directory.to_owned(), found });
            }
            return write_format(&path, partitions).map_err(|source| io_error(&path, source));
        }
        Err(source) => return Err(io_error(&path, source)),
    };
    let field = |name: &str| -> Option<u32> {
        text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
    };
    match (field("version"), field("partitions")) {
        (Some(VERSION), Some(made)) if made == partitions => Ok(()),
        (Some(VERSION), Some(made)) => {
            Err(OpenError::Partitions { directory: directory.to_owned(), made, asked: partitions })
        }
        _ => Err(OpenError::Format { directory: directory.to_owned(), found: text.trim().to_owned() }),
    }
}

/// Whole or not at all: the marker appears by a rename.
fn write_format(path: &Path, partitions: u32) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = File::create(&new)?;
    writeln!(file, "version {VERSION}\npartitions {partitions}")?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

/// Where the database is.
pub(super) fn database(directory: &Path) -> PathBuf {
    directory.join("engine")
}

pub(super) fn io_error(path: &Path, source: io::Error) -> OpenError {
    OpenError::Io { path: path.to_owned(), source }
}
