//! Local files as an upstream.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use super::by_title;
use crate::fixture::{Browser, Running, Site, found, wait_until};

const MAPPING: &str = "\
upstream = \"file:data/\"
[films]
get = \"films.csv\"
id = \"nr\"
title = \"titel\"
release_date = \"jahr\"
director = { at = \"regie\", split = \"; \" }
score = { at = \"note\", of = 5 }
";

/// Makes a site of a CSV file with this number of films.
fn site_of_csv(films: usize) -> Site {
    let site = Site::new();
    site.write("movies-gen.toml", MAPPING);
    site.write("data/films.csv", csv(films, "Film"));
    site
}

fn csv(films: usize, called: &str) -> String {
    let line =
        |nr| format!("{nr},\"{called} \"\"{nr}\"\"\",{},Ann Lee; Bo Ek,4.5\n", 1950 + nr % 70);
    let lines: String = (0..films).map(line).collect();
    format!("nr,titel,jahr,regie,note\n{lines}")
}

fn has(server: &Running, text: &str) -> bool {
    server.get("/movies.json").text().contains(text)
}

#[test]
fn json_lines_and_csv_give_the_same_site() {
    let films = [
        json!({"nr": "1", "titel": "One, \"two\"", "jahr": "1999", "regie": "A; B", "note": "4"}),
        json!({"nr": "2", "titel": "Zwei", "jahr": "2001"}),
    ];
    let lines: String = films.iter().map(|film| format!("{film}\n")).collect();
    let csv = "nr,titel,jahr,regie,note\n1,\"One, \"\"two\"\"\",1999,A; B,4\n2,Zwei,2001,,\n";
    let read = |name: &str, text: &str| {
        let site = Site::new();
        site.write("movies-gen.toml", MAPPING.replace("films.csv", name));
        site.write(&format!("data/{name}"), text);
        site.build_once().well();
        site.json("movies.json")
    };
    let of_json = read("films.json", &json!(films).to_string());
    assert_eq!(of_json[1]["directors"], json!(["A", "B"]));
    assert_eq!((&of_json[1]["rt_score"], &of_json[0]["year"]), (&json!(80), &json!(2001)));
    assert_eq!(read("films.ndjson", &lines), of_json);
    assert_eq!(read("films.csv", csv), of_json);
}

#[test]
fn a_saved_file_is_shown_without_waiting_for_an_interval() {
    // No refresh is due before a test has lost its patience. A benchmark measures the goal of 500 ms.
    let site = site_of_csv(300).with(&["--interval", "10m", "--max-age", "20m"]);
    let server = site.serve().ready();
    for (at, way) in ["in place", "by a rename"].into_iter().enumerate() {
        let text = csv(300, &format!("Edit{at}"));
        match way {
            "in place" => fs::write(site.path("data/films.csv"), &text).expect("saved"),
            _ => {
                site.write("data/.films.swp", &text);
                fs::rename(site.path("data/.films.swp"), site.path("data/films.csv"))
                    .expect("saved");
            }
        }
        wait_until(&format!("the edit {way}"), || has(&server, &format!("Edit{at} ")));
    }
    let films = server.get("/movies.json");
    let films: Value = serde_json::from_str(films.text()).expect("JSON");
    assert_eq!(films.as_array().map(Vec::len), Some(300));
}

#[test]
fn a_half_written_file_changes_nothing_and_is_read_when_it_is_whole() {
    let site = site_of_csv(40);
    let server = site.serve().ready();
    let whole = csv(40, "Whole");
    let half = &whole[..whole.len() / 2 + 3];
    site.write("data/films.csv", half);
    server.wait_for_line("the refresh failed");
    assert!(has(&server, "Film ") && !has(&server, "Whole"), "the last good site stays");
    site.write("data/films.csv", &whole);
    wait_until("the whole file is shown", || has(&server, "Whole"));
}

#[test]
fn a_file_that_is_gone_is_named_and_the_last_good_site_stays() {
    let site = site_of_csv(5);
    let server = site.serve().ready();
    fs::rename(site.path("data/films.csv"), site.path("data/away.csv")).expect("moved");
    let line = server.wait_for_line("the refresh failed");
    assert!(line.contains("films.csv"), "{line}");
    assert!(has(&server, "Film "));
    fs::rename(site.path("data/away.csv"), site.path("data/films.csv")).expect("moved back");
    server.wait_for_line("refreshes work again");
}

#[test]
fn a_file_that_lost_most_of_its_records_is_not_taken_however_often_it_is_saved() {
    let site = site_of_csv(60);
    let server = site.serve().ready();
    let short = csv(5, "Short");
    for save in 0..15 {
        site.write("data/films.csv", format!("{short}{}", "\n".repeat(save)));
        std::thread::sleep(Duration::from_millis(150));
    }
    server.wait_for_line("the program never takes such a local file by itself");
    assert!(has(&server, "Film ") && !has(&server, "Short"), "the last good site stays");
    site.write("data/films.csv", csv(60, "Back"));
    wait_until("the whole list is shown", || has(&server, "Back"));
}

#[test]
fn two_builds_in_a_row_read_the_file_twice() {
    let site = site_of_csv(3);
    site.build_once().well();
    site.write("data/films.csv", csv(3, "Second"));
    site.build_once().well();
    assert!(by_title(&site, "id").iter().all(|(title, _)| title.starts_with("Second")));
}

#[test]
fn a_wrong_upstream_of_files_is_an_error_with_the_way_out() {
    let site = site_of_csv(3);
    for (mapping, part) in [
        (MAPPING.replace("file:data/", "file:data/films.csv"), "is not a directory"),
        (
            MAPPING.replace("upstream = \"file:data/\"\n", "") + "[api]\nupstream = \"data/\"\n",
            ":12: `upstream` is not an http or https URL",
        ),
        (MAPPING.replace("films.csv", "films.xls"), ".json, .ndjson or .csv"),
        (
            format!("{MAPPING}image = {{ text = \"{{api}}/{{nr}}.jpg\" }}\n"),
            "local files have no address",
        ),
        (format!("redis = \"redis://127.0.0.1/\"\n{MAPPING}"), "omit --redis"),
    ] {
        site.write("movies-gen.toml", mapping);
        let log = site.build_once().with_code(2);
        assert!(log.contains(part), "{part}: {log}");
    }
}

#[test]
#[ignore = "needs chromium"]
fn an_open_page_is_patched_after_a_file_was_saved() {
    let site = site_of_csv(300);
    let server = site.serve().ready();
    let mut browser = Browser::start();
    let mut tab = browser.tab();
    tab.load(&format!("http://{}/", server.address));
    tab.wait_for("document.body.textContent.includes('Film \"299\"')");
    tab.value("window.stays = true");
    // The event stream is open when the page shows its state.
    found("the page listens", || {
        site.write("data/films.csv", csv(300, "Patched"));
        std::thread::sleep(Duration::from_millis(300));
        (tab.value("document.body.textContent.includes('Patched')") == json!(true)).then_some(())
    });
    assert_eq!(tab.value("window.stays"), json!(true), "the page was patched, not loaded again");
}
