//! The alerts and the dashboard name metrics and labels that exist, and Prometheus reads both.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use super::markdown::{documents, first_column, read, root};
use crate::fixture::{Ended, write};

/// Labels that Prometheus adds, beside the labels of the metrics.
const LABELS: [&str; 8] =
    ["alertname", "instance", "job", "le", "end", "outcome", "stage", "store"];

/// Expressions of the alerts, with the names of the alerts.
fn alerts() -> Vec<(String, Value)> {
    let file: Value = serde_saphyr::from_str(&read("deploy/alerts.yml")).expect("YAML");
    let rules = file["groups"][0]["rules"].as_array().expect("rules").clone();
    let name = |rule: &Value| rule["alert"].as_str().expect("a name").to_owned();
    rules.into_iter().map(|rule| (name(&rule), rule)).collect()
}

/// Expressions of the dashboard, with the titles of their panels.
fn panels() -> Vec<(String, String)> {
    let dashboard: Value = serde_json::from_str(&read("deploy/grafana.json")).expect("JSON");
    let mut all = Vec::new();
    for panel in dashboard["panels"].as_array().expect("panels") {
        for target in panel["targets"].as_array().expect("targets") {
            let text = |value: &Value| value.as_str().expect("text").to_owned();
            all.push((text(&panel["title"]), text(&target["expr"])));
        }
    }
    for variable in dashboard["templating"]["list"].as_array().expect("variables") {
        if let Some(query) = variable["query"]["query"].as_str() {
            let metric = query.trim_start_matches("label_values(").split(", ").next();
            all.push(("a variable".to_owned(), metric.expect("a metric").to_owned()));
        }
    }
    all
}

/// Splits an expression into words outside quotes, and values of labels.
fn words_and_values(expression: &str) -> (Vec<&str>, Vec<&str>) {
    let (mut words, mut values) = (Vec::new(), Vec::new());
    for (at, part) in expression.split('"').enumerate() {
        let parts = |is_end: fn(char) -> bool| part.split(is_end).filter(|word| !word.is_empty());
        match at % 2 {
            0 => words.extend(parts(|c| !c.is_ascii_alphanumeric() && c != '_' && c != '$')),
            _ => values.extend(parts(|c| c == '|')),
        }
    }
    (words, values)
}

#[test]
fn alerts_and_dashboard_name_metrics_and_labels_that_exist() {
    // Another test compares this column with the answer of /metrics.
    let documented: BTreeSet<_> = first_column("docs/operations.md").into_iter().collect();
    let mut used = BTreeSet::new();
    let alerts = alerts();
    let of_alerts = alerts.iter().map(|(name, rule)| {
        (name.clone(), rule["expr"].as_str().expect("an expression").to_owned())
    });
    for (name, expression) in of_alerts.chain(panels()) {
        let (words, values) = words_and_values(&expression);
        for word in words.iter().filter(|word| word.starts_with("movies_gen_")) {
            let ends = ["_bucket", "_sum", "_count"];
            let metric = ends.iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word);
            assert!(documented.contains(metric), "{name}: {metric} does not exist");
            used.insert(metric.to_owned());
        }
        for part in expression.split('{').skip(1) {
            let labels = part.split('}').next().unwrap_or_default().split(", ");
            for label in labels {
                let label = label.split(['=', '!']).next().unwrap_or_default();
                assert!(LABELS.contains(&label), "{name}: there is no label {label:?}");
            }
        }
        for value in
            values.iter().filter(|value| expression.contains("outcome") && !value.contains('$'))
        {
            let is_other = ["movies-gen", "changed", "unchanged", "redis"].contains(value);
            assert!(is_other || documented.contains(*value), "{name}: no outcome {value:?}");
        }
    }
    let all = documented.iter().filter(|name| name.starts_with("movies_gen_"));
    let unused: Vec<_> = all.filter(|name| !used.contains(*name)).collect();
    assert!(unused.is_empty(), "neither an alert nor a panel uses {unused:?}");
}

#[test]
fn every_alert_says_what_happened_what_to_do_and_where_to_read() {
    let documents = documents();
    let operations = documents.iter().find(|document| document.path.ends_with("operations.md"));
    let anchors = operations.expect("the document").anchors();
    let documented = first_column("docs/operations.md");
    for (name, rule) in alerts() {
        for key in ["summary", "description"] {
            let text = rule["annotations"][key].as_str();
            assert!(text.is_some_and(|text| text.len() > 20), "{name} has no {key}");
        }
        let url = rule["annotations"]["runbook_url"].as_str().expect("an address");
        let (file, fragment) = url.split_once('#').expect("a heading");
        assert!(file.ends_with("/docs/operations.md"), "{name}: {url}");
        assert!(anchors.iter().any(|anchor| anchor == fragment), "{name}: no heading {fragment}");
        assert!(documented.contains(&name), "{name} is not in the table of alerts");
    }
}

#[test]
#[ignore = "needs promtool"]
fn prometheus_reads_every_expression_and_each_alert_fires_when_it_should() {
    let directory = tempfile::tempdir().expect("a directory");
    let promtool = |words: &[&str], file: &str| {
        let ended =
            Ended::of(Command::new("promtool").args(words).arg(file).current_dir(&directory));
        assert_eq!(ended.code, Some(0), "{words:?}: {}{}", ended.out, ended.log);
    };
    let rules = root().join("deploy/alerts.yml").display().to_string();
    promtool(&["check", "rules", "--lint-fatal"], &rules);
    let tests = read("tests/it/docs/alerts_test.yaml").replace("RULES", &rules);
    for (name, _) in alerts() {
        assert!(tests.contains(&format!("\"{name}\"")), "no test lets {name} fire");
    }
    write(&directory.path().join("tests.yaml"), tests);
    promtool(&["test", "rules"], "tests.yaml");

    let mut recorded = "groups:\n- name: panels\n  rules:\n".to_owned();
    for (number, (title, expression)) in panels().iter().enumerate() {
        let expression = expression.replace("$__rate_interval", "5m");
        recorded += &format!("  # {title}\n  - record: panel:{number}\n    expr: '{expression}'\n");
    }
    write(&directory.path().join("panels.yaml"), recorded);
    promtool(&["check", "rules"], "panels.yaml");
}
