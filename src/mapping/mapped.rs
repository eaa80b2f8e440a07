//! One record, with the values that a mapping finds in the record.

use std::collections::BTreeSet;

use super::list::ListMapping;
use super::rule::Rule;
use super::rule_set::{FoundValue, RecordValues, RuleSet};

/// A record, with the values that a mapping finds.
pub(crate) struct Mapped<'r, 'm> {
    set: &'m RuleSet,
    /// A value is taken once.
    values: RecordValues<'r>,
    credits: Option<FoundValue<'r>>,
}

impl ListMapping {
    /// Finds the values in a record.
    ///
    /// # Errors
    /// Returns the reason if `raw` is not an object.
    pub(crate) fn apply<'r>(&self, raw: &'r str) -> Result<Mapped<'r, '_>, String> {
        let mut values = self.fields.values(raw)?;
        let credits = self.credits.as_ref();
        let credits = credits.and_then(|credits| credits.at.find(&mut values.parsed).transpose());
        Ok(Mapped { set: &self.fields, values, credits })
    }

    /// Returns the names of the fields of a record that a rule reads.
    pub(crate) fn names_read(&self) -> BTreeSet<String> {
        let places = self.places().map(|(_, place)| place).chain(self.credits_place());
        let is_letter = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
        let words = places.flat_map(|place| place.split(move |c| !is_letter(c)));
        let names = words.map(str::to_owned).chain(self.fields.names().map(str::to_owned));
        names.filter(|name| !name.is_empty()).collect()
    }

    /// Returns the fields of a credit: the key, and where the value is.
    pub(crate) fn credit_places(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let fields = self.credits.iter().flat_map(|credits| &credits.fields.rules);
        fields.map(|rule| (rule.key, rule.place()))
    }

    /// Returns the names of the further fields that the mapping keeps.
    pub(crate) fn kept_names(&self) -> impl Iterator<Item = &str> {
        self.fields.keep.iter().map(String::as_str)
    }

    /// Finds the values in one credit of a film.
    ///
    /// # Errors
    /// Returns the reason if `raw` is not an object.
    pub(crate) fn apply_to_credit<'r>(&self, raw: &'r str) -> Result<Mapped<'r, '_>, String> {
        let Some(credits) = &self.credits else { return Err("films have no credits".to_owned()) };
        let values = credits.fields.values(raw)?;
        Ok(Mapped { set: &credits.fields, values, credits: None })
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

    /// Returns one bit for each rule that has a value: the first rule has the lowest bit.
    pub(crate) fn found(&self) -> u32 {
        let values = self.values.of_rules.iter().enumerate();
        values.fold(0, |bits, (at, value)| bits | u32::from(value.is_some()) << at)
    }

    /// Returns the further fields that the mapping keeps.
    pub(crate) fn kept(&self) -> impl Iterator<Item = (&'m str, &'r str)> {
        let named = self.set.keep.iter().zip(&self.values.kept);
        named.filter_map(|(name, value)| Some((name.as_str(), (*value)?)))
    }

    /// Takes the list of credits.
    pub(crate) fn take_credits(&mut self) -> Option<FoundValue<'r>> {
        self.credits.take()
    }
}
