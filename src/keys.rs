//! The signing key of a single-machine deployment: made at the first start, kept in the data
//! directory, readable by its owner alone.

use anyhow::Context;
use ed25519_dalek::{SigningKey, pkcs8::EncodePrivateKey};
use std::{io::Write, os::unix::fs::OpenOptionsExt, path::Path};

const FILE: &str = "signing_key.pem";

/// The key in the data directory (Ed25519, PKCS#8 PEM); made if there is none.
pub fn signing_key(data: &Path) -> anyhow::Result<String> {
    let path = data.join(FILE);
    if path.exists() {
        return std::fs::read_to_string(&path).with_context(|| path.display().to_string());
    }
    let mut seed = [0; 32];
    rand::TryRngCore::try_fill_bytes(&mut rand::rngs::OsRng, &mut seed).context("the system's randomness")?;
    let pem = SigningKey::from_bytes(&seed)
        .to_pkcs8_pem(ed25519_dalek::pkcs8::spki::der::pem::LineEnding::LF)
        .context("encode the signing key")?;
    // Complete before it has its name: a crash between leaves no half key behind.
    let half = data.join("signing_key.new");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&half)
        .with_context(|| half.display().to_string())?;
    file.write_all(pem.as_bytes()).and_then(|()| file.sync_all()).context("write the signing key")?;
    std::fs::rename(&half, &path).with_context(|| path.display().to_string())?;
    Ok(pem.to_string())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn it_is_made_once_and_private() {
        let data = tempfile::tempdir().unwrap();
        let first = super::signing_key(data.path()).unwrap();
        assert_eq!(super::signing_key(data.path()).unwrap(), first);
        let mode = std::fs::metadata(data.path().join(super::FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
