//! Flags come before variables, variables before the configuration file, the file before the
//! defaults. Every option has all three forms.

use std::net::IpAddr;

use crate::fixture::{Site, Upstream, get};

/// A layer of the configuration: a value of every option with an effect on a build.
struct Layer {
    name: &'static str,
    upstream: Upstream,
    options: Vec<(&'static str, String)>,
}

impl Layer {
    fn new(name: &'static str, number: u32) -> Layer {
        let upstream = Upstream::start();
        let format = if number % 2 == 1 { "json" } else { "text" };
        let options = vec![
            ("upstream", upstream.url()),
            ("limit", (30 + number).to_string()),
            ("out", format!("out-{name}")),
            ("state", format!("state-{name}")),
            ("redis", format!("redis://127.0.0.1:1/{number}")),
            ("redis-prefix", format!("prefix-{name}")),
            ("templates", format!("theme-{name}")),
            ("site-url", format!("https://{name}.example/")),
            ("site-title", format!("Title of the {name}")),
            ("lang", format!("en-x-{name}")),
            ("interval", format!("{}s", 10 + number)),
            ("max-age", format!("{}s", 20 + number)),
            ("log-format", format.to_owned()),
        ];
        Layer { name, upstream, options }
    }

    fn value(&self, option: &str) -> &str {
        let mut options = self.options.iter();
        options.find(|(name, _)| *name == option).map(|(_, value)| value.as_str()).expect("a value")
    }

    /// Returns the site with the options of this layer, set in the way of the layer.
    fn laid_on(&self, site: &Site) -> Site {
        site.write(&format!("{}/404.html", self.value("templates")), self.name);
        self.options.iter().fold(site.clone(), |site, (option, value)| match self.name {
            "flag" => site.with(&[&format!("--{option}"), value]),
            "variable" => {
                let name = option.to_uppercase().replace('-', "_");
                site.variable(&format!("MOVIES_GEN_{name}"), value)
            }
            _ => site,
        })
    }

    fn as_file(&self) -> String {
        let lines = self.options.iter().map(|(option, value)| match *option {
            "limit" => format!("{option} = {value}\n"),
            _ => format!("{option} = \"{value}\"\n"),
        });
        lines.collect()
    }
}

#[test]
fn flags_come_before_variables_and_variables_before_the_file() {
    for top in 0..3 {
        let layers = [Layer::new("file", 1), Layer::new("variable", 2), Layer::new("flag", 3)];
        let mut site = Site::new();
        site.write("movies-gen.toml", layers[0].as_file());
        for layer in &layers[..=top] {
            site = layer.laid_on(&site);
        }
        let log = site.build_once().well();
        let expected = &layers[top];
        for layer in &layers {
            let asked = usize::from(layer.name == expected.name);
            assert_eq!(layer.upstream.asked(), (asked, asked), "upstream of the {}", layer.name);
            for directory in ["out", "state"] {
                let there = site.path(layer.value(directory)).is_dir();
                assert_eq!(there, asked == 1, "{directory} of the {}", layer.name);
            }
        }
        shows(expected, &site, &log);
    }
}

fn shows(layer: &Layer, site: &Site, log: &str) {
    let read = |path: &str| {
        let path = site.path(&format!("{}/{path}", layer.value("out")));
        std::fs::read_to_string(path).expect("a page")
    };
    let query = layer.upstream.requests()[0].query.clone();
    assert_eq!(query, format!("limit={}", layer.value("limit")));
    assert!(log.contains(&format!("Redis at {}", layer.value("redis"))), "redis: {log}");
    assert!(log.contains(&format!("{{{}:", layer.value("redis-prefix"))), "redis-prefix: {log}");
    assert_eq!(read("404.html"), layer.name, "templates");
    let page = read("index.html").replace("&#x2F;", "/");
    let (lang, title) = (layer.value("lang"), layer.value("site-title"));
    for part in [
        format!("<html lang=\"{lang}\">"),
        format!("<title>{title}</title>"),
        format!("rel=\"canonical\" href=\"{}\"", layer.value("site-url")),
    ] {
        assert!(page.contains(&part), "{part} in {page}");
    }
    let freshness: serde_json::Value = serde_json::from_str(&read("freshness.json")).expect("JSON");
    for (option, field) in [("interval", "interval_seconds"), ("max-age", "max_age_seconds")] {
        let seconds: f64 = layer.value(option).trim_end_matches('s').parse().expect("seconds");
        assert_eq!(freshness[field].as_f64(), Some(seconds), "{option}");
    }
    assert_eq!(log.starts_with('{'), layer.value("log-format") == "json", "log-format: {log}");
}

#[test]
fn the_address_to_listen_on_has_the_same_order() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    site.write("movies-gen.toml", "listen = \"127.0.0.4:0\"\n");
    let with_variable = site.variable("MOVIES_GEN_LISTEN", "127.0.0.3:0");
    let with_flag = with_variable.with(&["--listen", "127.0.0.2:0"]);
    for (site, ip) in [(site, "127.0.0.4"), (with_variable, "127.0.0.3"), (with_flag, "127.0.0.2")]
    {
        let server = site.serve_as_told();
        assert_eq!(server.address.ip(), ip.parse::<IpAddr>().expect("an address"));
        assert_eq!(get(server.address, "/healthz").status, 200);
    }
}

#[test]
fn the_configuration_file_is_named_by_a_flag_or_a_variable() {
    let upstream = Upstream::start();
    let site = Site::of(&upstream);
    site.write("movies-gen.toml", "site-title = \"Default\"\n");
    site.write("other.toml", "site-title = \"Other\"\n");
    site.write("third.toml", "site-title = \"Third\"\n");
    let with_variable = site.variable("MOVIES_GEN_CONFIG", "other.toml");
    let with_flag = with_variable.with(&["--config", "third.toml"]);
    for (call, title) in [(&site, "Default"), (&with_variable, "Other"), (&with_flag, "Third")] {
        call.build_once().well();
        let title = format!("<title>{title}</title>");
        assert!(site.page("index.html").contains(&title), "{title}");
    }
}

/// Returns the options in the help text, without options such as `--help`.
fn options() -> Vec<String> {
    let help = Site::new().run(&["config", "--help"]);
    let lines = help.out.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
    let long = lines.filter_map(|line| line.split("--").nth(1));
    let names = long.map(|rest| {
        rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect::<String>()
    });
    names.filter(|name| name != "help" && name != "version").collect()
}

#[test]
fn every_option_that_the_help_names_has_a_variable_and_a_key() {
    let options = options();
    assert!(options.len() >= 20, "{options:?}");
    let help = Site::new().run(&["config", "--help"]).out;
    for option in options {
        let variable = format!("MOVIES_GEN_{}", option.to_uppercase().replace('-', "_"));
        assert!(help.contains(&variable), "{variable} in {help}");
        if option == "config" {
            continue;
        }
        let site = Site::new().with(&["--upstream", "http://127.0.0.1:1"]);
        // No option has a list of lists as its value. A known key gives an error about the value.
        site.write("movies-gen.toml", format!("{option} = [[]]\n"));
        let log = site.build_once().with_code(2);
        assert!(!log.contains("unknown"), "{option}: {log}");
    }
}
