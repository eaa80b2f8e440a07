//! How a file is described to clients: its media type, and how long it may be cached.
//!
//! Owns both rules, which hold wherever the file is served from. Pure.

/// Returns the time for which a file may be cached: one year for a file with its hash in the name,
/// no time for all other files.
pub fn cache_control(path: &str) -> &'static str {
    if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" }
}

/// Returns the media type of a file.
pub fn content_type(path: &str) -> &'static str {
    match path {
        "feed.xml" => return "application/atom+xml; charset=utf-8",
        // JSON has no charset parameter (RFC 8259 §11).
        "feed.json" => return "application/feed+json",
        _ => {}
    }
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "json" => "application/json; charset=utf-8",
        "xml" => "application/xml; charset=utf-8",
        "txt" => "text/plain; charset=utf-8",
        "svg" => "image/svg+xml; charset=utf-8",
        "webmanifest" => "application/manifest+json; charset=utf-8",
        _ => mime_guess::from_path(path).first_raw().unwrap_or("application/octet-stream"),
    }
}
