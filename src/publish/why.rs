//! Why a site is published file by file instead of by an exchange of trees.

use std::fmt;
use std::path::{Path, PathBuf};

use super::ours::Ours;
use super::residents;

/// What forbids an exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Why {
    /// The owner asked for it (`--in-place`).
    Asked,
    /// `--out` and `--state` are on different file systems.
    Elsewhere,
    /// The file system cannot, or this process may not.
    NotPossible(String),
    /// The tree is not known to be ours yet.
    NotKnown,
    /// Something of somebody else's stands in the tree.
    Stranger(PathBuf),
    /// The directory has attributes that the other tree cannot get.
    Attributes,
    /// Somebody uses the directory itself, whatever its path.
    Resident(String),
    /// Something of somebody else's stands in the standby tree.
    StandbyUsed(PathBuf),
}

impl Why {
    /// Whether two reasons are of one kind: then only the first is told.
    pub(super) fn is_like(&self, other: &Why) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Asked => f.write_str("--in-place is set"),
            Why::Elsewhere => f.write_str("it is not on the file system of --state"),
            Why::NotPossible(error) => f.write_str(error),
            Why::NotKnown => f.write_str("it was not made by this program alone"),
            Why::Stranger(path) => write!(f, "{} is not ours", path.display()),
            Why::Attributes => f.write_str("it has an owner or attributes that a copy cannot get"),
            Why::Resident(who) => f.write_str(who),
            Why::StandbyUsed(path) => write!(f, "{} is not ours", path.display()),
        }
    }
}

/// What in `tree`, which is shown at `out` or was until a moment ago, forbids to move the
/// tree.
pub(super) fn who_uses(tree: &Path, out: &Path, ours: &Ours) -> Option<Why> {
    let stranger = ours.strangers(tree, 1).pop().map(|below| Why::Stranger(out.join(below)));
    stranger.or_else(|| residents::of(tree).map(Why::Resident))
}
