//! Tests that judge the promises from records alone.
//!
//! A scripted [`upstream`] stamps its data. [`clients`] record every load of the real program
//! while faults happen in a [`run`]. The [`checker`] finds breaches of a promise in that
//! [`history`] and knows nothing about the inner workings of the program. [`broken`] checks the
//! checker: each promise is broken on purpose, and the checker must find the breach.
//!
//! [`many`] does the same with several processes that share a Redis.
//!
//! `make chaos` runs [`faults`] until each kind has ten thousand loads, and prints the table.
//! `make test-long` runs the same tests in a short form.

mod attempts;
mod broken;
mod caches;
mod calm;
mod checker;
mod clients;
mod data;
mod faults;
mod history;
mod many;
mod proxy_cache;
mod rules;
mod run;
mod synthetic;
mod truth;
mod upstream;
