//! The filters by which templates get texts in the language of the site.
//!
//! Owns the way from a key in a template to a text on a page. The thread that renders a page keeps
//! the texts of the page, because a filter of Tera gets only values that templates see too.

use std::cell::RefCell;
use std::sync::Arc;

use tera::{Error, Kwargs, State, Tera, TeraResult, Value};

use crate::texts::{HTML, Texts, is_tag, isolated, language_of};

thread_local! {
    /// The texts of the page that this thread renders.
    static SPEAKING: RefCell<Option<Arc<Texts>>> = const { RefCell::new(None) };
}

/// Calls `act` with these texts for all filters that run in `act`.
pub(super) fn with<T>(texts: &Arc<Texts>, act: impl FnOnce() -> T) -> T {
    SPEAKING.set(Some(texts.clone()));
    let done = act();
    SPEAKING.set(None);
    done
}

/// Calls `act` with the texts of the page that is being rendered.
pub(super) fn by<T>(act: impl FnOnce(&Texts) -> TeraResult<T>) -> TeraResult<T> {
    SPEAKING.with_borrow(|texts| match texts {
        Some(texts) => act(texts),
        None => Err(Error::message("texts can be used only while a page is rendered")),
    })
}

/// Registers the filters.
pub(super) fn register(tera: &mut Tera) {
    tera.register_filter("text", |key: &str, values: Kwargs, state: &State| {
        by(|texts| text(texts, key, &values, state))
    });
    tera.register_filter("forms", |key: &str, values: Kwargs, state: &State| {
        by(|texts| forms(texts, key, values.must_get("attribute")?, state))
    });
    tera.register_filter("number", |number: u64, _: Kwargs, _: &State| {
        by(|texts| Ok(texts.number(number)))
    });
    tera.register_filter("lang_dir", |text: Value, values: Kwargs, _: &State| {
        let is_latin = values.get("latin")?.unwrap_or(false);
        let stated = values.get::<Value>("lang")?.map(|lang| lang.to_string());
        let stated = stated.as_deref().filter(|lang| is_tag(lang));
        by(|texts| Ok(Value::safe_string(&lang_dir(texts, &text.to_string(), stated, is_latin))))
    });
}

/// Returns the text of a key, or `default` if no text has the key. In templates:
/// `"list.films" | text(count=3)`.
fn text(texts: &Texts, key: &str, values: &Kwargs, state: &State) -> TeraResult<Value> {
    let default = values.get::<Value>("default")?;
    if let Some(default) = default.filter(|_| !texts.has(key)) {
        return Ok(default);
    }
    // Values in a text that is HTML are escaped.
    let is_html = key.ends_with(HTML);
    let count = match values.get::<&Value>("count")? {
        // A number in the data of the upstream may be a string.
        Some(count) => count.to_string().parse::<u64>().ok(),
        None => None,
    };
    let value = |name: &str| {
        // `Texts::filled` writes counts as the language writes numbers.
        if name == "count" && count.is_some() {
            return None;
        }
        let value = values.get::<&Value>(name).ok()?.filter(|value| !value.is_undefined())?;
        let text = isolated(value.to_string());
        if is_html && !value.is_safe() { state.escape(&text).ok() } else { Some(text) }
    };
    let filled = texts.filled(key, count, value).map_err(|why| Error::message(why.to_string()))?;
    Ok(if is_html { Value::safe_string(&filled) } else { Value::normal_string(&filled) })
}

/// Returns one attribute for each plural form of a text, for scripts. In templates:
/// `"found.some" | forms(attribute="data-some")`. `data-some` has the form `other`, and
/// `data-some.one` has the form `one`.
fn forms(texts: &Texts, key: &str, attribute: &str, state: &State) -> TeraResult<Value> {
    let forms = texts.forms(key).map_err(|why| Error::message(why.to_string()))?;
    let mut written = String::new();
    for (category, form) in forms.iter().rev() {
        let category = if *category == "other" { String::new() } else { format!(".{category}") };
        let gap = if written.is_empty() { "" } else { " " };
        written.push_str(&format!("{gap}{attribute}{category}=\"{}\"", state.escape(form)?));
    }
    Ok(Value::safe_string(&written))
}

/// Returns the attributes of an element that has only a text of the data. `dir="auto"` takes the
/// direction from the letters. `lang` is present if the language is `stated` by the data, or if the
/// letters of `text` determine the language, and the page is in another language. With `is_latin`,
/// the element has `text` in Latin letters: `lang` is then the language of the original `text`, also
/// if the page has the same language.
fn lang_dir(texts: &Texts, text: &str, stated: Option<&str>, is_latin: bool) -> String {
    let lang = match (stated, is_latin) {
        (Some(lang), false) => texts.other_than_page(lang),
        // A script of the original title would contradict the Latin letters.
        (Some(lang), true) => lang.split('-').next(),
        (None, false) => texts.other_language(text),
        (None, true) => language_of(text),
    };
    let script = if is_latin { "-Latn" } else { "" };
    let lang = lang.map_or_else(String::new, |lang| format!(" lang=\"{lang}{script}\""));
    format!("{lang} dir=\"auto\"")
}

/// Calls `act` with the built-in English texts.
#[cfg(test)]
pub(super) fn in_english<T>(act: impl FnOnce() -> T) -> T {
    use crate::texts::Words;
    let theme = super::Theme::load(None).expect("the theme");
    with(theme.texts("en", &Words::default()), act)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::{Table, Tables, Words};

    fn rendered(template: &str) -> Result<String, String> {
        let table = Table::parse(
            "films = { one = \"{count} film\", other = \"{count} films\" }\n\
             new = \"New: {title}\"\n\
             more_html = \"See <b>{title}</b>\"",
        );
        let tables = Tables::from([("en".to_owned(), table.expect("a table"))]);
        let mut tera = Tera::new();
        tera.autoescape_on(vec![".html"]);
        register(&mut tera);
        tera.add_raw_template("page.html", template).map_err(|error| error.to_string())?;
        let context = tera::context! { title => "<Kiki>", jp => "となりのトトロ" };
        let texts = Arc::new(Texts::of(&tables, "en", &Words::default()));
        let page = with(&texts, || tera.render("page.html", &context));
        page.map_err(|error| {
            std::error::Error::source(&error)
                .map_or(error.to_string(), |cause| format!("{error} {cause}"))
        })
    }

    #[test]
    fn a_text_is_filled_and_escaped_once() {
        for (template, page) in [
            ("{{ \"films\" | text(count=1) }}", "1 film"),
            ("{{ \"films\" | text(count=1200) }}", "1,200 films"),
            ("{{ \"films\" | text(count=\"2\") }}", "2 films"),
            ("{{ \"films\" | text(count=\"10-12\") }}", "10-12 films"),
            ("{{ \"new\" | text(title=title) }}", "New: &lt;Kiki&gt;"),
            ("{{ \"more_html\" | text(title=title) }}", "See <b>&lt;Kiki&gt;</b>"),
            ("{{ \"none\" | text(default=title) }}", "&lt;Kiki&gt;"),
            (
                "<p {{ \"films\" | forms(attribute=\"data-n\") }}>",
                "<p data-n=\"{count} films\" data-n.one=\"{count} film\">",
            ),
            ("{{ 1200 | number }}", "1,200"),
        ] {
            assert_eq!(rendered(template).as_deref(), Ok(page), "{template}");
        }
    }

    #[test]
    fn a_missing_text_and_a_missing_value_are_reported() {
        let error = rendered("{{ \"film\" | text(count=1) }}").expect_err("no text");
        assert!(error.contains("no text `film`; did you mean `films`?"), "{error}");
        let error = rendered("{{ \"new\" | text(title=gone) }}").expect_err("no value");
        assert!(error.contains("gone") || error.contains("{title}"), "{error}");
    }

    #[test]
    fn a_text_of_the_data_has_a_language_if_its_letters_determine_it() {
        let page = rendered("<p{{ jp | lang_dir }}><i{{ jp | lang_dir(latin=true) }}>");
        let marked = "<p lang=\"ja\" dir=\"auto\"><i lang=\"ja-Latn\" dir=\"auto\">";
        assert_eq!(page.as_deref(), Ok(marked));
        let tables = Tables::from(["en", "ja"].map(|tag| (tag.to_owned(), Table::default())));
        let attributes = |page, text, is_latin| {
            lang_dir(&Texts::of(&tables, page, &Words::default()), text, None, is_latin)
        };
        assert_eq!(attributes("en", "影武者", false), " dir=\"auto\"");
        assert_eq!(attributes("ja-JP", "となりのトトロ", false), " dir=\"auto\"");
        assert_eq!(attributes("ja", "となりのトトロ", true), " lang=\"ja-Latn\" dir=\"auto\"");
    }

    #[test]
    fn a_stated_language_wins_over_the_letters() {
        for (template, page) in [
            ("{{ jp | lang_dir(lang=\"zh-Hant\") }}", " lang=\"zh-Hant\" dir=\"auto\""),
            ("{{ title | lang_dir(lang=\"fr\") }}", " lang=\"fr\" dir=\"auto\""),
            ("{{ jp | lang_dir(lang=\"en-GB\") }}", " dir=\"auto\""),
            ("{{ jp | lang_dir(lang=\"zh-Hant\", latin=true) }}", " lang=\"zh-Latn\" dir=\"auto\""),
            ("{{ jp | lang_dir(lang=\"\") }}", " lang=\"ja\" dir=\"auto\""),
            ("{{ jp | lang_dir(lang=\"\\\"><i>\") }}", " lang=\"ja\" dir=\"auto\""),
        ] {
            assert_eq!(rendered(template).as_deref(), Ok(page), "{template}");
        }
    }
}
