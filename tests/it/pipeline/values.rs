//! Values in the forms of film data.

use serde_json::{Value, json};

use crate::fixture::{Site, Upstream};

fn built(films: &Value) -> (Site, String) {
    let upstream = Upstream::of(films, &json!([]));
    let site = Site::of(&upstream);
    let log = site.build_once().well();
    (site, log)
}

/// Returns a field of each film, with the id of the film.
fn field(site: &Site, name: &str) -> Vec<(String, Value)> {
    let films = site.json("movies.json");
    let mut fields: Vec<_> = films
        .as_array()
        .expect("films")
        .iter()
        .map(|film| (film["id"].as_str().expect("an id").to_owned(), film[name].clone()))
        .collect();
    fields.sort_by(|(one, _), (other, _)| one.cmp(other));
    fields
}

#[test]
fn dates_and_lengths_are_read_in_the_forms_that_film_data_has() {
    let forms = [
        ("Jun 12 1998", "86 min"),
        ("12/06/1998", "1 h 26 min"),
        ("12. Juni 1998", "1h26"),
        ("1998-", "1:26"),
        ("1998–2001", "PT1H26M"),
        ("1998/1999", "86 minutes"),
    ];
    let films = forms.iter().enumerate().map(|(at, (date, length))| {
        json!({"id": at.to_string(), "title": format!("Film {at}"), "release_date": date, "running_time": length})
    });
    let (site, log) = built(&films.collect());
    for (id, year) in field(&site, "year") {
        assert_eq!(year, 1998, "{id}");
    }
    for (id, minutes) in field(&site, "running_time") {
        assert_eq!(minutes, 86, "{id}");
    }
    let shown = site.page("movies/film-2/index.html");
    assert!(shown.contains("12. Juni 1998") && shown.contains("/years/1998/"), "{shown}");
    assert!(!log.contains("problems in the data"), "{log}");
}

#[test]
fn each_of_several_directors_and_producers_has_a_link_and_a_page_with_the_film() {
    let (site, _) = built(&json!([
        {"id": "a", "title": "Two", "director": ["Ann Lee", "Bo Ek"], "producer": ["Cy Fox", "Di Gay"]},
        {"id": "b", "title": "One", "director": "Ann Lee", "producer": ["Cy Fox"]},
    ]));
    let films = field(&site, "director");
    assert_eq!((&films[0].1, &films[1].1), (&json!("Ann Lee, Bo Ek"), &json!("Ann Lee")));
    assert_eq!(field(&site, "producer")[1].1, "Cy Fox", "a list of one name is this name");
    assert_eq!(field(&site, "directors")[0].1, json!(["Ann Lee", "Bo Ek"]));
    assert_eq!(field(&site, "directors")[1].1, Value::Null);
    let page = site.page("movies/two/index.html");
    for (path, name) in [
        ("directors/ann-lee", "Ann Lee"),
        ("directors/bo-ek", "Bo Ek"),
        ("producers/cy-fox", "Cy Fox"),
        ("producers/di-gay", "Di Gay"),
    ] {
        assert!(
            page.contains(&format!("<a href=\"/{path}/\" dir=\"auto\">{name}</a>")),
            "{name}: {page}"
        );
        let of_them = site.page(&format!("{path}/index.html"));
        assert!(of_them.contains("data-film-id=\"a\""), "{name}");
    }
    assert!(!site.page("directors/bo-ek/index.html").contains("data-film-id=\"b\""));
    assert!(page.contains(r#""director":[{"@type":"Person","name":"Ann Lee"}"#), "{page}");
    assert!(page.contains("Also by Ann Lee, Bo Ek"), "{page}");
}

#[test]
fn pages_show_no_markup_and_no_link_without_text() {
    let (site, log) = built(&json!([
        {"id": "a", "title": "Alpha", "description": "<p>One &lt;3</p><p>Two &amp; three<br>a < b</p>"},
        {"id": "b", "title": "\u{200b}"},
        {"id": "c", "title": "Gamma", "director": "\u{feff}", "description": "a < b, I <3 you & me"},
    ]));
    let descriptions = field(&site, "description");
    assert_eq!(descriptions[0].1, "One <3\nTwo & three\na < b");
    assert_eq!(descriptions[1].1, "a < b, I <3 you & me");
    assert_eq!(field(&site, "director")[1].1, Value::Null);
    assert!(log.contains("record 2 of /films (\"b\") is left out: its `title` is empty"), "{log}");
}
