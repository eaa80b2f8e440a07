//! A mapping that is edited while the program runs.

use serde_json::json;

use crate::fixture::{Answer, Redis, Running, Site, Upstream, wait_until};

const MAPPING: &str = "\
[films]
get = \"/films\"
id = \"id\"
title = \"title\"
score = \"rt_score\"
[people]
get = \"/people\"
id = \"id\"
name = \"name\"
films = \"films\"
";

fn served() -> (Upstream, Site, Running) {
    let upstream = Upstream::start();
    let site = super::mapped(&upstream, MAPPING);
    let server = site.serve().ready();
    (upstream, site, server)
}

fn salt_road(server: &Running) -> serde_json::Value {
    let films: serde_json::Value =
        serde_json::from_str(server.get("/movies.json").text()).expect("JSON");
    let mut films = films.as_array().expect("films").clone().into_iter();
    films.find(|film| film["title"] == "Salt Road").expect("the film")
}

#[test]
fn a_saved_mapping_is_shown_without_a_request_and_without_news() {
    let (upstream, site, server) = served();
    let asked = upstream.asked();
    let feed = server.get("/feed.json").text().to_owned();
    assert_eq!(salt_road(&server)["description"], json!(null));
    // Only the rules change: the answer, the history and the look of the site stay the same.
    let edited = MAPPING.replace("title = \"title\"", "title = \"description\"");
    site.write("films.toml", edited);
    wait_until("the edit is shown", || !server.get("/movies.json").text().contains("Salt Road"));
    site.write("films.toml", MAPPING);
    wait_until("the first mapping is shown", || {
        server.get("/movies.json").text().contains("Salt Road")
    });
    let edited = format!(
        "words = {{ film = \"reel\", films = \"reels\" }}\n{}",
        MAPPING.replace(
            "score = ",
            "description = \"description\"\ndirector = \"director\"\nscore = "
        )
    );
    site.write("films.toml", edited);
    wait_until("the edit is shown", || salt_road(&server)["director"].is_string());
    assert!(salt_road(&server)["description"].is_string());
    assert!(server.get("/").text().contains("reels"));
    assert_eq!(upstream.asked(), asked, "no request was sent");
    let feed_now = server.get("/feed.json").text().replace("Reels", "Films");
    let items = |feed: &str| {
        serde_json::from_str::<serde_json::Value>(feed).expect("JSON")["items"].clone()
    };
    assert_eq!(items(&feed_now), items(&feed), "the data did not change");
}

#[test]
fn a_broken_mapping_changes_nothing_and_is_named_with_its_place() {
    let (_upstream, site, server) = served();
    let before = salt_road(&server);
    site.write("films.toml", MAPPING.replace("title = ", "titel = "));
    let line = server.wait_for_line("the new configuration is not valid");
    assert!(line.contains("films.toml:4:1"), "{line}");
    assert_eq!(salt_road(&server), before);
    site.write("films.toml", MAPPING);
    server.wait_for_line("read the configuration and the templates again");
}

#[test]
fn a_mapping_by_which_the_answer_is_not_plausible_is_refused_and_named() {
    let (_upstream, site, server) = served();
    let before = salt_road(&server);
    // The stored answer has as many records, but each has another id.
    site.write("films.toml", MAPPING.replace("id = \"id\"", "id = \"title || name\""));
    server.wait_for_line("the mapping changed, and by the new mapping");
    assert_eq!(salt_road(&server), before);
    let (_, _) = server.terminate();
    // After a restart, the published site stays, and the next answer is refused by the guard.
    let again = site.with(&["--interval", "1s", "--max-age", "1s"]).serve().ready();
    again.wait_for_line("the answer is not plausible");
    assert!(again.log().contains("the mapping changed"), "{}", again.log());
    assert_eq!(salt_road(&again), before);
}

#[test]
fn an_edit_of_the_path_asks_for_the_new_list_without_the_etag_of_the_old_list() {
    let upstream = Upstream::start();
    let films =
        serde_json::json!([{"id": "new", "title": "Other List"}, {"id": "n2", "title": "B"}]);
    let tagged = |list: &serde_json::Value| Answer::json(list).with("ETag", "\"same\"");
    upstream.set("/films", tagged(&crate::fixture::films()));
    upstream.set("/other", tagged(&films));
    let site = super::mapped(&upstream, MAPPING).with(&["--interval", "1s", "--max-age", "1s"]);
    let site = site.with(&["--max-shrink", "100%"]);
    let server = site.serve().ready();
    site.write("films.toml", MAPPING.replace("get = \"/films\"", "get = \"/other\""));
    wait_until("the other list is shown", || {
        server.get("/movies.json").text().contains("Other List")
    });
    let asked = upstream.asked_for("/other");
    assert!(!asked[0].headers.contains_key("if-none-match"), "{:?}", asked[0]);
    // After a restart with the first path, the stored answer does not count either.
    let (_, _) = server.terminate();
    site.write("films.toml", MAPPING);
    let again = site.serve().ready();
    wait_until("the first list is shown", || {
        again.get("/movies.json").text().contains("Salt Road")
    });
}

#[test]
fn people_who_are_no_longer_mapped_leave_the_site() {
    let upstream = Upstream::start();
    let site = super::mapped(&upstream, MAPPING).with(&["--interval", "3s", "--max-age", "3s"]);
    let server = site.serve().ready();
    let people = |server: &Running| {
        let list: serde_json::Value =
            serde_json::from_str(server.get("/people.json").text()).expect("JSON");
        list.as_array().expect("people").len()
    };
    assert!(people(&server) > 0);
    let (films, of_people) = MAPPING.split_once("[people]").expect("two tables");
    site.write("films.toml", films);
    wait_until("the site without people", || people(&server) == 0);
    assert!(!server.log().contains("not plausible"), "{}", server.log());
    assert_eq!(salt_road(&server)["people"], json!([]));
    // An edit that brings the people back is shown too.
    site.write("films.toml", format!("{films}[people]{of_people}"));
    wait_until("the site with people", || people(&server) > 0);
}

#[test]
#[ignore = "needs redis-server"]
fn replicas_with_different_mappings_never_show_the_answers_of_each_other() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    upstream.set("/movies", Answer::json(&json!([{ "id": "m", "title": "Only Here" }])));
    let replica = |mapping: &str| {
        let site = Site::eager(&upstream).with(&["--mapping", "films.toml", "--hold", "300ms"]);
        let site = site.with(&["--redis", &redis.url(), "--accept-after", "1"]);
        site.write("films.toml", mapping);
        site.serve()
    };
    let (films, _) = MAPPING.split_once("[people]").expect("two tables");
    let first = replica(MAPPING).ready();
    let second = replica(&films.replace("/films", "/movies").replace("score = \"rt_score\"\n", ""));
    second.wait_for_line("the stored answer belongs to other requests");
    let second = second.ready();
    let shown = |server: &Running| server.get("/movies.json").text().to_owned();
    wait_until("the second site", || shown(&second).contains("Only Here"));
    wait_until("the answer of the second replica", || {
        first.log().contains("give all replicas the same mapping")
    });
    for _ in 0..2 {
        let asked = upstream.asked();
        wait_until("further refreshes", || upstream.asked() > asked);
        assert!(shown(&first).contains("Salt Road") && !shown(&first).contains("Only Here"));
        assert!(!shown(&second).contains("Salt Road") && shown(&second).contains("Only Here"));
    }
    // A replica that starts again compares its answer with its own records.
    let site = first.site.clone();
    let (_, _) = first.terminate();
    let first = site.serve().ready();
    let as_of = |server: &Running| server.freshness()["as_of"].to_string();
    let before = as_of(&first);
    let _ = second.terminate();
    wait_until("a refresh", || as_of(&first) != before);
    assert!(!first.log().contains("not plausible"), "{}", first.log());
}
