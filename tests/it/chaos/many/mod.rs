//! The promises of several processes that share a Redis.
//!
//! The same records and the same rules as for one process, each process's clients
//! judged for themselves and the upstream's log for all together; beside them the
//! rules across processes. While Redis cannot be used each process keeps its own
//! minute, which the design names: what the upstream sees then of several processes is
//! counted as *residue*, and only while the records say so.

mod crowds;
mod faults;
mod records;
mod rules;
mod run;
mod verdict;
