//! Which of the owner's templates the site uses.
//!
//! Owns the way from the built-in names to others: through `extends`, `include`, `import`
//! and components. A template that nothing leads to is not parsed, so that whatever lies in
//! a theme's directory cannot break the theme. It looks at the text alone: to find too much
//! costs a look at a template that is not used, to find too little would lose one that is.

use std::collections::BTreeSet;

use super::DEFAULT;

/// The names of `templates` (name and text) that can be reached from those that
/// `is_built_in`.
pub(super) fn reachable<'t>(
    templates: &[(&'t str, &str)],
    is_built_in: impl Fn(&str) -> bool,
) -> BTreeSet<&'t str> {
    let (mut reached, mut rest): (Vec<_>, Vec<_>) =
        templates.iter().copied().partition(|(name, _)| is_built_in(name));
    let mut names: BTreeSet<_> = reached.iter().map(|(name, _)| *name).collect();
    while let Some((_, text)) = reached.pop() {
        let named = references(text);
        let (found, others) = rest
            .into_iter()
            .partition(|(name, other)| named.contains(name) || defines_what_is_used(other, text));
        rest = others;
        let found: Vec<(&str, &str)> = found;
        names.extend(found.iter().map(|(name, _)| *name));
        reached.extend(found);
    }
    names
}

/// The templates that a text names, by their plain names.
fn references(text: &str) -> BTreeSet<&str> {
    let lead = |tag: &&str| ["extends", "include", "import"].contains(&first_word(tag));
    let strings = tags(text).filter(lead).flat_map(strings);
    strings.map(|name| name.strip_prefix(DEFAULT).unwrap_or(name)).collect()
}

/// Whether `text` uses a component that `other` defines: `<name …>`.
fn defines_what_is_used(other: &str, text: &str) -> bool {
    let defined = tags(other).filter_map(|tag| {
        let rest =
            tag.trim_start_matches(['-', ' ', '\t', '\r', '\n']).strip_prefix("component")?;
        let name = rest.trim_start().split(|c: char| !(c.is_alphanumeric() || "_.-".contains(c)));
        name.into_iter().next().filter(|name| !name.is_empty())
    });
    defined.into_iter().any(|name| text.contains(&format!("<{name}")))
}

/// What stands in each `{% … %}`.
fn tags(text: &str) -> impl Iterator<Item = &str> {
    text.split("{%").skip(1).map(|rest| rest.split("%}").next().unwrap_or(rest))
}

fn first_word(tag: &str) -> &str {
    let tag = tag.trim_start_matches('-').trim_start();
    tag.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default()
}

/// The quoted texts in a tag.
fn strings(tag: &str) -> impl Iterator<Item = &str> {
    let mut rest = tag;
    std::iter::from_fn(move || {
        let start = rest.find(['"', '\'', '`'])?;
        let quote = char::from(rest.as_bytes()[start]);
        let (string, after) = rest[start + 1..].split_once(quote)?;
        rest = after;
        Some(string)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_used_if_a_built_in_name_leads_to_it() {
        let templates = [
            (
                "film.html",
                "{% extends \"frame.html\" %}{%- include 'a/one.html' -%}{{ <star n={1} /> }}",
            ),
            ("frame.html", "{% include [\"gone.html\", `two.html`] ignore missing %}"),
            ("a/one.html", "{%import \"default/three.html\" as three%}"),
            ("two.html", ""),
            ("three.html", ""),
            (
                "stars.html",
                "{% component star(n) %}{% include \"four.html\" %}{% endcomponent star %}",
            ),
            ("four.html", ""),
            ("mine.html", "{% for %}{% include \"five.html\" %}"),
            ("five.html", "{% component moon(n) %}"),
        ];
        let reached = reachable(&templates, |name| name == "film.html");
        let expected = [
            "a/one.html",
            "film.html",
            "four.html",
            "frame.html",
            "stars.html",
            "three.html",
            "two.html",
        ];
        assert_eq!(reached.into_iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn templates_that_lead_to_each_other_come_to_an_end() {
        let templates = [("a", "{% include \"b\" %}"), ("b", "{% include \"a\" %}"), ("c", "{% ")];
        assert_eq!(reachable(&templates, |name| name == "a").len(), 2);
    }
}
