//! `accept`: the owner accepts an implausible answer.
//!
//! Owns what the command prints about a refused answer, the records that would go, and the
//! mark that lets the answer pass. The command needs no lock and no channel to a running
//! process, because the next refresh reads the mark.

use std::io::Write;

use anyhow::{Context, Result, anyhow, bail};

use super::wiring;
use crate::catalogue::{Catalogue, join};
use crate::changes::{What, between};
use crate::clock::Clock;
use crate::config::{Config, Invalid};
use crate::outcome::{Mark, Offer, SetsHash};
use crate::payload::{Fence, Payload};
use crate::plausibility::{self, Ids};
use crate::store::refused::{self, Refusal};
use crate::store::{FileStore, Store};

/// Records that are named among the records that would go.
const MOST_NAMED: usize = 10;

/// Marks a refused answer as accepted, and prints what would change.
///
/// # Errors
/// Fails if there is no such refused answer, or if the mark cannot be written.
pub(super) async fn accept(config: &Config, hash: Option<&str>) -> Result<()> {
    wiring::refuse_newer(config)?;
    let clock = Clock::system();
    let refusals = refused::list(&config.state);
    let file = FileStore::look(&config.state, clock.clone());
    let standing = file.attempt()?.and_then(|attempt| attempt.refused);
    let sets = hash.map(|hash| SetsHash(hash.to_owned()));
    let refusal =
        chosen(&refusals, sets.or(standing.as_ref().map(|refused| refused.sets.clone())))?;
    let live = match file.load().await?.payload {
        Some(payload) => {
            join(&payload, &config.mapping).map(|(catalogue, _)| catalogue).unwrap_or_default()
        }
        None => Catalogue::default(),
    };
    let offered = catalogue_of(config, refusal, &clock)?;
    show(refusal, &live, &offered)?;
    let sets = refusal.sets.clone();
    // Prefer the records that the guard found gone, if the guard refuses this answer now. The
    // guard knows the live records even if the payload was lost.
    let found = standing.filter(|refused| refused.sets == sets).map(|refused| refused.offer);
    let offer = found
        .filter(|offer| *offer != Offer::default())
        .unwrap_or_else(|| plausibility::offer(&Ids::of(&live), &Ids::of(&offered)));
    let own = file.standing().await?.unwrap_or_default().saved.fence;

    let (id, address) = (wiring::upstream_id(config), wiring::redis_address(config)?);
    let shared = match wiring::redis(config, &id, address, &clock, &file)? {
        // If Redis holds a newer version, no replica of this version can read the mark.
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
    // Write one mark only: the refresh that takes the records removes the mark in one place.
    if !matches!(shared, Some(Ok(()))) {
        file.accept(Some(&Mark { sets, offer, saved: own })).await?;
    }
    let text = "only the state directory has the mark, so other replicas do not see the mark; \
                repair Redis and run accept again";
    shared.transpose().context(text)?;
    writeln!(
        std::io::stdout(),
        "Accepted. The next refresh takes an answer if every record that the answer lacks is also \
         missing from the answer shown here. The mark ends with the next good refresh, or after \
         one day."
    )?;
    Ok(())
}

/// Finds the refused answer that the owner named, or else the answer that is refused now.
fn chosen(refusals: &[Refusal], sets: Option<SetsHash>) -> Result<&Refusal> {
    let names: Vec<_> = refusals.iter().map(|refusal| refusal.sets.to_string()).collect();
    if refusals.is_empty() {
        bail!("no answer was refused, so there is nothing to accept");
    }
    let Some(sets) = sets else {
        let text = "no answer is refused now; to accept an earlier refused answer, name one of";
        return Err(Invalid(format!("{text}: {}", names.join(", "))).into());
    };
    let found = refusals.iter().find(|refusal| refusal.sets == sets);
    found.ok_or_else(|| {
        anyhow!("no refused answer has the name {sets}; use one of: {}", names.join(", "))
    })
}

fn catalogue_of(config: &Config, refusal: &Refusal, clock: &Clock) -> Result<Catalogue> {
    let bodies = refused::bodies(&config.state, &refusal.sets).with_context(|| {
        format!("the bodies of {} are no longer kept; wait for the next refusal", refusal.sets)
    })?;
    let text = "the refused answer can no longer be read; wait for the next refusal";
    let [films, people] = bodies.bodies().context(text)?;
    let payload = Payload { fence: Fence(0), origin: clock.stamp(), films, people };
    Ok(join(&payload, &config.mapping).context(text)?.0)
}

fn show(refusal: &Refusal, live: &Catalogue, offered: &Catalogue) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}: {}", refusal.sets, refusal.why)?;
    writeln!(out, "refusals in a row: {}, last at {}", refusal.times, refusal.last)?;
    writeln!(out, "          live  refused")?;
    for (what, live, offered) in [
        ("films", live.films().len(), offered.films().len()),
        ("people", live.people().len(), offered.people().len()),
    ] {
        writeln!(out, "  {what:<7} {live:>5}  {offered:>7}")?;
    }
    let changes = between(live, offered);
    let gone: Vec<_> = changes.iter().filter(|change| change.what == What::Removed).collect();
    for change in gone.iter().take(MOST_NAMED) {
        writeln!(out, "  would go: {}", change.title.escape_debug())?;
    }
    if gone.len() > MOST_NAMED {
        writeln!(out, "  and {} more would go", gone.len() - MOST_NAMED)?;
    }
    Ok(())
}
