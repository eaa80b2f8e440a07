//! The reason why the parser refuses a value.

use std::error::Error;

use clap::error::{ContextKind, ContextValue};

/// Returns the reason, without the value.
pub(crate) fn reason(error: &clap::Error) -> String {
    match (error.source(), error.get(ContextKind::ValidValue)) {
        (Some(source), _) => source.to_string(),
        (None, Some(ContextValue::Strings(valid))) if !valid.is_empty() => {
            format!("write {}", valid.join(" or "))
        }
        (None, _) => "write a value that is not empty".to_owned(),
    }
}
