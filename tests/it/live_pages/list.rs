//! An open list takes over changes and keeps what the visitor typed, chose and focused.

use serde_json::json;

use super::{
    CARDS, LISTENS, SAID, changed, one_less, one_more, open, says, served, was_not_loaded_again,
};
use crate::fixture::{Answer, films};

#[test]
#[ignore = "needs chromium"]
fn an_open_list_shows_films_that_are_added_changed_and_removed() {
    let (upstream, running, mut browser) = served();
    let mut tab = open(&mut browser, &running, "/");
    upstream.set("/films", one_more());
    tab.wait_for(&format!("({CARDS}) === 'f-empty f-winter f-new f-return f-salt f-lamp'"));
    tab.wait_for(&says("New: The New One."));
    assert_eq!(tab.text("document.querySelector('[data-film-id=f-new]').dataset.new"), "New");
    // Counts, filters and drawings follow after the cards.
    tab.wait_for("document.querySelector('.count').textContent.startsWith('6 films')");
    upstream.set("/films", Answer::json(&films()));
    tab.wait_for(&format!("({CARDS}) === 'f-empty f-winter f-return f-salt f-lamp'"));
    tab.wait_for(&says("The New One is no longer in the list."));
    upstream.set("/films", changed(&json!({"rt_score": "12"})));
    tab.wait_for("document.querySelector('[data-film-id=f-lamp]').dataset.score === '12'");
    tab.wait_for(&says("The Lamp Keeper has changed."));
    upstream.set("/films", one_less());
    tab.wait_for(&format!("({CARDS}) === 'f-winter f-return f-salt f-lamp'"));
    tab.wait_for("document.querySelector('.count').textContent.startsWith('4 films')");
    was_not_loaded_again(&mut tab);
}

#[test]
#[ignore = "needs chromium"]
fn a_new_signature_of_a_picture_is_taken_over_without_an_announcement() {
    let (upstream, running, mut browser) = served();
    for path in ["/", "/movies/the-lamp-keeper/"] {
        let mut tab = open(&mut browser, &running, path);
        for signature in ["1", "2"] {
            let address =
                format!("https://pictures.example/lamp.jpg?sig={signature}{}", path.len());
            upstream.set("/films", changed(&json!({"image": address})));
            let is_it = format!("(picture) => picture.src === '{address}'");
            tab.wait_for(&format!("[...document.querySelectorAll('main img')].some({is_it})"));
        }
        tab.wait_for(LISTENS);
        assert_eq!(tab.text(SAID), "", "{path}");
        assert_eq!(tab.value("window.isStillTheSame === true"), true, "{path}");
    }
}

/// The synthetic films with `more` additional films.
fn many(more: usize) -> serde_json::Value {
    let mut films = films();
    let list = films.as_array_mut().expect("a list");
    list.extend((0..more).map(|n| {
        json!({"id": format!("m{n}"), "title": format!("Many {n}"), "release_date": (1900 + n).to_string(),
            "director": "Mads Okoye", "running_time": "100"})
    }));
    films
}

#[test]
#[ignore = "needs chromium"]
fn an_update_keeps_typed_text_choices_opened_details_and_focus() {
    let (upstream, running, mut browser) = served();
    let mut tab = open(&mut browser, &running, "/");
    let _ = tab.value(
        "finder = document.querySelector('[data-finder]');
         finder.querySelector('details').open = true;
         finder.elements.director.value = 'Ida Brandt';
         finder.elements.sort.value = 'title';
         finder.elements.q.focus();",
    );
    tab.call("Input.insertText", json!({"text": "ne"}));
    let _ = tab.value("finder.elements.q.setSelectionRange(1, 1)");
    tab.wait_for(&format!("({CARDS}) === ''"));
    upstream.set("/films", one_more());
    // The list shows the new film although the visitor sorted the list by title and typed a search
    // text.
    tab.wait_for(&format!("({CARDS}) === 'f-new'"));
    tab.wait_for("document.querySelector('.count').textContent.startsWith('6 films')");
    let kept = "[finder === document.querySelector('[data-finder]'),
        finder.querySelector('details').open, finder.elements.director.value,
        finder.elements.sort.value, document.activeElement === finder.elements.q,
        finder.elements.q.value, finder.elements.q.selectionStart, finder.hidden,
        location.search].join()";
    let wanted = "true,true,Ida Brandt,title,true,ne,1,false,?q=ne&director=Ida+Brandt&sort=title";
    assert_eq!(tab.text(kept), wanted);
    // The next letter appears at the place of the cursor.
    tab.call("Input.insertText", json!({"text": "x"}));
    assert_eq!(tab.text("finder.elements.q.value"), "nxe");
    assert_eq!(tab.value("window.isStillTheSame"), true);
}

#[test]
#[ignore = "needs chromium"]
fn keyboard_focus_stays_on_a_card_that_moves_and_changes() {
    let (upstream, running, mut browser) = served();
    let mut tab = open(&mut browser, &running, "/?sort=score");
    tab.wait_for(&format!("({CARDS}) === 'f-salt f-lamp f-empty f-return f-winter'"));
    let _ = tab.value("link = document.querySelector('[data-film-id=f-lamp] h2 a'); link.focus()");
    upstream.set("/films", changed(&json!({"rt_score": "1", "title": "The Lamp Warden"})));
    tab.wait_for(&format!("({CARDS}) === 'f-salt f-empty f-return f-winter f-lamp'"));
    tab.wait_for(
        "document.querySelector('[data-film-id=f-lamp] h2').textContent.includes('Warden')",
    );
    assert_eq!(tab.value("document.activeElement === link && link.isConnected"), true);
    was_not_loaded_again(&mut tab);
}

#[test]
#[ignore = "needs chromium"]
fn an_update_keeps_the_place_of_a_visitor_who_reads_further_down() {
    let (upstream, running, mut browser) = served();
    let more = many(80);
    upstream.set("/films", Answer::json(&more));
    let mut tab = open(&mut browser, &running, "/");
    tab.wait_for("document.querySelectorAll('[data-film-id]').length === 85");
    tab.wait_for("document.querySelector('.count').textContent.startsWith('85 films')");
    // The place is the place in the layout, because the animation of a new card moves the card for
    // a moment. The film is below the first rows, so the new films come above the window.
    let _ = tab.value(
        "seen = document.querySelector('[data-film-id=m40]'); seen.scrollIntoView();
         place = seen.offsetTop - scrollY; was = scrollY",
    );
    let mut with_new = more.clone();
    let list = with_new.as_array_mut().expect("a list");
    // Add two full rows of new films. The film that the visitor reads then moves down by two rows,
    // but stays beside the same films.
    let columns = "getComputedStyle(document.getElementById('films')).gridTemplateColumns";
    let columns = tab.value(&format!("{columns}.split(' ').length")).as_u64().expect("a number");
    list.extend((0..2 * columns).map(|n| {
        json!({"id": format!("new{n}"), "title": format!("Newest {n}"), "release_date": "2020"})
    }));
    upstream.set("/films", Answer::json(&with_new));
    let all = 85 + 2 * columns;
    tab.wait_for(&format!(
        "document.querySelector('.count').textContent.startsWith('{all} films')"
    ));
    tab.wait_for(&says(&format!("{} new films.", 2 * columns)));
    let moved = tab.value("Math.abs(seen.offsetTop - scrollY - place)");
    assert!(moved.as_f64().is_some_and(|moved| moved < 2.0), "the film moved by {moved} pixels");
    assert_eq!(tab.value("scrollY > was + 100"), true, "the new films are above the window");
    was_not_loaded_again(&mut tab);
}

#[test]
#[ignore = "needs chromium"]
fn an_open_list_updates_on_a_site_that_began_without_films() {
    let upstream = crate::fixture::Upstream::of(&json!([]), &json!([]));
    let running = super::quick(&upstream).with(&["--accept-after", "1"]).serve();
    let mut browser = crate::fixture::Browser::start();
    upstream.set("/films", one_more());
    let running = running.ready();
    let mut tab = open(&mut browser, &running, "/");
    tab.wait_for(&format!("({CARDS}).split(' ').length === 6"));
    upstream.set("/films", Answer::json(&many(2)));
    tab.wait_for(&format!("({CARDS}).split(' ').length === 7"));
    was_not_loaded_again(&mut tab);
}

#[test]
#[ignore = "needs chromium"]
fn hostile_values_in_an_event_appear_as_text() {
    let (upstream, running, mut browser) = served();
    let mut tab = open(&mut browser, &running, "/");
    let title =
        "One\r\n\r\nevent: fetch\ndata: {}\n\n</script><img src=x onerror=alert(1)> {title} $&";
    let mut hostile = films();
    hostile.as_array_mut().expect("a list").push(json!({
        "id": "f\n<\"'x", "title": title, "director": "\"><b>\n\nB", "release_date": "2020"
    }));
    upstream.set("/films", Answer::json(&hostile));
    tab.wait_for("document.querySelectorAll('[data-film-id]').length === 6");
    tab.wait_for("document.querySelector('.count').textContent.startsWith('6 films')");
    let shown = tab.text("document.querySelector('[data-film-id] h2').textContent");
    assert!(shown.contains("<img src=x onerror=alert(1)>"), "{shown}");
    let said = tab.text(SAID);
    assert!(said.starts_with("New: One") && said.ends_with("{title} $&."), "{said}");
    assert_eq!(tab.value("document.querySelector('main img[src=x]')"), serde_json::Value::Null);
    upstream.set("/films", Answer::json(&films()));
    tab.wait_for("document.querySelectorAll('[data-film-id]').length === 5");
    was_not_loaded_again(&mut tab);
}
