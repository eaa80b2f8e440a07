//! Promise 5 on disk: files of the owner.

use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use serde_json::json;

use crate::fixture::{Answer, Site, Upstream, contents, films, wait_until};

fn inode(path: &Path) -> u64 {
    path.symlink_metadata().unwrap_or_else(|error| panic!("{}: {error}", path.display())).ino()
}

/// Changes the data of the upstream, so that the next refresh changes a page.
fn change(upstream: &Upstream, score: u32) {
    let mut films = films();
    films[0]["rt_score"] = json!(score);
    upstream.set("/films", Answer::json(&films));
}

#[test]
fn the_files_of_the_owner_stay_the_same_files_after_an_exchange() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream);
    site.build_once().well();
    let own = [
        "notes.txt",
        ".htaccess",
        ".well-known/security.txt",
        "movies/list of mine.txt",
        "movies/salt-road/review.html",
        "deep/er/still/file.bin",
    ];
    for path in own {
        site.write(&format!("public/{path}"), format!("mine: {path}\0\u{ff}"));
    }
    symlink("notes.txt", site.out().join("link")).expect("a link");
    symlink("nowhere", site.out().join("movies/dangling")).expect("a link");
    std::fs::create_dir(site.out().join("empty")).expect("a directory");
    let paths: Vec<_> = own.into_iter().chain(["link", "movies/dangling"]).collect();
    let inodes: Vec<_> = paths.iter().map(|path| inode(&site.out().join(path))).collect();

    for score in [1, 2, 3] {
        change(&upstream, score);
        let log = site.build_once().well();
        assert!(log.contains("published"), "the trees must be exchanged: {log}");
        for (path, inode_before) in paths.iter().zip(&inodes) {
            assert_eq!(inode(&site.out().join(path)), *inode_before, "{path}");
        }
        for path in own {
            assert_eq!(site.page(path), format!("mine: {path}\0\u{ff}"), "{path}");
        }
        let target = |link: &str| std::fs::read_link(site.out().join(link)).expect("a link");
        assert_eq!(target("link"), Path::new("notes.txt"));
        assert_eq!(target("movies/dangling"), Path::new("nowhere"));
        assert!(site.out().join("empty").is_dir());
    }
}

#[test]
fn edits_and_removals_of_the_owner_are_never_undone() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream);
    site.build_once().well();
    site.write("public/keep.txt", "old");
    site.write("public/drop.txt", "old");
    change(&upstream, 1);
    site.build_once().well();
    site.write("public/keep.txt", "new");
    std::fs::remove_file(site.out().join("drop.txt")).expect("removed");
    for score in [2, 3] {
        change(&upstream, score);
        site.build_once().well();
        assert_eq!(site.page("keep.txt"), "new");
        assert!(!site.out().join("drop.txt").exists());
    }
}

#[test]
fn the_files_of_the_owner_stay_while_the_server_runs() {
    let upstream = Upstream::start();
    let server = Site::eager(&upstream).serve().ready();
    server.site.write("public/notes.txt", "mine");
    let notes = inode(&server.site.out().join("notes.txt"));
    let etag = server.get("/movies.json").expect("etag").to_owned();
    change(&upstream, 5);
    wait_until("the change", || server.get("/movies.json").expect("etag") != etag);
    assert_eq!(inode(&server.site.out().join("notes.txt")), notes);
    assert_eq!(
        server.get("/notes.txt").status,
        404,
        "the server must not serve files of the owner"
    );
}

#[test]
fn actions_of_the_owner_between_two_publishes_of_a_server_are_never_undone() {
    let upstream = Upstream::start();
    let server = Site::of(&upstream).with(&["--interval", "300ms", "--max-age", "60s"]).serve();
    let server = server.ready();
    let (site, out) = (server.site.clone(), server.site.out());
    let mut score = 0;
    let mut publish = || {
        score += 1;
        change(&upstream, score);
        let wanted = format!("data-score=\"{score}\"");
        // The new page is live only after the publish has ended.
        wait_until("the change", || server.get("/").text().contains(&wanted));
    };
    for path in ["keep.txt", "drop.txt", "movies/salt-road/review.html", "deep/er/file.bin"] {
        site.write(&format!("public/{path}"), path);
    }
    std::fs::create_dir(out.join("empty")).expect("a directory");
    publish();
    publish();
    site.write("public/keep.txt", "new");
    site.write("public/late.txt", "late");
    std::fs::remove_file(out.join("drop.txt")).expect("removed");
    std::fs::remove_dir(out.join("empty")).expect("removed");
    for standby in ["kept", "removed", "kept"] {
        if standby == "removed" {
            // A rename removes the whole tree at once: a refresh never meets half of the tree.
            let removed = site.path("removed");
            std::fs::rename(site.path(".movies-gen/standby"), &removed).expect("renamed");
            std::fs::remove_dir_all(removed).expect("removed");
        }
        publish();
        publish();
        assert_eq!(site.page("keep.txt"), "new", "standby {standby}");
        assert_eq!(site.page("late.txt"), "late", "standby {standby}");
        assert_eq!(site.page("deep/er/file.bin"), "deep/er/file.bin", "standby {standby}");
        let review = "movies/salt-road/review.html";
        assert_eq!(site.page(review), review, "standby {standby}");
        assert!(!out.join("drop.txt").exists(), "standby {standby}");
        assert!(!out.join("empty").exists(), "standby {standby}");
    }
}

#[test]
fn a_page_is_published_after_the_owner_removes_a_file_at_its_path() {
    let upstream = Upstream::start();
    let server = Site::of(&upstream).with(&["--interval", "300ms", "--max-age", "60s"]).serve();
    let server = server.ready();
    let place = "movies/the-new-one/index.html";
    server.site.write(&format!("public/{place}"), "mine");
    for score in [1, 2] {
        change(&upstream, score);
        let wanted = format!("data-score=\"{score}\"");
        wait_until("the change", || server.get("/").text().contains(&wanted));
    }
    std::fs::remove_file(server.site.out().join(place)).expect("removed");
    let mut more = films();
    let new = json!({"id": "f-new", "title": "The New One", "release_date": "2001"});
    more.as_array_mut().expect("a list").push(new);
    upstream.set("/films", Answer::json(&more));
    wait_until("the new film", || server.get("/movies/the-new-one/").status == 200);
    assert!(
        server.site.page(place).contains("<h1 itemprop=\"name\" dir=\"auto\">The New One</h1>")
    );
}

#[test]
fn an_out_that_is_not_ours_is_refused_before_the_upstream_is_asked() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream).with(&["--listen", "127.0.0.1:0"]);
    site.write("public/holiday.jpg", "a picture");
    for command in [&["build", "once"][..], &["build", "loop"], &["serve"]] {
        let call = site.run(command);
        let log = call.with_code(2);
        assert!(log.contains("holiday.jpg") && log.contains("--out"), "{log}");
    }
    assert_eq!(upstream.asked(), (0, 0));
    assert_eq!(contents(&site.out()).len(), 1, "the program must write nothing to this directory");
}

#[test]
fn an_out_with_only_dotfiles_and_well_known_is_accepted() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    site.write("public/.gitignore", "*");
    site.write("public/.well-known/security.txt", "mine");
    site.build_once().well();
    assert_eq!(site.page(".gitignore"), "*");
    assert_eq!(site.page(".well-known/security.txt"), "mine");
    assert!(site.page("index.html").contains("Salt Road"));
}

#[test]
fn a_file_of_the_owner_at_the_path_of_a_page_is_named_and_kept_and_the_rest_is_published() {
    let upstream = Upstream::start();
    let site = Site::eager(&upstream);
    site.build_once().well();
    let place = "public/movies/newcomer/index.html";
    site.write(place, "mine");
    let mut films = films();
    films.as_array_mut().expect("a list").push(json!({"id": "new", "title": "Newcomer"}));
    upstream.set("/films", Answer::json(&films));
    let log = site.build_once().well();
    assert!(log.contains("movies/newcomer/index.html"), "{log}");
    assert!(log.contains("did not make is at the path of a page"), "{log}");
    assert_eq!(site.page("movies/newcomer/index.html"), "mine");
    assert!(site.page("movies.json").contains("Newcomer"));
    let log = site.build_once().well();
    assert!(!log.contains("is at the path of a page"), "the message must be logged once: {log}");
    std::fs::remove_file(site.path(place)).expect("moved away");
    site.build_once().well();
    assert!(site.page("movies/newcomer/index.html").contains("Newcomer"));
}

#[test]
fn a_removed_out_is_published_again_with_the_next_refresh() {
    let upstream = Upstream::start();
    let server = Site::eager(&upstream).serve().ready();
    let before = contents(&server.site.out());
    // Remove the directory with one rename, because the server may write a file at any moment.
    std::fs::rename(server.site.out(), server.site.path("gone")).expect("removed");
    assert_eq!(server.get("/").status, 200, "visitors must get the page");
    let whole = || server.site.out().join("sitemap.xml").exists();
    wait_until("the directory", whole);
    assert_eq!(contents(&server.site.out()), before);
}
