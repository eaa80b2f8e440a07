//! `init`, `config` and the help: what a user sees of the options.

use movies_gen::cli::DECLARED;

use crate::fixture::{Site, Upstream};

#[test]
fn init_writes_a_valid_file_with_every_option_and_never_replaces_a_file() {
    let site = Site::new();
    let ended = site.run(&["init"]);
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(ended.out.contains("movies-gen check"), "{}", ended.out);
    let path = site.path("movies-gen.toml");
    let text = std::fs::read_to_string(&path).expect("the file");
    for key in DECLARED.iter().filter_map(|option| option.key()) {
        assert!(text.contains(&format!("\n# {key} = ")), "{key} in {text}");
    }
    assert_eq!(site.run(&["check"]).code, Some(0));

    let edited = text.replace("# site-title = \"Films\"", "site-title = \"Mine\"");
    site.write("movies-gen.toml", &edited);
    let log = site.run(&["init"]).with_code(2);
    assert!(log.contains("movies-gen.toml exists"), "{log}");
    assert_eq!(std::fs::read_to_string(&path).expect("the file"), edited);
    let upstream = Upstream::start();
    site.with(&["--upstream", &upstream.url()]).build_once().well();
    assert!(site.page("index.html").contains("<title>Mine"), "the edited file counts");
}

#[test]
fn config_shows_each_value_with_its_origin_and_no_secret() {
    let site = Site::new().variable("MOVIES_GEN_REDIS", "redis://:s3cret@h");
    site.write("movies-gen.toml", "\nlang = \"de\"\nverbose = 1\n");
    let ended = site.run(&["--max-age", "2m", "config", "--demo"]);
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let has = |value: &str, origin: &str| {
        let line = ended.out.lines().find(|line| line.starts_with(value));
        let line = line.unwrap_or_else(|| panic!("{value} in {}", ended.out));
        assert!(line.ends_with(&format!("  # {origin}")), "{line}");
    };
    has("lang = \"de\" ", "movies-gen.toml:2 key lang");
    has("verbose = 1 ", "movies-gen.toml:3 key verbose");
    has("max-age = \"2m\" ", "flag");
    has("interval = \"5s\" ", "default with --demo");
    has("limit = 0 ", "default with --demo");
    has("max-bytes = \"16MiB\" ", "default");
    has("# redis is set and not shown", "variable MOVIES_GEN_REDIS");
    has("# templates is not set", "default");
    assert!(!ended.out.contains("s3cret"), "{}", ended.out);
    // The listing is a configuration file.
    site.write("listed.toml", &ended.out);
    let same = site.run(&["config", "--config", "listed.toml"]);
    assert!(same.out.contains("max-age = \"2m\" "), "{}{}", same.out, same.log);
}

#[test]
fn the_help_of_a_command_lists_the_options_that_matter_to_the_command() {
    let help = |words: &[&str]| Site::new().run(&[words, &["-h"]].concat()).out;
    let (serve, build) = (help(&["serve"]), help(&["build"]));
    let (status, export) = (help(&["status"]), help(&["theme", "export"]));
    assert!(serve.contains("--listen") && !build.contains("--listen"), "{build}");
    assert!(status.contains("--redis ") && !status.contains("--site-title"), "{status}");
    assert!(!export.contains("--redis") && export.contains("--config"), "{export}");
    for text in [&serve, &build, &status, &export] {
        assert!(text.contains("Examples:\n  movies-gen "), "{text}");
    }
    let place = |text: &str, what: &str| text.find(what).unwrap_or_else(|| panic!("{what}"));
    assert!(place(&serve, "Frequent options") < place(&serve, "Plausibility of new data"));
    assert!(place(&serve, "--upstream") < place(&serve, "--max-shrink"));
}
