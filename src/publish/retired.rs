//! Assets to which the site no longer refers.
//!
//! Owns how long these assets stay. The name of an asset contains its hash, so a change of the
//! theme gives the asset another name. A page that was loaded before the change, or that is in a
//! cache, asks for the old name, so the old asset stays published for one day. The manifest
//! lists a retired asset, and the server answers with the same headers as for other files. A
//! retired asset is not part of the generation, because it depends on a clock and on earlier
//! publishes.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::generation::{Generation, PublishedFile};
use crate::clock::WallTime;

/// Directory of the files that have their hash in their names.
const ASSETS: &str = "assets/";
/// Seconds that a retired asset stays. A cache may show a page for about this time.
const A_DAY: u64 = 24 * 60 * 60;
/// Largest number of retired assets: an author of a theme saves often.
const MOST: usize = 200;
/// Largest size in bytes of all retired assets in all forms, because they are kept in memory.
const MOST_BYTES: u64 = 16 << 20;

/// `files` are the files of the next generation, and `before` is the current generation. Adds to
/// `files` the assets that retire now, and the assets that retired less than one day ago. If they
/// are too many, the assets that retired first are removed.
pub(super) fn carry_over(
    before: &Generation,
    files: &mut BTreeMap<String, Arc<PublishedFile>>,
    now: WallTime,
) {
    let now = now.seconds();
    let unused = before
        .files
        .iter()
        .filter(|(path, _)| path.starts_with(ASSETS) && !files.contains_key(*path));
    // If the clock went back, an asset must not stay for longer than one day.
    let since = |file: &PublishedFile| file.entry.retired.unwrap_or(now).min(now);
    let unused = unused.map(|(path, file)| (since(file), path, file));
    let mut retired: Vec<_> = unused.filter(|(since, ..)| now - since < A_DAY).collect();
    retired.sort_by_key(|(since, path, _)| (Reverse(*since), *path));
    let mut bytes = 0;
    for (since, path, file) in retired.into_iter().take(MOST) {
        bytes += file.entry.variants().map(|(_, size)| size).sum::<u64>();
        if bytes > MOST_BYTES {
            return;
        }
        files.insert(path.clone(), with(file, Some(since)));
    }
}

/// Whether the next publish removes a retired asset.
pub(super) fn is_one_due(live: &Generation, now: WallTime) -> bool {
    let assets = live.files.range(ASSETS.to_owned()..);
    let mut assets = assets.take_while(|(path, _)| path.starts_with(ASSETS));
    let now = now.seconds();
    assets.any(|(_, file)| {
        file.entry.retired.is_some_and(|since| since > now || now - since >= A_DAY)
    })
}

/// Returns the file as part of the generation, even if the file was retired.
pub(super) fn live_again(file: &Arc<PublishedFile>) -> Arc<PublishedFile> {
    with(file, None)
}

fn with(file: &Arc<PublishedFile>, retired: Option<u64>) -> Arc<PublishedFile> {
    if file.entry.retired == retired {
        return file.clone();
    }
    let mut file = PublishedFile::clone(file);
    file.entry.retired = retired;
    Arc::new(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    const START: u64 = 1_700_000_000;

    fn at(seconds: u64) -> WallTime {
        WallTime((START + seconds) * 1_000_000)
    }

    fn files(paths: &[&str], size: usize) -> BTreeMap<String, Arc<PublishedFile>> {
        let file = |path: &&str| {
            let bytes = Bytes::from(vec![b'x'; size]);
            ((*path).to_owned(), Arc::new(PublishedFile::new("a.bin", String::new(), bytes, START)))
        };
        paths.iter().map(file).collect()
    }

    /// The generation that follows `before` at a moment, with these paths.
    fn next(before: &Generation, paths: &[&str], seconds: u64) -> Generation {
        let mut files = files(paths, 1);
        carry_over(before, &mut files, at(seconds));
        Generation::new(START, files)
    }

    fn retired(generation: &Generation) -> Vec<(&str, u64)> {
        let all = generation.files.iter();
        all.filter_map(|(path, file)| Some((path.as_str(), file.entry.retired? - START))).collect()
    }

    #[test]
    fn an_asset_stays_for_a_day_and_pages_do_not() {
        let one = Generation::new(START, files(&["assets/1.css", "index.html", "old"], 1));
        let two = next(&one, &["assets/2.css", "index.html"], 10);
        assert_eq!(retired(&two), [("assets/1.css", 10)]);
        let three = next(&two, &["assets/3.css", "index.html"], A_DAY + 9);
        assert_eq!(retired(&three), [("assets/1.css", 10), ("assets/2.css", A_DAY + 9)]);
        assert!(!is_one_due(&three, at(A_DAY + 9)) && is_one_due(&three, at(A_DAY + 10)));
        let four = next(&three, &["assets/3.css", "index.html"], A_DAY + 10);
        assert_eq!(retired(&four), [("assets/2.css", A_DAY + 9)]);
        assert_eq!(four.id, three.id, "the same generation");
        assert_eq!(three.pages().count(), 2);
    }

    #[test]
    fn an_asset_that_returns_is_live_again() {
        let one = Generation::new(START, files(&["assets/1.css"], 1));
        let two = next(&one, &["assets/2.css"], 10);
        let back = live_again(&two.files["assets/1.css"]);
        assert_eq!(back.entry, one.files["assets/1.css"].entry);
        let three = next(&two, &["assets/1.css"], 20);
        assert_eq!(retired(&three), [("assets/2.css", 20)]);
        assert_eq!(three.id, one.id);
    }

    #[test]
    fn a_clock_that_was_set_back_keeps_no_asset_for_longer() {
        let one = Generation::new(START, files(&["assets/1.css"], 1));
        let ahead = next(&one, &["index.html"], 900 * A_DAY);
        let corrected = next(&ahead, &["index.html"], 5);
        assert_eq!(retired(&corrected), [("assets/1.css", 5)]);
        assert_eq!(retired(&next(&corrected, &["index.html"], A_DAY + 5)), []);
    }

    #[test]
    fn the_assets_that_retired_first_are_removed_beyond_the_bounds() {
        let mut live = Generation::new(START, files(&[], 1));
        for second in 0..u64::try_from(MOST).expect("few") + 5 {
            live = next(&live, &[&format!("assets/{second:03}.css")], second);
        }
        assert_eq!(retired(&live).len(), MOST);
        assert_eq!(retired(&live)[0], ("assets/004.css", 5));

        let half = usize::try_from(MOST_BYTES / 2).expect("small");
        let mut live = Generation::new(START, files(&["assets/1"], half));
        for second in 2..5 {
            let mut files = files(&[&format!("assets/{second}")], half);
            carry_over(&live, &mut files, at(second));
            live = Generation::new(START, files);
        }
        assert_eq!(retired(&live), [("assets/2", 3), ("assets/3", 4)]);
    }
}
