//! One test for each quirk that the API has shown.

use serde_json::{Value, json};

use crate::fixture::{Answer, Site, Upstream, pairs};

struct Built {
    site: Site,
    log: String,
    _upstream: Upstream,
}

fn built(films: &Value, people: &Value) -> Built {
    let upstream = Upstream::of(films, people);
    let site = Site::of(&upstream);
    let log = site.build_once().well();
    Built { site, log, _upstream: upstream }
}

impl Built {
    /// Returns the ids of the people of a film.
    fn people_of(&self, film: &str) -> Vec<String> {
        pairs(&self.site.page("index.html")).remove(film).expect("a film")
    }

    #[track_caller]
    fn says_once(&self, text: &str) {
        assert_eq!(self.log.matches(text).count(), 1, "{text:?} in\n{}", self.log);
    }
}

#[test]
fn references_are_matched_by_id_on_any_host() {
    let site = built(
        &json!([{"id": "f", "title": "F", "people": ["https://gone.example/v1/people/p"]}]),
        &json!([{"id": "q", "name": "Q", "films": ["http://other.example:81/films/f/?x=1"]},
                {"id": "p", "name": "P"}]),
    );
    assert_eq!(site.people_of("f"), ["p", "q"]);
}

#[test]
fn a_pair_that_only_one_list_states_is_shown_and_reported() {
    let site = built(
        &json!([{"id": "f", "title": "F", "people": ["x/people/p"]}, {"id": "g", "title": "G"}]),
        &json!([{"id": "p", "name": "P", "films": ["x/films/g"]}]),
    );
    assert_eq!((site.people_of("f"), site.people_of("g")), (vec!["p".into()], vec!["p".into()]));
    site.says_once("films and people disagree");
}

#[test]
fn a_reference_without_an_id_makes_no_pair() {
    let site = built(
        &json!([{"id": "f", "title": "F", "people": ["https://api.example/people/"]}]),
        &json!([{"id": "p", "name": "P", "films": []}]),
    );
    assert_eq!(site.people_of("f"), [""; 0]);
    site.says_once("contain no id");
}

#[test]
fn a_dangling_reference_is_reported_and_left_out() {
    let site = built(
        &json!([{"id": "f", "title": "F", "people": ["x/people/ghost"]}]),
        &json!([{"id": "p", "name": "P", "films": ["x/films/f", "x/films/lost"]}]),
    );
    assert_eq!(site.people_of("f"), ["p"]);
    site.says_once("\"ghost\"");
    site.says_once("\"lost\"");
}

#[test]
fn a_person_is_identified_by_id_even_if_the_url_belongs_to_another_person() {
    let url = "https://api.example/people/p";
    let site = built(
        &json!([{"id": "f", "title": "F"}]),
        &json!([{"id": "p", "name": "P", "films": ["x/films/f"], "url": url},
                {"id": "q", "name": "Q", "films": ["x/films/f"], "url": url}]),
    );
    assert_eq!(site.people_of("f"), ["p", "q"]);
    assert!(site.site.page("people/q/index.html").contains('Q'));
}

#[test]
fn the_first_record_of_a_repeated_id_counts_and_gets_the_pairs_of_all() {
    let site = built(
        &json!([{"id": "f", "title": "First"}, {"id": "f", "title": "Again", "people": ["x/people/p"]}]),
        &json!([{"id": "p", "name": "P"}]),
    );
    assert_eq!(site.people_of("f"), ["p"]);
    assert_eq!(site.site.json("movies.json").as_array().map(Vec::len), Some(1));
    assert_eq!(site.site.json("movies.json")[0]["title"], "First");
    site.says_once("repeats");
}

#[test]
fn numbers_may_be_text_or_numbers() {
    let site = built(
        &json!([{"id": "t", "title": "Text", "release_date": "1986", "rt_score": "95", "running_time": "124"},
                {"id": "n", "title": "Number", "release_date": 1986, "rt_score": 95, "running_time": 124}]),
        &json!([]),
    );
    let films = site.site.json("movies.json");
    for field in ["year", "rt_score", "running_time"] {
        assert!(films[0][field].is_u64(), "{field}");
        assert_eq!(films[0][field], films[1][field], "{field}");
    }
}

#[test]
fn an_age_may_be_words_or_a_number_and_an_unknown_age_is_not_shown() {
    let site = built(
        &json!([]),
        &json!([{"id": "a", "name": "Ann", "age": "late teens", "hair_color": "NA"},
                {"id": "b", "name": "Bo", "age": 13}, {"id": "c", "name": "Cy", "age": ""},
                {"id": "d", "name": "Di", "age": "NA"}]),
    );
    let ann = site.site.page("people/ann/index.html");
    assert!(ann.to_lowercase().contains("late teens") && !ann.contains(" na "), "{ann}");
    assert!(site.site.page("people/bo/index.html").contains("13 years old"));
    let people = site.site.json("people.json");
    assert_eq!((people[2].get("age"), people[3].get("age")), (None, None));
}

#[test]
fn the_misspelt_field_gander_is_read_as_gender() {
    let site = built(&json!([]), &json!([{"id": "g", "name": "Gil", "gander": "Male"}]));
    assert_eq!(site.site.json("people.json")[0]["gender"], "Male");
    assert!(site.site.page("people/gil/index.html").contains("Male"));
}

#[test]
fn the_address_of_a_title_without_latin_letters_has_the_id() {
    let site = built(&json!([{"id": "f-7", "title": "夜の汽車"}]), &json!([]));
    assert_eq!(site.site.json("movies.json")[0]["url"], "/movies/f-7/");
    assert!(site.site.page("movies/f-7/index.html").contains("夜の汽車"));
}

#[test]
fn a_film_and_a_person_with_the_same_name_have_separate_pages() {
    let site = built(
        &json!([{"id": "f", "title": "Ponyo", "description": "A fish."}]),
        &json!([{"id": "p", "name": "Ponyo", "films": ["x/films/f"]}]),
    );
    assert!(site.site.page("movies/ponyo/index.html").contains("A fish."));
    assert!(!site.site.page("people/ponyo/index.html").contains("A fish."));
}

#[test]
fn two_films_with_the_same_title_have_different_addresses() {
    let films = json!([{"id": "aaaa", "title": "Twin"}, {"id": "bbbb", "title": "Twin"}]);
    let site = built(&films, &json!([]));
    let films = site.site.json("movies.json");
    assert_ne!(films[0]["url"], films[1]["url"]);
    for film in films.as_array().expect("a list") {
        let path = film["url"].as_str().expect("an address").trim_start_matches('/');
        let _ = site.site.page(&format!("{path}index.html"));
    }
}

#[test]
fn a_bad_record_is_left_out_and_named_and_the_rest_is_shown() {
    let site = built(
        &json!([{"id": "f", "title": "Good"}, {"id": "g"}, {"title": "No Id"}, 7,
                {"id": {"a": 1}, "title": "Odd"}]),
        &json!([{"id": "p", "name": ""}, {"id": "q", "name": "Q", "films": ["x/films/f"]}]),
    );
    assert_eq!(site.people_of("f"), ["q"]);
    assert_eq!(pairs(&site.site.page("index.html")).len(), 1);
    site.says_once("record 2 of /films (\"g\") is left out");
    site.says_once("record 3 of /films (\"No Id\") is left out");
    site.says_once("record 4 of /films is left out");
    site.says_once("record 5 of /films (\"Odd\") is left out");
    site.says_once("record 1 of /people (\"p\") is left out");
}

#[test]
fn many_bad_records_are_counted_and_only_some_are_named() {
    let mut films = vec![json!({"id": "f", "title": "Good"})];
    films.extend((0..500).map(|number| json!({"id": format!("bad-{number}")})));
    let upstream = Upstream::of(&films.into(), &json!([]));
    let site = Site::of(&upstream).with(&["--limit", "0"]);
    let log = site.build_once().well();
    let named = log.matches("is left out").count();
    assert!((3..100).contains(&named), "{named} of 500 are named:\n{log}");
    assert!(log.contains("500 records of /films are left out"), "they are counted:\n{log}");
    assert_eq!(pairs(&site.page("index.html")).len(), 1);
}

#[test]
fn the_number_of_records_that_are_left_out_is_logged() {
    let site = built(
        &json!([{"id": "f", "title": "Good"}, {"id": "g"}, {"id": "h"}, {"id": "i"}]),
        &json!([]),
    );
    let mut lines = site.log.lines();
    let counted = lines.any(|line| line.contains("3 records") && line.contains("left out"));
    assert!(counted, "the log has no number of records:\n{}", site.log);
}

#[test]
fn an_address_that_would_run_as_a_script_is_not_used_as_a_picture() {
    let bad = "javascript:alert(1)";
    let site = built(
        &json!([{"id": "f", "title": "F", "image": bad, "movie_banner": "JavaScript:alert(1)",
                 "trailer": " java\nscript:alert(1)"},
                {"id": "g", "title": "G", "image": "data:text/html,x"}]),
        &json!([{"id": "p", "name": "P", "image": bad}]),
    );
    for (path, bytes) in crate::fixture::contents(&site.site.out()) {
        if path.ends_with(".html") || path.ends_with(".json") {
            let text = String::from_utf8_lossy(&bytes).to_lowercase();
            assert!(
                !text.contains("script:alert") && !text.contains("data:text"),
                "{path}: {text}"
            );
        }
    }
    site.says_once("field `image` of /films/f is ignored");
}

#[test]
fn an_empty_cast_causes_no_warning() {
    let site = built(&json!([{"id": "f", "title": "F", "people": []}]), &json!([]));
    assert_eq!(site.people_of("f"), [""; 0]);
    assert!(!site.log.contains("problems in the data"), "{}", site.log);
}

#[test]
fn a_director_keeps_an_address_that_another_name_would_also_get() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream);
    let film = |id: &str, title: &str, director: &str| serde_json::json!({"id": id, "title": title, "director": director});
    // Both names have the same slug.
    let first = serde_json::json!([film("1", "Dawn", "Zoe Li"), film("2", "Dusk", "Ann")]);
    let second = serde_json::json!([
        film("1", "Dawn", "Zoe Li"),
        film("2", "Dusk", "ZOE LI"),
        film("3", "Noon", "Ann"),
    ]);
    upstream.set("/films", Answer::json(&first));
    site.build_once().well();
    assert!(site.page("directors/zoe-li/index.html").contains("Zoe Li"));
    upstream.set("/films", Answer::json(&second));
    site.build_once().well();
    assert!(
        site.page("directors/zoe-li/index.html").contains("Zoe Li"),
        "the first director keeps the address"
    );
    assert!(!site.page("directors/zoe-li/index.html").contains("ZOE LI"));
}
