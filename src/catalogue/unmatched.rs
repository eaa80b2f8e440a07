//! Rules of a mapping that match in no record of a list.
//!
//! Owns the difference between a required field and an optional field: a list whose records all lack
//! a required field is a failure, and a missing optional field is a warning.

use super::listed::{Listed, RawRecord};
use super::shelf::Shelved;
use super::warning::Warning;
use crate::mapping::{ListMapping, Unmatched};
use crate::payload::{Endpoint, Fault};

/// Largest number of records whose fields are read to find the field that is meant.
const MOST_READ: usize = 50;

/// Adds a warning for each optional rule that matches in no record.
///
/// # Errors
/// Fails if a required rule matches in no record.
pub(super) fn unmatched<T: Shelved>(
    endpoint: Endpoint,
    listed: &Listed<T>,
    list: &ListMapping,
    raw: &[RawRecord<'_>],
    warnings: &mut Vec<Warning>,
) -> Result<(), Fault> {
    let sent = listed.sent();
    if sent == 0 {
        return Ok(());
    }
    let records: Vec<&str> =
        raw.iter().filter(|raw| !raw.is_credit).take(MOST_READ).map(|raw| raw.text).collect();
    for Unmatched { key, expression, is_required, nearest } in
        list.unmatched(listed.found(), &records)
    {
        // The records of people of a small catalogue may all be bad. The films stay then.
        if !is_required || (endpoint == Endpoint::People && sent == 1) {
            warnings.push(Warning::NothingFound { endpoint, key, expression, nearest });
        } else {
            let hint = nearest.map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
            let why = format!(
                "`{key}` (`{expression}`) is in none of the {sent} records of {endpoint}{hint}"
            );
            return Err(Fault::NoList { endpoint, why });
        }
    }
    Ok(())
}
