//! `accept`: the owner takes what was not believed.
//!
//! Owns the conversation about a refusal: what was refused, what would go if it
//! were taken, and the mark that lets it pass. It needs no lock and no channel to
//! a running process; the mark is read at the next refresh.

use std::borrow::Cow;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};

use super::wiring;
use crate::catalogue::{Catalogue, join};
use crate::changes::{What, between};
use crate::clock::Clock;
use crate::config::{Config, Invalid};
use crate::outcome::{Mark, Offer, SetsHash};
use crate::payload::{Body, Fence, Payload};
use crate::plausibility::{self, Ids};
use crate::store::refused::{self, Refusal};
use crate::store::{FileStore, Store};

/// Records that would go and are named.
const MOST_NAMED: usize = 10;

/// Marks a refusal as accepted, and shows what that means.
///
/// # Errors
/// If there is no such refusal, or the mark cannot be written.
pub(super) async fn accept(config: &Config, hash: Option<&str>) -> Result<()> {
    let clock = Clock::system();
    let refusals = refused::list(&config.state);
    let file = FileStore::look(&config.state, clock.clone());
    let standing = file.attempt()?.and_then(|attempt| attempt.refused);
    let sets = hash.map(|hash| SetsHash(hash.to_owned()));
    let refusal =
        chosen(&refusals, sets.or(standing.as_ref().map(|refused| refused.sets.clone())))?;
    let live = match file.load().await?.payload {
        Some(payload) => join(&payload, 0).map(|(catalogue, _)| catalogue).unwrap_or_default(),
        None => Catalogue::default(),
    };
    let offered = catalogue_of(&config.state, refusal, &clock)?;
    show(refusal, &live, &offered)?;
    let sets = refusal.sets.clone();
    // What the guard found gone, if this is what it refuses now: the guard knows the records
    // that are live where the payload was lost, too.
    let found = standing.filter(|refused| refused.sets == sets).map(|refused| refused.offer);
    let offer = found
        .filter(|offer| *offer != Offer::default())
        .unwrap_or_else(|| plausibility::offer(&Ids::of(&live), &Ids::of(&offered)));
    let own = file.standing().await?.unwrap_or_default().saved.fence;

    let (id, address) = (wiring::upstream_id(config), wiring::redis_address(config)?);
    let shared = match wiring::redis(config, &id, address, &clock)? {
        // One that holds another version is of no use to anybody here.
        Some(redis) => Some(match redis.standing().await {
            Ok(standing) => {
                let saved = standing.unwrap_or_default().saved.fence.max(own);
                let mark = Mark { sets: sets.clone(), offer: offer.clone(), saved };
                redis.accept(Some(&mark)).await
            }
            Err(error) => Err(error),
        }),
        None => None,
    };
    // One mark: whoever takes the records takes it away, and finds none elsewhere.
    if !matches!(shared, Some(Ok(()))) {
        file.accept(Some(&Mark { sets, offer, saved: own })).await?;
    }
    let text = "the mark stands in the state directory, but other replicas do not see it";
    shared.transpose().context(text)?;
    writeln!(
        std::io::stdout(),
        "Accepted. The next refresh takes an answer that lacks no more than this. A good \
             refresh, or a day, ends that."
    )?;
    Ok(())
}

/// The refusal of these sets: named by the owner, or those that stand now.
fn chosen(refusals: &[Refusal], sets: Option<SetsHash>) -> Result<&Refusal> {
    let names: Vec<_> = refusals.iter().map(|refusal| refusal.sets.to_string()).collect();
    if refusals.is_empty() {
        bail!("nothing was refused, so there is nothing to accept");
    }
    let Some(sets) = sets else {
        let text = "nothing is being refused now; to accept what was refused before, name it";
        return Err(Invalid(format!("{text}: {}", names.join(", "))).into());
    };
    let found = refusals.iter().find(|refusal| refusal.sets == sets);
    found.ok_or_else(|| anyhow!("{sets} was not refused lately; what was: {}", names.join(", ")))
}

fn catalogue_of(state: &Path, refusal: &Refusal, clock: &Clock) -> Result<Catalogue> {
    let bodies = refused::bodies(state, &refusal.sets)
        .with_context(|| format!("{} is not kept any more", refusal.sets))?;
    let body = |text: Cow<'_, str>| Body { bytes: text.into_owned().into(), etag: None };
    let payload = Payload {
        fence: Fence(0),
        origin: clock.stamp(),
        films: body(bodies.films),
        people: body(bodies.people),
    };
    Ok(join(&payload, 0).context("what was refused cannot be read any more")?.0)
}

fn show(refusal: &Refusal, live: &Catalogue, offered: &Catalogue) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}: {}", refusal.sets, refusal.why)?;
    writeln!(out, "refused {} times in a row, last at {}", refusal.times, refusal.last)?;
    writeln!(out, "          live  refused")?;
    for (what, live, offered) in [
        ("films", live.films.len(), offered.films.len()),
        ("people", live.people.len(), offered.people.len()),
    ] {
        writeln!(out, "  {what:<7} {live:>5}  {offered:>7}")?;
    }
    let changes = between(live, offered);
    let gone: Vec<_> = changes.iter().filter(|change| change.what == What::Removed).collect();
    for change in gone.iter().take(MOST_NAMED) {
        writeln!(out, "  goes: {}", change.title.escape_debug())?;
    }
    if gone.len() > MOST_NAMED {
        writeln!(out, "  and {} more go", gone.len() - MOST_NAMED)?;
    }
    Ok(())
}
