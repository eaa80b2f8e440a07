//! The records in one answer of the upstream.

use super::listed::RawRecord;
use super::warning::Warning;
use crate::mapping::ListMapping;
use crate::payload::{Endpoint, Fault, Payload, hold_json, json_text, records};

/// The records in one answer.
pub(super) struct AnsweredList<'r> {
    pub(super) records: Vec<RawRecord<'r>>,
    /// The warning about an answer that is only a part of the list.
    pub(super) warning: Option<Warning>,
}

impl<'r> AnsweredList<'r> {
    /// Finds the records of an endpoint in a payload, at most `most`.
    pub(super) fn of(
        endpoint: Endpoint,
        payload: &'r Payload,
        list: &ListMapping,
        most: usize,
    ) -> Result<AnsweredList<'r>, Fault> {
        let text = json_text(endpoint, &payload.body(endpoint).bytes)?;
        // Only valid JSON has fields.
        if list.records.path().is_some() || text.starts_with('{') {
            hold_json(endpoint, text)?;
        }
        let malformed = |why| Fault::NoList { endpoint, why };
        let inside = list.records.list_in(text, endpoint.segment()).map_err(malformed)?;
        let records = records(endpoint, inside, most)?;
        let part =
            list.records.path().and_then(|_| list.records.further_records(text, records.len()));
        let warning = part.map(|why| Warning::OnlyAPart { endpoint, why });
        let mut records = records;
        if list.records.has_condition() {
            records.retain(|raw| list.records.takes(raw.get()));
        }
        let records = records.iter().map(|raw| RawRecord { text: raw.get(), is_credit: false });
        Ok(AnsweredList { records: records.collect(), warning })
    }
}
