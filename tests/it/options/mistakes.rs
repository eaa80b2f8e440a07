//! Messages about mistakes: each message names the option, the value, and where the value comes
//! from.

use crate::fixture::{Ended, Site, Upstream};

/// Runs `check`. The command must refuse the configuration; returns the message.
fn refused(site: &Site) -> String {
    let Ended { code, log, .. } = site.run(&["check"]);
    assert_eq!(code, Some(2), "{log}");
    log
}

#[test]
fn options_may_stand_before_the_command() {
    let upstream = Upstream::start();
    let site = Site::new();
    let ended = site.run(&["-q", "--upstream", &upstream.url(), "--out", "films", "build", "once"]);
    assert_eq!((ended.code, &*ended.log), (Some(0), ""));
    assert!(site.path("films/movies.json").exists());
    let ended = site.run(&["--lang", "de", "theme", "export", "exported"]);
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(site.path("exported/film.html").exists());
    let log = site.run(&["--no-such-flag", "build"]).with_code(2);
    assert!(log.contains("--no-such-flag"), "{log}");
}

#[test]
fn an_unknown_variable_is_named_with_the_most_similar_variable() {
    let message = refused(&Site::new().variable("MOVIES_GEN_MAXAGE", "60s"));
    assert!(message.contains("MOVIES_GEN_MAXAGE; did you mean MOVIES_GEN_MAX_AGE?"), "{message}");
    // Kubernetes makes such variables for a service with the name movies-gen.
    let site = Site::new().variable("MOVIES_GEN_PORT", "tcp://10.0.0.1:80");
    assert_eq!(site.run(&["check"]).code, Some(0));
}

#[test]
fn an_invalid_value_is_named_with_its_option_and_its_origin() {
    let site = Site::new();
    let message = refused(&site.variable("MOVIES_GEN_INTERVAL", "sixty"));
    assert!(message.contains("MOVIES_GEN_INTERVAL has an invalid value \"sixty\""), "{message}");
    assert!(message.contains("--interval"), "{message}");
    site.write("movies-gen.toml", "\nlisten = \"nowhere\"\n");
    let message = refused(&site);
    assert!(
        message.contains("movies-gen.toml:2: invalid value \"nowhere\" for `listen`"),
        "{message}"
    );
    let message = refused(&Site::new().with(&["--interval", "sixty"]));
    assert!(message.contains("'sixty' for '--interval"), "{message}");
}

#[test]
fn values_that_contradict_each_other_are_named_with_their_origins() {
    let site = Site::new().variable("MOVIES_GEN_MAX_AGE", "61s");
    site.write("movies-gen.toml", "interval = \"2m\"\n");
    let message = refused(&site);
    assert!(message.contains("--interval: movies-gen.toml:1 key interval"), "{message}");
    assert!(message.contains("--max-age: variable MOVIES_GEN_MAX_AGE"), "{message}");
    let message = refused(&Site::new().with(&["--interval", "2m"]));
    assert!(message.contains("(--interval: flag; --max-age: default)"), "{message}");
}

#[test]
fn usual_names_lead_to_the_option() {
    let message = refused(&Site::new().with(&["--port", "80"]));
    assert!(message.contains("'--listen'"), "{message}");
    let site = Site::new();
    site.write("movies-gen.toml", "[server]\nlisten = 80\n");
    let message = refused(&site);
    assert!(
        message.contains("movies-gen.toml:1: `[server]` is a table; all keys stand"),
        "{message}"
    );
}
