//! # movies-gen
//!
//! A static-site generator with scheduled rebuilds. The program asks a JSON API of films and
//! people at most once a minute, joins people to films, renders a static site, publishes the site
//! atomically, and serves the site: as fast as files on disk, and at most a minute behind the API.
//!
//! ```text
//! upstream ─▶ Payload ─▶ Catalogue ─▶ Pages ─▶ Generation ─▶ visitors
//!   source     check       join, save   render    publish       server
//! ```
//!
//! The list of modules below follows the pipeline. A later step never calls an earlier step: the
//! server knows only the live generation. The module [`news`] tells open pages what changed from
//! one generation to the next.
//!
//! ## The five promises
//!
//! 1. **Courtesy.** Two refreshes of one upstream start at least `--interval` apart, across
//!    restarts, crashes and replicas: [`schedule`], [`store`].
//! 2. **Freshness.** While the upstream answers in time, `serve` answers no page load with data
//!    older than `--max-age`. The age counts from just before the request to the upstream. The
//!    server holds a load that would break this promise: [`hold`].
//! 3. **Honesty.** When a refresh fails, the server answers with the last good site and its true
//!    age: [`live`], [`server`].
//! 4. **Wholeness.** Every answer comes from one generation. A killed process leaves one whole
//!    site: [`publish`].
//! 5. **No loss.** A bad payload never replaces a good payload. A bad record never removes other
//!    records. An implausible payload is published only after the owner accepted it, or after
//!    the API repeated it often enough. Files that the program did not make stay:
//!    [`payload`], [`catalogue`], [`plausibility`].
//!
//! ## Glossary
//!
//! - *upstream*: the API.
//! - *payload*: the raw answer of the upstream to one refresh.
//! - *origin time*: the time just before the first request of a refresh.
//! - *catalogue*: the films and people of a payload, joined.
//! - *ledger*: slugs, first-seen times and latest changes of all records.
//! - *page*: one output path with its template and its variables.
//! - *plan*: all pages of a catalogue.
//! - *basis*: a hash of the records from which a page is made.
//! - *generation*: one published site, whole.
//! - *refresh*: one run of the pipeline.
//! - *theme*: templates, texts and assets.
//! - *store*: where payloads and attempts are kept.
//! - *claim*: the right to the next refresh. The *fence* is the number of a claim.
//! - *replica*: one of several processes that share a store.
//! - *hold*: the wait of a page load for newer data.
//! - *volatile file*: a file that changes between generations, such as `freshness.json`.
//! - *event*: the step from one generation to the next, as open pages receive the step.

// Options and their values.
pub mod cli;
pub mod config;

// The story: wiring, the loop, and one refresh.
pub mod app;

// Pipeline, step 1: decide when to refresh, and claim the refresh.
pub mod schedule;

pub mod store;

// Step 2: ask the upstream, and check the answer.
pub mod source;

pub mod payload;

pub mod mapping;

// Step 3: join people to films, compare with what is known, and keep what is known.
pub mod catalogue;

pub mod plausibility;

pub mod ledger;

pub mod changes;

// Step 4: render the pages.
pub mod theme;

pub mod texts;

pub mod pages;

// Step 5: publish a generation.
pub mod publish;

pub mod live;

pub mod relay;

// Step 6: serve the generation, hold loads, and tell open pages.
pub mod server;

pub mod coming;

pub mod hold;

pub mod readiness;

pub mod news;

pub mod access_log;

// What the service manager hears.
pub mod service;

// How refreshes ended.
pub mod history;
pub mod outcome;

// Edges and values that every step uses.
pub mod clock;
pub mod disk;
pub mod document;
pub mod letters;
pub mod lock;
pub mod plain;
pub mod raw;
pub mod similar;
pub mod telemetry;
pub mod upstream;
pub mod watch;
pub mod workers;
