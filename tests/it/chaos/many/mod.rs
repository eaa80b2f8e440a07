//! Tests of the promises of several processes that share a Redis.
//!
//! The records and the rules are those of one process. The clients of each process are judged
//! separately, and the log of the upstream is judged for all processes together. Additional
//! rules compare the processes. While Redis cannot be used, each process keeps its own
//! interval, as the design says. The additional requests that the upstream then sees are
//! counted as *residue*, but only while the records show that Redis could not be used.

mod crowds;
mod failover;
mod faults;
mod records;
mod rules;
mod run;
mod verdict;
