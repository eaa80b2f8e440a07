//! The names of fields in an expression.
//!
//! Owns the difference between a name, a literal and a function. The names help a person to find a
//! misspelt field; no value depends on them.

/// Returns the names in an expression, for each part between `||` apart.
pub(super) fn names_in(expression: &str) -> Vec<Vec<String>> {
    let mut alternatives = vec![Vec::new()];
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        let after = &rest[first.len_utf8()..];
        rest = match first {
            // The text and the JSON of a literal are no names.
            '\'' | '`' => after_quote(after, first).1,
            '"' => {
                let (name, after) = after_quote(after, first);
                add(&mut alternatives, name);
                after
            }
            '|' if after.starts_with('|') => {
                alternatives.push(Vec::new());
                &after[1..]
            }
            _ if first.is_alphanumeric() || first == '_' => {
                let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
                let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
                let is_function = rest[end..].trim_start().starts_with('(');
                if !is_function && !first.is_numeric() {
                    add(&mut alternatives, &rest[..end]);
                }
                &rest[end..]
            }
            _ => after,
        };
    }
    alternatives
}

fn add(alternatives: &mut [Vec<String>], name: &str) {
    if let Some(names) = alternatives.last_mut() {
        names.push(name.to_owned());
    }
}

/// Returns what is inside a quote and after the quote.
fn after_quote(text: &str, quote: char) -> (&str, &str) {
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        if c == quote && !is_escaped {
            return (&text[..at], &text[at + 1..]);
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    (text, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_and_functions_are_no_names() {
        for (expression, names) in [
            ("a.b[0].c", vec!["a b c"]),
            ("gender || gander", vec!["gender", "gander"]),
            ("People[?Type=='Actor'].Name", vec!["People Type Name"]),
            ("x[?n==`1` && k != `\"\\`\"`].\"the name\"", vec!["x n k the name"]),
            ("join(', ', names[:2])", vec!["names"]),
            ("été-x || 'a\\'b' || c", vec!["été-x", "", "c"]),
            ("'never closed", vec![""]),
            ("", vec![""]),
        ] {
            let found: Vec<_> = names_in(expression).iter().map(|names| names.join(" ")).collect();
            assert_eq!(found, names, "{expression}");
        }
    }
}
