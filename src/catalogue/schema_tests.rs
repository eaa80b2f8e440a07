//! The published JSON Schema of the input agrees with the decoder.

use jsonschema::Validator;
use serde_json::json;

use super::tests::payload;
use super::*;

const SCHEMA: &str = include_str!("../../docs/input.schema.json");

fn schema() -> (Value, Validator) {
    let schema = serde_json::from_str(SCHEMA).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    (schema, validator)
}

/// Whether the decoder reads both lists without leaving out a record, a field or a reference.
fn is_read(films: &Value, people: &Value) -> bool {
    let Ok((_, warnings)) = join(&payload(films, people), &Mapping::default_mapping()) else {
        return false;
    };
    warnings.iter().all(|warning| {
        matches!(
            warning,
            Warning::Dangling { .. } | Warning::Duplicates { .. } | Warning::OneWay { .. }
        )
    })
}

/// Values of every type, at the limits and beyond them.
fn values() -> Vec<Value> {
    let mut values = vec![
        json!(null),
        json!(true),
        json!(false),
        json!([]),
        json!({}),
        json!([null]),
        json!([[]]),
        json!([{}]),
        json!({"a": 1}),
        json!(["Ann Lee"]),
        json!(["Ann Lee", 7, true]),
        json!(["a", {"b": 1}]),
        json!((0..20).map(|at| format!("name {at}")).collect::<Vec<_>>()),
        json!((0..21).map(|at| format!("name {at}")).collect::<Vec<_>>()),
        json!("x".repeat(500)),
        json!("x".repeat(501)),
        json!(["x".repeat(501)]),
        json!("x".repeat(1000)),
        json!("x".repeat(1001)),
        json!("x".repeat(20_000)),
        json!("x".repeat(20_001)),
        json!(format!("http://x.example/{}", "p".repeat(8_000))),
    ];
    for number in [-1.0, 0.0, 0.4, 0.5, 1.0, 86.0, 95.5, 100.0, 100.4, 101.0, 1e4, 1e4 + 1.0, 1e300]
    {
        values.push(json!(number));
        if number == f64::trunc(number) && number.abs() < 1e9 {
            values.push(json!(number as i64));
        }
    }
    for text in [
        "",
        " ",
        "\t\n",
        "NA",
        "n/a",
        "None",
        "NULL",
        "unknown",
        "TBD",
        "-",
        " NA ",
        "Totoro",
        "0",
        "1",
        "95",
        "95%",
        "95 %",
        " 95 ",
        "95.5",
        "100",
        "100%",
        "101",
        "101%",
        "-1",
        "10000",
        "10001",
        "86 min",
        "86min",
        "86 minutes",
        "0 min",
        "1 h 26 min",
        "1h26m",
        "1h26",
        "2 h",
        "2 hours",
        "1:26",
        "1:26:30",
        "1:75",
        "PT1H26M",
        "PT86M",
        "PT2H",
        "PT",
        "long",
        "min",
        "1988",
        "1988-04-16",
        "16 April 1988",
        "2014-",
        "https://x.example/p.jpg",
        "HTTP://x.example",
        "http://",
        "//x.example/p.jpg",
        "p.jpg",
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://x.example/p",
        "https://x.example/people/7",
        "<p>Some <b>text</b></p>",
    ] {
        values.push(json!(text));
    }
    values
}

#[test]
fn a_field_is_valid_if_and_only_if_the_decoder_reads_the_field() {
    let (schema, validator) = schema();
    let mut checked = 0;
    for (list, kind, base) in [
        ("films", "film", json!({"id": "f", "title": "T"})),
        ("people", "person", json!({"id": "p", "name": "N"})),
    ] {
        let fields = schema["$defs"][kind]["properties"].as_object().expect("fields");
        let more = ["an_unknown_field".to_owned()];
        for field in fields.keys().chain(&more) {
            for value in values() {
                // The decoder reads more forms of a length than the schema recommends.
                if field == "running_time" && value.as_str().is_some_and(|text| text.ends_with('%'))
                {
                    continue;
                }
                // An empty list as the gender counts as absent: JMESPath counts it as false.
                if field == "gender" && (value == json!([]) || value == json!({})) {
                    continue;
                }
                let mut record = base.clone();
                record[field] = value.clone();
                let mut input = json!({"films": [], "people": []});
                input[list] = json!([record]);
                let is_read = is_read(&input["films"], &input["people"]);
                let shown: String = value.to_string().chars().take(60).collect();
                assert_eq!(validator.is_valid(&input), is_read, "{kind}.{field}: {shown}");
                checked += 1;
            }
        }
    }
    assert!(checked > 1000, "{checked}");
}

#[test]
fn the_schema_has_exactly_the_fields_that_the_decoder_knows() {
    let (schema, _) = schema();
    let mapping = Mapping::default_mapping();
    let people = mapping.people.as_ref().expect("a list of people");
    for (kind, list) in [("film", &mapping.films), ("person", people)] {
        let fields = schema["$defs"][kind]["properties"].as_object().expect("fields");
        // `gander` is a misspelling of one API, which nobody should repeat.
        let known = list.places().flat_map(|(_, place)| place.split(" || "));
        let mut known: Vec<_> = known.filter(|name| *name != "gander").collect();
        known.sort_unstable();
        let mut fields: Vec<_> = fields.keys().map(String::as_str).collect();
        fields.sort_unstable();
        assert_eq!(fields, known, "{kind}");
    }
}

#[test]
fn what_is_no_record_or_lacks_a_field_is_neither_valid_nor_read() {
    let (_, validator) = schema();
    for record in
        [json!({"id": "f"}), json!({"title": "T"}), json!({}), json!([]), json!(null), json!("f")]
    {
        let films = json!([record]);
        assert!(!validator.is_valid(&json!({"films": films, "people": []})), "{films}");
        assert!(!is_read(&films, &json!([])), "{films}");
    }
    for body in [json!({}), json!({"results": []}), json!("x"), json!(null)] {
        assert!(!validator.is_valid(&json!({"films": body, "people": []})), "{body}");
    }
}
