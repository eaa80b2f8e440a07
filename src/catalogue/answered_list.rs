//! The records in one answer of the upstream.

use std::borrow::Cow;

use super::listed::RawRecord;
use super::warning::Warning;
use crate::mapping::{ListMapping, further_records};
use crate::payload::{Endpoint, Fault, Payload, hold_json, json_text, records};

/// Returns the answer of an endpoint as the text of a JSON value.
pub(super) fn answer_of<'p>(
    endpoint: Endpoint,
    payload: &'p Payload,
    list: &ListMapping,
) -> Result<Cow<'p, str>, Fault> {
    let text = json_text(endpoint, &payload.body(endpoint).bytes)?;
    let malformed = |why| Fault::NoList { endpoint, why: format!("{endpoint}: {why}") };
    list.format.as_json(text).map_err(malformed)
}

/// Largest number of records that a message names, because their condition cannot be evaluated.
const MOST_NAMED: usize = 20;

/// The records in one answer.
pub(super) struct AnsweredList<'r> {
    pub(super) records: Vec<RawRecord<'r>>,
    /// The warnings about the answer as a whole.
    pub(super) warnings: Vec<Warning>,
}

impl<'r> AnsweredList<'r> {
    /// Finds the records in the text of an answer, at most `most`.
    pub(super) fn of(
        endpoint: Endpoint,
        text: &'r str,
        list: &ListMapping,
        most: usize,
    ) -> Result<AnsweredList<'r>, Fault> {
        // Only valid JSON has fields.
        if list.records.path().is_some() || text.starts_with('{') {
            hold_json(endpoint, text)?;
        }
        let malformed = |why| Fault::NoList { endpoint, why };
        let inside = list.records.list_in(text, endpoint.segment()).map_err(malformed)?;
        let records = records(endpoint, inside, most)?;
        let part = list.records.path().and_then(|_| further_records(text, records.len()));
        let mut warnings: Vec<_> =
            part.map(|why| Warning::OnlyAPart { endpoint, why }).into_iter().collect();
        let mut records = records;
        if let Some(condition) = list.records.condition().filter(|_| !records.is_empty()) {
            let sent = records.len();
            let mut position = 0;
            records.retain(|raw| {
                position += 1;
                list.records.takes(raw.get()).unwrap_or_else(|why| {
                    if warnings.len() < MOST_NAMED {
                        let name = None;
                        warnings.push(Warning::LeftOut { endpoint, position, name, why });
                    }
                    false
                })
            });
            if records.is_empty() {
                let why = format!(
                    "none of the {sent} records of {endpoint} meets the condition `{condition}` in \
                     `records`"
                );
                return Err(Fault::NoList { endpoint, why });
            }
        }
        let records = records.iter().map(|raw| RawRecord { text: raw.get(), is_credit: false });
        Ok(AnsweredList { records: records.collect(), warnings })
    }
}
