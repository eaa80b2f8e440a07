//! Refused answers, kept for the owner.
//!
//! Owns `refused/` under the state directory. For each refusal there is a small document,
//! `<sets>`, and a document with its bodies, `<sets>.bodies`. The newest [`KEPT`] refusals are
//! kept, or fewer if their bodies exceed [`MOST_BYTES`]. This module must not judge answers.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::clock::WallTime;
use crate::disk;
use crate::document;
use crate::outcome::SetsHash;
use crate::payload::{AnswerHead, Body, Payload};

/// Number of refusals that are kept.
pub const KEPT: usize = 20;

/// Bytes of bodies that are kept: four bodies of the default `--max-bytes`. The newest refusal
/// is kept whatever its size is, because otherwise the owner could not accept the answer.
pub const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// Suffix of the file with the bodies, and kind of its document.
const BODIES: &str = "bodies";

/// A refused answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Name of the sets of ids.
    pub sets: SetsHash,
    /// Why the answer is implausible.
    pub why: String,
    /// Whether the answer is taken only if the owner accepts it.
    pub needs_the_owner: bool,
    /// Number of refusals in a row.
    pub times: u32,
    /// Time of the last refusal.
    pub last: WallTime,
}

/// The raw bodies of a refused answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedBodies<'b> {
    films: Cow<'b, str>,
    people: Cow<'b, str>,
    /// The answers in the bodies of films and people. `None` in a document of an earlier version:
    /// each body is then one answer.
    #[serde(default)]
    answers: Option<[Vec<AnswerHead>; 2]>,
}

impl<'b> RefusedBodies<'b> {
    /// Returns the bodies of a payload.
    pub fn of(payload: &'b Payload) -> RefusedBodies<'b> {
        let [films, people] = [&payload.films, &payload.people];
        RefusedBodies {
            films: String::from_utf8_lossy(films.bytes()),
            people: String::from_utf8_lossy(people.bytes()),
            answers: Some([films, people].map(|body| body.heads().to_vec())),
        }
    }

    /// Returns the bodies of films and people, or `None` if the document is damaged.
    pub fn bodies(self) -> Option<[Body; 2]> {
        let [films, people] = [self.films, self.people].map(|text| text.into_owned().into());
        let [of_films, of_people] = self.answers.map_or([None, None], |heads| heads.map(Some));
        Some([Body::restored(films, of_films)?, Body::restored(people, of_people)?])
    }
}

/// Keeps a refusal, and removes the oldest refusals if there are too many.
///
/// # Errors
/// Fails if the refusal cannot be written.
pub fn keep(state: &Path, refusal: &Refusal, bodies: &RefusedBodies<'_>) -> Result<()> {
    let directory = directory(state);
    disk::create_directory(&directory)?;
    let path = directory.join(&refusal.sets.0);
    // Write the bodies first, because a refusal without bodies is not listed.
    document::write(&bodies_of(&path), BODIES, bodies)?;
    document::write(&path, "refused", refusal)?;
    forget_surplus(&directory, MOST_BYTES)
}

/// Removes the oldest refusals beyond [`KEPT`] and beyond `most_bytes`, and files that belong to
/// no refusal (left by an earlier version or by a killed process).
fn forget_surplus(directory: &Path, most_bytes: u64) -> Result<()> {
    let mut refusals = refusals(directory);
    // Sort by file times, because reading the bodies may take long.
    refusals.sort_by_cached_key(|path| Reverse((disk::modified(path), path.clone())));
    let (mut kept, mut bytes) = (Vec::new(), 0);
    for path in refusals.into_iter().take(KEPT) {
        bytes += disk::size(&bodies_of(&path)).unwrap_or(0);
        if !kept.is_empty() && bytes > most_bytes {
            break;
        }
        kept.extend([bodies_of(&path), path]);
    }
    let surplus = disk::entries(directory)?.into_iter().filter(|path| !kept.contains(path));
    surplus.into_iter().try_for_each(|path| disk::remove_file(&path))
}

/// Returns the bodies of a refusal, if they are still kept.
pub fn bodies(state: &Path, sets: &SetsHash) -> Option<RefusedBodies<'static>> {
    document::peek(&bodies_of(&directory(state).join(&sets.0)), BODIES)
}

/// Removes a refusal whose answer was accepted or taken.
///
/// # Errors
/// Fails if the files cannot be removed.
pub fn forget(state: &Path, sets: &SetsHash) -> Result<()> {
    let path = directory(state).join(&sets.0);
    disk::remove_file(&path)?;
    disk::remove_file(&bodies_of(&path))
}

/// Returns the refusals, newest first, without reading bodies.
pub fn list(state: &Path) -> Vec<Refusal> {
    let paths = refusals(&directory(state));
    let mut refusals: Vec<Refusal> =
        paths.iter().filter_map(|path| document::peek(path, "refused")).collect();
    refusals.sort_by(|a, b| (b.last, &b.sets).cmp(&(a.last, &a.sets)));
    refusals
}

fn directory(state: &Path) -> PathBuf {
    state.join("refused")
}

fn bodies_of(path: &Path) -> PathBuf {
    path.with_extension(BODIES)
}

/// Returns the documents of refusals whose bodies are kept. An earlier version kept both in one
/// document, which may be large and is not read.
fn refusals(directory: &Path) -> Vec<PathBuf> {
    let paths = disk::entries(directory).unwrap_or_default();
    let has_bodies =
        |path: &PathBuf| path.extension().is_none() && disk::size(&bodies_of(path)).is_some();
    paths.into_iter().filter(has_bodies).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(number: u64) -> Refusal {
        Refusal {
            sets: SetsHash(format!("{number:012x}")),
            why: "it is empty".into(),
            needs_the_owner: true,
            times: 1,
            last: WallTime(number),
        }
    }

    fn keep_some(state: &Path, count: u64) {
        for number in 0..count {
            let films = Cow::from(format!("[{number}]"));
            let bodies = RefusedBodies { films, people: "[]".into(), answers: None };
            keep(state, &refusal(number), &bodies).expect("kept");
        }
    }

    fn files(state: &Path) -> usize {
        disk::entries(&directory(state)).expect("listed").len()
    }

    #[test]
    fn only_the_last_refusals_are_kept() {
        let state = tempfile::tempdir().expect("a directory");
        let state = state.path();
        keep_some(state, KEPT as u64 + 5);
        let last = refusal(KEPT as u64 + 4);
        assert_eq!(bodies(state, &last.sets).expect("bodies").films, "[24]");
        let kept = list(state);
        assert_eq!((kept.len(), files(state)), (KEPT, 2 * KEPT));
        assert_eq!(kept[0], last);
        forget(state, &last.sets).expect("forgotten");
        assert_eq!((list(state).len(), files(state)), (KEPT - 1, 2 * KEPT - 2));
    }

    #[test]
    fn bodies_are_kept_up_to_a_number_of_bytes_and_the_newest_in_any_case() {
        let state = tempfile::tempdir().expect("a directory");
        let state = state.path();
        keep_some(state, 5);
        let one = disk::size(&bodies_of(&directory(state).join(&refusal(4).sets.0)));
        let one = one.expect("a size");
        forget_surplus(&directory(state), 2 * one).expect("forgotten");
        assert_eq!(list(state), [refusal(4), refusal(3)]);
        forget_surplus(&directory(state), 0).expect("forgotten");
        assert_eq!(list(state), [refusal(4)]);
        assert_eq!(files(state), 2);
    }

    #[test]
    fn a_list_reads_no_bodies_and_files_of_an_earlier_version_are_removed() {
        let state = tempfile::tempdir().expect("a directory");
        let state = state.path();
        keep_some(state, 2);
        let path = |number| directory(state).join(&refusal(number).sets.0);
        disk::replace(&bodies_of(&path(0)), b"damaged").expect("written");
        document::write(&path(7), "refused", &refusal(7)).expect("written");
        assert_eq!(list(state), [refusal(1), refusal(0)], "without bodies it is not listed");
        assert_eq!(bodies(state, &refusal(0).sets), None);
        keep_some(state, 1);
        assert!(disk::read(&path(7)).expect("looked").is_none());
    }
}
