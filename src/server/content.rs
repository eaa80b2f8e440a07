//! Answers whose content is on the disk.
//!
//! Owns which requests wait for the disk, and what happens if a publish replaces a file before the
//! file is read: the answer is made again, from the generation that is live now. The disk is read on
//! threads for blocking calls, so no other request waits.

use std::rc::Rc;
use std::time::Duration;

use http_body_util::Full;
use hyper::header::{IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};

use super::answer::{Answer, Met};
use super::headers;
use super::respond::{self, Unread, WholeFile, respond};
use super::shown::{PreparedAnswer, ShownSnapshot};
use super::well_known::OwnersFiles;
use crate::clock::Clock;

/// Time between two looks for the generation that replaces a file.
const PAUSE: Duration = Duration::from_millis(20);
/// Number of looks: a file that is not there after these looks was removed by somebody else.
const LOOKS: usize = 150;

/// Answers a request with its content.
pub(super) async fn answer(
    request: &Parts,
    mut met: Met,
    files: &OwnersFiles,
    clock: &Clock,
    shown: impl Fn() -> Rc<ShownSnapshot>,
) -> Answer {
    for _ in 0..LOOKS {
        let mut answer = respond(request, &met);
        keep(request, &mut answer, &met);
        if let Some(answer) = read(request, answer, &met).await {
            return with_owners_file(request, answer, &met, files).await;
        }
        tokio::time::sleep(PAUSE).await;
        (met.shown, met.now) = (shown(), clock.now());
    }
    if let (Some(site), Some(unread)) =
        (&met.shown.site, respond(request, &met).extensions().get::<Unread>())
    {
        site.generation.miss(unread.path());
    }
    respond::unavailable(&met.shown.frame.starting, respond::SOON)
}

/// Keeps the answer for the next request, if the answer is a whole file of the generation, or says
/// that the client has the whole file. An answer without a time is not kept: the time of a new file may
/// be a second ahead, and the next answers have the time.
fn keep(request: &Parts, answer: &mut Answer, met: &Met) {
    let Some(WholeFile { file, suffix }) = answer.extensions_mut().remove() else { return };
    if answer.status() == StatusCode::NOT_MODIFIED {
        let mut request = request.clone();
        for condition in [IF_NONE_MATCH, IF_MODIFIED_SINCE] {
            request.headers.remove(condition);
        }
        keep(&request, &mut respond(&request, met), met);
    } else if answer.status() == StatusCode::OK && answer.headers().contains_key(LAST_MODIFIED) {
        let depends_on_data = respond::depends_on_data(request, &met.shown);
        let mut fields = answer.headers().clone();
        headers::forget_caches(&mut fields);
        met.shown.prepare(request, PreparedAnswer { fields, file, suffix, depends_on_data });
    }
}

/// Adds content that is on the disk. Returns `None` if the file of the answer is not there.
async fn read(request: &Parts, mut answer: Answer, met: &Met) -> Option<Answer> {
    let Some(unread) = answer.extensions_mut().remove::<Unread>() else { return Some(answer) };
    if request.method == Method::HEAD {
        return Some(answer);
    }
    let site = met.shown.site.clone()?;
    let bytes = tokio::task::spawn_blocking(move || unread.read(&site)).await.ok().flatten()?;
    *answer.body_mut() = Full::new(bytes);
    Some(answer)
}

/// Replaces an answer without a page by a file of the owner below `.well-known/`, also before the
/// first site: the owner may need a proof of ownership for the site.
async fn with_owners_file(
    request: &Parts,
    answer: Answer,
    met: &Met,
    files: &OwnersFiles,
) -> Answer {
    if !matches!(answer.status(), StatusCode::NOT_FOUND | StatusCode::SERVICE_UNAVAILABLE) {
        return answer;
    }
    let Some(path) = respond::well_known_path(request) else { return answer };
    match files.read(path.clone()).await {
        Some(bytes) => respond::owners_file(request, &path, &bytes, met),
        None => answer,
    }
}
