//! From a request and a snapshot to an answer.
//!
//! Owns the meaning of every path and header field. Pure: the input is the request, one snapshot
//! and one reading of the clocks, so an answer comes from exactly one generation, with the age
//! of its data. A path is looked up in the generation only, so no path can lead elsewhere.
//!
//! 1. Refuse what is no request for a page ([`admit`]). Answer OPTIONS with the methods.
//! 2. Answer `/healthz` without a site. Answer a waiting page if there is no site, or if its data
//!    is too old to be shown.
//! 3. Look up volatile files, then files of the generation. Add a missing final slash. `/events`
//!    is the head of a stream; the caller adds the stream.
//! 4. Choose the form of the file, and evaluate conditions and range.
//! 5. For an unknown path, answer the page of the generation for unknown paths.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ACCEPT_RANGES, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ALLOW, CACHE_CONTROL, CONNECTION,
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName, HeaderValue,
    LAST_MODIFIED, LOCATION, RANGE, REFRESH, RETRY_AFTER, VARY,
};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use percent_encoding::{CONTROLS, utf8_percent_encode};

use super::admit::{self, NotAdmitted};
use super::answer::{Answer, Met};
use super::condition::{ConditionVerdict, Validators};
use super::encoding::{Coding, choose};
use super::events::{Asked, Head};
use super::headers;
use super::{range, well_known};
use crate::clock::Now;
use crate::hold::Coming;
use crate::live::{LiveSite, Snapshot};
use crate::pages::{BROTLI, GZIP, NOT_FOUND, NOT_IN_A_PATH};
use crate::publish::manifest::ManifestEntry;
use crate::publish::{PublishedFile, STATUS, cache_control, content_type, is_volatile};

/// The path at which streams of events are opened.
const EVENTS: &str = "events";
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The methods that are answered with a file.
pub(super) const FOR_FILES: [Method; 2] = [Method::GET, Method::HEAD];
/// The methods of the site.
const METHODS: [Method; 3] = [Method::GET, Method::HEAD, Method::OPTIONS];
const ALLOWED: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

/// The fields of a file that an answer 304 does not have.
pub(super) const OF_CONTENT: [HeaderName; 4] =
    [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING, ACCEPT_RANGES];

/// Seconds after which a client may ask again for a site that is starting.
pub(super) const SOON: &str = "2";

/// Whether the answer depends on the data and therefore has an age.
pub(super) fn depends_on_data(request: &Parts, snapshot: &Snapshot) -> bool {
    let Some(path) = decoded(request.uri.path()) else { return false };
    if path == "/healthz" || ![Method::GET, Method::HEAD].contains(&request.method) {
        return false;
    }
    let is_apart = |path: &str| {
        let apart = ["assets/", "static/", well_known::PREFIX];
        is_volatile(path)
            || path == EVENTS
            || STATUS.strip_suffix("/index.html") == Some(path.trim_end_matches('/'))
            || apart.iter().any(|directory| path.starts_with(directory))
    };
    let base = decoded(&snapshot.frame.base).unwrap_or_default();
    ![path.strip_prefix(&*base), path.strip_prefix('/')].into_iter().flatten().any(is_apart)
}

/// Answers a request.
pub(super) fn respond(request: &Parts, met: &Met) -> Answer {
    let mut answer = route(request, met);
    // The age at the time of the answer says nothing about later events of a stream.
    if answer.headers().get(CONTENT_TYPE) != Some(&EVENT_STREAM) {
        let has_page = answer.status() != StatusCode::SERVICE_UNAVAILABLE;
        let is_for_caches = has_page && depends_on_data(request, &met.shown);
        let for_caches = is_for_caches.then(|| headers::asker(&request.headers));
        headers::say_age(answer.headers_mut(), met, has_page, for_caches);
    }
    if let Some(path) = decoded(request.uri.path()) {
        headers::share(answer.headers_mut(), path.rsplit('/').next().unwrap_or_default());
    }
    headers::secure(answer.headers_mut());
    answer
}

/// Makes the answer to a request that is refused. `allowed` are the methods of the listener.
pub(super) fn refused(refusal: NotAdmitted, allowed: HeaderValue) -> Answer {
    let mut answer = text(refusal.status, refusal.text);
    if refusal.status == StatusCode::METHOD_NOT_ALLOWED {
        answer.headers_mut().insert(ALLOW, allowed);
    }
    if refusal.closes {
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}

/// Answers OPTIONS: the methods, and what scripts of other origins may send (CORS).
fn options(request: &Parts) -> Answer {
    let mut answer = Answer::default();
    *answer.status_mut() = StatusCode::NO_CONTENT;
    let fields = answer.headers_mut();
    fields.insert(ALLOW, ALLOWED);
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if request.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
        fields.insert(ACCESS_CONTROL_ALLOW_METHODS, ALLOWED);
        // Scripts send conditions and ranges.
        let conditions = "if-match, if-modified-since, if-none-match, if-range, range";
        fields.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(conditions));
        fields.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    }
    answer
}

fn route(request: &Parts, met: &Met) -> Answer {
    let Met { shown, now, .. } = met;
    let snapshot: &Snapshot = shown;
    if let Some(refusal) = admit::refused(request, &METHODS) {
        return refused(refusal, ALLOWED);
    }
    if request.method == Method::OPTIONS {
        return options(request);
    }
    let path = decoded(request.uri.path());
    let path = path.as_deref();
    if path == Some("/healthz") {
        return text(StatusCode::OK, "ok\n");
    }
    let frame = &snapshot.frame;
    let Some(site) = &snapshot.site else {
        let has_failed = snapshot.coming == Coming::Failed;
        let (page, again) =
            if has_failed { (&frame.failing, "30") } else { (&frame.starting, SOON) };
        return unavailable(page, again);
    };
    if frame.bound.is_too_stale(site.origin.age(*now)) && depends_on_data(request, snapshot) {
        return unavailable(&frame.too_old, "30");
    }
    // No file has a name that is not UTF-8.
    let Some(path) = path else { return not_found(request, site) };
    // A proxy may have removed the path of the site already.
    let base = decoded(&frame.base).unwrap_or_default();
    let inside = path.strip_prefix(&*base);
    let candidates = [inside, path.strip_prefix('/')];
    for path in candidates.into_iter().flatten() {
        if path == EVENTS {
            return events(request, frame.base.as_str(), site);
        }
        let is_directory = path.is_empty() || path.ends_with('/');
        let name = if is_directory { format!("{path}index.html") } else { path.to_owned() };
        if let Some(bytes) = snapshot.volatile.get(&*name) {
            return volatile(request, &name, bytes);
        }
        if let Some(file) = site.generation.files.get(&name) {
            if let Some(to) = &file.entry.moved_to {
                let to = to.strip_suffix("index.html").unwrap_or(to);
                let to = utf8_percent_encode(to, &NOT_IN_A_PATH);
                return redirect(request, &format!("{}{to}", frame.base));
            }
            return answer_file(request, &name, file, site, *now);
        }
        let inside = format!("{path}/index.html");
        let is_there = |inside: &str| {
            site.generation.files.contains_key(inside) || snapshot.volatile.contains_key(inside)
        };
        if !is_directory && is_there(&inside) {
            let path = utf8_percent_encode(path, &NOT_IN_A_PATH);
            return redirect(request, &format!("{}{path}/", frame.base));
        }
    }
    if format!("{path}/") == base {
        return redirect(request, &frame.base);
    }
    not_found(request, site)
}

/// Makes the head of a stream of events, with what the page says about itself.
fn events(request: &Parts, base: &str, site: &LiveSite) -> Answer {
    let mut answer = Answer::default();
    let fields = answer.headers_mut();
    fields.insert(CONTENT_TYPE, EVENT_STREAM);
    // A proxy that compresses would delay events until a block is full.
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    // nginx would buffer events.
    fields.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    if request.method == Method::HEAD {
        answer.extensions_mut().insert(Head(None));
        return answer;
    }
    let query = request.uri.query().unwrap_or_default().as_bytes();
    let named = |name: &str| {
        let mut pairs = url::form_urlencoded::parse(query);
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    let last = request.headers.get(LAST_EVENT_ID).and_then(|last| last.to_str().ok());
    let last = last.map(str::to_owned).or_else(|| named("last"));
    let (path, page) = (named("path").unwrap_or_default(), named("page").unwrap_or_default());
    let path = shown_file(&path, base, site);
    let last = last.filter(|last| !last.is_empty());
    answer.extensions_mut().insert(Head(Some(Asked { path, page, last })));
    answer
}

/// Returns the path of the file that a page at this address shows.
fn shown_file(address: &str, base: &str, site: &LiveSite) -> String {
    let path = decoded(address).unwrap_or_default();
    let base = decoded(base).unwrap_or_default();
    let path = path.strip_prefix(&*base).or_else(|| path.strip_prefix('/')).unwrap_or_default();
    let is_directory = path.is_empty() || path.ends_with('/');
    let name = if is_directory { format!("{path}index.html") } else { path.to_owned() };
    if site.generation.files.contains_key(&name) { name } else { NOT_FOUND.to_owned() }
}

/// Answers a file of the generation.
fn answer_file(
    request: &Parts,
    path: &str,
    file: &Arc<PublishedFile>,
    site: &LiveSite,
    now: Now,
) -> Answer {
    let form = Form::chosen(request, file);
    let mtime = file.entry.mtime;
    let mut answer = Answer::default();
    answer.extensions_mut().insert(WholeFile { file: file.clone(), suffix: form.suffix });
    let fields = answer.headers_mut();
    insert(fields, ETAG, &form.etag);
    fields.insert(CACHE_CONTROL, HeaderValue::from_static(cache_control(path)));
    headers::tag(fields, path);
    if form.varies {
        fields.insert(VARY, HeaderValue::from_static("accept-encoding"));
    }
    // A time in the future is not a validator (RFC 9110 §8.8.2.1).
    let mtime = Some(mtime).filter(|&mtime| mtime <= now.wall.seconds());
    if let Some(mtime) = mtime {
        let time = std::time::UNIX_EPOCH + Duration::from_secs(mtime);
        insert(fields, LAST_MODIFIED, &httpdate::fmt_http_date(time));
    }
    let validators = Validators { etag: &form.etag, mtime, has_forms: form.varies };
    match validators.weigh(&request.headers) {
        ConditionVerdict::NotModified => {
            *answer.status_mut() = StatusCode::NOT_MODIFIED;
            return answer;
        }
        ConditionVerdict::Failed => {
            *answer.status_mut() = StatusCode::PRECONDITION_FAILED;
            return answer;
        }
        ConditionVerdict::Answer => {}
    }
    form.describe(fields);
    insert(fields, CONTENT_TYPE, content_type(path));
    fields.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));

    // Ranges are defined for GET only (RFC 9110 §14.2).
    let range = request.headers.get(RANGE).and_then(|field| field.to_str().ok());
    let asked = match range {
        Some(field)
            if request.method == Method::GET && validators.permit_range(&request.headers) =>
        {
            range::read(field, form.length)
        }
        _ => range::RangeAsked::Whole,
    };
    let whole = form.length;
    let part = match asked {
        range::RangeAsked::Whole => 0..whole,
        range::RangeAsked::Part(part) => {
            *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
            let range = format!("bytes {}-{}/{whole}", part.start, part.end - 1);
            insert(answer.headers_mut(), CONTENT_RANGE, &range);
            part
        }
        range::RangeAsked::Outside => {
            let mut outside =
                text(StatusCode::RANGE_NOT_SATISFIABLE, "The file has no such bytes.\n");
            let fields = outside.headers_mut();
            insert(fields, CONTENT_RANGE, &format!("bytes */{whole}"));
            for name in [VARY, ACCEPT_RANGES] {
                fields.extend(answer.headers_mut().remove(&name).map(|value| (name, value)));
            }
            return outside;
        }
    };
    with_content(answer, path, file, &form, part, site)
}

/// The form of a file for a client.
struct Form {
    coding: Coding,
    suffix: &'static str,
    /// Bytes of the form.
    length: usize,
    /// Strong entity tag, different for each coding (RFC 9110 §8.8.3.3).
    etag: String,
    varies: bool,
}

impl Form {
    fn chosen(request: &Parts, file: &PublishedFile) -> Form {
        let ManifestEntry { hash, size, gz, br, .. } = &file.entry;
        let coding = choose(&request.headers, gz.is_some(), br.is_some());
        let (suffix, length, tag) = match coding {
            Coding::Gzip => (GZIP, gz.unwrap_or_default(), "-gz"),
            Coding::Brotli => (BROTLI, br.unwrap_or_default(), "-br"),
            Coding::Identity => ("", *size, ""),
        };
        let etag = format!("\"{}{tag}\"", &hash.to_hex()[..32]);
        let varies = gz.is_some() || br.is_some();
        Form { coding, suffix, length: length as usize, etag, varies }
    }

    fn describe(&self, fields: &mut hyper::HeaderMap) {
        let coding = match self.coding {
            Coding::Identity => return,
            Coding::Gzip => "gzip",
            Coding::Brotli => "br",
        };
        fields.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
}

/// Answers a volatile file, which changes often and is requested with conditions.
fn volatile(request: &Parts, path: &str, bytes: &Bytes) -> Answer {
    let mut answer = Answer::default();
    let fields = answer.headers_mut();
    let etag = format!("\"{}\"", &blake3::hash(bytes).to_hex()[..32]);
    insert(fields, ETAG, &etag);
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // Conditions with a date are ignored, because the file has no date (RFC 9110 §13.1.3, §13.1.4).
    let validators = Validators { etag: &etag, mtime: None, has_forms: false };
    match validators.weigh(&request.headers) {
        ConditionVerdict::NotModified => *answer.status_mut() = StatusCode::NOT_MODIFIED,
        ConditionVerdict::Failed => *answer.status_mut() = StatusCode::PRECONDITION_FAILED,
        ConditionVerdict::Answer => {
            insert(fields, CONTENT_TYPE, content_type(path));
            return with_body(answer, bytes.clone());
        }
    }
    answer
}

/// Returns the path of a request for a file under `.well-known/`.
pub(super) fn well_known_path(request: &Parts) -> Option<String> {
    let path = decoded(request.uri.path())?.strip_prefix('/')?.to_owned();
    path.starts_with(well_known::PREFIX).then_some(path)
}

/// Answers a file of the owner.
pub(super) fn owners_file(request: &Parts, path: &str, bytes: &Bytes, met: &Met) -> Answer {
    let mut answer = volatile(request, path, bytes);
    headers::say_age(answer.headers_mut(), met, true, None);
    headers::share(answer.headers_mut(), path);
    headers::secure(answer.headers_mut());
    answer
}

/// Redirects to a path of this site, with the unchanged query: the query has the state of the
/// page, such as a search. The path starts with exactly one slash, because a browser reads
/// `//name` as another host (RFC 3986 §4.2).
fn redirect(request: &Parts, path: &str) -> Answer {
    let mut to = format!("/{}", path.trim_start_matches('/'));
    if let Some(query) = request.uri.query() {
        // A header field has ASCII characters only.
        to.extend(["?"].into_iter().chain(utf8_percent_encode(query, CONTROLS)));
    }
    let mut answer = text(StatusCode::PERMANENT_REDIRECT, "");
    insert(answer.headers_mut(), LOCATION, &to);
    answer
}

fn not_found(request: &Parts, site: &LiveSite) -> Answer {
    let Some(file) = site.generation.files.get(NOT_FOUND) else {
        return text(StatusCode::NOT_FOUND, "There is no such page.\n");
    };
    let form = Form::chosen(request, file);
    let mut answer = Answer::default();
    *answer.status_mut() = StatusCode::NOT_FOUND;
    let fields = answer.headers_mut();
    form.describe(fields);
    insert(fields, CONTENT_TYPE, content_type(NOT_FOUND));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if form.varies {
        fields.insert(VARY, HeaderValue::from_static("accept-encoding"));
    }
    let whole = 0..form.length;
    with_content(answer, NOT_FOUND, file, &form, whole, site)
}

/// Answers a page in place of the site, with `Retry-After` in seconds.
pub(super) fn unavailable(page: &Bytes, again: &'static str) -> Answer {
    let mut answer = Answer::default();
    *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let fields = answer.headers_mut();
    fields.insert(RETRY_AFTER, HeaderValue::from_static(again));
    fields.insert(REFRESH, HeaderValue::from_static(again));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    insert(fields, CONTENT_TYPE, content_type(NOT_FOUND));
    with_body(answer, page.clone())
}

fn text(status: StatusCode, text: &'static str) -> Answer {
    let mut answer = Answer::default();
    *answer.status_mut() = status;
    let fields = answer.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    with_body(answer, Bytes::from_static(text.as_bytes()))
}

/// Adds the body and its length. The connection would add the length too, but not for HEAD.
fn with_body(mut answer: Answer, body: Bytes) -> Answer {
    answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    *answer.body_mut() = Full::new(body);
    answer
}

/// Names the file of an answer.
#[derive(Debug, Clone)]
pub(super) struct WholeFile {
    pub(super) file: Arc<PublishedFile>,
    pub(super) suffix: &'static str,
}

/// Content that is read from the disk before the answer is sent.
#[derive(Debug, Clone)]
pub(super) struct Unread {
    path: String,
    suffix: &'static str,
    part: Range<usize>,
}

impl Unread {
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Reads the content. Returns `None` if the generation is no longer on the disk.
    pub(super) fn read(self, site: &LiveSite) -> Option<Bytes> {
        let bytes = site.generation.content(&self.path, self.suffix)?;
        (self.part.end <= bytes.len()).then(|| bytes.slice(self.part))
    }
}

/// Adds a part of the content of a file, or notes that the content is not in memory.
fn with_content(
    mut answer: Answer,
    path: &str,
    file: &PublishedFile,
    form: &Form,
    part: Range<usize>,
    site: &LiveSite,
) -> Answer {
    if let Some(bytes) = site.generation.at_hand(file, form.suffix) {
        return with_body(answer, bytes.slice(part));
    }
    answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(part.len()));
    let path = path.to_owned();
    answer.extensions_mut().insert(Unread { path, suffix: form.suffix, part });
    answer
}

/// Inserts a value that the program made. A value that no header field can carry is left out.
fn insert(fields: &mut hyper::HeaderMap, name: hyper::header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        fields.insert(name, value);
    }
}

/// Decodes the percent-encoding of a path. Returns `None` if the result is not UTF-8.
fn decoded(path: &str) -> Option<String> {
    let path = percent_encoding::percent_decode_str(path).decode_utf8().ok()?;
    (!path.contains('\0')).then(|| path.into_owned())
}

#[cfg(test)]
mod tests;
