//! The bounds of rendering.
//!
//! Owns the largest size of a page and the longest time of its rendering. This module exists so
//! that a loop that does not end, with or without output, costs one refresh and not the site. A
//! template can repeat only over a list, and only `range` makes a list from nothing. Therefore
//! `range` checks the time.

use std::cell::Cell;
use std::io;
use std::time::{Duration, Instant};

use anyhow::{Error as Explained, anyhow};
use tera::{Error, Kwargs, State, Tera, TeraResult};

/// Largest size of a page in bytes. A larger page comes from a loop that does not end.
const LARGEST_PAGE: usize = 64 << 20;
/// Longest time of rendering a page. The largest pages take milliseconds, so a page that takes
/// longer has a loop that does not end.
const LONGEST_RENDERING: Duration = Duration::from_secs(3);
/// Largest count of numbers in one `range`. A list of so many numbers fits into memory.
const LONGEST_RANGE: i64 = 100_000;

thread_local! {
    /// The time at which rendering must stop, for the page that this thread renders. The time is
    /// kept for each thread, because a function of Tera gets only values that templates see too.
    static UNTIL: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Renders a page by `render`, within the bounds.
///
/// # Errors
/// Fails if the page exceeds a bound, and names the bound. The inner result is the result of the
/// template itself.
pub(super) fn bounded<T>(
    template: &str,
    render: impl FnOnce(&mut PageBytes) -> Result<T, Error>,
) -> Result<Result<Vec<u8>, Error>, Explained> {
    let mut page = PageBytes(Vec::new());
    UNTIL.set(Some(now() + LONGEST_RENDERING));
    let rendered = render(&mut page);
    let is_late = UNTIL.replace(None).is_some_and(|until| now() >= until);
    let bound = match &rendered {
        Err(_) if page.0.len() >= LARGEST_PAGE => {
            format!("{} of output", bytesize::ByteSize(LARGEST_PAGE as u64))
        }
        Err(_) if is_late => humantime::format_duration(LONGEST_RENDERING).to_string(),
        _ => return Ok(rendered.map(|_| page.0)),
    };
    Err(anyhow!("template {template} was stopped after {bound}; check that its loops end"))
}

/// The bytes of the page that is being rendered.
pub(super) struct PageBytes(Vec<u8>);

impl io::Write for PageBytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > LARGEST_PAGE {
            self.0.resize(LARGEST_PAGE, 0);
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Replaces Tera's `range` by a `range` that checks the time.
pub(super) fn register(tera: &mut Tera) {
    tera.register_function("range", |arguments: Kwargs, _: &State| range(&arguments));
}

fn range(arguments: &Kwargs) -> TeraResult<Vec<i64>> {
    if UNTIL.get().is_some_and(|until| now() >= until) {
        return Err(Error::message("the time for rendering this page is over"));
    }
    let start = arguments.get::<i64>("start")?.unwrap_or(0);
    let end = arguments.must_get::<i64>("end")?;
    let step = arguments.get::<i64>("step_by")?.unwrap_or(1);
    if step == 0 || (step > 0 && start > end) {
        return Err(Error::message(
            "`range` does not reach `end`; change `start`, `end` or `step_by`",
        ));
    }
    let length = (i128::from(end) - i128::from(start)) / i128::from(step);
    if length > i128::from(LONGEST_RANGE) {
        return Err(Error::message(format!(
            "`range` has more than {LONGEST_RANGE} numbers; use fewer"
        )));
    }
    let next = |&number: &i64| number.checked_add(step);
    let is_before_the_end = |number: &i64| if step > 0 { *number < end } else { *number > end };
    Ok(std::iter::successors(Some(start), next).take_while(is_before_the_end).collect())
}

#[expect(
    clippy::disallowed_methods,
    reason = "limits the duration of a calculation; the time is neither an age nor a wait"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(text: &str) -> Result<String, String> {
        let mut tera = Tera::new();
        register(&mut tera);
        tera.add_raw_template("page.html", text).expect("a template");
        let page =
            bounded("page.html", |page| tera.render_to("page.html", &tera::Context::new(), page));
        let page = page.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        Ok(String::from_utf8(page).expect("text"))
    }

    #[test]
    fn a_template_that_renders_too_much_is_stopped() {
        let line = "x".repeat(1000);
        let error = rendered(&format!("{{% for i in range(end=90000) %}}{line}{{% endfor %}}"));
        assert!(error.expect_err("stopped").contains("of output; check that its loops end"));
    }

    #[test]
    fn a_template_that_loops_without_output_is_stopped() {
        let inner = "{% for j in range(end=90000) %}{% endfor %}";
        let error = rendered(&format!("{{% for i in range(end=90000) %}}{inner}{{% endfor %}}"));
        assert!(error.expect_err("stopped").contains("after 3s; check that its loops end"));
    }

    #[test]
    fn range_counts_up_and_down() {
        let list =
            |range: &str| rendered(&format!("{{% for i in {range} %}}{{{{ i }}}},{{% endfor %}}"));
        assert_eq!(list("range(end=3)").as_deref(), Ok("0,1,2,"));
        assert_eq!(list("range(start=1, end=6, step_by=2)").as_deref(), Ok("1,3,5,"));
        assert_eq!(list("range(start=3, end=0, step_by=-1)").as_deref(), Ok("3,2,1,"));
        assert_eq!(list("range(start=2, end=2)").as_deref(), Ok(""));
        assert!(list("range(start=3, end=0)").is_err());
        assert!(list("range(end=3, step_by=0)").is_err());
        assert!(list("range(end=9000000)").is_err());
    }
}
