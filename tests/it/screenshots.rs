//! Screenshots of the site. `make screenshots` keeps them, and README.md shows three of them.
//!
//! People judge how the pages look. The tests check only that the screenshots are taken and
//! that nothing fails on the way.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::fixture::{Browser, Site, Tab, wait_until};

/// A screenshot of one page.
struct Shot {
    name: &'static str,
    path: &'static str,
    /// Width and height of the window.
    window: (u32, u32),
    is_dark: bool,
    media: &'static str,
}

impl Shot {
    const fn of(name: &'static str, path: &'static str) -> Shot {
        Shot { name, path, window: (1440, 1000), is_dark: false, media: "screen" }
    }
}

const FILM: &str = "/movies/spirited-away/";
const SHOTS: [Shot; 6] = [
    Shot::of("list", "/"),
    Shot { is_dark: true, ..Shot::of("dark", "/") },
    Shot { is_dark: true, ..Shot::of("film", FILM) },
    Shot::of("person", "/people/haku/"),
    Shot { window: (390, 844), ..Shot::of("phone", "/") },
    Shot { window: (794, 1123), media: "print", ..Shot::of("print", "/") },
];

/// Returns the directory in which screenshots are kept, if any.
fn kept() -> Option<PathBuf> {
    Some(PathBuf::from(std::env::var_os("SCREENSHOTS")?))
}

#[test]
#[ignore = "needs chromium"]
fn screenshots_of_the_site_are_taken_without_a_fault() {
    let served = Site::new().with(&["--demo", "--interval", "1h", "--max-age", "1h"]).serve();
    let server = served.ready();
    let mut browser = Browser::start();
    let mut tab = browser.tab();
    for shot in &SHOTS {
        let (width, height) = shot.window;
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500});
        tab.call("Emulation.setDeviceMetricsOverride", metrics);
        let scheme = if shot.is_dark { "dark" } else { "light" };
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        tab.call("Emulation.setEmulatedMedia", json!({"media": shot.media, "features": features}));
        tab.load(&format!("http://{}{}", server.address, shot.path));
        wait_until("the pictures in the window", || is_painted(&mut tab));
        let picture = taken(&mut tab);
        assert!(picture.len() > 5_000, "{} has {} bytes", shot.name, picture.len());
        assert!(picture.len() < 150_000, "{} has {} bytes", shot.name, picture.len());
        if let Some(directory) = kept() {
            std::fs::create_dir_all(&directory).expect("a directory");
            let file = directory.join(shot.name).with_extension("webp");
            std::fs::write(file, picture).expect("written");
        }
    }
    assert_eq!(tab.complaints(), Vec::<Value>::new());
}

/// Whether all visible pictures have loaded.
fn is_painted(tab: &mut Tab) -> bool {
    tab.value(
        "[...document.images].every((image) =>
            image.complete || !image.checkVisibility()
            || image.getBoundingClientRect().top > innerHeight)",
    ) == true
}

fn taken(tab: &mut Tab) -> Vec<u8> {
    let format = json!({"format": "webp", "quality": 82});
    let shot = tab.call("Page.captureScreenshot", format);
    STANDARD.decode(shot["data"].as_str().expect("a picture")).expect("base64")
}
