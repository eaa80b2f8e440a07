//! The paths that a receiver has not had yet.
//!
//! Owns the list in the state directory. The list on disk is the union of three sets: paths that are
//! being delivered, paths that wait, and paths that change with a generation that is not live yet. Only
//! the first two may be delivered: a receiver that reads `--out` must find the new content.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::document;
use crate::publish::{Generation, GenerationId};

const KIND: &str = "outbox";

/// The list on disk.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Undelivered {
    /// A hash of the address of the receiver. A new receiver gets all files.
    receiver: String,
    /// Whether all files are listed.
    all: bool,
    paths: BTreeSet<String>,
}

/// The list of one receiver.
#[derive(Debug)]
pub(super) struct Outbox {
    file: PathBuf,
    receiver: String,
    /// Whether all files wait.
    all: bool,
    waiting: BTreeSet<String>,
    /// The paths that change with this generation.
    coming: Option<(GenerationId, BTreeSet<String>)>,
    /// The paths that are being delivered.
    taken: BTreeSet<String>,
    /// Whether the list on disk names other paths than this value.
    is_unsaved: bool,
}

impl Outbox {
    /// Reads the list of the receiver with this address.
    ///
    /// # Errors
    /// Fails if the list cannot be read, or if a newer program wrote the list.
    pub(super) fn open(file: &Path, address: &str) -> Result<Outbox> {
        let receiver = blake3::hash(address.as_bytes()).to_hex()[..32].to_owned();
        let listed = document::read::<Undelivered>(file, KIND)?;
        let listed = listed.filter(|listed| listed.receiver == receiver);
        let listed = listed.unwrap_or(Undelivered { all: true, ..Undelivered::default() });
        Ok(Outbox {
            file: file.to_owned(),
            receiver,
            all: listed.all,
            waiting: listed.paths,
            coming: None,
            taken: BTreeSet::new(),
            is_unsaved: false,
        })
    }

    /// Notes paths that will change with the generation `next`. `live` is what is live now.
    ///
    /// # Errors
    /// Fails if the list cannot be written.
    pub(super) fn note(
        &mut self,
        paths: &[&String],
        next: &GenerationId,
        live: Option<&GenerationId>,
    ) -> Result<()> {
        if paths.is_empty() {
            return Ok(());
        }
        let earlier = self.coming.take();
        let mut coming = BTreeSet::new();
        match earlier {
            Some((id, paths)) if live == Some(&id) => self.waiting.extend(paths),
            // The earlier publish failed, or is not live yet.
            Some((_, paths)) => coming = paths,
            None => {}
        }
        coming.extend(paths.iter().map(|path| (*path).clone()));
        self.coming = Some((next.clone(), coming));
        self.is_unsaved = true;
        self.save()
    }

    /// Takes everything that may be delivered while this generation is live.
    pub(super) fn take(&mut self, live: &Generation) -> Vec<String> {
        if let Some((_, paths)) = self.coming.take_if(|(id, _)| *id == live.id) {
            self.waiting.extend(paths);
        }
        if self.all {
            self.waiting.extend(live.pages().map(|(path, _)| path.clone()));
        }
        self.taken.append(&mut self.waiting);
        self.taken.iter().cloned().collect()
    }

    /// Notes that some of the paths that were taken are delivered.
    ///
    /// # Errors
    /// Fails if the list cannot be written.
    pub(super) fn partly_delivered(&mut self, paths: &[String]) -> Result<()> {
        self.is_unsaved |= !paths.is_empty();
        self.all = false;
        paths.iter().for_each(|path| {
            self.taken.remove(path);
        });
        self.save()
    }

    /// Notes that everything that was taken is delivered.
    ///
    /// # Errors
    /// Fails if the list cannot be written.
    pub(super) fn delivered(&mut self) -> Result<()> {
        self.is_unsaved |= self.all || !self.taken.is_empty();
        self.all = false;
        self.taken.clear();
        self.save()
    }

    /// Notes that the delivery failed.
    pub(super) fn failed(&mut self) {
        self.waiting.append(&mut self.taken);
    }

    fn save(&mut self) -> Result<()> {
        if !self.is_unsaved {
            return Ok(());
        }
        let coming = self.coming.iter().flat_map(|(_, paths)| paths);
        let paths = self.taken.iter().chain(&self.waiting).chain(coming).cloned().collect();
        // All files of the site are named by the flag alone.
        let (receiver, all) = (self.receiver.clone(), self.all);
        document::write(&self.file, KIND, &Undelivered { receiver, all, paths })?;
        self.is_unsaved = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use bytes::Bytes;

    use super::*;
    use crate::publish::PublishedFile;

    fn generation(paths: &[&str]) -> Generation {
        let file = |path: &&str| {
            let file = PublishedFile::new(path, String::new(), Bytes::from_static(b"x"), 1);
            ((*path).to_owned(), Arc::new(file))
        };
        Generation::new(1, paths.iter().map(file).collect::<BTreeMap<_, _>>())
    }

    fn note(outbox: &mut Outbox, paths: &[&str], next: &Generation, live: Option<&Generation>) {
        let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
        let paths: Vec<&String> = paths.iter().collect();
        outbox.note(&paths, &next.id, live.map(|live| &live.id)).expect("noted");
    }

    #[test]
    fn a_new_receiver_gets_all_files_once() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("outbox");
        let live = generation(&["a", "b"]);
        let mut outbox = Outbox::open(&file, "one").expect("open");
        assert_eq!(outbox.take(&live), ["a", "b"]);
        outbox.failed();
        assert_eq!(outbox.take(&live), ["a", "b"]);
        outbox.delivered().expect("saved");
        assert!(outbox.take(&live).is_empty());
        assert!(Outbox::open(&file, "one").expect("open").take(&live).is_empty());
        assert_eq!(Outbox::open(&file, "two").expect("open").take(&live), ["a", "b"]);
    }

    #[test]
    fn a_path_is_delivered_when_its_generation_is_live_and_not_before() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("outbox");
        let (one, two, three) = (generation(&["a"]), generation(&["b"]), generation(&["c"]));
        let mut outbox = Outbox::open(&file, "one").expect("open");
        outbox.take(&one);
        outbox.delivered().expect("saved");
        note(&mut outbox, &["a", "b"], &two, Some(&one));
        assert!(outbox.take(&one).is_empty());
        // The publish of the second generation fails, and the third generation follows.
        note(&mut outbox, &["c"], &three, Some(&one));
        assert!(outbox.take(&one).is_empty());
        assert_eq!(outbox.take(&three), ["a", "b", "c"]);
        // Without an end, everything is there after a restart.
        assert_eq!(Outbox::open(&file, "one").expect("open").take(&three), ["a", "b", "c"]);
    }

    #[test]
    fn a_path_that_changes_during_its_delivery_is_delivered_again() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("outbox");
        let (one, two) = (generation(&["a"]), generation(&["b"]));
        let mut outbox = Outbox::open(&file, "one").expect("open");
        assert_eq!(outbox.take(&one), ["a"]);
        note(&mut outbox, &["a", "b"], &two, Some(&one));
        outbox.delivered().expect("saved");
        assert_eq!(outbox.take(&two), ["a", "b"]);
        outbox.partly_delivered(&["a".to_owned()]).expect("saved");
        assert_eq!(Outbox::open(&file, "one").expect("open").take(&two), ["b"]);
    }
}
