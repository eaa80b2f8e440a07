//! The language of the site, and the languages of texts on its pages.

use serde_json::{Value, json};

use crate::fixture::{Answer, Browser, Running, Site, Upstream, films, wait_until};

fn html(page: &str) -> &str {
    page.split("<html").nth(1).and_then(|rest| rest.split('>').next()).expect("an element")
}

#[test]
fn a_site_in_another_language_has_the_texts_plurals_and_numbers_of_the_language() {
    let upstream = Upstream::start();
    for (lang, people, length, percent) in [
        ("en", "<b>4</b> people", "1 h 37 min", "88%"),
        ("de-CH", "<b>4</b> Personen", "1 h 37 min", "88\u{202f}%"),
        ("es", "<b>4</b> personas", "1 h 37 min", "88\u{202f}%"),
        ("fr", "<b>4</b> personnes", "1 h 37 min", "88\u{202f}%"),
        ("ja", "人物<b>4</b>人", "1時間37分", "88%"),
    ] {
        let site = Site::of(&upstream).with(&["--lang", lang]);
        let log = site.build_once().well();
        assert!(!log.contains("--lang"), "{log}");
        let page = site.page("index.html");
        assert_eq!(html(&page), format!(" lang=\"{lang}\""));
        for part in [people, length, percent] {
            assert!(page.contains(part), "{lang}: {part} is missing: {page}");
        }
        assert_eq!(site.json("feed.json")["language"], lang);
    }
}

#[test]
fn a_language_without_a_table_gives_english_texts_and_one_warning() {
    let upstream = Upstream::start();
    let server = Site::of(&upstream).with(&["--lang", "nl", "--templates", "theme"]);
    server.write("theme/404.html", "one");
    let server = server.serve().ready();
    server.site.write("theme/404.html", "two");
    wait_until("the other page", || server.get("/nowhere").body == b"two");
    assert_eq!(html(server.get("/").text()), " lang=\"en\"");
    assert_eq!(server.log().matches("no table of texts for --lang nl").count(), 1);
    // After the theme gets a table, the page is in this language.
    server.site.write("theme/texts/nl.toml", "[nav]\nfilms = \"Speelfilms\"");
    wait_until("Dutch", || server.get("/").text().contains(">Speelfilms</a>"));
    assert_eq!(html(server.get("/").text()), " lang=\"nl\"");
}

#[test]
fn texts_of_a_theme_override_the_built_in_texts_and_a_saved_table_is_shown() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream).with(&["--lang", "de-AT", "--templates", "theme"]);
    site.write(
        "theme/texts/de.toml",
        "[nav]\nfilms = \"Streifen\"\n[own]\nhello = \"Servus {name}\"",
    );
    site.write("theme/404.html", "{{ \"own.hello\" | text(name=\"Ida\") }}");
    let server = site.serve().ready();
    let page = server.get("/").text().to_owned();
    assert!(page.contains(">Streifen</a>") && page.contains(">Personen</a>"), "{page}");
    assert_eq!(html(&page), " lang=\"de-AT\"");
    assert_eq!(server.get("/nowhere").body, b"Servus Ida");
    server.site.write("theme/texts/de-AT.toml", "[nav]\nfilms = \"Kinofilme\"");
    wait_until("the nearer table", || server.get("/").text().contains(">Kinofilme</a>"));
    assert_eq!(upstream.asked(), (1, 1));
}

#[test]
fn a_broken_table_keeps_the_last_good_site_and_the_log_names_file_and_key() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream).with(&["--lang", "de", "--templates", "theme"]);
    site.write("theme/404.html", "mine");
    let server: Running = site.serve().ready();
    let good = server.get("/").body;
    for (table, said) in [
        ("[nav]\nfilms = 3", "`nav.films`"),
        ("[live]\nage = \"{alter}\"", "`live.age`"),
        ("[count]\nfilms = { one = \"Film\" }", "`count.films`"),
        ("[nav]\nfilms = ", "line 2"),
    ] {
        server.site.write("theme/texts/de.toml", table);
        wait_until(said, || server.log().contains(said));
        assert!(server.log().contains("theme/texts/de.toml"), "{}", server.log());
        assert_eq!(server.get("/").body, good);
    }
    let check = server.site.run(&["check"]);
    assert!(check.with_code(1).contains("theme/texts/de.toml"));
    server.site.write("theme/texts/de.toml", "[nav]\nfilms = \"Wieder da\"");
    wait_until("the mended table", || server.get("/").text().contains("Wieder da"));
}

#[test]
fn check_names_the_texts_that_stay_english() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream).with(&["--lang", "de", "--templates", "theme"]);
    site.write("theme/texts/en.toml", "own.hello = \"Hello\"");
    site.write("theme/texts/pl.toml", "[nav]\nfilms = \"Filmy\"");
    let check = site.run(&["check"]);
    assert!(check.out.contains("texts/de.toml lacks 1 texts") && check.out.contains("own.hello"));
    assert!(check.out.contains("texts/pl.toml lacks "), "{}", check.out);
    let _ = check.well();
    let whole = Site::of(&upstream).with(&["--lang", "fr"]).run(&["check"]);
    assert!(!whole.out.contains("lacks"), "{}", whole.out);
    let _ = whole.well();
}

#[test]
fn exported_tables_are_equal_to_the_built_in_tables() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream).with(&["--lang", "ja"]);
    site.build_once().well();
    let plain = site.page("index.html");
    Site::of(&upstream).with(&[]).run(&["theme", "export", "theme"]).well();
    let _ = site.run(&["theme", "export", "theme"]);
    for lang in ["en", "de", "es", "fr", "ja"] {
        assert!(site.path(&format!("theme/texts/{lang}.toml")).is_file(), "{lang}");
    }
    site.with(&["--templates", "theme"]).build_once().well();
    assert_eq!(site.page("index.html"), plain, "exported tables must change no page");
}

#[test]
fn a_title_is_marked_with_its_language_if_its_letters_show_the_language() {
    let film = |id: &str, title: &str, original: &str| {
        json!({"id": id, "title": title, "original_title": original,
               "original_title_romanised": "Romaji", "release_date": "1988"})
    };
    let titles = [
        film("kana", "Totoro", "となりのトトロ"),
        film("han", "Tiger", "臥虎藏龍"),
        film("hangul", "기생충", "기생충"),
        film("hebrew", "ואלס עם באשיר", "Waltz"),
    ];
    let upstream = Upstream::of(&json!(titles), &json!([]));
    let site = Site::of(&upstream);
    site.build_once().well();
    let page = site.page("index.html");
    for part in [
        "<p class=\"original\" lang=\"ja\" dir=\"auto\">となりのトトロ",
        "<p class=\"romanised\" lang=\"ja-Latn\" dir=\"auto\">Romaji",
        "<p class=\"original\" dir=\"auto\">臥虎藏龍",
        "<p class=\"romanised\" dir=\"auto\">Romaji",
        "<h2 lang=\"ko\" dir=\"auto\">",
        "<h2 lang=\"he\" dir=\"auto\">",
        "<h2 dir=\"auto\"><a href=\"/movies/totoro/\">",
        "alt=\"Poster of \u{2068}ואלס עם באשיר\u{2069}\"",
    ] {
        assert!(page.contains(part), "{part} is missing: {page}");
    }
    let japanese = site.with(&["--lang", "ja"]);
    japanese.build_once().well();
    let page = japanese.page("index.html");
    assert!(page.contains("<p class=\"original\" dir=\"auto\">となりのトトロ"), "{page}");
}

#[test]
#[ignore = "needs chromium"]
fn scripts_use_the_texts_of_the_language_of_the_page() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream).with(&[
        "--interval",
        "300ms",
        "--max-age",
        "300ms",
        "--lang",
        "pl",
        "--templates",
        "t",
    ]);
    // Polish has more than two plural forms.
    site.write(
        "t/texts/pl.toml",
        "[live]\nadded = \"Nowy film: {title}.\"\n[live.added_many]\n\
         few = \"{count} nowe filmy.\"\nmany = \"{count} nowych filmów.\"\nother = \"{count}?\"\n\
         [list.found]\none = \"{count} z {all} filmu\"\nmany = \"{count} z {all} filmów\"\nother = \"?\"\n\
         [unit]\nsecond = { one = \"{count} sekundy\", other = \"{count} sekund\" }",
    );
    let running = site.serve().ready();
    let mut browser = Browser::start();
    let mut tab = browser.tab();
    tab.load(&format!("http://{}/?q=salt", running.address));
    tab.wait_for("document.querySelector('[data-found]').textContent === '1 z 5 filmów'");
    tab.wait_for("/ sekund/.test(document.querySelector('[data-age]').textContent)");
    let said = "document.querySelector('[data-said]').textContent";
    let with = |count: usize| {
        let mut all = films();
        let list = all.as_array_mut().expect("a list");
        list.extend(
            (0..count).map(|at| json!({"id": format!("n{at}"), "title": format!("N {at}")})),
        );
        Answer::json(&all)
    };
    upstream.set("/films", with(1));
    tab.wait_for(&format!("{said} === 'Nowy film: N 0.'"));
    upstream.set("/films", with(4));
    tab.wait_for(&format!("{said} === '3 nowe filmy.'"));
    upstream.set("/films", with(9));
    tab.wait_for(&format!("{said} === '5 nowych filmów.'"));
    assert_eq!(tab.complaints(), Vec::<Value>::new());
}
