//! Reads local files as an upstream.
//!
//! Owns the reading of the files: a file is read whole, within the bound on its size. A file that is
//! missing or too large is a [`Failure`] that names the file.

use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use super::answer::UpstreamAnswer;
use crate::disk;
use crate::mapping::Mapping;
use crate::outcome::{Failure, FailureKind};
use crate::payload::{Body, RequestId};

/// The files of a mapping in a directory.
#[derive(Debug, Clone)]
pub(super) struct FileSource {
    directory: PathBuf,
    films: (RequestId, PathBuf),
    /// `None` if the mapping has no list of people.
    people: Option<(RequestId, PathBuf)>,
    max_bytes: u64,
}

impl FileSource {
    pub(super) fn new(directory: PathBuf, mapping: &Mapping, max_bytes: u64) -> FileSource {
        let [films, people] = mapping.files_in(&directory);
        let requests = mapping.requests();
        FileSource {
            films: (mapping.films.get.request(), films.unwrap_or_default()),
            people: requests.people.zip(people),
            directory,
            max_bytes,
        }
    }

    pub(super) fn asked_by(&self, mapping: &Mapping) -> FileSource {
        FileSource::new(self.directory.clone(), mapping, self.max_bytes)
    }

    /// Reads the files.
    pub(super) async fn fetch(
        &self,
        may_send: impl AsyncFn() -> Result<(), Failure>,
    ) -> Result<UpstreamAnswer, Failure> {
        may_send().await?;
        let files = self.clone();
        let read = tokio::task::spawn_blocking(move || files.read()).await;
        let read = read.unwrap_or_else(|error| {
            let what = format!("cannot read the files: {error}");
            Err(Failure::new(FailureKind::Unreachable, what).into())
        });
        read.map_err(|failure| *failure)
    }

    fn read(&self) -> Result<UpstreamAnswer, Box<Failure>> {
        let films = body(&self.films, self.max_bytes)?;
        let people = match &self.people {
            Some(people) => body(people, self.max_bytes)?,
            None => Body::default(),
        };
        Ok(UpstreamAnswer { films, people, declared_age: Duration::ZERO })
    }
}

fn body((request, path): &(RequestId, PathBuf), max_bytes: u64) -> Result<Body, Box<Failure>> {
    let at = path.display();
    let mut bytes = Vec::new();
    // To open a pipe waits for its writer.
    if path.metadata().is_ok_and(|found| !found.is_file()) {
        let what = format!("{at} is not a regular file");
        return Err(Failure::new(FailureKind::Unreachable, what)
            .advised("check the path in `upstream` and `get` of the mapping")
            .into());
    }
    let read = disk::open(path).and_then(|file| {
        // One byte more than allowed shows that the file is too large.
        file.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes)
    });
    if let Err(error) = read {
        let what = format!("cannot read {at}: {error}");
        return Err(Failure::new(FailureKind::Unreachable, what)
            .advised("check the path in `upstream` and `get` of the mapping")
            .into());
    }
    if bytes.len() as u64 > max_bytes {
        let most = bytesize::ByteSize(max_bytes);
        let what = format!("{at} has more than {most} (--max-bytes)");
        return Err(Failure::new(FailureKind::TooLarge, what)
            .advised("raise --max-bytes if the catalogue is really that large")
            .into());
    }
    Ok(Body::one(*request, None, bytes.into()))
}
