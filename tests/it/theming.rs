//! Templates and assets of the owner.

use crate::fixture::{Running, Site, Upstream, links, wait_until};

fn themed(upstream: &Upstream) -> Site {
    Site::of(upstream).with(&["--templates", "theme"])
}

/// Starts a server whose theme has its own empty 404 page.
fn served(upstream: &Upstream) -> Running {
    let site = themed(upstream);
    site.write("theme/404.html", "nothing here");
    site.serve().ready()
}

#[test]
fn an_overridden_file_replaces_only_its_built_in_file() {
    let upstream = Upstream::start();
    let (plain, own) = (Site::of(&upstream), themed(&upstream));
    own.write(
        "theme/card.html",
        "<article data-film-id=\"{{ film.id }}\">{{ film.title }}</article>",
    );
    plain.build_once().well();
    own.build_once().well();
    let list = own.page("index.html");
    assert!(list.contains("<article data-film-id=\"f-salt\">Salt Road</article>"), "{list}");
    let title = |page: &str| page.split("<title>").nth(1).map(|rest| rest[..20].to_owned());
    let film = "movies/salt-road/index.html";
    assert_eq!(title(&own.page(film)), title(&plain.page(film)));
    assert_eq!(own.page("movies.json"), plain.page("movies.json"));
}

#[test]
fn a_built_in_template_can_be_extended() {
    let upstream = Upstream::start();
    let site = themed(&upstream);
    let own = "{% extends \"default/base.html\" %}\
        {% block footer %}<p>Our own footer</p>{% endblock footer %}";
    site.write("theme/base.html", own);
    site.build_once().well();
    for page in ["index.html", "people/gull/index.html", "404.html"] {
        let page = site.page(page);
        assert!(page.contains("Our own footer") && page.contains("class=\"masthead\""), "{page}");
    }
}

#[test]
fn a_saved_template_is_shown_at_once_without_a_request_to_the_upstream() {
    let upstream = Upstream::start();
    let server = served(&upstream);
    server.site.write("theme/film.html", "now with {{ film.title }}");
    wait_until("the new page", || server.get("/movies/salt-road/").body == b"now with Salt Road");
    assert_eq!(server.site.page("movies/salt-road/index.html"), "now with Salt Road");
    assert_eq!(upstream.asked(), (1, 1));
}

#[test]
fn a_file_that_an_editor_replaces_by_a_rename_is_noticed() {
    let upstream = Upstream::start();
    let server = served(&upstream);
    for text in ["one", "two"] {
        server.site.write("theme/.404.swp", text);
        let (from, to) = (server.site.path("theme/.404.swp"), server.site.path("theme/404.html"));
        std::fs::rename(from, to).expect("renamed");
        wait_until(text, || server.get("/nowhere").body == text.as_bytes());
    }
}

#[test]
fn a_removed_template_is_replaced_by_the_built_in_template() {
    let upstream = Upstream::start();
    let server = served(&upstream);
    std::fs::remove_file(server.site.path("theme/404.html")).expect("removed");
    wait_until("the built-in page", || {
        String::from_utf8_lossy(&server.get("/nowhere").body).contains("<!doctype html>")
    });
}

#[test]
fn a_broken_template_keeps_the_last_good_site_and_the_log_names_line_and_column() {
    let upstream = Upstream::start();
    let server = served(&upstream);
    let good = server.get("/movies/salt-road/");
    server.site.write("theme/film.html", "<p>\n  {{ film. }}\n</p>\n");
    server.wait_for_line("^");
    let log = server.log();
    assert!(log.contains("{{ film. }}") && log.contains('^'), "line and caret:\n{log}");
    assert_eq!(server.get("/movies/salt-road/").body, good.body);

    server.site.write("theme/film.html", "mended");
    wait_until("the mended page", || server.get("/movies/salt-road/").body == b"mended");
    assert_eq!(upstream.asked(), (1, 1));
}

#[test]
fn a_template_that_fails_on_one_film_names_that_film() {
    let upstream = Upstream::start();
    let server = served(&upstream);
    let good = server.get("/movies/salt-road/");
    let text = "{% if film.id == \"f-salt\" %}\n  {{ film.no.such }}\n{% endif %}";
    server.site.write("theme/film.html", text);
    server.wait_for_line("^");
    let log = server.log();
    assert!(log.contains("Salt Road"), "which film it was:\n{log}");
    assert!(log.contains("{{ film.no.such }}") && log.contains('^'), "line and caret:\n{log}");
    for path in ["/movies/salt-road/", "/movies/nobody-home/"] {
        assert_eq!(server.get(path).status, 200, "{path}");
    }
    assert_eq!(server.get("/movies/salt-road/").body, good.body);
}

#[test]
fn a_template_that_fails_on_one_person_names_that_person() {
    let upstream = Upstream::start();
    let site = themed(&upstream);
    site.write(
        "theme/person.html",
        "{% if person.id == \"p-gull\" %}{{ person.no.such }}{% endif %}",
    );
    let log = site.build_once().with_code(1);
    assert!(log.contains("Gull") && log.contains("theme/person.html:1:"), "{log}");
    assert!(!site.out().join("index.html").exists(), "an incomplete site was published");
}

#[test]
fn a_build_with_a_broken_template_fails_without_a_request_to_the_upstream() {
    let upstream = Upstream::start();
    let site = themed(&upstream);
    site.write("theme/index.html", "{% for %}");
    let log = site.build_once().with_code(1);
    assert!(log.contains("theme/index.html:1:"), "{log}");
    assert_eq!(upstream.asked(), (0, 0));
}

#[test]
fn a_static_folder_is_published_unchanged() {
    let upstream = Upstream::start();
    let site = themed(&upstream);
    let bytes: Vec<u8> = (0..=255).collect();
    site.write("theme/static/deep/own.bin", &bytes);
    site.write("theme/static/humans.txt", "us");
    let server = site.serve().ready();
    assert_eq!(server.get("/static/deep/own.bin").body, bytes);
    assert_eq!(server.get("/static/humans.txt").text(), "us");
    assert_eq!(std::fs::read(site.out().join("static/deep/own.bin")).expect("a file"), bytes);
    server.site.write("theme/static/humans.txt", "all of us");
    wait_until("the new file", || server.get("/static/humans.txt").body == b"all of us");
}

#[test]
fn an_overridden_asset_is_linked_by_the_hash_of_its_own_content() {
    let upstream = Upstream::start();
    let (plain, own) = (Site::of(&upstream), themed(&upstream));
    own.write("theme/assets/site.css", "body { color: teal }");
    plain.build_once().well();
    own.build_once().well();
    let style = |site: &Site| {
        let links = links(&site.page("index.html"));
        links.into_iter().find(|link| link.ends_with(".css")).expect("a style")
    };
    assert_ne!(style(&own), style(&plain));
    assert_eq!(own.page(style(&own).trim_start_matches('/')), "body { color: teal }");
}

#[test]
fn an_exported_theme_is_the_built_in_theme_and_describes_the_variables() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream).with(&["--interval", "300ms"]);
    site.build_once().well();
    let before = crate::fixture::contents(&site.out());
    site.write("theme/card.html", "mine");
    let said = site.run(&["theme", "export", "theme"]).out;
    assert!(said.contains("Left as they are: card.html"), "{said}");
    assert_eq!(std::fs::read(site.path("theme/card.html")).expect("there"), b"mine");
    std::fs::remove_file(site.path("theme/card.html")).expect("removed");
    let _ = site.run(&["theme", "export", "theme"]);
    let themed = site.with(&["--templates", "theme"]);
    themed.build_once().well();
    assert_eq!(crate::fixture::contents(&site.out()), before);
    let told = std::fs::read_to_string(site.path("theme/README.md")).expect("a description");
    for entry in std::fs::read_dir(site.path("theme")).expect("a directory").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_template = entry.path().is_file() && name != "README.md";
        assert!(!is_template || told.contains(&format!("`{name}`")), "{name} is not described");
    }
    // The description must name every block of the base template.
    let base = std::fs::read_to_string(site.path("theme/base.html")).expect("a template");
    for block in base.split("{% block ").skip(1).filter_map(|rest| rest.split(' ').next()) {
        assert!(told.contains(&format!("`{block}`")), "{block} is not described");
    }
}

#[test]
#[ignore = "needs chromium"]
fn with_dev_open_pages_reload_after_a_save_and_show_faults() {
    let upstream = Upstream::start();
    let site = themed(&upstream).with(&["--dev"]);
    site.write("theme/404.html", "{% extends \"base.html\" %}");
    let server = site.serve().ready();
    let mut browser = crate::fixture::Browser::start();
    let mut tab = browser.tab();
    tab.load(&format!("http://{}/movies/salt-road/", server.address));
    let own = "{% extends \"default/film.html\" %}{% block title %}Mine{% endblock title %}";
    server.site.write("theme/film.html", own);
    tab.wait_for("document.title === 'Mine'");
    server.site.write("theme/film.html", "{% extends \"default/film.html\" %}\n{% block main %}{{ film.nothing.more }}{% endblock main %}");
    tab.wait_for("document.querySelector('dialog')?.open === true");
    let shown = tab.text("document.querySelector('dialog').textContent");
    let wraps = tab.text("getComputedStyle(document.querySelector('dialog pre')).whiteSpace");
    assert!(wraps.starts_with("pre-wrap"), "long lines of the overlay must wrap: {wraps}");
    for part in ["film.html:2:", "^", "for the film"] {
        assert!(shown.contains(part), "{part} is missing: {shown}");
    }
    server.site.write("theme/film.html", own);
    tab.wait_for("document.querySelector('dialog')?.open !== true && document.title === 'Mine'");
    // Without --dev, pages must not have the script.
    let plain = Site::of(&upstream);
    plain.build_once().well();
    assert!(
        !plain.page("index.html").contains("dev.js") && !plain.path("public/dev.json").exists()
    );
}

#[test]
fn other_files_in_a_theme_break_nothing_and_check_names_them() {
    let upstream = Upstream::start();
    let site = themed(&upstream);
    let png: &[u8] = b"\x89PNG\r\n\x1a\n\0\xff";
    let broken: &[u8] = b"{% extends \"default/film.html\" %}{% block title %}{{ film.";
    for (name, bytes) in [
        ("#film.html#", broken),
        ("film.html.orig", broken),
        ("film.html~", broken),
        ("4913", broken),
        ("mine.html", broken),
        ("screenshot.png", png),
        ("screenshot.txt", png),
        ("node_modules/x/index.html", broken),
        ("node_modules/x/package.json", b"{{#if}}"),
        (".git/config", broken),
        ("static/logo.png", png),
        ("static/logo.png~", png),
    ] {
        site.write(&format!("theme/{name}"), bytes);
    }
    std::os::unix::fs::symlink("me@host.1:2", site.path("theme/.#film.html")).expect("a link");
    site.write("theme/404.html", "{% include \"part/own.html\" %}");
    site.write("theme/part/own.html", "my own");
    site.build_once().well();
    assert_eq!(site.page("404.html"), "my own");
    assert!(site.out().join("static/logo.png").exists());
    assert!(!site.out().join("static/logo.png~").exists());
    let checked = site.run(&["check"]);
    assert_eq!(checked.code, Some(0), "{}", checked.log);
    let line = checked.out.lines().find(|line| line.starts_with("Not used")).expect("a line");
    assert!(line.contains("#film.html#") && line.ends_with(" more"), "{line}");
    assert!(line.len() < 300 && !line.contains("part/own.html"), "{line}");
}

#[test]
fn a_root_folder_is_published_at_the_root_of_the_site() {
    let upstream = Upstream::start();
    let site = themed(&upstream);
    let icon: Vec<u8> = (0..=255).collect();
    for name in ["favicon.ico", "ads.txt", "robots.txt", "deep/own.html"] {
        site.write(&format!("theme/root/{name}"), &icon);
    }
    let taken = ["index.html", "movies", "movies.json", "events", "freshness.json", "healthz"];
    for name in taken.into_iter().chain(["status/index.html", "dev.json", "index.html.gz"]) {
        site.write(&format!("theme/root/{name}"), "mine");
    }
    let server = site.serve().ready();
    for path in ["/favicon.ico", "/ads.txt", "/robots.txt", "/deep/own.html"] {
        assert_eq!(server.get(path).body, icon, "{path}");
        assert_eq!(std::fs::read(site.out().join(&path[1..])).expect("a file"), icon, "{path}");
    }
    for path in ["/", "/movies/", "/movies.json", "/freshness.json", "/healthz", "/status/"] {
        let answer = server.get(path);
        assert_eq!(answer.status, 200, "{path}");
        assert_ne!(answer.body, b"mine", "{path}");
    }
    assert_eq!(server.get("/dev.json").status, 404);
    let checked = site.run(&["check"]);
    assert_eq!(checked.code, Some(0), "{}", checked.log);
    for name in taken {
        assert!(checked.out.contains(&format!("root/{name}")), "{name}: {}", checked.out);
    }
    site.write("theme/root/ads.txt", "new");
    wait_until("the new file", || server.get("/ads.txt").body == b"new");
}

#[test]
fn a_template_that_a_page_uses_must_be_valid() {
    let upstream = Upstream::start();
    for lead in ["{% include \"mine.html\" %}", "{% extends \"mine.html\" %}", "{{ <own /> }}"] {
        let site = themed(&upstream);
        site.write("theme/404.html", lead);
        site.write("theme/mine.html", "{% component own() %}{% for %}");
        let log = site.build_once().with_code(1);
        assert!(log.contains("theme/mine.html:1:"), "{lead}: {log}");
    }
}
