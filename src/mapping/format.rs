//! The format of an answer.
//!
//! Owns the step from each format to the text of a JSON value, so that one mapping fits all formats.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// Largest ratio of the size of an answer as JSON to its size as comma-separated values.
const MOST_GROWN: usize = 16;

/// The format of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON value.
    Json,
    /// One JSON value in each line.
    JsonLines,
    /// Comma-separated values (RFC 4180). The first line has the names of the fields.
    Csv,
}

impl Format {
    /// Returns the format that the suffix of a file says.
    pub fn of(path: &str) -> Option<Format> {
        let (_, suffix) = path.rsplit_once('.')?;
        match suffix.to_ascii_lowercase().as_str() {
            "json" => Some(Format::Json),
            "ndjson" | "jsonl" => Some(Format::JsonLines),
            "csv" => Some(Format::Csv),
            _ => None,
        }
    }

    /// Returns an answer as the text of one JSON value.
    ///
    /// # Errors
    /// Returns the reason if the text does not have the format.
    pub(crate) fn as_json(self, text: &str) -> Result<Cow<'_, str>, String> {
        match self {
            Format::Json => Ok(Cow::Borrowed(text)),
            Format::JsonLines => {
                let numbered = text.lines().map(str::trim).enumerate();
                let mut lines = Vec::new();
                for (at, line) in numbered.filter(|(_, line)| !line.is_empty()) {
                    let read = serde_json::from_str::<&serde_json::value::RawValue>(line);
                    read.map_err(|error| format!("line {} is not JSON: {error}", at + 1))?;
                    lines.push(line);
                }
                Ok(Cow::Owned(format!("[{}]", lines.join(","))))
            }
            Format::Csv => csv_as_json(text).map(Cow::Owned),
        }
    }
}

/// Returns each line as an object. An empty value is an absent field.
fn csv_as_json(text: &str) -> Result<String, String> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter(text))
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let names = reader.headers().map_err(|error| error.to_string())?.clone();
    let mut json = String::from("[");
    for line in reader.records() {
        let line = line.map_err(|error| error.to_string())?;
        let fields = names.iter().zip(&line).filter(|(_, value)| !value.is_empty());
        let fields = fields.map(|(name, value)| (name.to_owned(), Value::from(value)));
        let object = Value::Object(fields.collect::<Map<_, _>>());
        if json.len() > 1 {
            json.push(',');
        }
        json.push_str(&object.to_string());
        // Each line repeats the names of the fields.
        if json.len() > MOST_GROWN * text.len() + (1 << 20) {
            return Err("the names of the fields in the first line are too long".to_owned());
        }
    }
    json.push(']');
    Ok(json)
}

/// Returns the delimiter of the first line. Spreadsheets of some countries write semicolons, because
/// their numbers have decimal commas.
fn delimiter(text: &str) -> u8 {
    let first = text.lines().next().unwrap_or_default();
    let count = |delimiter: &u8| first.bytes().filter(|byte| byte == delimiter).count();
    // The last maximum counts, so the comma is the last.
    *b"\t;,".iter().max_by_key(|delimiter| count(delimiter)).unwrap_or(&b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suffix_says_the_format() {
        assert_eq!(Format::of("films.JSON"), Some(Format::Json));
        assert_eq!(Format::of("a/films.v2.ndjson"), Some(Format::JsonLines));
        assert_eq!(Format::of("films.csv"), Some(Format::Csv));
        assert_eq!((Format::of("films"), Format::of("films.xls")), (None, None));
    }

    #[test]
    fn lines_of_json_are_a_list() {
        let json = Format::JsonLines.as_json("{\"id\":1}\r\n\n {\"id\":2}").expect("a list");
        assert_eq!(json, "[{\"id\":1},{\"id\":2}]");
        assert_eq!(Format::JsonLines.as_json("").expect("a list"), "[]");
        let broken = Format::JsonLines.as_json("{}\n{\"a\":\n").expect_err("a fault");
        assert!(broken.starts_with("line 2 is not JSON"), "{broken}");
    }

    #[test]
    fn lines_of_csv_are_objects_without_empty_values() {
        let text = "id,title,note\n1,\"A, \"\"B\"\"\nC\", \n2,Ü,x\n";
        let json = Format::Csv.as_json(text).expect("a list");
        let wanted = r#"[{"id":"1","title":"A, \"B\"\nC"},{"id":"2","note":"x","title":"Ü"}]"#;
        assert_eq!(serde_json::from_str::<Value>(&json).ok(), serde_json::from_str(wanted).ok());
        for text in ["id;title\n1;A,B\n", "id\ttitle\n1\tA,B\n"] {
            let json = Format::Csv.as_json(text).expect("a list");
            let value: Value = serde_json::from_str(&json).expect("JSON");
            assert_eq!(value[0]["title"], "A,B");
        }
        let names = format!("{},b\n{}", "n".repeat(20_000), "1,2\n".repeat(1_000));
        assert!(Format::Csv.as_json(&names).is_err_and(|why| why.contains("too long")));
        assert!(Format::Csv.as_json("id,title\n1\n").is_err_and(|why| why.contains("line: 2")));
    }
}
