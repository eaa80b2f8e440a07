//! The size of the files that a page loads.

use crate::fixture::{Site, Upstream, contents};

#[test]
fn style_and_scripts_are_light() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    site.build_once().well();
    let files = contents(&site.out());
    let weight = |suffix: &str| -> usize {
        let found = files.iter().filter(|(path, _)| path.ends_with(suffix));
        found.map(|(_, bytes)| bytes.len()).sum()
    };
    for (suffix, most) in [(".css.br", 12_000), (".js.br", 15_000)] {
        let weight = weight(suffix);
        assert!(weight > 1_000 && weight < most, "{suffix}: {weight} bytes");
    }
}
