//! Why a site is published file by file and not by an exchange of trees.

use std::fmt;
use std::path::{Path, PathBuf};

use super::ours::Ours;
use super::residents;

/// A reason that forbids an exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Why {
    /// The owner set `--in-place`.
    Asked,
    /// `--out` and `--state` are on different file systems.
    Elsewhere,
    /// The file system does not support an exchange, or this process may not exchange.
    NotPossible(String),
    /// The list of our files is not known.
    NotKnown,
    /// An entry of the tree is not ours.
    Stranger(PathBuf),
    /// The directory has attributes or an owner that the other tree cannot get.
    Attributes,
    /// A process or a mount uses the directory itself.
    Resident(String),
    /// An entry of the standby tree is not ours.
    StandbyUsed(PathBuf),
}

impl Why {
    /// Whether two reasons are of one kind. Then only the first is logged.
    pub(super) fn is_like(&self, other: &Why) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Asked => f.write_str("--in-place is set"),
            Why::Elsewhere => f.write_str("--out and --state are on different file systems"),
            Why::NotPossible(error) => f.write_str(error),
            Why::NotKnown => f.write_str("the list of the files that movies-gen made in --out is lost"),
            Why::Stranger(path) => write!(f, "{} was not made by movies-gen", path.display()),
            Why::Attributes => {
                f.write_str("--out has access control lists, or an owner or mode that this process cannot give to a \
                 new directory")
            }
            Why::Resident(who) => f.write_str(who),
            Why::StandbyUsed(path) => write!(f, "{} was not made by movies-gen", path.display()),
        }
    }
}

/// Returns the reason why `tree` must not be moved, if any. `tree` is at `out` now, or was until a
/// moment ago.
pub(super) fn who_uses(tree: &Path, out: &Path, ours: &Ours) -> Option<Why> {
    let stranger = ours.strangers(tree, 1).pop().map(|below| Why::Stranger(out.join(below)));
    stranger.or_else(|| residents::of(tree).map(Why::Resident))
}
