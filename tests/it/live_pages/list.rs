//! The list takes up what is new and keeps what the visitor typed, chose and focused.

use serde_json::json;

use super::{
    CARDS, LISTENS, SAID, changed, one_less, one_more, open, says, served, was_not_loaded_again,
};
use crate::fixture::{Answer, films};

#[test]
#[ignore = "needs chromium"]
fn films_that_come_change_and_go_do_so_on_the_open_list() {
    let (upstream, running, mut browser) = served();
    let mut tab = open(&mut browser, &running, "/");
    upstream.set("/films", one_more());
    tab.wait_for(&format!("({CARDS}) === 'f-empty f-winter f-new f-return f-salt f-lamp'"));
    tab.wait_for(&says("New: The New One."));
    assert_eq!(tab.text("document.querySelector('[data-film-id=f-new]').dataset.new"), "New");
    // The rest of the page follows: counts, filters, drawings.
    tab.wait_for("document.querySelector('.count').textContent.startsWith('6 films')");
    upstream.set("/films", Answer::json(&films()));
    tab.wait_for(&format!("({CARDS}) === 'f-empty f-winter f-return f-salt f-lamp'"));
    tab.wait_for(&says("The New One is not listed any more."));
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
fn a_new_signature_of_a_picture_is_shown_and_not_said() {
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

/// The made-up catalogue with so many more films, the newest first of them.
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
fn what_visitors_typed_chose_opened_and_focused_stays() {
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
    // By another order than the catalogue's, and under what was typed.
    tab.wait_for(&format!("({CARDS}) === 'f-new'"));
    tab.wait_for("document.querySelector('.count').textContent.startsWith('6 films')");
    let kept = "[finder === document.querySelector('[data-finder]'),
        finder.querySelector('details').open, finder.elements.director.value,
        finder.elements.sort.value, document.activeElement === finder.elements.q,
        finder.elements.q.value, finder.elements.q.selectionStart, finder.hidden,
        location.search].join()";
    let wanted = "true,true,Ida Brandt,title,true,ne,1,false,?q=ne&director=Ida+Brandt&sort=title";
    assert_eq!(tab.text(kept), wanted);
    // Typing goes on where it was.
    tab.call("Input.insertText", json!({"text": "x"}));
    assert_eq!(tab.text("finder.elements.q.value"), "nxe");
    assert_eq!(tab.value("window.isStillTheSame"), true);
}

#[test]
#[ignore = "needs chromium"]
fn the_focus_of_the_keyboard_stays_on_a_card_that_moves_and_changes() {
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
fn whoever_reads_further_down_stays_where_they_are() {
    let (upstream, running, mut browser) = served();
    let more = many(80);
    upstream.set("/films", Answer::json(&more));
    let mut tab = open(&mut browser, &running, "/");
    tab.wait_for("document.querySelectorAll('[data-film-id]').length === 85");
    tab.wait_for("document.querySelector('.count').textContent.startsWith('85 films')");
    // By the layout: a card that fades in stands lower for a moment.
    // Whatever of the first rows is seen below the finder is above the window now.
    let _ = tab.value(
        "seen = document.querySelector('[data-film-id=m40]'); seen.scrollIntoView();
         place = seen.offsetTop - scrollY; was = scrollY",
    );
    let mut with_new = more.clone();
    let list = with_new.as_array_mut().expect("a list");
    // Two rows of them: what is read stands below other films then, but beside the same.
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
    assert!(moved.as_f64().is_some_and(|moved| moved < 2.0), "it moved by {moved}");
    assert_eq!(tab.value("scrollY > was + 100"), true, "what came stands above");
    was_not_loaded_again(&mut tab);
}

#[test]
#[ignore = "needs chromium"]
fn an_empty_list_becomes_a_full_one_with_all_its_parts() {
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
fn a_hostile_catalogue_comes_as_text() {
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
