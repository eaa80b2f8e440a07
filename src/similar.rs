//! The most similar name, for messages about unknown names.

/// Returns the name that is most similar to `unknown`; `None` if no name is similar at all.
pub(crate) fn most_similar(unknown: &str, names: impl Iterator<Item = String>) -> Option<String> {
    let near = |name: &String| strsim::jaro_winkler(unknown, name);
    names.filter(|name| near(name) > 0.0).max_by(|a, b| near(a).total_cmp(&near(b)))
}
