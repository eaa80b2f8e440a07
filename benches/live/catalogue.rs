//! A synthetic catalogue of any size, equal in every run.

use serde_json::{Value, json};

const ADJECTIVES: [&str; 7] = ["Quiet", "Silver", "Northern", "Paper", "Hollow", "Early", "Last"];
const NOUNS: [&str; 9] =
    ["Harbour", "Orchard", "Lantern", "Station", "River", "Winter", "Letter", "Garden", "Ferry"];
const GIVEN: [&str; 8] = ["Ida", "Mads", "Lena", "Tom", "Ann", "Osk", "Ruth", "Pelle"];
const FAMILY: [&str; 5] = ["Brandt", "Okoye", "Sorg", "Vale", "Roe"];
const DESCRIPTION: &str = "A keeper counts the ships that do not come, and one summer a child \
    from the far side of the bay begins to count them too. What both of them take for a game \
    becomes the one thing that the town agrees on.";

/// Makes `count` films, the newest last, each with some of the people.
pub(crate) fn films(count: usize, people: usize) -> Value {
    let film = |n: usize| {
        let cast = (0..3).map(|nth| (n + nth * 7) % people.max(1));
        let cast: Vec<_> = cast.map(|n| format!("https://api.example/people/p{n}")).collect();
        json!({
            "id": format!("f{n}"), "title": format!("{} {n}", of_words(&ADJECTIVES, &NOUNS, n)),
            "original_title": format!("灯台守 {n}"), "original_title_romanised": format!("Tōdaimori {n}"),
            "image": format!("https://pictures.example/{n}.jpg"), "description": DESCRIPTION,
            "director": of_words(&GIVEN, &FAMILY, n % 40), "producer": of_words(&GIVEN, &FAMILY, n % 11),
            "release_date": (1940 + n * 80 / count).to_string(),
            "running_time": (70 + n % 90).to_string(), "rt_score": (10 + n * 7 % 90).to_string(),
            "people": cast, "url": format!("https://api.example/films/f{n}"),
        })
    };
    (0..count).map(film).collect()
}

/// Makes `count` people.
pub(crate) fn people(count: usize) -> Value {
    let person = |n: usize| {
        json!({
            "id": format!("p{n}"), "name": format!("{} {n}", of_words(&GIVEN, &FAMILY, n)),
            "gender": "Female", "age": "late teens", "eye_color": "Grey", "hair_color": "Black",
            "films": [], "url": format!("https://api.example/people/p{n}"),
        })
    };
    (0..count).map(person).collect()
}

fn of_words(first: &[&str], second: &[&str], n: usize) -> String {
    format!("{} {}", first[n % first.len()], second[n / first.len() % second.len()])
}
