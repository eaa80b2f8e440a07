//! The records in the answers of the upstream.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::listed::RawRecord;
use super::warning::Warning;
use crate::mapping::{ListMapping, further_records};
use crate::payload::{Endpoint, Fault, Payload, hold_json, json_text, records};

/// Returns the answers of an endpoint, each as the text of a JSON value.
pub(super) fn answers_of<'p>(
    endpoint: Endpoint,
    payload: &'p Payload,
    list: &ListMapping,
) -> Result<Vec<Cow<'p, str>>, Fault> {
    let malformed = |why| Fault::NoList { endpoint, why: format!("{endpoint}: {why}") };
    let texts: Vec<_> = payload
        .body(endpoint)
        .texts()
        .map(|bytes| list.format.as_json(json_text(endpoint, bytes)?).map_err(malformed))
        .collect::<Result<_, _>>()?;
    if texts.is_empty() { Err(Fault::Empty(endpoint)) } else { Ok(texts) }
}

/// Largest number of records that a message names, because their condition cannot be evaluated.
const MOST_NAMED: usize = 20;

/// The records in the answers of one list.
pub(super) struct AnsweredList<'r> {
    pub(super) records: Vec<RawRecord<'r>>,
    /// The warnings about the answers as a whole.
    pub(super) warnings: Vec<Warning>,
}

impl<'r> AnsweredList<'r> {
    /// Finds the records in the texts of the answers, at most `most`.
    pub(super) fn of(
        endpoint: Endpoint,
        texts: &'r [Cow<'_, str>],
        list: &ListMapping,
        most: usize,
    ) -> Result<AnsweredList<'r>, Fault> {
        let mut all = AnsweredList { records: Vec::new(), warnings: Vec::new() };
        for text in texts {
            let left = most - all.records.len();
            let inside = records_in(endpoint, text, list, left).map_err(|fault| match fault {
                // The bound is the bound of all answers together.
                Fault::TooMany { endpoint, .. } => Fault::TooMany { endpoint, most },
                other => other,
            })?;
            let count = inside.len();
            let raw = inside.into_iter().map(|raw| RawRecord { text: raw.get(), is_credit: false });
            all.records.extend(raw);
            if let ([_], Some(_)) = (texts, list.records.path())
                && let Some(why) = further_records(text, count)
            {
                all.warnings.push(Warning::OnlyAPart { endpoint, why });
            }
        }
        all.leave_out(endpoint, list)?;
        Ok(all)
    }

    /// Leaves out the records that do not meet the condition of the mapping.
    fn leave_out(&mut self, endpoint: Endpoint, list: &ListMapping) -> Result<(), Fault> {
        let sent = self.records.len();
        let Some(condition) = list.records.condition().filter(|_| sent > 0) else { return Ok(()) };
        let warnings = &mut self.warnings;
        let mut position = 0;
        self.records.retain(|raw| {
            position += 1;
            list.records.takes(raw.text).unwrap_or_else(|why| {
                if warnings.len() < MOST_NAMED {
                    warnings.push(Warning::LeftOut { endpoint, position, name: None, why });
                }
                false
            })
        });
        if self.records.is_empty() {
            let why = format!(
                "none of the {sent} records of {endpoint} meets the condition `{condition}` in \
                 `records`"
            );
            return Err(Fault::NoList { endpoint, why });
        }
        Ok(())
    }
}

/// Finds the records in the text of one answer, at most `most`.
fn records_in<'t>(
    endpoint: Endpoint,
    text: &'t str,
    list: &ListMapping,
    most: usize,
) -> Result<Vec<&'t RawValue>, Fault> {
    // Only valid JSON has fields.
    if list.records.path().is_some() || text.starts_with('{') {
        hold_json(endpoint, text)?;
    }
    let malformed = |why| Fault::NoList { endpoint, why };
    let inside = list.records.list_in(text, endpoint.segment()).map_err(malformed)?;
    records(endpoint, inside, most)
}
