//! The content of a file: plain, and compressed if this is worth the time.
//!
//! Owns which forms a file has.

use bytes::Bytes;

use super::compress;
use crate::pages::{BROTLI, GZIP};

/// The content of a file in all its forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Forms {
    /// The plain content.
    pub(super) bytes: Bytes,
    /// The gzip form, if there is one.
    pub(super) gz: Option<Bytes>,
    /// The brotli form, if there is one.
    pub(super) br: Option<Bytes>,
}

impl Forms {
    /// Compresses the content of the file at this path.
    pub(super) fn of(path: &str, bytes: Bytes) -> Forms {
        let compress = compress::is_compressible(path) && bytes.len() >= compress::SMALLEST;
        let smaller = |form: Vec<u8>| (form.len() < bytes.len()).then(|| Bytes::from(form));
        let gz = compress.then(|| compress::gzip(&bytes)).and_then(smaller);
        let br = compress.then(|| compress::brotli(path, &bytes)).and_then(smaller);
        Forms { bytes, gz, br }
    }

    /// Returns the form with this suffix.
    pub(super) fn get(&self, suffix: &str) -> Option<&Bytes> {
        match suffix {
            GZIP => self.gz.as_ref(),
            BROTLI => self.br.as_ref(),
            _ => Some(&self.bytes),
        }
    }
}
