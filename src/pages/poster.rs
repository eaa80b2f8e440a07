//! The drawn poster: a small flat picture for each film, made only from the film's id and title.
//!
//! Pages show the drawn poster if a film has no picture, or if the picture does not load. The id
//! selects the inks, the scene and the details of the scene, so the poster of a film is the same
//! everywhere and for ever. The title is set in the part of the scene that is kept plain for the
//! title. A poster must not use anything outside of itself: no style, no script, no reference. The
//! size of a poster is bounded, whatever the title.

mod lettering;
mod scenes;

use std::fmt::Write;

use htmlize::escape_text;
use scenes::SCENES;
use unicode_normalization::UnicodeNormalization;

/// Draws the poster of the film `id` as SVG, in the format 2:3 and with less than 3 kB.
pub fn poster(id: &str, title: &str) -> String {
    let title = readable(title);
    let hash = blake3::hash(id.as_bytes());
    let seed = hash.as_bytes();
    let inks = &INKS[usize::from(seed[0]) % INKS.len()];
    let (scene, place) = SCENES[usize::from(seed[1]) % SCENES.len()];
    let mut sheet = Sheet { svg: String::with_capacity(2048), inks, seed };

    sheet.svg.push_str(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 600" role="img"><title>"#,
    );
    sheet.svg.push_str(&escape_text(&title));
    sheet.svg.push_str("</title>");
    sheet.path(inks.sky, "M0 0h400v600H0z");
    // Half of the scenes are mirrored. Titles are never mirrored.
    sheet.svg.push_str(if seed[2] % 2 == 1 {
        r#"<g transform="matrix(-1 0 0 1 400 0)">"#
    } else {
        "<g>"
    });
    scene(&mut sheet);
    sheet.svg.push_str("</g>");
    sheet.set(&title, place);
    sheet.svg.push_str("</svg>");
    sheet.svg
}

/// Five inks, from the back of a scene to its front, and whether the sky is a night sky.
struct Inks {
    sky: &'static str,
    sun: &'static str,
    far: &'static str,
    mid: &'static str,
    near: &'static str,
    night: bool,
}

const fn inks(night: bool, [sky, sun, far, mid, near]: [&'static str; 5]) -> Inks {
    Inks { sky, sun, far, mid, near, night }
}

const INKS: [Inks; 14] = [
    inks(false, ["#f0a35e", "#fdf0d5", "#d9643a", "#8f2d2a", "#3a1420"]),
    inks(false, ["#bfe0dc", "#fbf5e3", "#7fb7be", "#2f7f8f", "#123f52"]),
    inks(true, ["#1d2a4d", "#f3e3b3", "#34497e", "#263768", "#0c1330"]),
    inks(false, ["#e9e2b6", "#e4572e", "#a9b665", "#5f8447", "#1f3a2b"]),
    inks(false, ["#f6c9b7", "#fff3e2", "#d98a94", "#8b4a6b", "#3b1d3f"]),
    inks(false, ["#ecd9a4", "#c8402a", "#cfa24a", "#8c5a2b", "#3a2316"]),
    inks(true, ["#0f3d46", "#f6d98b", "#23686e", "#164f57", "#061c23"]),
    inks(false, ["#f3ead7", "#d3382a", "#b9c4c0", "#5f7a86", "#1f2d3a"]),
    inks(true, ["#51417a", "#f7b267", "#7a5a95", "#3f3068", "#1a1336"]),
    inks(false, ["#cdd9e5", "#fbf8f0", "#a3b5ca", "#5b7796", "#22354f"]),
    inks(true, ["#641d2e", "#f2d0a4", "#87313b", "#4c1425", "#1f0712"]),
    inks(false, ["#cfe3c0", "#fbf0b4", "#8fc0a0", "#3f8a7a", "#17413f"]),
    inks(true, ["#2b2d34", "#e86a3e", "#4a4d57", "#3a3d46", "#121318"]),
    inks(false, ["#f4cf5d", "#fff6da", "#e79a3c", "#3d7d88", "#163a4c"]),
];

/// Ink of titles, which is light enough to be legible on every `near` ink and every night sky.
const PAPER: &str = "#fbf4e4";

/// The poster while it is drawn. Lengths are in units of the view box, 400 by 600.
struct Sheet<'a> {
    svg: String,
    inks: &'a Inks,
    seed: &'a [u8; 32],
}

impl Sheet<'_> {
    /// Returns a number in `low..=high` that depends on the id of the film. Each detail of a scene
    /// has another `n`, so that the details vary independently.
    fn vary(&self, n: usize, low: i32, high: i32) -> i32 {
        low + i32::from(self.seed[3 + n % 29]) * (high - low) / 255
    }

    fn path(&mut self, ink: &str, d: &str) {
        let _ = write!(self.svg, r#"<path fill="{ink}" d="{d}"/>"#);
    }

    fn line(&mut self, ink: &str, width: i32, d: &str) {
        let _ = write!(
            self.svg,
            r#"<path fill="none" stroke="{ink}" stroke-width="{width}" d="{d}"/>"#
        );
    }

    fn circle(&mut self, ink: &str, x: i32, y: i32, r: i32) {
        let _ = write!(self.svg, r#"<circle fill="{ink}" cx="{x}" cy="{y}" r="{r}"/>"#);
    }

    /// Draws the sun. At night, draws a moon, which is often a crescent, and a few stars.
    fn sun(&mut self, x: i32, y: i32, r: i32) {
        let inks = self.inks;
        self.circle(inks.sun, x, y, r);
        if inks.night && !self.seed[31].is_multiple_of(3) {
            self.circle(inks.sky, x - r * 2 / 5, y - r / 5, r * 9 / 10);
        }
        if inks.night {
            for n in 0..6 {
                let (x, y) = (self.vary(n, 10, 390), self.vary(n + 7, 240, 340));
                self.circle(inks.sun, x, y, 1 + (n as i32 % 2));
            }
        }
    }
}

/// Length of the longest title that is set, in characters. A longer title is cut in any case,
/// because it does not fit even at the smallest size.
const LONGEST: usize = 100;

/// Returns the title in a form for XML: composed (NFC), without characters that XML forbids, with
/// single spaces, and cut to [`LONGEST`].
fn readable(title: &str) -> String {
    let clean = title.nfc().map(|c| if c.is_whitespace() { ' ' } else { c });
    let allowed = clean.filter(|c| !c.is_control() && !matches!(c, '\u{FFFE}' | '\u{FFFF}'));
    let mut short = String::new();
    for c in allowed.skip_while(|&c| c == ' ') {
        if c == ' ' && short.ends_with(' ') {
            continue;
        }
        if short.chars().count() == LONGEST {
            return short.trim_end().to_owned() + "…";
        }
        short.push(c);
    }
    short.truncate(short.trim_end().len());
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(title: &str) -> impl Iterator<Item = String> {
        (0..200).map(move |n| poster(&format!("id-{n}"), title))
    }

    #[test]
    fn the_same_film_has_the_same_poster() {
        assert_eq!(poster("a", "Stalker"), poster("a", "Stalker"));
        assert_ne!(poster("a", "Stalker"), poster("b", "Stalker"));
    }

    #[test]
    fn every_poster_is_under_3_kb_whatever_the_title() {
        let hostile = [
            "&".repeat(10_000),
            "W".repeat(10_000),
            "\u{20000}".repeat(10_000),
            "< ".repeat(5_000),
            ". i".repeat(5_000),
        ];
        for title in &hostile {
            assert!(drawn(title).all(|svg| svg.len() < 3_000), "{:.9}", title);
        }
    }

    #[test]
    fn a_title_is_text_and_never_markup() {
        let svg = poster("a", "</title><script>\"&'\u{0}\u{1b}\u{fffe}");
        assert!(svg.contains("&lt;/title&gt;&lt;script&gt;\"&amp;'</title>"), "{svg}");
    }

    #[test]
    fn a_poster_refers_to_nothing_outside_of_itself() {
        for svg in drawn("Title") {
            let rest = svg.replace("http://www.w3.org/2000/svg", "");
            assert!(
                !["http", "href", "style=", "url(", "<script"]
                    .iter()
                    .any(|part| rest.contains(part)),
                "{svg}"
            );
        }
    }

    #[test]
    fn all_inks_occur() {
        let sky = |svg: &str| svg.split("fill=").nth(1).map(|rest| rest[..9].to_owned());
        let skies: std::collections::BTreeSet<_> = drawn("").filter_map(|svg| sky(&svg)).collect();
        assert_eq!(skies.len(), INKS.len());
    }

    #[test]
    fn a_blank_title_gives_an_empty_title() {
        assert!(drawn(" \u{0} ").all(|svg| svg.contains("<title></title>")));
    }
}
