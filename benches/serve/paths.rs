//! The paths that are asked for.

use std::path::Path;

use rand::SeedableRng;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;

/// Paths by the size of their files.
pub(crate) struct Paths {
    /// 400 pages of 5 to 10 kB, 100 of 15 to 40 kB, and 50 of 42 to 50 kB, in random order.
    pub(crate) mix: Vec<String>,
    /// Only the pages of 42 to 50 kB.
    pub(crate) large: Vec<String>,
    bytes: u64,
}

impl Paths {
    pub(crate) fn of(public: &Path) -> Paths {
        let mut found = Vec::new();
        walk(public, public, &mut found);
        let mut random = SmallRng::seed_from_u64(1);
        found.sort();
        found.shuffle(&mut random);
        let some = |from: u64, to: u64, most: usize| -> Vec<(String, u64)> {
            let fit = found.iter().filter(|(_, size)| (from..=to).contains(size)).cloned();
            let fit: Vec<_> = fit.collect();
            fit.iter().cycle().take(if fit.is_empty() { 0 } else { most }).cloned().collect()
        };
        let large = some(42_000, 50_000, 50);
        let mut mix = [some(5_000, 10_000, 400), some(15_000, 40_000, 100), large.clone()].concat();
        mix.shuffle(&mut random);
        let bytes = mix.iter().map(|(_, size)| size).sum();
        let names = |files: Vec<(String, u64)>| files.into_iter().map(|(path, _)| path).collect();
        Paths { mix: names(mix), large: names(large), bytes }
    }

    /// Describes the mix.
    pub(crate) fn about(&self) -> String {
        format!("{} bytes on average before compression", self.bytes / self.mix.len() as u64)
    }
}

fn walk(root: &Path, directory: &Path, found: &mut Vec<(String, u64)>) {
    for entry in std::fs::read_dir(directory).expect("a directory").flatten() {
        let path = entry.path();
        let name = path.strip_prefix(root).expect("below").to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.starts_with('.') && name != "status" {
                walk(root, &path, found);
            }
        } else if name.ends_with(".html") {
            let size = entry.metadata().expect("metadata").len();
            let address = name.strip_suffix("index.html").unwrap_or(&name);
            found.push((format!("/{address}"), size));
        }
    }
}
