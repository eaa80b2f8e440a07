//! The warnings about bad records and bad fields of one list.
//!
//! Owns the bound on these warnings: only the first few bad records and bad fields get a warning of
//! their own, so that a list of bad records cannot fill the memory with warnings.

use super::ignored::{Flaw, Ignored};
use super::read::Unusable;
use super::warning::Warning;
use crate::payload::Endpoint;
use crate::plain::clip;

/// Largest number of bad records and bad fields of one list that get a warning of their own. The
/// others are counted.
const MOST_NAMED: usize = 20;

/// The warnings about one list.
pub(super) struct ToldProblems {
    endpoint: Endpoint,
    named: Vec<Warning>,
    left_out: usize,
    ignored: usize,
    cut: usize,
}

impl ToldProblems {
    pub(super) fn of(endpoint: Endpoint) -> ToldProblems {
        ToldProblems { endpoint, named: Vec::new(), left_out: 0, ignored: 0, cut: 0 }
    }

    pub(super) fn left_out(&mut self, position: usize, unusable: &Unusable) {
        self.left_out += 1;
        if self.named.len() < MOST_NAMED {
            let Unusable { name, why, .. } = unusable;
            let (name, why) = (name.as_deref().map(clip), why.clone());
            self.named.push(Warning::LeftOut { endpoint: self.endpoint, position, name, why });
        }
    }

    pub(super) fn ignored(&mut self, id: &str, ignored: &Ignored) {
        self.ignored += ignored.count;
        self.cut += ignored.cut;
        let endpoint = self.endpoint;
        for (field, flaw) in &ignored.named {
            if self.named.len() >= MOST_NAMED {
                break;
            }
            let (id, field) = (clip(id), field.clone());
            self.named.push(match flaw {
                Flaw::Unusable(why) => {
                    Warning::FieldIgnored { endpoint, id, field, why: why.clone() }
                }
                Flaw::Cut(after) => Warning::FieldCut { endpoint, id, field, after: *after },
            });
        }
    }

    pub(super) fn end(self, warnings: &mut Vec<Warning>) {
        let ToldProblems { endpoint, named, left_out, ignored, cut } = self;
        warnings.extend(named);
        if left_out + ignored + cut > 1 {
            warnings.push(Warning::Counted { endpoint, left_out, ignored, cut });
        }
    }
}
