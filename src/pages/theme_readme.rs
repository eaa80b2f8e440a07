//! Tests that the reference for theme authors describes all variables of templates.

use std::collections::BTreeSet;

use serde_json::json;

use super::tests::{catalogue, site};
use super::variables::{Variables, erased};
use super::*;
use crate::changes::between;
use crate::clock::WallTime;
use crate::ledger::Ledger;
use crate::theme::Theme;

const DESCRIPTION: &str = include_str!("../theme/README.md");

/// The names of variables, without their values.
#[derive(Default)]
pub(super) struct Names(pub(super) BTreeSet<&'static str>);

impl Variables for Names {
    fn put(&mut self, name: &'static str, _: &dyn erased::Value) {
        self.0.insert(name);
    }
}

/// Returns the row of a template in the table of the reference.
pub(super) fn row(template: &str) -> &'static str {
    let row = DESCRIPTION.lines().find(|line| line.starts_with(&format!("| `{template}` |")));
    row.unwrap_or_else(|| panic!("the reference does not describe {template}"))
}

#[test]
fn every_variable_of_every_template_is_described() {
    let film = |id: &str, title: &str, year: &str| json!({"id": id, "title": title, "release_date": year, "director": "Hayao Miyazaki"});
    let old = catalogue(json!([film("1", "Ponyo", "2008")]), json!([]));
    let new = catalogue(
        json!([film("1", "Ponyo", "2009"), film("2", "Kiki", "1989"), film("3", "Lapta", "1986")]),
        json!([{"id": "p", "name": "Jiji", "films": ["2"]}]),
    );
    let ledger = Ledger::baseline(&old, WallTime(0));
    let ledger = ledger.advanced(&between(&old, &new), &new, WallTime(1));
    let (theme, site) = (Theme::load(None).expect("a theme"), site(Some("https://a.example/")));
    let records = Records::of(&new, &ledger);
    let plan = Plan::new(&site, &records, &theme);
    let mut described = BTreeSet::new();
    for page in plan.paths().map(|path| plan.page(path)) {
        let Some(template) = page.template() else { continue };
        let template = template.replace("feed.json", "feed.xml");
        let mut names = Names::default();
        plan.put(page, &mut names);
        for name in names.0 {
            let row = row(&template);
            assert!(
                row.contains(&format!("`{name}`")),
                "the reference does not describe `{name}` of {template}: {row}"
            );
        }
        described.insert(template);
    }
    assert!(described.len() >= 14, "{described:?}");
}
