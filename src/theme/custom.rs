//! Pages that the owner of a theme writes: the folder `pages/`.
//!
//! Owns the front matter of these pages, and the step from CommonMark to HTML. A page is a Tera
//! template (`.html`) or a text in CommonMark (`.md`). `pages/about.md` becomes `/about/`.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, anyhow, bail};
use bytes::Bytes;
use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};
use serde::{Deserialize, Serialize};

/// The folder of these pages.
pub(super) const FOLDER: &str = "pages/";
/// The template for pages in CommonMark.
const TEMPLATE: &str = "page.html";

/// A page that the owner of the theme wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomPage {
    /// Name of the file in the theme: `pages/about.md`.
    pub file: String,
    /// Path in the site: `about/index.html`.
    pub path: String,
    /// Name of the template that renders the page.
    pub template: String,
    /// Whether the menu has a link to the page.
    pub menu: bool,
    /// What the template gets as `custom`.
    pub facts: CustomFacts,
}

/// The variable `custom` of the template of a custom page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CustomFacts {
    /// Title of the page.
    pub title: String,
    /// Description for search engines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Language of the text, if the front matter names the language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lang: Option<String>,
    /// Text of the page in HTML, without the title; `None` for templates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
}

/// What a page says about itself before its text.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct FrontMatter {
    title: Option<String>,
    description: Option<String>,
    lang: Option<String>,
    #[serde(default)]
    menu: bool,
}

/// The pages of a theme, and the templates of those pages that are templates.
#[derive(Debug, Default)]
pub(super) struct Custom {
    pub(super) pages: Vec<CustomPage>,
    /// Templates without their front matter, by name.
    pub(super) templates: BTreeMap<String, Bytes>,
}

/// Whether a file of a theme is a page of the owner.
pub(super) fn is_page(name: &str) -> bool {
    stem(name).is_some()
}

/// Returns the path of the page below the folder, without its suffix.
fn stem(name: &str) -> Option<&str> {
    let below = name.strip_prefix(FOLDER)?;
    below.strip_suffix(".html").or_else(|| below.strip_suffix(".md"))
}

impl Custom {
    /// Reads the pages among the files of a theme.
    ///
    /// # Errors
    /// Fails if a page is not UTF-8, if its front matter cannot be read, or if two pages have the
    /// same path. The error names the file.
    pub(super) fn of(files: &BTreeMap<String, Bytes>) -> Result<Custom> {
        let mut custom = Custom::default();
        for (name, bytes) in files {
            let Some(stem) = stem(name) else { continue };
            let text = std::str::from_utf8(bytes)
                .map_err(|_| anyhow!("{name} is not UTF-8 text; save as UTF-8"))?;
            let (front, body) =
                split(text).with_context(|| format!("{name}: the front matter cannot be read"))?;
            let path = format!("{stem}/index.html");
            if let Some(other) = custom.pages.iter().find(|page| page.path == path) {
                bail!("{} and {name} have the same address /{stem}/; rename one", other.file);
            }
            let FrontMatter { title, description, lang, menu } = front;
            let last = stem.rsplit('/').next().unwrap_or(stem);
            let mut facts = CustomFacts {
                title: title.clone().unwrap_or_else(|| last.to_owned()),
                description,
                lang,
                html: None,
            };
            let template = if name.ends_with(".md") {
                let up = "../".repeat(stem.split('/').count());
                let (heading, html) = rendered(body, &up);
                // A heading at the start is the title, unless the front matter has another title.
                match (title, heading) {
                    (None, Some(heading)) => facts.title = heading,
                    (Some(title), Some(heading)) if title != heading => {
                        // The title is the heading of the page, so this heading is part of the text.
                        facts.html = Some(html_of(events(body, &up)));
                    }
                    _ => {}
                }
                facts.html.get_or_insert(html);
                TEMPLATE.to_owned()
            } else {
                custom.templates.insert(name.clone(), template(text, body).into());
                name.clone()
            };
            custom.pages.push(CustomPage { file: name.clone(), path, template, menu, facts });
        }
        Ok(custom)
    }
}

/// Splits a text into its front matter and the rest: YAML between two lines `---`, or TOML between
/// two lines `+++`.
fn split(text: &str) -> Result<(FrontMatter, &str)> {
    let start = text.strip_prefix('\u{feff}').unwrap_or(text);
    for fence in ["---", "+++"] {
        let Some(after) = start.strip_prefix(fence) else { continue };
        let Some(after) = after.strip_prefix("\r\n").or_else(|| after.strip_prefix('\n')) else {
            continue;
        };
        let mut end = 0;
        for line in after.split_inclusive('\n') {
            if line.trim_end() == fence {
                let (front, rest) = (&after[..end], &after[end + line.len()..]);
                // The line of the fence is the first line of the file, for the lines in errors.
                return Ok((parsed(fence, &format!("\n{front}"))?, rest));
            }
            end += line.len();
        }
        bail!("the line {fence} that ends the front matter is missing");
    }
    Ok((FrontMatter::default(), start))
}

fn parsed(fence: &str, front: &str) -> Result<FrontMatter> {
    if front.trim().is_empty() {
        return Ok(FrontMatter::default());
    }
    if fence == "+++" {
        return toml::from_str(front).map_err(|error| anyhow!("{}", error.to_string().trim()));
    }
    serde_saphyr::from_str(front).map_err(|error| anyhow!("{}", error.to_string().trim()))
}

/// Returns a template without its front matter. The lines keep their numbers, which errors name.
fn template(text: &str, body: &str) -> String {
    let lines = text[..text.len() - body.len()].matches('\n').count();
    if lines == 0 { body.to_owned() } else { format!("{{#{}-#}}{body}", "\n".repeat(lines)) }
}

/// Returns the parts of a text in CommonMark. `up` leads from the page to the root of the site: an
/// address such as `/people/` is an address in the site, whatever the path of the site is.
fn events<'t>(text: &'t str, up: &str) -> impl Iterator<Item = Event<'t>> {
    let mut options = Options::empty();
    options.insert(Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH);
    options.insert(Options::ENABLE_FOOTNOTES | Options::ENABLE_TASKLISTS);
    Parser::new_ext(text, options).map(move |event| match event {
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Link { link_type, dest_url: in_site(dest_url, up), title, id })
        }
        Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Image { link_type, dest_url: in_site(dest_url, up), title, id })
        }
        event => event,
    })
}

fn in_site<'t>(address: CowStr<'t>, up: &str) -> CowStr<'t> {
    match address.strip_prefix('/') {
        Some(rest) if !rest.starts_with('/') => format!("{up}{rest}").into(),
        _ => address,
    }
}

/// Returns the text of the first heading of level 1, if the text begins with such a heading, and
/// the HTML of the rest.
fn rendered(text: &str, up: &str) -> (Option<String>, String) {
    let mut events = events(text, up).peekable();
    let is_heading = |event: &Event<'_>| {
        matches!(event, Event::Start(Tag::Heading { level: HeadingLevel::H1, .. }))
    };
    let mut heading = None;
    if events.next_if(is_heading).is_some() {
        let end = Event::End(TagEnd::Heading(HeadingLevel::H1));
        let words = events.by_ref().take_while(|event| *event != end);
        let words = words.filter_map(|event| match event {
            Event::Text(text) | Event::Code(text) => Some(text),
            Event::SoftBreak | Event::HardBreak => Some(CowStr::Borrowed(" ")),
            _ => None,
        });
        heading = Some(words.fold(String::new(), |all, word| all + &word));
    }
    (heading, html_of(events))
}

/// Returns the HTML of a text. A heading of level 1 becomes a heading of level 2, because the page
/// has its title as the only heading of level 1.
fn html_of<'t>(events: impl Iterator<Item = Event<'t>>) -> String {
    let mut page = String::new();
    let events = events.map(|event| match event {
        Event::Start(Tag::Heading { level: HeadingLevel::H1, id, classes, attrs }) => {
            Event::Start(Tag::Heading { level: HeadingLevel::H2, id, classes, attrs })
        }
        Event::End(TagEnd::Heading(HeadingLevel::H1)) => {
            Event::End(TagEnd::Heading(HeadingLevel::H2))
        }
        event => event,
    });
    html::push_html(&mut page, events);
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(files: &[(&str, &str)]) -> Result<Custom> {
        let file =
            |(name, text): &(&str, &str)| ((*name).to_owned(), Bytes::from((*text).to_owned()));
        Custom::of(&files.iter().map(file).collect())
    }

    fn page(name: &str, text: &str) -> CustomPage {
        of(&[(name, text)]).expect("a page").pages.remove(0)
    }

    #[test]
    fn a_text_becomes_a_page_with_title_language_and_html() {
        for text in [
            "---\ntitle: Über uns\nlang: de\nmenu: true\n---\nWir *zeigen* Filme.\n",
            "+++\ntitle = \"Über uns\"\nlang = \"de\"\nmenu = true\n+++\nWir *zeigen* Filme.\n",
            "\u{feff}---\r\ntitle: Über uns\r\nlang: de\r\nmenu: true\r\n---\r\nWir *zeigen* Filme.\r\n",
        ] {
            let page = page("pages/about/us.md", text);
            assert_eq!((&*page.path, &*page.template), ("about/us/index.html", "page.html"));
            assert_eq!((&*page.facts.title, page.facts.lang.as_deref()), ("Über uns", Some("de")));
            assert_eq!(page.facts.html.as_deref(), Some("<p>Wir <em>zeigen</em> Filme.</p>\n"));
            assert!(page.menu);
        }
    }

    #[test]
    fn a_first_heading_is_the_title_unless_the_front_matter_has_another_title() {
        let facts = |text| page("pages/a.md", text).facts;
        let own = facts("# Our *cinema* `x`\n\nText");
        assert_eq!((&*own.title, own.html.as_deref()), ("Our cinema x", Some("<p>Text</p>\n")));
        let same = facts("---\ntitle: Same\n---\n# Same\n\nText");
        assert_eq!(same.html.as_deref(), Some("<p>Text</p>\n"));
        let other = facts("---\ntitle: One\n---\n# Two\n\nText");
        assert_eq!(other.title, "One");
        assert_eq!(other.html.as_deref(), Some("<h2>Two</h2>\n<p>Text</p>\n"));
        assert_eq!(facts("Text").title, "a", "the name of the file");
        assert_eq!(facts("---\n---\nText").title, "a");
    }

    #[test]
    fn addresses_in_the_site_do_not_depend_on_the_path_of_the_site() {
        let text =
            "[a](/people/) [b](https://x.example/) [c](//x.example/) ![d](/static/d.png) [e](e/)";
        let html = page("pages/about/us.md", text).facts.html.expect("a text");
        for address in
            ["../../people/", "https://x.example/", "//x.example/", "../../static/d.png", "e/"]
        {
            assert!(html.contains(&format!("=\"{address}\"")), "{address}: {html}");
        }
    }

    #[test]
    fn a_template_keeps_the_numbers_of_its_lines() {
        let custom = of(&[("pages/a.html", "---\ntitle: A\n---\n{% extends \"base.html\" %}")]);
        let custom = custom.expect("a page");
        assert_eq!(
            &custom.templates["pages/a.html"][..],
            b"{#\n\n\n-#}{% extends \"base.html\" %}"
        );
        assert_eq!(custom.pages[0].template, "pages/a.html");
        assert_eq!(custom.pages[0].facts.title, "A");
    }

    #[test]
    fn errors_name_the_file_and_the_fault() {
        for (text, fault) in [
            ("---\ntitel: A\n---\n", "titel"),
            ("---\ntitle: [A]\n---\n", "title"),
            ("+++\ntitle = A\n+++\n", "title = A"),
            ("---\ntitle: A\n", "the line --- that ends the front matter is missing"),
        ] {
            let error = of(&[("pages/a.md", text)]).expect_err("a fault");
            let error = format!("{error:#}");
            assert!(error.starts_with("pages/a.md: ") && error.contains(fault), "{error}");
        }
        let twice = of(&[("pages/a.html", ""), ("pages/a.md", "")]).expect_err("a fault");
        assert!(twice.to_string().contains("pages/a.html and pages/a.md"), "{twice}");
    }

    #[test]
    fn only_templates_and_texts_in_the_folder_are_pages() {
        for name in ["pages/a.html", "pages/a/b.md"] {
            assert!(is_page(name), "{name}");
        }
        for name in ["a.md", "pages/a.txt", "pages/a.png", "page.html", "pages.html"] {
            assert!(!is_page(name), "{name}");
        }
    }
}
