//! The promises, decided from records alone.
//!
//! A scripted [`upstream`] stamps its data, [`clients`] write down every load of
//! the real program while things go wrong in a [`run`], and the [`checker`] finds
//! what broke a promise in that [`history`], knowing nothing of how the program
//! works. [`broken`] keeps it honest: each promise is broken on purpose, and it
//! has to be found.
//!
//! [`many`] does the same to several processes that share a Redis.
//!
//! `make chaos` runs [`faults`] until each kind has ten thousand loads and prints
//! the table; `make test` runs the same in a short form.

mod attempts;
mod broken;
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
