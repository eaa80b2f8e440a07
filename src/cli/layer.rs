//! The layers from which values come.

use std::collections::BTreeMap;

/// Values by the name of their option, each in the form of the command line.
pub type Values = BTreeMap<String, String>;

/// The layer from which the value of an option comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// A flag of the command line.
    Flag,
    /// A variable of the environment.
    Variable,
    /// The configuration file.
    File,
    /// The defaults with `--demo`.
    Demo,
    /// The default.
    Default,
}

/// The layers by the name of their option.
pub type Layers = BTreeMap<String, Layer>;
