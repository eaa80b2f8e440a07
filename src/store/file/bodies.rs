//! Bodies under `--state`, each named by the hash of its content.
//!
//! Owns the directory of bodies. A name that is not a hash, or a file whose content does not
//! match its name, counts as absent.

use std::path::{Path, PathBuf};

use anyhow::Result;
use bytes::Bytes;

use super::documents::BodyHead;
use crate::disk;
use crate::document;
use crate::payload::Body;

/// The directory of bodies.
#[derive(Debug)]
pub(super) struct BodyFiles {
    directory: PathBuf,
    /// Whether another process may hold the directory. Then nothing is written.
    only_looks: bool,
}

impl BodyFiles {
    pub(super) fn under(state: &Path, only_looks: bool) -> BodyFiles {
        BodyFiles { directory: state.join("bodies"), only_looks }
    }

    /// Keeps a body. A body that is kept already costs nothing.
    ///
    /// # Errors
    /// Fails if the body cannot be written.
    pub(super) fn keep(&self, body: &Body) -> Result<BodyHead> {
        let hash = blake3::hash(&body.bytes).to_hex().to_string();
        let path = self.directory.join(&hash);
        if !path.exists() {
            disk::replace(&path, &body.bytes)?;
        }
        Ok(BodyHead { hash, etag: body.etag.clone() })
    }

    /// Returns a body, or `None` if the body was lost or damaged.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub(super) fn read(&self, head: BodyHead) -> Result<Option<Body>> {
        // A text that is not a hash must not become a path.
        if blake3::Hash::from_hex(&head.hash).is_err() {
            return Ok(None);
        }
        let path = self.directory.join(&head.hash);
        let Some(bytes) = disk::read(&path)? else { return Ok(None) };
        if blake3::hash(&bytes).to_hex().as_str() != head.hash {
            if !self.only_looks {
                document::set_aside(&path, "its content does not match its name")?;
            }
            return Ok(None);
        }
        Ok(Some(Body { bytes: Bytes::from(bytes), etag: head.etag }))
    }

    /// Removes all bodies except those with these names.
    ///
    /// # Errors
    /// Fails if a file cannot be removed.
    pub(super) fn forget_all_but(&self, kept: &[&str]) -> Result<()> {
        for path in disk::entries(&self.directory)? {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if !kept.contains(&name) && !name.ends_with(".damaged") {
                disk::remove_file(&path)?;
            }
        }
        Ok(())
    }
}
