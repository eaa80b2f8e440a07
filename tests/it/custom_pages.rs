//! Pages, styles and scripts that the owner of a theme adds without replacing a built-in file.

use serde_json::json;

use crate::fixture::{Answer, Site, Upstream, films, wait_until};

const TEXT: &str = "---\ntitle: Über das Kino\nlang: de\nmenu: true\n---\n\
                    Wir *zeigen* [Filme](/movies/).\n\n| Tag | Zeit |\n|---|---|\n| Mo | 20:00 |\n";
const TEMPLATE: &str = "---\ntitle: Figures\n---\n{% extends \"base.html\" %}\
                        {% block title %}{{ custom.title }}{% endblock title %}\
                        {% block main %}{{ film_count }} films, {{ person_count }} people\
                        {% endblock main %}";

fn themed(upstream: &Upstream) -> Site {
    Site::eager(upstream).with(&["--templates", "theme", "--site-url", "https://films.example/f/"])
}

#[test]
fn pages_of_the_owner_are_published_in_the_menu_and_in_the_sitemap() {
    let upstream = Upstream::start();
    let site = themed(&upstream);
    site.write("theme/pages/about.md", TEXT);
    site.write("theme/pages/about/figures.html", TEMPLATE);
    let server = site.serve().ready();
    let about = server.get("/f/about/");
    let page = about.text();
    for part in [
        "<title>Über das Kino – Films</title>",
        "<article class=\"own\" lang=\"de\">",
        "Wir <em>zeigen</em> <a href=\"../movies/\">Filme</a>.",
        "<td>20:00</td>",
        "aria-current=\"page\">Über das Kino</a>",
    ] {
        assert!(page.contains(part), "{part} is missing: {page}");
    }
    assert_eq!(page.matches("<h1").count(), 1, "{page}");
    let figures = server.get("/f/about/figures/");
    assert!(figures.text().contains("<title>Figures</title>"), "{}", figures.text());
    let count = films().as_array().map_or(0, Vec::len);
    let told = format!("{count} films, ");
    assert!(figures.text().contains(&told), "{}", figures.text());
    let front = server.get("/f/").text().replace("&#x2F;", "/");
    assert!(front.contains("<a href=\"/f/about/\" lang=\"de\">Über das Kino</a>"), "{front}");
    assert!(!front.contains(">Figures</a>"), "only `menu: true` adds to the menu");
    let sitemap = server.get("/f/sitemap.xml").text().to_owned();
    for path in ["about/", "about/figures/"] {
        assert!(sitemap.contains(&format!("https://films.example/f/{path}<")), "{sitemap}");
    }
    // A page without counts is the same after a change of a film, and so are its validators.
    let mut changed = films();
    changed[0]["description"] = json!("Changed.");
    upstream.set("/films", Answer::json(&changed));
    wait_until("the change", || {
        server.get("/f/movies/the-lamp-keeper/").text().contains("Changed.")
    });
    assert_eq!(server.get("/f/about/").expect("etag"), about.expect("etag"));
    assert_eq!(server.get("/f/about/figures/").expect("etag"), figures.expect("etag"));
    changed.as_array_mut().expect("a list").pop();
    upstream.set("/films", Answer::json(&changed));
    let told = format!("{} films, ", count - 1);
    wait_until("the number", || server.get("/f/about/figures/").text().contains(&told));
    // A saved text is shown at once.
    server.site.write("theme/pages/about.md", "# Anew\n\nText");
    wait_until("the text", || server.get("/f/about/").text().contains("<h1>Anew</h1>"));
}

#[test]
fn a_page_of_the_owner_never_replaces_a_built_in_page_and_check_names_it() {
    let upstream = Upstream::start();
    for name in ["movies.md", "people/ashitaka.md", "status.html", "events.md", "index.md"] {
        let site = themed(&upstream);
        site.write(&format!("theme/pages/{name}"), "mine");
        let checked = site.run(&["check"]);
        assert_eq!(checked.code, Some(1), "{name}: {}", checked.log);
        let named = format!("pages/{name} is not published");
        assert!(checked.log.contains(&named), "{name}: {}", checked.log);
        let log = site.build_once().well();
        assert!(log.contains(&named), "{name}: {log}");
        assert!(!site.page("index.html").contains("mine"), "{name}");
    }
    let site = themed(&upstream);
    site.write("theme/pages/a.md", "one");
    site.write("theme/pages/a.html", "two");
    let checked = site.run(&["check"]);
    assert_eq!(checked.code, Some(1), "{}", checked.log);
    assert!(checked.log.contains("pages/a.html and pages/a.md have the same address /a/"));
}

#[test]
fn a_fault_in_the_front_matter_names_the_file_and_keeps_the_site() {
    let upstream = Upstream::start();
    let site = themed(&upstream);
    site.write("theme/pages/about.md", TEXT);
    let server = site.serve().ready();
    server.site.write("theme/pages/about.md", "---\ntitel: Kino\n---\nText");
    let line = server.wait_for_line("pages/about.md: the front matter cannot be read");
    assert!(line.contains("titel"), "{line}");
    assert!(server.get("/f/about/").text().contains("Über das Kino"));
}

#[test]
fn a_style_sheet_a_script_and_blocks_are_added_to_every_page() {
    let upstream = Upstream::start();
    let site = themed(&upstream);
    site.write("theme/assets/extra.css", "body { color: teal }");
    site.write("theme/assets/extra.js", "document.title += \"!\";");
    site.write(
        "theme/base.html",
        "{% extends \"default/base.html\" %}\
         {% block extra_head %}<meta name=\"own\" content=\"head\">{% endblock extra_head %}\
         {% block extra_body_end %}<p>own end</p>{% endblock extra_body_end %}",
    );
    site.write("theme/pages/about.md", TEXT);
    site.build_once().well();
    let is_page = |path: &String| path.ends_with(".html") && !path.starts_with("status/");
    let pages: Vec<_> = crate::fixture::contents(&site.out()).into_keys().filter(is_page).collect();
    assert!(pages.len() > 15, "{pages:?}");
    for path in pages {
        let page = site.page(&path);
        for part in [
            "/f/assets/extra-",
            ".css\">",
            "<meta name=\"own\" content=\"head\">",
            "<p>own end</p></body>",
        ] {
            let page = page.replace("&#x2F;", "/").replace('\n', "");
            assert!(page.contains(part), "{path}: {part} is missing: {page}");
        }
        let sheets = page.matches("rel=\"stylesheet\"").count();
        let scripts = page.matches("extra-").count();
        assert_eq!((sheets, scripts), (2, 2), "{path}");
    }
}

#[test]
fn check_and_dev_name_files_that_no_page_uses_and_the_name_that_was_meant() {
    let upstream = Upstream::start();
    let site = themed(&upstream).with(&["--dev"]);
    site.write("theme/flim.html", "x");
    site.write("theme/assets/lost.svg", "x");
    site.write("theme/assets/logo.svg", "x");
    site.write("theme/404.html", "{{ site.assets[\"logo.svg\"] }}");
    let checked = site.run(&["check"]);
    let line = checked.out.lines().find(|line| line.starts_with("Not used")).expect("a line");
    assert!(line.contains("flim.html (did you mean film.html?)"), "{line}");
    assert!(line.contains("assets/lost.svg") && !line.contains("logo.svg"), "{line}");
    let server = site.serve().ready();
    server.wait_for_line("no page uses the file of the theme flim.html (did you mean film.html?)");
    server.wait_for_line("no page uses the file of the theme assets/lost.svg");
    server.site.write("theme/fim.html", "x");
    server.wait_for_line("no page uses the file of the theme fim.html");
    assert_eq!(server.log().matches("theme flim.html").count(), 1, "{}", server.log());
}

#[test]
fn the_json_feed_can_be_overridden_and_must_be_json() {
    let upstream = Upstream::start();
    let site = themed(&upstream);
    let own = "{ \"count\": {{ entries | length }}, \"titles\": [{% for entry in entries %}\
               {{ entry.title | json | safe }}{% if not loop.last %},{% endif %}{% endfor %}] }";
    site.write("theme/feed.json", own);
    site.build_once().well();
    let feed = site.json("feed.json");
    assert_eq!(feed["count"], feed["titles"].as_array().map_or(0, Vec::len));
    site.write("theme/feed.json", "{{ feed.id }}");
    let checked = site.run(&["check"]);
    assert_eq!(checked.code, Some(1), "{}", checked.log);
    assert!(checked.log.contains("the template feed.json made no JSON"), "{}", checked.log);
}

#[test]
fn the_feed_of_a_new_site_has_the_latest_films() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    site.build_once().well();
    let items = site.json("feed.json")["items"].as_array().cloned().unwrap_or_default();
    let dates: Vec<_> = items.iter().map(|item| item["date_published"].to_string()).collect();
    assert!(dates.len() >= 3 && dates.is_sorted_by(|one, other| one >= other), "{dates:?}");
    let atom = site.page("feed.xml");
    assert!(!atom.contains("1970-01-01"), "{atom}");
    let feed = feed_rs::parser::parse(atom.as_bytes()).expect("a feed");
    assert_eq!(feed.entries.len(), items.len());
    assert_eq!(feed.updated, feed.entries[0].updated);
}
