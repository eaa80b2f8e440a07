//! Records keep their addresses, whatever records are added and whatever their ids are.

use serde_json::json;

use crate::fixture::{Answer, Site, Upstream, films};

#[test]
fn a_director_with_a_similar_name_takes_no_address_of_another_director() {
    let upstream = Upstream::start();
    let mut films = films();
    films[0]["director"] = "Oscar Díaz".into();
    films[0]["producer"] = "Oscar Díaz".into();
    upstream.set("/films", Answer::json(&films));
    let site = Site::eager(&upstream);
    site.build_once().well();
    let more =
        json!({"id": "f-new", "title": "New", "director": "Oscar Diaz", "producer": "Oscar Diaz"});
    films.as_array_mut().expect("a list").push(more);
    upstream.set("/films", Answer::json(&films));
    site.build_once().well();
    for group in ["directors", "producers"] {
        let page = site.page(&format!("{group}/oscar-diaz/index.html"));
        assert!(page.contains("Oscar Díaz") && page.contains("The Lamp Keeper"), "{group}");
    }
}

#[test]
fn a_film_that_is_created_again_under_another_id_gets_its_address_back() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream);
    site.build_once().well();
    let mut films = films();
    films[0]["id"] = "f-imported".into();
    upstream.set("/films", Answer::json(&films));
    site.build_once().well();
    let films = site.json("movies.json");
    let film = films.as_array().expect("a list").iter().find(|film| film["id"] == "f-imported");
    assert_eq!(film.expect("the film")["url"], "/movies/the-lamp-keeper/");
    assert!(site.page("movies/the-lamp-keeper/index.html").contains("The Lamp Keeper"));
}
