//! The plan's rules, each by its name.
