//! Asks the upstream: an API, or local files.
//!
//! Owns the difference between an API and local files. Whatever the upstream does, the result is the
//! bodies of a payload or one [`Failure`]. This module must not look into bodies.

mod answer;
mod api;
pub mod demo;
mod failure;
mod files;
mod headers;

use std::path::PathBuf;

use anyhow::Result;
use url::Url;

pub use answer::UpstreamAnswer;
use api::ApiSource;
pub use api::Proxy;
use files::FileSource;

use crate::mapping::Mapping;
use crate::outcome::{Failure, FailureKind};
use crate::payload::Payload;

/// Asks an address once, without headers of a mapping, for a body of at most `max_bytes`.
///
/// # Errors
/// Fails if there is no good answer.
pub async fn ask_once(url: &Url, max_bytes: u64, proxy: Proxy) -> Result<Vec<u8>> {
    let source = ApiSource::once(url, max_bytes, proxy)?;
    let answer = source.fetch(None, async || Ok(())).await.map_err(without_mapping)?;
    Ok(answer.films.bytes().to_vec())
}

/// Replaces an advice for a request that a mapping describes.
fn without_mapping(failure: Failure) -> Failure {
    if failure.kind == FailureKind::Refused {
        return failure.advised(
            "check the address; if the API needs a secret, save an answer with another program, and \
             give the name of the file",
        );
    }
    failure
}

/// An upstream, and how to ask it.
#[derive(Debug, Clone)]
pub struct Source(SourceKind);

#[derive(Debug, Clone)]
enum SourceKind {
    Api(ApiSource),
    Files(FileSource),
}

impl Source {
    /// Prepares the requests of a mapping to the API at `base`, with at most `max_bytes` for each
    /// body after decompression.
    ///
    /// # Errors
    /// Fails if the HTTP client cannot be built, or if the secret of the mapping cannot be read.
    pub fn api(base: &Url, mapping: &Mapping, max_bytes: u64, proxy: Proxy) -> Result<Source> {
        Ok(Source(SourceKind::Api(ApiSource::new(base, mapping, max_bytes, proxy)?)))
    }

    /// Prepares the files that a mapping names in a directory, with at most `max_bytes` for each
    /// file.
    pub fn files(directory: PathBuf, mapping: &Mapping, max_bytes: u64) -> Source {
        Source(SourceKind::Files(FileSource::new(directory, mapping, max_bytes)))
    }

    /// Returns the same upstream, asked by another mapping. A secret is read again.
    ///
    /// # Errors
    /// Fails if the secret of the mapping cannot be read.
    pub fn asked_by(&self, mapping: &Mapping) -> Result<Source> {
        Ok(Source(match &self.0 {
            SourceKind::Api(api) => SourceKind::Api(api.asked_by(mapping)?),
            SourceKind::Files(files) => SourceKind::Files(files.asked_by(mapping)),
        }))
    }

    /// Asks for all lists of the mapping. A body in `known` that has an ETag makes the request of
    /// its list conditional. `may_send` is called immediately before each request and says
    /// whether the request may still be sent.
    ///
    /// # Errors
    /// Returns the first failure.
    pub async fn fetch(
        &self,
        known: Option<&Payload>,
        may_send: impl AsyncFn() -> Result<(), Failure>,
    ) -> Result<UpstreamAnswer, Failure> {
        match &self.0 {
            SourceKind::Api(api) => api.fetch(known, may_send).await,
            SourceKind::Files(files) => files.fetch(may_send).await,
        }
    }
}
