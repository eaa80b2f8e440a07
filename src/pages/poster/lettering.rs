//! The title of a poster, which is set as large as the room allows, with good line breaks.

use std::fmt::Write;

use htmlize::escape_text;

use super::scenes::Place;
use super::{PAPER, Sheet};

/// Font sizes in units of the view box, largest first, each with the largest number of lines. The
/// first size at which the title fits is used.
const SIZES: [(f32, usize); 9] = [
    (90.0, 1),
    (72.0, 2),
    (54.0, 3),
    (47.0, 3),
    (41.0, 4),
    (33.0, 5),
    (29.0, 5),
    (25.0, 5),
    (22.0, 5),
];
/// Largest width of a piece that is not divided, in em: the width of a line at a size of 32 units.
const WIDEST: f32 = 10.3;
/// Words that should rather begin a line than end a line.
const SMALL: [&str; 12] =
    ["a", "an", "the", "of", "and", "in", "on", "to", "for", "from", "with", "or"];
/// Width of the column of text, in units of the view box.
const COLUMN: f32 = 332.0;
/// Width of the margin on the left of the column, in units of the view box.
const MARGIN: i32 = 32;

impl Sheet<'_> {
    /// Sets the title as large as possible.
    pub(super) fn set(&mut self, title: &str, place: Place) {
        let (size, lines) = fit(pieces(title));
        let inks = self.inks;
        let ink = if place == Place::Ground || inks.night { PAPER } else { inks.near };
        let leading = size * 1.1;
        let top = match place {
            Place::Sky => 40.0 + size * 0.75,
            Place::Ground | Place::Foot => {
                568.0 - leading * (lines.len().max(1) - 1) as f32 - size * 0.1
            }
        };
        let _ = write!(
            self.svg,
            r#"<text fill="{ink}" font-family="'Iowan Old Style','Palatino Linotype',Palatino,'URW Palladio L',Georgia,'Hiragino Mincho ProN','Yu Mincho','Noto Serif CJK JP',serif" font-size="{size}">"#
        );
        for (n, line) in lines.iter().enumerate() {
            let _ = write!(self.svg, r#"<tspan x="{MARGIN}" y="{:.0}">"#, top + leading * n as f32);
            self.svg.push_str(&escape_text(line));
            self.svg.push_str("</tspan>");
        }
        self.svg.push_str("</text>");
    }
}

/// Returns the largest size at which all pieces fit, and the lines. At the smallest size, the
/// pieces that do not fit are cut off.
fn fit(mut pieces: Vec<(String, bool)>) -> (f32, Vec<String>) {
    for (size, most) in SIZES {
        if let Some(lines) = lines(&pieces, COLUMN / size, most) {
            return (size, lines);
        }
    }
    let (size, most) = SIZES[SIZES.len() - 1];
    loop {
        pieces.pop();
        let Some((last, _)) = pieces.last_mut() else { return (size, Vec::new()) };
        let whole = last.len();
        last.push('…');
        if let Some(lines) = lines(&pieces, COLUMN / size, most) {
            return (size, lines);
        }
        if let Some((last, _)) = pieces.last_mut() {
            last.truncate(whole);
        }
    }
}

/// Divides a title into pieces that must not be broken. Each piece has a flag that says whether a
/// space comes before the piece. A piece is a word, a single character of a script that allows a
/// break anywhere, or a part of a word that is wider than a line.
fn pieces(title: &str) -> Vec<(String, bool)> {
    let mut pieces: Vec<(String, bool)> = Vec::new();
    for word in title.split(' ') {
        let mut spaced = !pieces.is_empty();
        let mut piece = String::new();
        for c in word.chars() {
            // A line must not begin with a small kana, a punctuation mark or a closing bracket.
            let clings = "、。，．・：；？！ーっゃゅょァィゥェォッャュョ）」』】〉》〜".contains(c);
            let parted = width(&piece) + em(c) > WIDEST;
            if (parted || (wide(c) && !clings)) && !piece.is_empty() {
                if parted && piece.ends_with(char::is_alphabetic) && !wide(c) {
                    piece.push('-');
                }
                pieces.push((std::mem::take(&mut piece), spaced));
                spaced = false;
            }
            piece.push(c);
        }
        pieces.push((piece, spaced));
    }
    pieces
}

/// Breaks the pieces into at most `most` lines with a width of `room` em. The lines are as even as
/// possible, and a line ends in a small word only if there is no better break. Returns `None` if
/// the pieces do not fit.
fn lines(pieces: &[(String, bool)], room: f32, most: usize) -> Option<Vec<String>> {
    // Dynamic programming, from the last piece backwards. `best` has, for each piece and number of
    // lines that are left, the least cost of the lines from this piece on, and the end of the first
    // of these lines.
    let total = pieces.len();
    let widths: Vec<f32> = pieces.iter().map(|(piece, _)| width(piece)).collect();
    if widths.iter().sum::<f32>() > room * most as f32 {
        return None;
    }
    let mut best = vec![vec![(f32::INFINITY, total); most + 1]; total + 1];
    best[total].fill((0.0, total));
    for start in (0..total).rev() {
        for left in 1..=most {
            let mut filled = 0.0;
            for end in start + 1..=total {
                let (piece, spaced) = &pieces[end - 1];
                filled += widths[end - 1] + if *spaced && end > start + 1 { 0.27 } else { 0.0 };
                if filled > room {
                    break;
                }
                let small = end < total && SMALL.contains(&piece.to_lowercase().as_str());
                let cost = (1.0 - filled / room).powi(2)
                    + 0.2
                    + if small { 0.6 } else { 0.0 }
                    + best[end][left - 1].0;
                if cost < best[start][left].0 {
                    best[start][left] = (cost, end);
                }
            }
        }
    }
    if best[0][most].0.is_infinite() {
        return None;
    }
    let (mut start, mut set) = (0, Vec::new());
    while start < total {
        let end = best[start][most - set.len()].1;
        let line = pieces[start..end]
            .iter()
            .map(|(piece, spaced)| if *spaced { format!(" {piece}") } else { piece.clone() });
        set.push(line.collect::<String>().trim_start().to_owned());
        start = end;
    }
    Some(set)
}

fn width(text: &str) -> f32 {
    text.chars().map(em).sum()
}

/// Returns an estimate of the advance width of a character in em. The estimate is rather too wide,
/// because visitors have different serif fonts.
fn em(c: char) -> f32 {
    match c {
        'i' | 'j' | 'l' | 't' | 'f' | 'r' | 'I' | '.' | ',' | '\'' | '’' | '!' | ':' | ';'
        | '-' | ' ' | '(' | ')' => 0.38,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '—' | '…' => 0.98,
        'A'..='Z' | '&' => 0.76,
        _ if wide(c) => 1.0,
        _ if c.is_uppercase() => 0.78,
        _ => 0.57,
    }
}

fn wide(c: char) -> bool {
    c >= '\u{1100}' && !matches!(c, '\u{1E00}'..='\u{2E7F}' | '\u{FB00}'..='\u{FDFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_does_not_end_in_a_small_word() {
        let set = lines(&pieces("Howl of the Hills"), 6.6, 4).unwrap_or_default();
        assert_eq!(set, ["Howl", "of the Hills"]);
    }
}
