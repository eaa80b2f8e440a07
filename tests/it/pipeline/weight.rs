//! The size of the files that a page loads.

use std::io::Write;

use crate::fixture::{Site, Upstream, contents};

/// Returns the size of a file that a release has compressed with brotli. The program under test, which
/// is not optimized, compresses less.
fn released_size(bytes: &[u8]) -> usize {
    let mut compressed = Vec::new();
    let mut writer = brotli::CompressorWriter::new(&mut compressed, 4096, 11, 18);
    writer.write_all(bytes).expect("memory takes everything");
    drop(writer);
    compressed.len()
}

#[test]
fn style_and_scripts_are_light() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    site.build_once().well();
    let files = contents(&site.out());
    let weight = |suffix: &str| -> usize {
        let found = files.iter().filter(|(path, _)| path.ends_with(suffix));
        found.map(|(_, bytes)| released_size(bytes)).sum()
    };
    for (suffix, most) in [(".css", 12_000), (".js", 15_000)] {
        let weight = weight(suffix);
        assert!(weight > 1_000 && weight < most, "{suffix}: {weight} bytes");
    }
}
