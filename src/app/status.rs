//! `status`: reports what the state directory, `--out` and Redis contain, whether or not the
//! program is running.
//!
//! Owns the report, in a form for people and a form for health checks. The command only
//! reads: it writes nothing, takes no lock, and asks nothing but Redis.

use std::io::Write;
use std::time::Duration;

use anyhow::{Result, bail};
use serde::Serialize;

use super::settings_in_force::InForce;
use super::{settings, wiring};
use crate::catalogue::join;
use crate::clock::{Clock, WallTime, whole_seconds};
use crate::config::Config;
use crate::disk;
use crate::lock;
use crate::outcome::{Outcome, SetsHash};
use crate::pages::Freshness;
use crate::publish::FRESHNESS;
use crate::publish::manifest::Manifest;
use crate::readiness::{self, VisitorsView};
use crate::schedule::{self, Next};
use crate::store::refused::{self, Refusal};
use crate::store::{FileStore, Store};

/// What makes `status` fail.
#[derive(Debug, Clone, Copy)]
pub(super) struct Alarms {
    /// No page may be shown.
    pub(super) not_ready: bool,
    /// The data is older than twice `--max-age`.
    pub(super) too_old: bool,
}

#[derive(Serialize)]
struct Report {
    readiness: ReadinessReport,
    settings: SettingsReport,
    upstream: Option<String>,
    data: Option<Data>,
    generation: Option<GenerationReport>,
    last_attempt: Option<AttemptReport>,
    next_attempt: NextAttempt,
    redis: Option<Shared>,
    /// Fields whose changes are not reported (see the glossary: volatile).
    volatile_fields: Vec<String>,
    refused: Vec<RefusedReport>,
    held_by: HeldBy,
}

#[derive(Serialize)]
struct ReadinessReport {
    /// `ready`, `degraded` or `not ready`.
    state: &'static str,
    reason: Option<String>,
}

#[derive(Serialize)]
struct SettingsReport {
    interval_seconds: f64,
    max_age_seconds: f64,
    hold_seconds: f64,
    max_stale_seconds: Option<f64>,
    /// Id of the process that has these settings; `null` if no process runs.
    of_process: Option<u32>,
}

#[derive(Serialize)]
struct Data {
    as_of: String,
    age_seconds: u64,
    /// Part of the age, in seconds, that a cache of the upstream declared (RFC 9111 §5.1).
    declared_age_seconds: u64,
    films: usize,
    people: usize,
}

#[derive(Serialize)]
struct GenerationReport {
    id: String,
    pages: usize,
}

#[derive(Serialize)]
struct AttemptReport {
    at: String,
    age_seconds: u64,
    outcome: String,
}

#[derive(Serialize)]
struct NextAttempt {
    in_seconds: u64,
    because: String,
}

#[derive(Serialize)]
struct Shared {
    address: String,
    state: String,
    #[serde(skip)]
    is_lost: bool,
}

#[derive(Serialize)]
struct RefusedReport {
    sets: String,
    why: String,
    times: u32,
    last: String,
    accepted: bool,
}

#[derive(Serialize)]
struct HeldBy {
    state: Option<u32>,
    out: Option<u32>,
}

/// Prints the report.
///
/// # Errors
/// Fails if the state directory cannot be read, and for each reason of `alarms`.
pub(super) async fn status(config: &Config, json: bool, alarms: Alarms) -> Result<()> {
    let settings = InForce::look(config);
    let report = report(config, &settings).await?;
    let mut out = std::io::stdout().lock();
    if json {
        serde_json::to_writer_pretty(&mut out, &report)?;
        writeln!(out)?;
    } else {
        write(&report, &settings, &mut out)?;
    }
    let ReadinessReport { state, reason } = &report.readiness;
    if alarms.not_ready && *state == "not ready" {
        bail!("{state}: {}; see the last attempt", reason.as_deref().unwrap_or_default());
    }
    let bound = 2 * settings.max_age;
    match &report.data {
        Some(data) if alarms.too_old && data.age_seconds > bound.as_secs() => {
            bail!(
                "the data is {} old, more than twice --max-age ({}); see the last attempt",
                whole_seconds(Duration::from_secs(data.age_seconds)),
                whole_seconds(bound)
            );
        }
        None if alarms.too_old => bail!("there is no data yet; see the last attempt"),
        _ => Ok(()),
    }
}

async fn report(config: &Config, settings: &InForce) -> Result<Report> {
    let clock = Clock::system();
    let (now, boot_id) = (clock.now(), clock.boot_id());
    let file = FileStore::look(&config.state, clock.clone());
    let attempt = file.attempt()?;
    let loaded = file.load().await?;
    let ledger = loaded.ledger.unwrap_or_default();
    let volatile_fields = ledger.volatile_fields(&settings::overrides(config));
    let payload = loaded.payload;
    let saved = file.standing().await?.unwrap_or_default().saved.fence;
    let marks = file.accepted().await?;
    let is_accepted =
        |sets: &SetsHash| marks.iter().any(|mark| mark.sets == *sets && mark.saved == saved);
    let data = payload.and_then(|payload| {
        // The origin time of a payload is the time of its attempt, less the declared age.
        let of_it = attempt.as_ref().filter(|attempt| attempt.fence == payload.fence);
        let declared = of_it.map_or(0, |of_it| of_it.at.wall.since(payload.origin.wall).as_secs());
        let (catalogue, _) = join(&payload, &config.mapping).ok()?;
        Some(Data {
            as_of: payload.origin.wall.rfc3339(),
            age_seconds: payload.origin.age(now, boot_id).as_secs(),
            declared_age_seconds: declared,
            films: catalogue.films().len(),
            people: catalogue.people().len(),
        })
    });
    let ended = attempt.as_ref().and_then(|attempt| attempt.ended.as_ref());
    let has_failed = ended.is_some_and(|ended| !ended.outcome.kind.is_good());
    let last_attempt = attempt.as_ref().map(|attempt| AttemptReport {
        at: attempt.at.wall.rfc3339(),
        age_seconds: attempt.at.age(now, boot_id).as_secs(),
        outcome: match &attempt.ended {
            Some(ended) => ended.outcome.kind.to_string(),
            None => "none yet: the refresh is running, or its process died".to_owned(),
        },
    });
    let next_attempt = match schedule::next(file.last_attempt()?, settings.interval) {
        Next::Fetch => NextAttempt { in_seconds: 0, because: "a refresh is due".to_owned() },
        Next::Wait(wait) => NextAttempt {
            in_seconds: wait.remaining.as_secs() + 1,
            because: wait.because.to_string(),
        },
    };
    let refusals = refused::list(&config.state);
    let redis = shared(config, &clock).await?;
    let readiness = readiness::of(&VisitorsView {
        age: data.as_ref().map(|data| Duration::from_secs(data.age_seconds)).or_else(|| {
            // Without a payload, the published site is shown with its own origin time.
            let as_of = disk::read(&config.out.join(FRESHNESS)).ok().flatten();
            as_of.and_then(|json| Freshness::as_of(&json)).map(|as_of| now.wall.since(as_of))
        }),
        bound: settings.bound(),
        has_failed,
        is_redis_lost: redis.as_ref().is_some_and(|redis| redis.is_lost),
    });
    Ok(Report {
        readiness: ReadinessReport {
            state: readiness.state(),
            reason: readiness.reason().map(str::to_owned),
        },
        settings: SettingsReport {
            interval_seconds: settings.interval.as_secs_f64(),
            max_age_seconds: settings.max_age.as_secs_f64(),
            hold_seconds: settings.hold.as_secs_f64(),
            max_stale_seconds: settings.max_stale.map(|longest| longest.as_secs_f64()),
            of_process: settings.process,
        },
        upstream: file.upstream().map(|upstream| upstream.0),
        data,
        generation: Manifest::peek(&config.out).map(|manifest| GenerationReport {
            pages: manifest.pages(),
            id: manifest.generation.0,
        }),
        last_attempt,
        next_attempt,
        redis,
        volatile_fields,
        refused: refusals
            .into_iter()
            .map(|Refusal { sets, why, times, last, .. }| RefusedReport {
                accepted: is_accepted(&sets),
                sets: sets.0,
                why,
                times,
                last: WallTime::rfc3339(last),
            })
            .collect(),
        held_by: HeldBy {
            state: lock::holder(&config.state.join("lock")),
            out: lock::holder(&lock::beside(&config.out)),
        },
    })
}

async fn shared(config: &Config, clock: &Clock) -> Result<Option<Shared>> {
    // The keys in Redis depend on the API. The state knows the API even if the command does not.
    let file = FileStore::look(&config.state, clock.clone());
    let id = file.upstream().unwrap_or_else(|| wiring::upstream_id(config));
    let address = wiring::redis_address(config)?;
    let Some(redis) = wiring::redis(config, &id, address, clock, &file)? else { return Ok(None) };
    let standing = redis.standing().await;
    let is_lost = standing.is_err();
    let state = match standing {
        Ok(Some(standing)) => format!(
            "last attempt {} ago, {}",
            whole_seconds(standing.age),
            standing
                .outcome
                .map_or("no outcome yet".to_owned(), |Outcome { kind, .. }| { kind.to_string() })
        ),
        Ok(None) => "reachable, no attempt yet".to_owned(),
        Err(error) => format!("cannot be used: {error:#}"),
    };
    Ok(Some(Shared { address: redis.address().to_string(), state, is_lost }))
}

fn write(report: &Report, settings: &InForce, out: &mut impl Write) -> Result<()> {
    let mut line = |name: &str, text: String| writeln!(out, "{name:<13} {text}");
    let ReadinessReport { state, reason } = &report.readiness;
    let reason = reason.as_ref().map(|reason| format!(": {reason}"));
    line("site", format!("{state}{}", reason.unwrap_or_default()))?;
    line("upstream", report.upstream.clone().unwrap_or_else(|| "not known yet".to_owned()))?;
    line(
        "data",
        match &report.data {
            Some(data) => format!(
                "{} films, {} people, {} old{} (as of {})",
                data.films,
                data.people,
                whole_seconds(Duration::from_secs(data.age_seconds)),
                match data.declared_age_seconds {
                    0 => String::new(),
                    declared => format!(", {declared}s of this age in a cache of the upstream"),
                },
                data.as_of
            ),
            None => "none yet".to_owned(),
        },
    )?;
    line(
        "generation",
        match &report.generation {
            Some(generation) => format!("{} ({} files)", generation.id, generation.pages),
            None => "nothing is published".to_owned(),
        },
    )?;
    line(
        "last attempt",
        match &report.last_attempt {
            Some(last) => format!(
                "{} ago: {}",
                whole_seconds(Duration::from_secs(last.age_seconds)),
                last.outcome
            ),
            None => "none yet".to_owned(),
        },
    )?;
    let InForce { process, interval, max_age, hold, max_stale, has_redis: _ } = settings;
    let duration = humantime::format_duration;
    let stale = max_stale.map(|longest| format!(", max-stale {}", duration(longest)));
    let whose = match process {
        Some(process) => format!("process {process}"),
        None => "this command; no process runs".to_owned(),
    };
    line(
        "settings",
        format!(
            "interval {}, max-age {}, hold {}{} (of {whose})",
            duration(*interval),
            duration(*max_age),
            duration(*hold),
            stale.unwrap_or_default()
        ),
    )?;
    let NextAttempt { in_seconds, because } = &report.next_attempt;
    let when = if *in_seconds == 0 { "now".to_owned() } else { format!("in {in_seconds} s") };
    line("next attempt", format!("{when}: {because}"))?;
    if let Some(redis) = &report.redis {
        line("redis", format!("{}: {}", redis.address, redis.state))?;
    } else if settings.has_redis {
        let not_asked = "used by the running process, and not asked here: for the last attempt of \
                         all replicas, repeat the command with --redis";
        line("redis", not_asked.to_owned())?;
    }
    if !report.volatile_fields.is_empty() {
        let fields = report.volatile_fields.join(", ").escape_debug().to_string();
        line("volatile", format!("changes of these fields are not reported: {fields}"))?;
    }
    for refused in &report.refused {
        let mark = if refused.accepted { ", accepted" } else { "" };
        line(
            "refused",
            format!(
                "{}: {} (refusals in a row: {}, last at {}{mark})",
                refused.sets, refused.why, refused.times, refused.last
            ),
        )?;
    }
    let held = |pid: Option<u32>| pid.map_or("nobody".to_owned(), |pid| format!("process {pid}"));
    let HeldBy { state, out } = report.held_by;
    line("held by", format!("state: {}, out: {}", held(state), held(out)))?;
    Ok(())
}
