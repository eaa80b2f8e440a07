//! # movies-gen
//!
//! A static-site generator with scheduled rebuilds. It asks a JSON API of films
//! and people at most once a minute, joins them, renders a static site, publishes
//! it atomically, and serves it: as fast as files on disk, never more than a
//! minute behind.
//!
//! ```text
//! upstream ─▶ Payload ─▶ Catalogue ─▶ Pages ─▶ Generation ─▶ visitors
//!   source     check       join, save   render    publish       server
//! ```
//!
//! The list of modules is the pipeline, from top to bottom. Nothing downstream
//! calls upstream: the server knows only the live cell. Beside it goes what is new
//! from one generation to the next, [`news`], to the pages that are open.
//!
//! ## The five promises
//!
//! 1. **Courtesy.** Two refreshes of one upstream start at least `--interval`
//!    apart, across restarts, crashes and replicas: [`schedule`], [`store`].
//! 2. **Freshness.** While the upstream's answer is live within the hold of its
//!    request, no page that `serve` answers is older than `--max-age`; age counts
//!    from just before the request was sent. A load that would break that is held:
//!    [`hold`].
//! 3. **Honesty.** When it fails, the last good site is served with its true age:
//!    [`live`], [`server`].
//! 4. **Wholeness.** Every answer comes from one generation; a killed process
//!    leaves one whole site: [`publish`].
//! 5. **No loss.** A bad payload never replaces a good one, one bad record never
//!    sinks the rest, an implausible one waits, files that are not ours stay:
//!    [`payload`], [`catalogue`], [`plausibility`].
//!
//! ## One word per idea
//!
//! *upstream* the API · *payload* its raw answer, one refresh · *origin time*
//! just before that refresh's first request was sent · *catalogue* films and
//! people joined · *ledger* slugs, first-seen times and last changes · *page* one
//! output path, its template and context · *plan* all pages of a catalogue ·
//! *generation* one published whole site · *refresh* one run of the pipeline ·
//! *theme* templates and assets · *store* where payload and attempts are kept ·
//! *claim* the right to the next refresh · *fence* its number · *replica* one of
//! several processes sharing a store · *hold* making a load wait for newer data ·
//! *volatile* outside generations · *event* the step from one generation to the next,
//! as open pages are told

// What was asked for.
pub mod cli;
pub mod config;

// The story: wiring, one loop, and `app::refresh`.
pub mod app;

// Edges that everything stands on.
pub mod clock;
pub mod disk;
pub mod document;
pub mod letters;
pub mod lock;
pub mod telemetry;
pub mod texts;
pub mod upstream;

// When, how it ended, and who waits for it.
pub mod coming;
pub mod history;
pub mod hold;
pub mod outcome;
pub mod schedule;

// The pipeline.
pub mod catalogue;
pub mod changes;
pub mod ledger;
pub mod live;
pub mod news;
pub mod pages;
pub mod payload;
pub mod plausibility;
pub mod publish;
pub mod server;
pub mod source;
pub mod store;
pub mod theme;
