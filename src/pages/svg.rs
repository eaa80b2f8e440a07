//! The start of a drawing, for charts and plots.

use htmlize::escape_text;

/// Returns the start of a drawing of this size, with a title and a description for screen readers.
pub(super) fn opening(
    class: &str,
    role: &str,
    [width, height]: [u64; 2],
    name: &str,
    [title, what]: [&str; 2],
) -> String {
    let [title, what] = [title, what].map(escape_text);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"{class}\" \
         viewBox=\"0 0 {width} {height}\" role=\"{role}\" \
         aria-labelledby=\"{name}-title {name}-what\"><title id=\"{name}-title\">{title}</title>\
         <desc id=\"{name}-what\">{what}</desc>"
    )
}
