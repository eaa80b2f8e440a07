//! The parts of payload and ledger that this machine has, in memory and under `--state`.
//!
//! Owns the parts of the last payload and the last ledger. Both stores use these parts: what is
//! here already is neither cut, read, written nor sent again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use bytes::Bytes;

use super::part_files::PartFiles;
use super::parts::{Cut, PartName};
use super::{Saved, locked};
use crate::ledger::Ledger;
use crate::payload::Endpoint;
use crate::workers;

/// Payload and ledger, in parts.
#[derive(Debug, Clone, Default)]
pub(super) struct Cuts {
    pub(super) films: Arc<Cut>,
    pub(super) people: Arc<Cut>,
    pub(super) ledger: Arc<Cut>,
}

impl Cuts {
    /// Returns films, people and ledger.
    pub(super) fn all(&self) -> [&Cut; 3] {
        [&self.films, &self.people, &self.ledger]
    }

    pub(super) fn names(&self) -> impl Iterator<Item = PartName> {
        self.all().into_iter().flat_map(|cut| cut.names.iter().copied())
    }
}

/// The parts on this machine.
#[derive(Debug)]
pub(super) struct KeptParts {
    pub(super) files: PartFiles,
    last: Mutex<Last>,
}

/// The last payload and the last ledger.
#[derive(Debug, Default)]
struct Last {
    films: Option<(Bytes, Arc<Cut>)>,
    people: Option<(Bytes, Arc<Cut>)>,
    ledger: Option<(Arc<Ledger>, Arc<Cut>)>,
}

/// A body of which some parts are not on this machine.
pub(super) struct Gathered {
    names: Vec<PartName>,
    there: HashMap<PartName, Bytes>,
}

impl KeptParts {
    pub(super) fn new(files: PartFiles) -> KeptParts {
        KeptParts { files, last: Mutex::default() }
    }

    /// Cuts payload and ledger, unless they are the last that were cut.
    ///
    /// # Errors
    /// Fails if the ledger cannot be serialized, or if the state directory cannot be read.
    pub(super) fn cut(&self, saved: &Saved) -> Result<Cuts> {
        let ledger = self.cut_ledger(&saved.ledger)?;
        let (films, people) = (saved.payload.films.bytes(), saved.payload.people.bytes());
        let last = &mut *locked(&self.last);
        let (last_films, last_people) = (&mut last.films, &mut last.people);
        let (films, people) = workers::run(|| {
            rayon::join(|| cut_of(last_films, films), || cut_of(last_people, people))
        });
        Ok(Cuts { films, people, ledger })
    }

    /// Cuts a ledger, unless the ledger is the last that was cut.
    ///
    /// # Errors
    /// Fails if the ledger cannot be serialized, or if the state directory cannot be read.
    pub(super) fn cut_ledger(&self, ledger: &Arc<Ledger>) -> Result<Arc<Cut>> {
        let mut last = locked(&self.last);
        if let Some((known, cut)) = &last.ledger
            && Arc::ptr_eq(known, ledger)
            && self.has(cut)?
        {
            return Ok(cut.clone());
        }
        let bytes = serde_json::to_vec(ledger).context("cannot serialize the ledger")?;
        let cut = Arc::new(Cut::of(&Bytes::from(bytes)));
        last.ledger = Some((ledger.clone(), cut.clone()));
        Ok(cut)
    }

    /// Whether all parts are in memory or under `--state`.
    fn has(&self, cut: &Cut) -> Result<bool> {
        if cut.parts.len() == cut.names.len() {
            return Ok(true);
        }
        let files = self.files.names()?;
        Ok(cut.names.iter().all(|name| files.contains(name)))
    }

    /// Frees the memory of the parts of the ledger, because the files have them.
    pub(super) fn forget_parts_of_ledger(&self) {
        if let Some((_, cut)) = &mut locked(&self.last).ledger {
            *cut = Arc::new(Cut { names: cut.names.clone(), parts: Vec::new() });
        }
    }

    /// Returns the part at this place of a cut.
    ///
    /// # Errors
    /// Fails if the part is only under `--state` and cannot be read there.
    pub(super) fn part(&self, cut: &Cut, index: usize) -> Result<Bytes> {
        if let Some(part) = cut.parts.get(index) {
            return Ok(part.clone());
        }
        let name = cut.names.get(index).context("there is no such part")?;
        self.files.read(name)?.with_context(|| format!("the part {name} under --state is damaged"))
    }

    /// Returns what this machine has of a body.
    ///
    /// # Errors
    /// Fails if the state directory cannot be read.
    pub(super) fn gathered(&self, names: Vec<PartName>) -> Result<Gathered> {
        let mut there = HashMap::new();
        let last = {
            let last = locked(&self.last);
            let bodies = [&last.films, &last.people].map(|body| body.as_ref().map(|(_, cut)| cut));
            [
                bodies[0].cloned(),
                bodies[1].cloned(),
                last.ledger.as_ref().map(|(_, cut)| cut.clone()),
            ]
        };
        let in_memory: HashMap<&PartName, &Bytes> =
            last.iter().flatten().flat_map(|cut| cut.names.iter().zip(&cut.parts)).collect();
        for name in &names {
            if there.contains_key(name) {
                continue;
            }
            let part = match in_memory.get(name) {
                Some(&part) => Some(part.clone()),
                None => self.files.read(name)?,
            };
            if let Some(part) = part {
                there.insert(*name, part);
            }
        }
        Ok(Gathered { names, there })
    }

    /// Returns the bytes of a body of which all parts are there, and remembers them.
    pub(super) fn body(&self, of: Endpoint, gathered: Gathered) -> Option<Bytes> {
        let mut last = locked(&self.last);
        let last = match of {
            Endpoint::Films => &mut last.films,
            Endpoint::People => &mut last.people,
        };
        if let Some((body, cut)) = last
            && cut.names == gathered.names
        {
            return Some(body.clone());
        }
        let (body, cut) = gathered.joined()?;
        *last = Some((body.clone(), Arc::new(cut)));
        Some(body)
    }

    /// Returns the ledger of which all parts are there, and remembers the ledger. `None` if a part
    /// is missing.
    ///
    /// # Errors
    /// Fails if the parts are not a ledger.
    pub(super) fn ledger(&self, gathered: Gathered) -> Option<serde_json::Result<Arc<Ledger>>> {
        let mut last = locked(&self.last);
        if let Some((ledger, cut)) = &last.ledger
            && cut.names == gathered.names
        {
            return Some(Ok(ledger.clone()));
        }
        let (bytes, cut) = gathered.joined()?;
        let ledger = serde_json::from_slice::<Ledger>(&bytes).map(Arc::new);
        if let Ok(ledger) = &ledger {
            last.ledger = Some((ledger.clone(), Arc::new(cut)));
        }
        Some(ledger)
    }
}

impl Gathered {
    /// Returns the names of the parts that are missing, each once.
    pub(super) fn missing(&self) -> Vec<PartName> {
        let mut missing: Vec<PartName> =
            self.names.iter().filter(|name| !self.there.contains_key(name)).copied().collect();
        missing.sort_unstable();
        missing.dedup();
        missing
    }

    /// Adds a part. A part whose content does not match its name stays missing.
    pub(super) fn add(&mut self, name: PartName, part: Bytes) {
        if PartName::of(&part) == name {
            self.there.insert(name, part);
        }
    }

    fn joined(self) -> Option<(Bytes, Cut)> {
        let parts: Option<Vec<Bytes>> =
            self.names.iter().map(|name| self.there.get(name).cloned()).collect();
        Some(Cut::joined(self.names, &parts?))
    }
}

/// Cuts a body, unless the body is the last that was cut.
fn cut_of(last: &mut Option<(Bytes, Arc<Cut>)>, body: &Bytes) -> Arc<Cut> {
    match last {
        // The memory of the body is held, so the same address means the same bytes.
        Some((known, cut)) if known.as_ptr() == body.as_ptr() && known.len() == body.len() => {
            cut.clone()
        }
        _ => {
            let cut = Arc::new(Cut::of(body));
            *last = Some((body.clone(), cut.clone()));
            cut
        }
    }
}
