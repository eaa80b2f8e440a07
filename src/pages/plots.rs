//! Drawings of a day of refreshes.
//!
//! Owns the three drawings of the status page: the age of the data, the outcomes of refreshes, and
//! the duration of each refresh. The program makes the drawings, so that they need no script and
//! stay readable after the program has ended. Each drawing describes in words what the drawing
//! shows, and does not show anything by colour alone (WCAG 1.4.1). The theme sets the colours.

use std::fmt::{Display, Write};
use std::time::Duration;

use super::svg;
use crate::history::{Day, SPAN_SECONDS, Span};
use crate::outcome::OutcomeKind;
use crate::texts::Texts;

/// Width of a drawing in units: one unit for each minute of a day.
const WIDTH: u64 = 1440;
/// Width of one span, in units.
const STEP: u64 = SPAN_SECONDS / 60;
/// Height of a line of text, in units.
const TEXT: u64 = 72;
/// Height of a curve, in units.
const HEIGHT: u64 = 420;
/// Height of a row of marks, in units.
const ROW: u64 = 96;
/// Height of the lowest mark of a row, in units.
const LOWEST: u64 = 14;
/// Number of spans between two times of day below a drawing: four hours.
const TICK: u64 = 4 * 3600 / SPAN_SECONDS;

/// Greatest values of scales, in milliseconds. They are round numbers.
const ROUND: [u64; 17] = [
    100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 120_000, 600_000, 1_800_000,
    3_600_000, 7_200_000, 21_600_000, 43_200_000, 86_400_000,
];

/// The source of the drawings of one day.
#[derive(Clone, Copy)]
pub(super) struct Plots<'a> {
    pub(super) day: &'a Day<'a>,
    pub(super) texts: &'a Texts,
}

impl Plots<'_> {
    /// Draws the age of the data, with the promised limit. Returns `None` if no age is known.
    pub(super) fn age(self, max_age: Duration) -> Option<String> {
        let Plots { day, texts } = self;
        let ages: Vec<Option<Duration>> =
            day.spans.iter().map(|span| span.and_then(Span::oldest)).collect();
        let oldest = ages.iter().flatten().copied().max()?;
        let limit = texts.time(max_age);
        let over = ages.iter().flatten().filter(|age| is_over(**age, max_age)).count();
        let said = texts.time(oldest);
        let what = match over {
            0 => texts.say("plot.age", &[("oldest", &said), ("limit", &limit)]),
            _ => {
                let over = texts.time(span_length() * over as u32);
                let values: [(&str, &dyn Display); 3] =
                    [("oldest", &said), ("limit", &limit), ("over", &over)];
                texts.say("plot.age_over", &values)
            }
        };
        let scale = TimeScale::up_to(oldest.max(max_age.mul_f64(1.5)));
        let mut svg = self.opening("age", TEXT + HEIGHT + TEXT, "status.age", &what);
        self.draw(&scale, &mut svg);
        let bound = scale.y(max_age);
        let _ = write!(
            svg,
            "<path class=\"bound\" d=\"M0 {bound}H{WIDTH}\"/><text x=\"{WIDTH}\" y=\"{}\" \
             text-anchor=\"end\">{}</text>",
            bound.saturating_sub(12),
            texts.say("plot.limit", &[("limit", &limit)])
        );
        curve(&ages, &scale, "line", &mut svg);
        times(day, TEXT + HEIGHT + TEXT - 10, &mut svg);
        svg.push_str("</svg>");
        Some(svg)
    }

    /// Draws the outcomes of refreshes: one row of marks for each outcome. The height of a mark is
    /// the share of the refreshes with this outcome in five minutes. Returns `None` without
    /// refreshes.
    pub(super) fn outcomes(self) -> Option<String> {
        type Is = fn(OutcomeKind) -> bool;
        let Plots { day, texts } = self;
        let rows: [(&str, &str, Is); 3] = [
            ("news", "outcome.changed", |kind| kind == OutcomeKind::Changed),
            ("same", "outcome.unchanged", |kind| kind == OutcomeKind::Unchanged),
            ("failed", "outcome.failed", |kind| !kind.is_good()),
        ];
        let spans = || day.spans.iter().flatten();
        let count = |is: Is| spans().map(|span| span.count(is)).sum::<u32>();
        let all = count(|_| true);
        if all == 0 {
            return None;
        }
        let row = |key, (_, result, is): &(_, &str, Is)| {
            texts.count(key, count(*is) as usize, &[("result", &texts.say(result, &[]))])
        };
        let told: Vec<_> = rows.iter().map(|of| row("plot.result", of)).collect();
        let told = told.join(&texts.say("list.separator", &[]));
        let what = texts.count("plot.results", all as usize, &[("results", &told)]);
        let high = TEXT + TEXT / 2 + ROW;
        let mut svg = self.opening("outcomes", 3 * high + TEXT, "status.results", &what);
        for (at, of) in rows.iter().enumerate() {
            let (class, _, is) = *of;
            let foot = (at as u64 + 1) * high;
            let _ = write!(
                svg,
                "<text x=\"0\" y=\"{}\">{}</text><path class=\"axis\" d=\"M0 {foot}H{WIDTH}\"/>",
                foot - ROW - 10,
                row("plot.row", of)
            );
            let height = |span: &Option<&Span>| {
                let (of, all) = span.map_or((0, 0), |span| (span.count(is), span.count(|_| true)));
                if of == 0 { 0 } else { (ROW * u64::from(of) / u64::from(all)).max(LOWEST) }
            };
            let heights: Vec<u64> = day.spans.iter().map(height).collect();
            let (mut at, mut marks) = (0, String::new());
            for run in heights.chunk_by(|one, other| one == other) {
                let (high, wide) = (run[0], run.len() as u64 * STEP);
                if high > 0 {
                    let _ = write!(marks, "M{at} {foot}v-{high}h{wide}v{high}z");
                }
                at += wide;
            }
            let _ = write!(svg, "<path class=\"{class}\" d=\"{marks}\"/>");
        }
        times(day, 3 * high + TEXT - 10, &mut svg);
        svg.push_str("</svg>");
        Some(svg)
    }

    /// Draws the duration of the slowest refresh, and the average duration, in each five minutes.
    /// Returns `None` without refreshes.
    pub(super) fn durations(self) -> Option<String> {
        let Plots { day, texts } = self;
        let took: Vec<Option<(Duration, Duration)>> =
            day.spans.iter().map(|span| span.and_then(Span::took)).collect();
        let slowest = took.iter().flatten().map(|&(_, slowest)| slowest).max()?;
        let count = |span: &Span| span.count(|_| true);
        let all: u32 = day.spans.iter().flatten().map(|span| count(span)).sum();
        let sum: Duration =
            day.spans.iter().flatten().filter_map(|span| Some(span.took()?.0 * count(span))).sum();
        let average = texts.time(sum.checked_div(all).unwrap_or_default());
        let most = texts.time(slowest);
        let what = texts.say("plot.durations", &[("average", &average), ("slowest", &most)]);
        let scale = TimeScale::up_to(slowest);
        let height = TEXT + HEIGHT + TEXT;
        let mut svg = self.opening("durations", height, "status.durations", &what);
        self.draw(&scale, &mut svg);
        let part = |of: fn((Duration, Duration)) -> Duration| -> Vec<Option<Duration>> {
            took.iter().map(|took| took.map(of)).collect()
        };
        curve(&part(|(_, slowest)| slowest), &scale, "line", &mut svg);
        curve(&part(|(average, _)| average), &scale, "average", &mut svg);
        times(day, TEXT + HEIGHT + TEXT - 10, &mut svg);
        svg.push_str("</svg>");
        Some(svg)
    }

    /// Draws the line of the value 0 and the line of the greatest value.
    fn draw(self, scale: &TimeScale, svg: &mut String) {
        let foot = TEXT + HEIGHT;
        let _ = write!(
            svg,
            "<path class=\"axis\" d=\"M0 {TEXT}H{WIDTH}M0 {foot}H{WIDTH}\"/>\
             <text x=\"0\" y=\"{}\">{}</text>",
            TEXT - 12,
            self.texts.time(Duration::from_millis(scale.0))
        );
    }

    fn opening(self, name: &str, height: u64, title: &str, what: &str) -> String {
        let title = self.texts.say(title, &[]);
        svg::opening("plot", "img", [WIDTH, height], name, [&title, what])
    }
}

/// Returns whether an age is clearly greater than the limit: by more than a quarter of the limit
/// and 2 s. A smaller excess is normal, because a refresh takes time, and requests may be held
/// long.
fn is_over(age: Duration, max_age: Duration) -> bool {
    age > max_age + max_age / 4 + Duration::from_secs(2)
}

fn span_length() -> Duration {
    Duration::from_secs(SPAN_SECONDS)
}

/// A scale from durations to heights.
struct TimeScale(u64);

impl TimeScale {
    fn up_to(greatest: Duration) -> TimeScale {
        let greatest = u64::try_from(greatest.as_millis()).unwrap_or(u64::MAX).max(1);
        TimeScale(ROUND.into_iter().find(|&round| round >= greatest).unwrap_or(greatest))
    }

    fn y(&self, time: Duration) -> u64 {
        let share = (time.as_secs_f64() * 1000.0 / self.0 as f64).min(1.0);
        TEXT + HEIGHT - (share * HEIGHT as f64).round() as u64
    }
}

/// Draws a line of steps, with a gap where no value is known.
fn curve(values: &[Option<Duration>], scale: &TimeScale, class: &str, svg: &mut String) {
    let mut path = String::new();
    let mut before: Option<u64> = None;
    for (at, value) in values.iter().enumerate() {
        let y = value.map(|value| scale.y(value));
        match (before, y) {
            (Some(old), Some(y)) if old == y => drop(write!(path, "h{STEP}")),
            (Some(_), Some(y)) => drop(write!(path, "V{y}h{STEP}")),
            (None, Some(y)) => drop(write!(path, "M{} {y}h{STEP}", at as u64 * STEP)),
            (_, None) => {}
        }
        before = y;
    }
    let _ = write!(svg, "<path class=\"{class}\" d=\"{path}\"/>");
}

/// Writes the times of day (UTC) below a drawing.
fn times(day: &Day<'_>, y: u64, svg: &mut String) {
    let spans = day.spans.len() as u64;
    for number in (day.first..day.first + spans).filter(|number| number % TICK == 0) {
        let x = (number - day.first) * STEP;
        if (TEXT..WIDTH - TEXT).contains(&x) {
            let hour = number * SPAN_SECONDS % 86_400 / 3_600;
            let _ =
                write!(svg, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{hour:02}:00</text>");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::WallTime;
    use crate::history::History;
    use crate::outcome::FailureKind;
    use crate::texts::Words;
    use crate::theme::Theme;

    const NOON: WallTime = WallTime(1_795_521_600_000_000);
    const MINUTE: Duration = Duration::from_secs(60);

    /// Returns a day with one refresh each minute. The refreshes of one hour failed.
    fn a_day() -> History {
        let mut history = History::default();
        for minute in 0..1440_u32 {
            let now = NOON + minute * MINUTE;
            let failed = minute.checked_sub(600).filter(|since| *since < 60);
            let kind = match (failed, minute % 10) {
                (Some(_), _) => OutcomeKind::Failed(FailureKind::Timeout),
                (_, 0) => OutcomeKind::Changed,
                _ => OutcomeKind::Unchanged,
            };
            history.saw(now, MINUTE + failed.map_or(Duration::ZERO, |since| since * MINUTE));
            history.ended(now, kind, Duration::from_millis(250));
        }
        history
    }

    #[test]
    fn each_drawing_describes_the_day_in_words() {
        let history = a_day();
        let day = history.day(NOON + 1439 * MINUTE);
        let theme = Theme::load(None).expect("a theme");
        let plots = Plots { day: &day, texts: theme.texts("en", &Words::default()) };
        let said = |svg: &str| svg.replace('\u{a0}', " ");
        let age = plots.age(MINUTE).expect("a drawing");
        let told = "The highest age of the data was 60 min. The data was older than the limit of";
        assert!(said(&age).contains(told), "{age}");
        let outcomes = plots.outcomes().expect("a drawing");
        let told = "1,440 refreshes: 138 brought newer data, 1,242 found nothing new, 60 failed.";
        assert!(outcomes.contains(told), "{outcomes}");
        let durations = plots.durations().expect("a drawing");
        let told = "took 250 ms on average and 250 ms at most";
        assert!(said(&durations).contains(told), "{durations}");
        for svg in [age, outcomes, durations] {
            assert!(svg.len() < 16_000, "{}", svg.len());
            assert!(svg.contains(">16:00</text>") && svg.ends_with("</svg>"), "{svg}");
        }
    }

    #[test]
    fn a_line_has_a_gap_where_no_value_is_known() {
        let mut svg = String::new();
        let values = [Some(MINUTE), Some(MINUTE), None, Some(MINUTE / 2)];
        curve(&values, &TimeScale::up_to(MINUTE), "line", &mut svg);
        assert_eq!(svg, "<path class=\"line\" d=\"M0 72h5h5M15 282h5\"/>");
    }

    #[test]
    fn without_refreshes_there_is_nothing_to_draw() {
        let history = History::default();
        let day = history.day(NOON);
        let theme = Theme::load(None).expect("a theme");
        let plots = Plots { day: &day, texts: theme.texts("en", &Words::default()) };
        assert_eq!((plots.age(MINUTE), plots.outcomes(), plots.durations()), (None, None, None));
    }
}
