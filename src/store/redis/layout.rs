//! The keys, and the scripts that use them.

use redis::Script;

use super::super::parts::PartName;
use crate::upstream::UpstreamId;

/// Version of the layout under the keys. Version 1 had whole bodies where version 2 has lists of
/// parts.
pub(super) const VERSION: u32 = 2;
/// The version with whole bodies, which is read.
pub(super) const WHOLE_BODIES: u32 = 1;

/// The keys of one upstream.
pub(super) struct Keys {
    pub(super) claim: String,
    pub(super) last_good: String,
    pub(super) fresh: String,
    pub(super) accepted: String,
    pub(super) channel: String,
    part: String,
}

impl Keys {
    pub(super) fn of(prefix: &str, upstream: &UpstreamId) -> Keys {
        let hash = blake3::hash(upstream.0.as_bytes()).to_hex();
        let key = |name: &str| format!("{{{prefix}:{}}}:{name}", &hash[..12]);
        Keys {
            claim: key("claim"),
            last_good: key("last-good"),
            fresh: key("fresh"),
            accepted: key("accepted"),
            channel: key("saved"),
            part: key("part:"),
        }
    }

    pub(super) fn part(&self, name: &PartName) -> String {
        format!("{}{name}", self.part)
    }
}

/// The scripts. Each is one operation, so that no replica sees half of an operation.
pub(super) struct Scripts {
    pub(super) claim: Script,
    pub(super) restore: Script,
    pub(super) renew: Script,
    pub(super) save: Script,
    pub(super) record: Script,
    pub(super) load: Script,
    pub(super) accept: Script,
    pub(super) have: Script,
    pub(super) leave: Script,
}

impl Scripts {
    pub(super) fn new() -> Scripts {
        Scripts {
            claim: Script::new(include_str!("claim.lua")),
            restore: Script::new(include_str!("restore.lua")),
            renew: Script::new(include_str!("renew.lua")),
            save: Script::new(include_str!("save.lua")),
            record: Script::new(include_str!("record.lua")),
            load: Script::new(include_str!("load.lua")),
            accept: Script::new(include_str!("accept.lua")),
            have: Script::new(include_str!("have.lua")),
            leave: Script::new(include_str!("leave.lua")),
        }
    }
}
