//! Payloads that were not believed, kept for the owner to look at.
//!
//! Owns `refused/` under the state directory: one document for each set of ids,
//! the last [`KEPT`] of them. It must not judge them.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::document;
use crate::clock::WallTime;
use crate::disk;
use crate::outcome::SetsHash;

/// Documents that are kept.
pub const KEPT: usize = 20;

/// A payload that was not believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Names its sets of ids.
    pub sets: SetsHash,
    /// Why it was not believed.
    pub why: String,
    /// Whether only the owner can accept it.
    pub needs_the_owner: bool,
    /// How often in a row.
    pub times: u32,
    /// When it was seen last.
    pub last: WallTime,
}

/// The bodies of a payload that was not believed, raw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bodies<'b> {
    /// The films.
    pub films: Cow<'b, str>,
    /// The people.
    pub people: Cow<'b, str>,
}

/// Keeps a refusal, and forgets the oldest if there are too many.
///
/// # Errors
/// If it cannot be written.
pub fn keep(state: &Path, refusal: &Refusal, bodies: &Bodies<'_>) -> Result<()> {
    #[derive(Serialize)]
    struct Document<'d> {
        #[serde(flatten)]
        refusal: &'d Refusal,
        #[serde(flatten)]
        bodies: &'d Bodies<'d>,
    }
    let directory = state.join("refused");
    disk::create_directory(&directory)?;
    let document = Document { refusal, bodies };
    document::write(&directory.join(&refusal.sets.0), "refused", &document)?;
    // By their times: what they hold may be large.
    let mut paths = disk::entries(&directory)?;
    paths.sort_by_cached_key(|path| Reverse((disk::modified(path), path.clone())));
    paths.iter().skip(KEPT).try_for_each(|surplus| disk::remove_file(surplus))
}

/// The bodies of a refusal, if they are still kept.
pub fn bodies(state: &Path, sets: &SetsHash) -> Option<Bodies<'static>> {
    document::peek(&state.join("refused").join(&sets.0), "refused")
}

/// Forgets a refusal that was settled.
///
/// # Errors
/// If it cannot be removed.
pub fn forget(state: &Path, sets: &SetsHash) -> Result<()> {
    disk::remove_file(&state.join("refused").join(&sets.0))
}

/// What is kept, the last first. The documents are read one by one and without their
/// bodies, so that the list takes no more memory than the largest of them.
pub fn list(state: &Path) -> Vec<Refusal> {
    let paths = disk::entries(&state.join("refused")).unwrap_or_default();
    let mut refusals: Vec<Refusal> =
        paths.iter().filter_map(|path| document::peek(path, "refused")).collect();
    refusals.sort_by(|a, b| (b.last, &b.sets).cmp(&(a.last, &a.sets)));
    refusals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_refusals_are_kept() {
        let state = tempfile::tempdir().expect("a directory");
        for number in 0..KEPT as u64 + 5 {
            let refusal = Refusal {
                sets: SetsHash(format!("{number:012x}")),
                why: "it is empty".into(),
                needs_the_owner: true,
                times: 1,
                last: WallTime(number),
            };
            let films = format!("[{number}]");
            let bodies = Bodies { films: films.into(), people: "[]".into() };
            keep(state.path(), &refusal, &bodies).expect("kept");
        }
        let last = SetsHash(format!("{:012x}", KEPT as u64 + 4));
        assert_eq!(bodies(state.path(), &last).expect("bodies").films, "[24]");
        let kept = list(state.path());
        assert_eq!(kept.len(), KEPT);
        assert_eq!(kept[0].last, WallTime(KEPT as u64 + 4));
    }
}
