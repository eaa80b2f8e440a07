//! Tests that pages show what people play, in which order, and their pictures.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::tests::{credited, hashes_hidden, rendered, site};
use super::*;
use crate::catalogue::Catalogue;
use crate::changes::between;
use crate::clock::WallTime;
use crate::ledger::Ledger;
use crate::theme::Theme;

const FACE: &str = "https://i.example/ida.jpg?w=2&h=3";

fn films() -> [Value; 2] {
    [
        json!({
            "id": "f1", "title": "The Lamp Keeper", "release_date": "1988", "rt_score": 79,
            "original_title": "灯台守", "original_title_romanised": "Tōdaimori", "language": "ja",
            "director": ["Mirela Dunn", "Yuna Takeda", "Ann Lee"], "producer": ["Ole Brandt", "Bo Ek"],
            "cast": [
                {"id": "z", "name": "Zora Frost", "as": "Keeper <1>", "face": FACE},
                {"id": "t", "name": "Tomas Reyes"},
                {"id": "a", "name": "Ann Lee", "as": "Harbour Master"},
            ],
        }),
        json!({
            "id": "f2", "title": "Two Rivers", "release_date": "1990",
            "cast": [{"id": "z", "name": "Zora Frost", "face": FACE}],
        }),
    ]
}

fn small() -> Catalogue {
    credited(json!(films()), json!([{"id": "guest", "name": "Guest", "films": ["f1"]}]))
}

fn pages(catalogue: &Catalogue) -> BTreeMap<String, String> {
    let pages = rendered(&site(Some("https://films.example/")), catalogue, 1);
    pages.into_iter().map(|(path, (_, text))| (path, text)).collect()
}

/// Returns the JSON-LD of a page.
fn json_ld(page: &str) -> Value {
    let (_, rest) = page.split_once("application/ld+json\">").expect("JSON-LD");
    serde_json::from_str(rest.split("</script>").next().expect("an end")).expect("JSON")
}

#[test]
fn people_have_their_roles_and_pictures_on_pages() {
    let pages = pages(&small());
    insta::assert_snapshot!("film-with-credits", {
        let page = &pages["movies/the-lamp-keeper/index.html"];
        let main = page.split("<main").nth(1).and_then(|rest| rest.split("</main>").next());
        hashes_hidden(main.expect("a main part"))
    });
    let person = &pages["people/zora-frost/index.html"].replace("&#x2F;", "/");
    for part in [
        "role=\"img\" aria-label=\"Picture of Zora Frost\"",
        "<img src=\"https://i.example/ida.jpg?w=2&amp;h=3\" alt=\"\" width=\"200\" height=\"300\" \
         referrerpolicy=\"no-referrer\">",
        "<meta property=\"og:image\" content=\"https://i.example/ida.jpg?w=2&amp;h=3\">",
        "<span class=\"role\" dir=\"auto\">Keeper &lt;1&gt;</span>",
    ] {
        assert!(person.contains(part), "{part} is missing: {person}");
    }
    let plain = &pages["people/tomas-reyes/index.html"];
    for part in ["portrait", "og:image", "\"role\""] {
        assert!(!plain.contains(part), "{part}: {plain}");
    }
    let list = &pages["index.html"];
    let cast = list.split("data-film-id=\"f1\"").nth(1).expect("a card");
    let places = ["Zora Frost", "Keeper &lt;1&gt;", "Tomas Reyes", "\"a\"><a", "Guest</a>"];
    let places = places.map(|name| cast.find(name).unwrap_or_else(|| panic!("{name}: {cast}")));
    assert!(places.is_sorted(), "the order of the credits: {places:?} in {cast}");
}

#[test]
fn data_files_have_roles_pictures_and_the_stated_language() {
    let pages = pages(&small());
    let data = |path: &str| serde_json::from_str::<Value>(&pages[path]).expect("JSON");
    let (movies, people) = (data("movies.json"), data("people.json"));
    assert_eq!(movies[1]["original_language"], "ja");
    let roles = movies[1]["people"].as_array().expect("people").iter();
    let roles: Vec<_> = roles.map(|person| (&person["id"], person.get("role"))).collect();
    assert_eq!(roles[0], (&json!("z"), Some(&json!("Keeper <1>"))));
    assert_eq!(roles[1], (&json!("t"), None));
    assert_eq!(roles[3], (&json!("guest"), None));
    let zora = people.as_array().expect("people").iter().find(|one| one["id"] == "z");
    let zora = zora.expect("a person");
    assert_eq!((&zora["image"], &zora["films"][0]["role"]), (&json!(FACE), &json!("Keeper <1>")));
    assert_eq!(zora["films"][1].get("role"), None);
}

#[test]
fn people_of_the_credits_are_actors_in_json_ld_and_others_are_characters() {
    let pages = pages(&small());
    let film = json_ld(&pages["movies/the-lamp-keeper/index.html"]);
    let person = |name: &str, slug: &str| json!({"@type": "Person", "name": name, "url": format!("https://films.example/people/{slug}/")});
    let actors = json!([
        {"@type": "PerformanceRole", "characterName": "Keeper <1>",
         "actor": person("Zora Frost", "zora-frost")},
        person("Tomas Reyes", "tomas-reyes"),
        {"@type": "PerformanceRole", "characterName": "Harbour Master",
         "actor": person("Ann Lee", "ann-lee")},
    ]);
    assert_eq!(film["actor"], actors);
    assert_eq!(film["character"], json!([person("Guest", "guest")]));
    assert_eq!(film["inLanguage"], "ja");
    let names = |key: &str| {
        let of = film[key].as_array().expect("several").iter();
        of.map(|person| person["name"].as_str().expect("a name")).collect::<Vec<_>>()
    };
    assert_eq!(names("director"), ["Mirela Dunn", "Yuna Takeda", "Ann Lee"]);
    assert_eq!(names("producer"), ["Ole Brandt", "Bo Ek"]);
    let zora = json_ld(&pages["people/zora-frost/index.html"]);
    assert_eq!((&zora["image"], zora.get("subjectOf")), (&json!(FACE), None));
    let acted = &zora["@reverse"]["actor"];
    assert_eq!(acted[0]["characterName"], "Keeper <1>");
    assert_eq!(acted[0]["@reverse"]["actor"]["name"], "The Lamp Keeper");
    assert_eq!(acted[1]["name"], "Two Rivers");
    let guest = json_ld(&pages["people/guest/index.html"]);
    assert_eq!(guest["subjectOf"][0]["name"], "The Lamp Keeper");
    assert_eq!(guest.get("@reverse"), None);
}

#[test]
fn an_original_title_that_is_the_title_is_not_shown_twice() {
    let mut films = films();
    films[0]["original_title"] = "The Lamp Keeper".into();
    films[0]["original_title_romanised"] = "The Lamp Keeper".into();
    let pages = pages(&credited(json!(films), json!([])));
    for path in ["index.html", "movies/the-lamp-keeper/index.html"] {
        let page = &pages[path];
        assert!(!page.contains("class=\"original\""), "{path}: {page}");
        assert!(!page.contains("class=\"romanised\""), "{path}: {page}");
    }
    let film = json_ld(&pages["movies/the-lamp-keeper/index.html"]);
    assert_eq!(film.get("alternateName"), None);
}

#[test]
fn the_stated_language_of_an_original_title_is_its_lang() {
    let pages = pages(&small());
    for path in ["index.html", "movies/the-lamp-keeper/index.html"] {
        let page = &pages[path];
        assert!(page.contains("class=\"original\" lang=\"ja\" dir=\"auto\""), "{path}: {page}");
        assert!(
            page.contains("class=\"romanised\" lang=\"ja-Latn\" dir=\"auto\""),
            "{path}: {page}"
        );
    }
}

#[test]
fn each_of_several_directors_and_producers_has_a_page_with_the_film() {
    let pages = pages(&small());
    for path in [
        "directors/mirela-dunn/index.html",
        "directors/yuna-takeda/index.html",
        "directors/ann-lee/index.html",
        "producers/ole-brandt/index.html",
        "producers/bo-ek/index.html",
    ] {
        assert!(pages[path].contains("data-film-id=\"f1\""), "{path}");
        assert!(pages["movies/the-lamp-keeper/index.html"].contains(&path[..path.len() - 11]));
    }
    let movies: Value = serde_json::from_str(&pages["movies.json"]).expect("JSON");
    assert_eq!(movies[1]["directors"], json!(["Mirela Dunn", "Yuna Takeda", "Ann Lee"]));
    assert_eq!(movies[1]["producers"], json!(["Ole Brandt", "Bo Ek"]));
}

/// Returns `/changes/` and the Atom feed after an edit of the first film, in a language.
fn told(lang: &str, edit: impl FnOnce(&mut Value)) -> [String; 2] {
    let [mut film, other] = films();
    edit(&mut film);
    let guest = json!([{"id": "guest", "name": "Guest", "films": ["f1"]}]);
    let (old, new) = (small(), credited(json!([film, other]), guest));
    let ledger = Ledger::baseline(&old, WallTime(0));
    let ledger = ledger.advanced(&between(&old, &new), &new, WallTime(1_795_518_000_000_000));
    let theme = Theme::load(None).expect("the theme");
    let site = Site { lang: lang.to_owned(), ..site(None) };
    let records = Records::of(&new, &ledger);
    let plan = Plan::new(&site, &records, &theme);
    ["changes/index.html", "feed.xml"].map(|path| {
        let bytes = plan.prepare(path).render().expect("a page");
        String::from_utf8(bytes.to_vec()).expect("text")
    })
}

#[test]
fn a_changed_role_names_the_person_in_every_language() {
    for (lang, label) in [
        ("en", "Role of Ann Lee"),
        ("de", "Rolle von Ann Lee"),
        ("es", "Papel de Ann Lee"),
        ("fr", "Rôle (Ann Lee)"),
        ("ja", "Ann Leeの役"),
    ] {
        let [changes, feed] = told(lang, |film| film["cast"][2]["as"] = "Pilot".into());
        let line = format!("<span class=\"label\" dir=\"auto\">{label}</span>");
        assert!(changes.contains(&line), "{lang}: {changes}");
        assert!(changes.contains("<del dir=\"auto\">Harbour Master</del>"), "{lang}: {changes}");
        assert!(changes.contains("<ins dir=\"auto\">Pilot</ins>"), "{lang}: {changes}");
        assert!(feed.contains(label) && feed.contains("Harbour Master → Pilot"), "{lang}: {feed}");
        assert_eq!(changes.matches("class=\"label\"").count(), 1, "{lang}: {changes}");
    }
}

#[test]
fn a_new_credit_is_a_change_of_the_people_and_a_new_order_is_no_change() {
    let added = |film: &mut Value| {
        let cast = film["cast"].as_array_mut().expect("a cast");
        cast.insert(0, json!({"id": "n", "name": "Noor", "as": "Cook"}));
    };
    let [changes, _] = told("en", added);
    assert!(changes.contains("Noor, Zora Frost, Tomas Reyes, Ann Lee, Guest</ins>"), "{changes}");
    assert!(!changes.contains("Role of"), "{changes}");
    let [changes, _] = told("en", |film| film["cast"].as_array_mut().expect("a cast").reverse());
    assert!(changes.contains("Nothing has changed"), "{changes}");
    let [changes, _] = told("en", |film| film["cast"][0]["face"] = "https://i.example/2".into());
    assert!(
        changes.contains("Nothing has changed"),
        "the newest film names the picture: {changes}"
    );
}
