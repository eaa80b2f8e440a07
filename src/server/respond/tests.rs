//! What each request gets, each rule by its name.
