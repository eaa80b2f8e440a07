//! Promise 5: a well-formed answer that would wipe the site is refused, kept and named. The
//! answer is taken when it has proved steady or when the owner accepts it.

use serde_json::{Value, json};

use crate::fixture::{Answer, Redis, Site, Upstream, films, people};

/// Returns the first `count` films.
fn some(count: usize) -> Value {
    Value::Array(films().as_array().expect("a list")[..count].to_vec())
}

fn renamed() -> Value {
    let mut films = films();
    for film in films.as_array_mut().expect("a list") {
        film["id"] = format!("{}-new", film["id"].as_str().expect("an id")).into();
    }
    films
}

/// Returns these films and a new film with this number.
fn with_a_new_one(mut films: Value, number: u32) -> Value {
    let film = json!({"id": format!("new-{number}"), "title": format!("New {number}")});
    films.as_array_mut().expect("a list").push(film);
    films
}

/// Publishes a site, and then lets the upstream answer these films.
fn after(films: &Value, arguments: &[&str]) -> (Upstream, Site) {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream).with(arguments);
    site.build_once().well();
    upstream.set("/films", Answer::json(films));
    (upstream, site)
}

/// Returns the name of the refused answer from the message.
fn named(log: &str) -> String {
    let (_, rest) = log.split_once("movies-gen accept ").expect("the command in the message");
    rest.split_whitespace().next().expect("a name").to_owned()
}

fn titles(site: &Site) -> usize {
    site.json("movies.json").as_array().expect("a list").len()
}

#[test]
fn a_list_that_lost_too_much_is_refused_and_the_site_stays() {
    let (upstream, site) = after(&some(2), &[]);
    let log = site.build_once().with_code(1);
    assert!(log.contains("3 of the 5 records of /films are gone at once"), "{log}");
    assert_eq!(titles(&site), 5);
    assert_eq!(site.json("freshness.json")["upstream"]["failure"], "implausible");

    upstream.recover();
    site.build_once().well();
    assert_eq!(site.json("freshness.json")["upstream"]["state"], "ok");
}

#[test]
fn a_list_that_lost_a_few_is_taken() {
    let (_upstream, site) = after(&some(3), &[]);
    site.build_once().well();
    assert_eq!(titles(&site), 3);
}

#[test]
fn a_list_whose_ids_are_all_new_is_refused() {
    let (_upstream, site) = after(&renamed(), &[]);
    let log = site.build_once().with_code(1);
    assert!(log.contains("/films has none of the 5 ids of the last good data"), "{log}");
    assert_eq!(titles(&site), 5);
}

#[test]
fn the_share_of_records_that_may_go_is_an_option() {
    let (_upstream, site) = after(&some(2), &["--max-shrink", "60%"]);
    site.build_once().well();
    assert_eq!(titles(&site), 2);
}

#[test]
fn a_steady_answer_is_taken_but_an_empty_list_is_not() {
    let (upstream, site) = after(&some(2), &["--accept-after", "2"]);
    for time in 1..=2 {
        let log = site.build_once().with_code(1);
        assert!(log.contains(&format!("(refusals in a row: {time})")), "{log}");
    }
    let log = site.build_once().well();
    assert!(log.contains("the answer came again 2 times, so the answer is taken"), "{log}");
    assert_eq!(titles(&site), 2);

    upstream.set("/films", Answer::json(&json!([])));
    for _ in 0..4 {
        let log = site.build_once().with_code(1);
        assert!(log.contains("the answer now: movies-gen accept"), "{log}");
    }
    assert_eq!(titles(&site), 2);
}

#[test]
fn other_missing_records_restart_the_count_and_a_good_answer_ends_the_count() {
    let (upstream, site) = after(&some(2), &["--accept-after", "2"]);
    site.build_once().with_code(1);
    upstream.set("/films", Answer::json(&some(1)));
    assert!(site.build_once().with_code(1).contains("(refusals in a row: 1)"));
    upstream.set("/films", Answer::new(500, ""));
    site.build_once().with_code(1);
    upstream.set("/films", Answer::json(&some(1)));
    assert!(
        site.build_once().with_code(1).contains("(refusals in a row: 2)"),
        "an error must not count"
    );
    upstream.recover();
    site.build_once().well();
    upstream.set("/films", Answer::json(&some(1)));
    assert!(site.build_once().with_code(1).contains("(refusals in a row: 1)"));
}

#[test]
fn the_owner_accepts_an_empty_list_by_its_name() {
    let (_upstream, site) = after(&json!([]), &[]);
    let sets = named(&site.build_once().with_code(1));
    let accepted = site.run(&["accept", &sets]);
    assert_eq!(accepted.code, Some(0), "{}", accepted.log);
    assert!(accepted.out.contains("/films is empty; it had 5 records"), "{}", accepted.out);
    assert!(accepted.out.contains("would go: Salt Road"), "{}", accepted.out);

    site.build_once().well();
    assert_eq!(titles(&site), 0);
    assert!(!site.path(".movies-gen/accepted").exists(), "a mark is used once");
}

#[test]
fn a_mark_accepts_an_answer_that_lacks_no_more_records_than_the_shown_answer() {
    let (upstream, site) = after(&some(2), &[]);
    site.build_once().with_code(1);
    assert_eq!(site.run(&["accept"]).code, Some(0), "one refused answer needs no name");
    upstream.set("/films", Answer::json(&some(1)));
    site.build_once().with_code(1);
    assert_eq!(titles(&site), 5);
    let unknown = site.run(&["accept", "0123456789ab"]);
    assert_eq!(unknown.code, Some(1));
    assert!(unknown.log.contains("no refused answer has the name"), "{}", unknown.log);
    let current = site.run(&["accept"]);
    assert_eq!(current.code, Some(0), "{}", current.log);
    assert!(current.out.contains("4 of the 5 records"), "the current refusal: {}", current.out);
    // The next answer has more of the known records than the shown answer, and one new record.
    upstream.set("/films", Answer::json(&with_a_new_one(some(2), 7)));
    site.build_once().well();
    assert_eq!(titles(&site), 3);
    assert_eq!(site.run(&["accept"]).code, Some(2), "no answer is refused any more");
}

#[test]
fn a_mark_for_people_accepts_an_answer_that_lacks_no_more_people() {
    let (upstream, site) = after(&films(), &[]);
    upstream.set("/people", Answer::json(&json!([])));
    site.build_once().with_code(1);
    assert_eq!(site.run(&["accept"]).code, Some(0));
    let one = people().as_array().expect("a list")[..1].to_vec();
    upstream.set("/people", Answer::json(&Value::Array(one)));
    site.build_once().well();
    assert_eq!(site.json("people.json").as_array().expect("a list").len(), 1);
}

#[test]
fn a_mark_is_void_after_a_good_refresh() {
    let (upstream, site) = after(&json!([]), &[]);
    site.build_once().with_code(1);
    assert_eq!(site.run(&["accept"]).code, Some(0));
    upstream.recover();
    site.build_once().well();
    upstream.set("/films", Answer::json(&json!([])));
    site.build_once().with_code(1);
    assert_eq!(titles(&site), 5);
}

#[test]
fn a_lasting_shrink_with_another_new_id_in_each_answer_is_taken_in_the_end() {
    let (upstream, site) = after(&some(2), &["--accept-after", "2"]);
    for time in 1..=2 {
        upstream.set("/films", Answer::json(&with_a_new_one(some(1), time)));
        let log = site.build_once().with_code(1);
        assert!(log.contains(&format!("(refusals in a row: {time})")), "{log}");
    }
    upstream.set("/films", Answer::json(&with_a_new_one(some(1), 3)));
    site.build_once().well();
    assert_eq!(titles(&site), 2);
}

#[test]
fn a_list_that_grows_beyond_the_factor_is_refused_until_it_is_steady() {
    let many: Vec<_> =
        (0..1_200).map(|n| json!({"id": format!("n{n}"), "title": format!("Film {n}")})).collect();
    let mut all = films();
    all.as_array_mut().expect("a list").extend(many);
    let (_upstream, site) = after(&all, &["--accept-after", "1"]);
    let log = site.build_once().with_code(1);
    assert!(log.contains("/films has 1205 records; it had 5"), "{log}");
    assert_eq!(titles(&site), 5);
    site.with(&["--max-growth", "300"]).build_once().well();
}

#[test]
fn a_lost_payload_does_not_lower_the_guard() {
    let (_upstream, site) = after(&json!([]), &[]);
    std::fs::remove_dir_all(site.path(".movies-gen")).expect("removed");
    let log = site.build_once().with_code(1);
    assert!(log.contains("/films is empty; it had 5 records"), "{log}");
    assert_eq!(titles(&site), 5);
    assert_eq!(site.run(&["accept"]).code, Some(0), "the owner can accept the answer");
    site.build_once().well();
    assert_eq!(titles(&site), 0);
}

#[test]
fn the_owner_accepts_while_the_site_is_served() {
    let (_upstream, site) = after(&json!([]), &[]);
    let running = site.serve().ready();
    let line = running.wait_for_line("movies-gen accept ");
    assert_eq!(site.run(&["accept", &named(&line)]).code, Some(0));
    running.wait_for_line("the owner accepted the answer");
    running.wait_for_line("outcome=changed");
    assert_eq!(running.get("/movies.json").text().trim(), "[\n]");
}

#[test]
fn the_first_answer_is_believed() {
    let upstream = Upstream::of(&json!([]), &people());
    let site = Site::eager(&upstream);
    site.build_once().well();
    assert_eq!(titles(&site), 0);
    upstream.set("/films", Answer::json(&films()));
    site.build_once().well();
    assert_eq!(titles(&site), 5);
}

#[test]
#[ignore = "needs redis-server"]
fn refusals_and_marks_are_shared_by_replicas() {
    let redis = Redis::start();
    let upstream = Upstream::start();
    let one = Site::eager(&upstream).with(&["--redis", &redis.url()]);
    let other = Site::eager(&upstream).with(&["--redis", &redis.url()]);
    one.build_once().well();
    other.build_once().well();
    upstream.set("/films", Answer::json(&json!([])));
    one.build_once().with_code(1);
    let log = other.build_once().with_code(1);
    assert!(log.contains("(refusals in a row: 2)"), "{log}");
    assert_eq!(one.run(&["accept", &named(&log)]).code, Some(0));
    other.build_once().well();
    assert_eq!(titles(&other), 0);
}

#[test]
#[ignore = "needs redis-server"]
fn a_stale_mark_in_a_file_does_not_hide_the_mark_in_redis() {
    let (redis, upstream) = (Redis::start(), Upstream::start());
    let alone = Site::eager(&upstream);
    alone.build_once().well();
    upstream.set("/films", Answer::json(&json!([])));
    alone.build_once().with_code(1);
    assert_eq!(alone.run(&["accept"]).code, Some(0), "a mark in the state directory");
    upstream.recover();
    let shared = alone.with(&["--redis", &redis.url()]);
    shared.build_once().well();
    upstream.set("/films", Answer::json(&some(1)));
    shared.build_once().with_code(1);
    assert_eq!(shared.run(&["accept"]).code, Some(0), "a mark in Redis");
    shared.build_once().well();
    assert_eq!(titles(&shared), 1);
}
