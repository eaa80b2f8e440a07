//! What charts and plots share: the start of a drawing that is read aloud.

use htmlize::escape_text;

/// The start of a drawing of this size whose title and description are read aloud.
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
