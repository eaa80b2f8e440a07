//! The tables for a language (RFC 4647 §3.4, lookup).

use super::Tables;

/// Returns whether a text has the form of a language tag.
pub fn is_tag(tag: &str) -> bool {
    let is_subtag = |part: &str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    !tag.is_empty() && tag.split('-').all(is_subtag)
}

/// Returns the tags of the tables for `lang`, nearest first: `pt-BR` finds `pt-br` and `pt`.
pub fn nearest<'t>(lang: &str, tables: &'t Tables) -> Vec<&'t str> {
    let mut wanted = lang.to_ascii_lowercase();
    let mut found = Vec::new();
    while !wanted.is_empty() {
        if let Some((tag, _)) = tables.get_key_value(&wanted) {
            found.push(tag.as_str());
        }
        let shorter = wanted.rsplit_once('-').map_or("", |(shorter, _)| shorter);
        // A subtag of one letter only introduces the next subtag, so both are removed together.
        let shorter = match shorter.rsplit_once('-') {
            Some((before, last)) if last.len() == 1 => before,
            _ => shorter,
        };
        wanted = shorter.to_owned();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::Table;

    #[test]
    fn a_language_without_a_table_falls_back_to_the_nearest() {
        let tags = ["de", "pt", "pt-br", "zh-hant"];
        let tables: Tables = tags.map(|tag| (tag.to_owned(), Table::default())).into();
        for (lang, found) in [
            ("pt-BR", &["pt-br", "pt"][..]),
            ("pt-AO", &["pt"]),
            ("DE-at-x-wien", &["de"]),
            ("zh-Hant-TW", &["zh-hant"]),
            ("zh-Hans", &[]),
            ("x-mine", &[]),
        ] {
            assert_eq!(nearest(lang, &tables), found, "{lang}");
        }
    }
}
