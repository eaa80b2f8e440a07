//! The templates of the owner that the site uses.
//!
//! Owns the search for these templates. The search starts at the built-in names and follows
//! `extends`, `include`, `import` and components. A template to which no used template refers is
//! not parsed, so that other files in the directory of a theme cannot break the theme. The search
//! looks only at the text of a template: a false match only costs the parsing of an unused
//! template, but a missed reference would lose a used template.

use std::collections::BTreeSet;

use super::DEFAULT;

/// Returns the names of the `templates` (name and text) that have a built-in name, or to which such
/// a template refers, directly or through other templates.
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

/// Returns the plain names of the templates to which a text refers.
fn references(text: &str) -> BTreeSet<&str> {
    let lead = |tag: &&str| ["extends", "include", "import"].contains(&first_word(tag));
    let strings = tags(text).filter(lead).flat_map(strings);
    strings.map(|name| name.strip_prefix(DEFAULT).unwrap_or(name)).collect()
}

/// Returns whether `text` uses a component (`<name …>`) that `other` defines.
fn defines_what_is_used(other: &str, text: &str) -> bool {
    let defined = tags(other).filter_map(|tag| {
        let rest =
            tag.trim_start_matches(['-', ' ', '\t', '\r', '\n']).strip_prefix("component")?;
        let name = rest.trim_start().split(|c: char| !(c.is_alphanumeric() || "_.-".contains(c)));
        name.into_iter().next().filter(|name| !name.is_empty())
    });
    defined.into_iter().any(|name| text.contains(&format!("<{name}")))
}

/// Returns the content of each tag `{% … %}`.
fn tags(text: &str) -> impl Iterator<Item = &str> {
    text.split("{%").skip(1).map(|rest| rest.split("%}").next().unwrap_or(rest))
}

fn first_word(tag: &str) -> &str {
    let tag = tag.trim_start_matches('-').trim_start();
    tag.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default()
}

/// Returns the quoted strings in a tag.
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
    fn a_template_is_used_if_a_template_with_a_built_in_name_refers_to_it() {
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
    fn the_search_ends_if_templates_refer_to_each_other() {
        let templates = [("a", "{% include \"b\" %}"), ("b", "{% include \"a\" %}"), ("c", "{% ")];
        assert_eq!(reachable(&templates, |name| name == "a").len(), 2);
    }
}
