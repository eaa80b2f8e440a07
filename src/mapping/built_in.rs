//! The mappings that are parts of the program.

/// The names and the files of the built-in mappings.
const MAPPINGS: &[(&str, &str)] = &[
    ("ghibli", include_str!("builtin/ghibli.toml")),
    ("swapi", include_str!("builtin/swapi.toml")),
    ("jellyfin", include_str!("builtin/jellyfin.toml")),
    ("radarr", include_str!("builtin/radarr.toml")),
    ("directus", include_str!("builtin/directus.toml")),
    ("pocketbase", include_str!("builtin/pocketbase.toml")),
];

/// Name of the mapping that is used if the owner names none.
pub const DEFAULT: &str = MAPPINGS[0].0;

/// Returns the file of a built-in mapping.
pub fn built_in(name: &str) -> Option<&'static str> {
    MAPPINGS.iter().find(|(other, _)| *other == name).map(|(_, text)| *text)
}

/// Returns the names of all built-in mappings.
pub fn built_in_names() -> impl Iterator<Item = &'static str> {
    MAPPINGS.iter().map(|(name, _)| *name)
}
