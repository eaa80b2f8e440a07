//! Drawings of the catalogue: the years of films, and their scores.
//!
//! Owns the two drawings of the list of films. The program makes the drawings, so that they need no
//! script in the browser. Each mark is a link with a text, and each drawing describes in words what
//! the drawing shows. The theme sets the colours and the sizes of texts.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};

use htmlize::{escape_attribute, escape_text};

use super::paths::film_path;
use super::svg;
use super::view::Views;
use crate::catalogue::FilmIndex;

/// Width of both drawings, in units of the view box.
const WIDTH: u32 = 1000;
/// Width of the room for marks at both ends, in units.
const MARGIN: u32 = 24;
/// Largest number of films in a drawing. With more films, marks cannot be told apart.
const MOST: usize = 400;
/// Longest span of a scale, in years. In a longer span, years cannot be told apart.
const LONGEST: u32 = 150;

/// A span of years as a horizontal scale.
struct YearScale {
    first: u32,
    last: u32,
}

impl YearScale {
    fn of(years: impl Iterator<Item = u32> + Clone) -> Option<YearScale> {
        let (first, last) = (years.clone().min()?, years.max()?);
        (last > first && last - first <= LONGEST).then_some(YearScale { first, last })
    }

    fn x(&self, year: u32) -> u32 {
        MARGIN + (year - self.first) * (WIDTH - 2 * MARGIN) / (self.last - self.first)
    }

    /// Returns the years that are written below a drawing: every 10 years, or every 50 years if the
    /// span is longer than 60 years.
    fn ticks(&self) -> impl Iterator<Item = u32> {
        let step = if self.last - self.first > 60 { 50 } else { 10 };
        (self.first.div_ceil(step)..=self.last / step).map(move |tick| tick * step)
    }

    fn draw(&self, y: u32, svg: &mut String) {
        svg.push_str("<g class=\"years\">");
        for year in self.ticks() {
            let x = self.x(year);
            let _ = write!(svg, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{year}</text>");
        }
        svg.push_str("</g>");
    }
}

impl Views<'_> {
    /// Draws one mark for each film, by year. Returns `None` if the drawing would not be legible:
    /// if there are too few or too many films, or if the span of years is too long.
    pub(super) fn timeline(self) -> Option<String> {
        let films = self.dated()?;
        let scale = YearScale::of(films.iter().map(|&(year, _)| year))?;
        let mut stacks: BTreeMap<u32, u32> = BTreeMap::new();
        for &(year, _) in &films {
            *stacks.entry(scale.x(year)).or_default() += 1;
        }
        let highest = stacks.values().copied().max().unwrap_or(1);
        let (step, base) = (18, highest * 18 + 6);
        let count = self.texts.count("count.films", films.len(), &[]);
        let values: [(&str, &dyn Display); 3] =
            [("films", &count), ("first", &scale.first), ("last", &scale.last)];
        let what = self.texts.say("chart.timeline", &values);
        let mut svg = self.opening(base + 26, "timeline", "list.timeline", &what);
        let _ = write!(svg, "<path d=\"M0 {base}H{WIDTH}\" class=\"axis\"/>");
        scale.draw(base + 20, &mut svg);
        let mut stood: BTreeMap<u32, u32> = BTreeMap::new();
        for (year, film) in films {
            let x = scale.x(year);
            let below = stood.entry(x).or_default();
            let y = base - 10 - *below * step;
            *below += 1;
            let title = &self.catalogue.film(film).title;
            let text = self.texts.say("chart.mark", &[("title", title), ("year", &year)]);
            self.mark(film, [x, y], &text, &mut svg);
        }
        svg.push_str("</svg>");
        Some(svg)
    }

    /// Draws one mark for each film, by year and score. Returns `None` in the same cases as
    /// [`Views::timeline`].
    pub(super) fn scores(self) -> Option<String> {
        let score = |film: FilmIndex| self.catalogue.film(film).rt_score;
        let scored: Vec<_> = self
            .dated()?
            .into_iter()
            .filter_map(|(year, film)| Some((year, film, score(film)?.min(100))))
            .collect();
        let scale = YearScale::of(scored.iter().map(|&(year, ..)| year))?;
        let all = || scored.iter().map(|&(.., score)| score);
        let average = all().sum::<u32>() / u32::try_from(scored.len()).ok()?;
        let count = self.texts.count("count.films", scored.len(), &[]);
        let values: [(&str, &dyn Display); 6] = [
            ("films", &count),
            ("first", &scale.first),
            ("last", &scale.last),
            ("average", &average),
            ("least", &all().min()?),
            ("most", &all().max()?),
        ];
        let what = self.texts.say("chart.scores", &values);
        // One point of a score is two units high.
        let (top, height) = (12, 200);
        let y = |score: u32| top + height - score * height / 100;
        let mut svg = self.opening(top + height + 28, "scores", "list.scores", &what);
        for score in [0, 50, 100] {
            let at = y(score);
            let _ = write!(
                svg,
                "<path d=\"M0 {at}H{WIDTH}\" class=\"axis\"/><text x=\"0\" y=\"{}\">{score}</text>",
                at.saturating_sub(3).max(10)
            );
        }
        scale.draw(top + height + 22, &mut svg);
        for &(year, film, score) in &scored {
            let title = &self.catalogue.film(film).title;
            let values: [(&str, &dyn Display); 3] =
                [("title", title), ("year", &year), ("score", &score)];
            let text = self.texts.say("chart.score_mark", &values);
            self.mark(film, [scale.x(year), y(score)], &text, &mut svg);
        }
        svg.push_str("</svg>");
        Some(svg)
    }

    /// Returns the films that have a year, earliest first. Returns `None` if there are too few or
    /// too many films for a drawing.
    fn dated(self) -> Option<Vec<(u32, FilmIndex)>> {
        // The catalogue has the newest film first.
        let films = self.catalogue.films().rev();
        let mut dated: Vec<_> =
            films.filter_map(|(index, film)| Some((film.year?, index))).collect();
        dated.sort_by_key(|&(year, _)| year);
        (2..=MOST).contains(&dated.len()).then_some(dated)
    }

    /// Draws the mark of a film. Only the first mark of a drawing is a stop of the key Tab; a script
    /// goes to the others by arrow keys. Each film is also in the list below the drawing.
    fn mark(self, film: FilmIndex, [x, y]: [u32; 2], text: &str, svg: &mut String) {
        let url = self.site.link(&film_path(self.film_slug(film)));
        let stop = if svg.contains("<a ") { " tabindex=\"-1\"" } else { "" };
        let _ = write!(
            svg,
            "<a href=\"{}\"{stop} aria-label=\"{}\"><title>{}</title>\
             <circle cx=\"{x}\" cy=\"{y}\" r=\"7\"/></a>",
            escape_attribute(&url),
            escape_attribute(text),
            escape_text(text)
        );
    }

    fn opening(self, height: u32, name: &str, title: &str, what: &str) -> String {
        let title = self.texts.say(title, &[]);
        svg::opening("chart", "group", [WIDTH.into(), height.into()], name, [&title, what])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_goes_from_the_first_year_to_the_last() {
        let scale = YearScale::of([1986, 2001, 2023].into_iter()).expect("a scale");
        assert_eq!((scale.x(1986), scale.x(2023)), (MARGIN, WIDTH - MARGIN));
        assert_eq!(scale.ticks().collect::<Vec<_>>(), [1990, 2000, 2010, 2020]);
        assert!(YearScale::of([1986, 1986].into_iter()).is_none());
        assert!(YearScale::of([1, 2000].into_iter()).is_none());
    }
}
