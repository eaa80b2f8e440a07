//! One record, with the values that a mapping finds in the record.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::found::{FieldBits, FoundFields};
use super::list::ListMapping;
use super::names::names_in;
use super::rule::Rule;
use super::rule_set::{FoundValue, RecordValues, RuleSet};

/// A record, with the values that a mapping finds.
pub struct Mapped<'r, 'm> {
    set: &'m RuleSet,
    /// A value is taken once.
    values: RecordValues<'r>,
    credits: Option<FoundValue<'r>>,
    bits: FieldBits,
    /// The bit of the first rule.
    first_bit: usize,
}

impl ListMapping {
    /// Finds the values in a record.
    ///
    /// # Errors
    /// Returns the reason if `raw` is not an object.
    pub fn apply<'r>(&self, raw: &'r str) -> Result<Mapped<'r, '_>, String> {
        let mut values = self.fields.values(raw)?;
        let credits = self.credits.as_ref();
        let credits = credits.and_then(|credits| credits.at.find(&mut values.parsed).transpose());
        let bits = FieldBits::of(self);
        Ok(Mapped { set: &self.fields, values, credits, bits, first_bit: 0 })
    }

    /// Returns the names of the fields of a record that a rule reads.
    pub(crate) fn names_read(&self) -> BTreeSet<String> {
        let of_rules = self.fields.rules.iter().flat_map(Rule::names);
        let others = self.credits_place().into_iter().chain(self.records.condition());
        let names = of_rules.chain(others.flat_map(names_in)).flatten();
        names.chain(self.fields.keep.iter().map(|field| field.first_name().to_owned())).collect()
    }

    /// Returns the fields of a credit: the key, and where the value is.
    pub(crate) fn credit_places(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let fields = self.credits.iter().flat_map(|credits| &credits.fields.rules);
        fields.map(|rule| (rule.key, rule.place()))
    }

    /// Returns where the further fields are that the mapping keeps.
    pub(crate) fn kept_places(&self) -> impl Iterator<Item = &str> {
        self.fields.keep.iter().map(|field| field.place.as_str())
    }

    /// Finds the values in one credit of a film.
    ///
    /// # Errors
    /// Returns the reason if `raw` is not an object.
    pub(crate) fn apply_to_credit<'r>(&self, raw: &'r str) -> Result<Mapped<'r, '_>, String> {
        let Some(credits) = &self.credits else { return Err("films have no credits".to_owned()) };
        let values = credits.fields.values(raw)?;
        let bits = FieldBits::of(self);
        let first_bit = bits.in_credits;
        Ok(Mapped { set: &credits.fields, values, credits: None, bits, first_bit })
    }
}

impl<'r, 'm> Mapped<'r, 'm> {
    /// Takes the value of a field, with its rule.
    pub(crate) fn take(&mut self, key: &str) -> Option<(&'m Rule, FoundValue<'r>)> {
        let at = self.set.rules.iter().position(|rule| rule.key == key)?;
        Some((&self.set.rules[at], self.values.of_rules[at].take()?))
    }

    /// Returns the rule of a field.
    pub(crate) fn rule(&self, key: &str) -> Option<&'m Rule> {
        self.set.rules.iter().find(|rule| rule.key == key)
    }

    /// Returns the fields that have a value.
    pub(crate) fn found(&self) -> FoundFields {
        let mut found = FoundFields::default();
        for (at, value) in self.values.of_rules.iter().enumerate() {
            if value.as_ref().is_some_and(has_value) {
                found.add(self.first_bit + at);
            }
        }
        if self.credits.as_ref().is_some_and(has_value) {
            found.add(self.bits.credits);
        }
        for (at, value) in self.values.kept.iter().enumerate() {
            if value.is_some_and(|value| value != "null") {
                found.add(self.bits.keep + at);
            }
        }
        found
    }

    /// Returns the further fields that the mapping keeps.
    pub(crate) fn kept(&self) -> impl Iterator<Item = (&'m str, &'r str)> {
        let named = self.set.keep.iter().zip(&self.values.kept);
        named.filter_map(|(field, value)| Some((field.name.as_str(), (*value)?)))
    }

    /// Returns the values of the further fields, in the order of their places.
    pub(crate) fn kept_values(&self) -> &[Option<&'r str>] {
        &self.values.kept
    }

    /// Takes the list of credits.
    pub(crate) fn take_credits(&mut self) -> Option<FoundValue<'r>> {
        self.credits.take()
    }
}

/// Whether an expression found something. A filter that nothing passes gives an empty list.
fn has_value(value: &FoundValue<'_>) -> bool {
    !matches!(value, Ok(Cow::Owned(text)) if text == "[]")
}
