//! Tests of the program from outside: the real binary runs in a real directory with a real
//! upstream over HTTP, and the tests check what a client receives.
//!
//! Each file covers one area and uses the parts in [`fixture`]. A test that needs a program
//! that may be missing is ignored, and says which program. A test that needs data that is not
//! in the repository is compiled only if the data is there.

#![expect(clippy::disallowed_methods, reason = "a test is an edge: it reads clocks and files")]
#![allow(clippy::expect_used, reason = "a test cannot continue without its setup")]

mod accessible;
mod addresses;
mod archive;
mod caddy;
mod chaos;
mod contract;
mod courtesy;
mod credited;
mod cron;
mod custom_pages;
mod demo;
mod dist;
mod docs;
mod events;
mod explaining;
mod failing;
mod faults;
mod finding;
mod fixture;
mod freshness;
mod http;
mod http2;
mod https;
mod languages;
mod large_records;
mod live_pages;
mod looking;
mod mapping;
mod moving;
mod national;
mod news;
mod nginx;
mod options;
mod page_age;
mod pipeline;
mod plausibility;
mod protocol;
mod publishing;
mod reading;
mod redis;
mod relay;
mod replicas;
mod retiring;
mod screenshots;
mod serving;
mod simulation;
mod status_page;
mod sudden_death;
mod tampered;
mod telemetry;
mod theming;
mod tidy;
mod upgrading;
mod validating;
mod visiting;
