//! The bucket of `--publish-to`: any object store with the API of S3.
//!
//! Owns the order of requests. A visitor of the bucket finds a site without gaps at every moment: a
//! page is uploaded after its assets and pictures, a list after its pages, and `freshness.json`, which
//! open pages watch, at the end. A removed file is deleted an hour later, when no list in a cache names
//! the file any more. A request that fails ends the delivery, and the next delivery starts with what is
//! left.

mod credentials;
mod removals;
mod stage;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use hyper::header::HeaderValue;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path as Key;
use object_store::{
    Attribute, Attributes, ClientOptions, ObjectStore, PutOptions, PutPayload, RetryConfig,
};
use tokio::sync::Mutex;
use tracing::{debug, info};

use crate::cli::BucketAddress;
use crate::clock::{Clock, whole_seconds};
use crate::live::Snapshot;
use crate::pages::GZIP;
use crate::publish::{FRESHNESS, Generation, STATUS, Volatile, cache_control, content_type};
use credentials::S3Settings;
use removals::Removals;
use stage::UploadStage;

/// Requests at the same time.
const AT_ONCE: usize = 16;
/// Number of uploads after which the outbox is written.
const SOME: usize = 1_000;
/// The volatile files, in the order in which they are uploaded after everything else.
const LAST: [&str; 2] = [STATUS, FRESHNESS];
const USER_AGENT: &str = concat!("movies-gen/", env!("CARGO_PKG_VERSION"));
/// Longest time for one request.
const LONGEST_REQUEST: Duration = Duration::from_secs(60);

/// Which bucket, and who we are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketSettings {
    /// The bucket and the prefix.
    pub address: BucketAddress,
    /// The file with the credentials; `None` for the environment.
    pub credentials: Option<PathBuf>,
}

/// The bucket.
#[derive(Debug)]
pub(super) struct Bucket {
    address: BucketAddress,
    store: AmazonS3,
    clock: Clock,
    kept: Mutex<BucketMemory>,
}

#[derive(Debug)]
struct BucketMemory {
    removals: Removals,
    /// The volatile files that this process uploaded last.
    volatile: Volatile,
}

impl Bucket {
    /// Prepares the client, without a request.
    ///
    /// # Errors
    /// Fails if the credentials cannot be read, or if the list of removals was written by a newer
    /// program.
    pub(super) fn open(settings: &BucketSettings, state: &Path, clock: Clock) -> Result<Bucket> {
        let BucketSettings { address, credentials } = settings;
        let credentials = credentials.as_deref().map(credentials::read).transpose()?;
        let kept = BucketMemory {
            removals: Removals::open(state, &address.to_string())?,
            volatile: Volatile::new(),
        };
        Ok(Bucket {
            address: address.clone(),
            store: client(address, credentials.unwrap_or_default())?,
            clock,
            kept: Mutex::new(kept),
        })
    }

    /// Brings the bucket up to date: uploads `paths`, or notes the removal of paths that the site no
    /// longer has, and tells `done` which paths are finished. Returns the time until a removed file may
    /// be deleted.
    ///
    /// # Errors
    /// Fails if a request fails. Nothing that would need the missing file is uploaded.
    pub(super) async fn take_in(
        &self,
        paths: Vec<String>,
        snapshot: &Snapshot,
        done: impl Fn(&[String]) -> Result<()>,
    ) -> Result<Option<Duration>> {
        let Some(site) = &snapshot.site else { return Ok(None) };
        let mut kept = self.kept.lock().await;
        let started = self.clock.now();
        let has_file = |path: &String| site.generation.files.contains_key(path);
        let (present, gone): (Vec<_>, Vec<_>) = paths.into_iter().partition(has_file);
        kept.removals.note(&present, &gone, started.wall)?;
        done(&gone)?;
        let count = present.len();
        let mut in_order = present;
        in_order.sort_by_key(|path| UploadStage::of(path));
        for paths in in_order.chunk_by(|one, next| UploadStage::of(one) == UploadStage::of(next)) {
            for some in paths.chunks(SOME) {
                self.upload(some, &site.generation).await.or_else(|(uploaded, error)| {
                    done(&uploaded)?;
                    Err(error)
                })?;
                done(some)?;
            }
        }
        for path in LAST {
            let Some(bytes) = snapshot.volatile.get(path) else { continue };
            if kept.volatile.get(path) != Some(bytes) {
                self.put(path, bytes.clone(), false).await?;
                kept.volatile.insert(path, bytes.clone());
            }
        }
        if count > 0 {
            let took = whole_seconds(self.clock.now().boot.since(started.boot));
            info!(files = count, "uploaded {count} files to {self} in {took}");
        }
        let now = self.clock.now().wall;
        let due = kept.removals.due(now);
        self.delete(&due).await?;
        kept.removals.deleted(&due)?;
        Ok(kept.removals.next(now))
    }

    /// Uploads files, several at a time.
    ///
    /// # Errors
    /// Fails with the files that are uploaded and the first error.
    async fn upload(
        &self,
        paths: &[String],
        generation: &Arc<Generation>,
    ) -> Result<(), (Vec<String>, anyhow::Error)> {
        let uploads: Vec<BoxFuture<'_, Result<String>>> =
            paths.iter().map(|path| self.upload_one(path, generation).boxed()).collect();
        let mut ended = stream::iter(uploads).buffer_unordered(AT_ONCE);
        let (mut uploaded, mut failed) = (Vec::new(), None);
        // Requests in flight end after the first failure, and no further request starts.
        while let Some(result) = ended.next().await {
            match result {
                Ok(path) => uploaded.push(path),
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        failed.map_or(Ok(()), |error| Err((uploaded, error)))
    }

    async fn upload_one(&self, path: &str, generation: &Arc<Generation>) -> Result<String> {
        let (bytes, is_compressed) = content(generation, path).await?;
        self.put(path, bytes, is_compressed).await.map(|()| path.to_owned())
    }

    async fn put(&self, path: &str, bytes: Bytes, is_compressed: bool) -> Result<()> {
        let mut attributes = Attributes::new();
        attributes.insert(Attribute::ContentType, content_type(path).into());
        attributes.insert(Attribute::CacheControl, cache_control(path).into());
        if is_compressed {
            attributes.insert(Attribute::ContentEncoding, "gzip".into());
        }
        let options = PutOptions { attributes, ..PutOptions::default() };
        let payload = PutPayload::from_bytes(bytes);
        let put = self.store.put_opts(&self.key(path)?, payload, options).await;
        put.with_context(|| format!("cannot upload {path} to {self}"))?;
        debug!(path, "uploaded");
        Ok(())
    }

    /// Deletes files. A file that is not there is deleted already.
    async fn delete(&self, paths: &[String]) -> Result<()> {
        if paths.is_empty() {
            return Ok(());
        }
        let keys: Vec<_> = paths.iter().map(|path| self.key(path)).collect::<Result<_>>()?;
        let keys = stream::iter(keys.into_iter().map(Ok)).boxed();
        let mut ended = self.store.delete_stream(keys);
        while let Some(result) = ended.next().await {
            match result {
                Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => {
                    return Err(error).with_context(|| format!("cannot delete files in {self}"));
                }
            }
        }
        info!(
            files = paths.len(),
            "deleted {} files in {self}, which the site no longer has",
            paths.len()
        );
        Ok(())
    }

    fn key(&self, path: &str) -> Result<Key> {
        let name = format!("{}{path}", self.address.prefix);
        Key::parse(&name).with_context(|| format!("{name} cannot be the name of an object"))
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}

/// Returns the content that is uploaded, and whether the content is compressed. All browsers accept
/// gzip, and a bucket cannot choose between forms.
async fn content(generation: &Arc<Generation>, path: &str) -> Result<(Bytes, bool)> {
    let (generation, path) = (generation.clone(), path.to_owned());
    let read = tokio::task::spawn_blocking(move || {
        let file = generation.files.get(&path)?;
        let suffix = if file.entry.gz.is_some() { GZIP } else { "" };
        generation.content(&path, suffix).map(|bytes| (bytes, !suffix.is_empty())).or_else(|| {
            debug!(path, "is not in the published tree any more");
            None
        })
    });
    read.await?.ok_or_else(|| anyhow!("a file to upload was replaced by a newer publish"))
}

/// Makes the client. Requests are repeated by the next delivery, which begins with what is left.
fn client(address: &BucketAddress, credentials: S3Settings) -> Result<AmazonS3> {
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(&address.bucket);
    for (key, value) in credentials {
        builder = builder.with_config(key, value);
    }
    let endpoint = builder.get_config_value(&AmazonS3ConfigKey::Endpoint);
    let is_plain = endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"));
    let options = ClientOptions::new()
        .with_timeout(LONGEST_REQUEST)
        .with_connect_timeout(Duration::from_secs(5))
        .with_allow_http(is_plain)
        .with_user_agent(HeaderValue::from_static(USER_AGENT));
    let retry =
        RetryConfig { max_retries: 1, retry_timeout: LONGEST_REQUEST, ..RetryConfig::default() };
    let client = builder.with_client_options(options).with_retry(retry).build();
    client.with_context(|| format!("cannot use --publish-to {address}"))
}
