//! Asks an API over HTTP.
//!
//! Owns the requests of a refresh, one for each list of the mapping: deadlines, bounds on the size,
//! conditions, and the names of failures. Whatever the API does, the result is the bodies or one
//! [`Failure`], within seconds. This module must not look into bodies, and must not send without
//! permission: `may_send` is called immediately before each request.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use reqwest::header::{ACCEPT, AGE, ETAG, HeaderMap, IF_NONE_MATCH};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use tracing::warn;
use url::Url;

use super::answer::UpstreamAnswer;
use super::failure::{of_error, of_status};
use super::headers::ApiHeaders;
use crate::mapping::{Api, ListPath, Mapping};
use crate::outcome::{Failure, FailureKind};
use crate::payload::{Body, Endpoint, Payload, RequestId};

/// Longest time until the connection is established.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Longest time between two parts of an answer.
const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest time from the request to the end of the answer.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(10);
/// Redirects that are followed on the same host. An API moves a path, but rarely twice.
const MOST_REDIRECTS: usize = 3;

/// An API, and how to ask it.
#[derive(Debug, Clone)]
pub(super) struct ApiSource {
    client: Client,
    base: Url,
    requests: Arc<ApiRequests>,
    max_bytes: u64,
}

/// The requests of a refresh.
#[derive(Debug)]
struct ApiRequests {
    films: (RequestId, Url),
    /// `None` if the mapping has no list of people.
    people: Option<(RequestId, Url)>,
    headers: ApiHeaders,
}

impl ApiRequests {
    fn of(base: &Url, mapping: &Mapping) -> Result<ApiRequests> {
        let request = |get: &ListPath| (get.request(), list_url(base, get.as_str()));
        let people = mapping.people.as_ref().map(|people| request(&people.get));
        let headers = ApiHeaders::of(&mapping.api)?;
        Ok(ApiRequests { films: request(&mapping.films.get), people, headers })
    }

    fn of_list(&self, endpoint: Endpoint) -> Option<&(RequestId, Url)> {
        match endpoint {
            Endpoint::Films => Some(&self.films),
            Endpoint::People => self.people.as_ref(),
        }
    }
}

/// Whether the proxy settings of the system are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proxy {
    /// `HTTPS_PROXY` and similar variables are used.
    AsTheSystemSays,
    /// No proxy, because the upstream is on this machine.
    Never,
}

impl ApiSource {
    /// Prepares the requests of a mapping to the API at `base`, with at most `max_bytes` for each
    /// body after decompression.
    ///
    /// # Errors
    /// Fails if the HTTP client cannot be built, or if the secret of the mapping cannot be read.
    pub(super) fn new(
        base: &Url,
        mapping: &Mapping,
        max_bytes: u64,
        proxy: Proxy,
    ) -> Result<ApiSource> {
        let requests = Arc::new(ApiRequests::of(base, mapping)?);
        Ok(ApiSource { client: client(proxy)?, base: base.clone(), requests, max_bytes })
    }

    /// Prepares one request without the headers of a mapping.
    pub(super) fn once(url: &Url, max_bytes: u64, proxy: Proxy) -> Result<ApiSource> {
        let headers = ApiHeaders::of(&Api::default())?;
        let requests = Arc::new(ApiRequests {
            films: (RequestId::of(url.path(), url.path()), url.clone()),
            people: None,
            headers,
        });
        Ok(ApiSource { client: client(proxy)?, base: url.clone(), requests, max_bytes })
    }

    /// Returns the same upstream, asked by another mapping. The secret is read again.
    ///
    /// # Errors
    /// Fails if the secret of the mapping cannot be read.
    pub(super) fn asked_by(&self, mapping: &Mapping) -> Result<ApiSource> {
        let requests = Arc::new(ApiRequests::of(&self.base, mapping)?);
        Ok(ApiSource { requests, ..self.clone() })
    }

    /// Asks for films and people at the same time. A body in `known` that has an ETag makes the
    /// request conditional. `may_send` is called immediately before each request and says
    /// whether the request may still be sent.
    ///
    /// # Errors
    /// Returns the first failure.
    pub(super) async fn fetch(
        &self,
        known: Option<&Payload>,
        may_send: impl AsyncFn() -> Result<(), Failure>,
    ) -> Result<UpstreamAnswer, Failure> {
        let known = |endpoint| known.map(|payload| payload.body(endpoint));
        let (films, people) = tokio::try_join!(
            self.get(Endpoint::Films, known(Endpoint::Films), &may_send),
            self.get(Endpoint::People, known(Endpoint::People), &may_send),
        )?;
        Ok(UpstreamAnswer {
            declared_age: films.declared_age.max(people.declared_age),
            films: films.body,
            people: people.body,
        })
    }

    async fn get(
        &self,
        endpoint: Endpoint,
        known: Option<&Body>,
        may_send: &impl AsyncFn() -> Result<(), Failure>,
    ) -> Result<Got, Failure> {
        let Some((id, url)) = self.requests.of_list(endpoint) else {
            return Ok(Got { body: Body::default(), declared_age: Duration::ZERO });
        };
        let mut request = self.client.get(url.clone()).header(ACCEPT, "application/json");
        request = request.headers(self.requests.headers.current());
        let known = known.and_then(|body| body.answer_to(*id));
        let condition = known.as_ref().and_then(|(head, _)| head.etag.as_ref());
        if let Some(etag) = condition {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let request = request.build().map_err(|error| of_error(endpoint, url, &error))?;
        may_send().await?;
        let response =
            self.client.execute(request).await.map_err(|error| of_error(endpoint, url, &error))?;
        let declared_age = declared_age(response.headers());
        match (response.status(), known) {
            (StatusCode::NOT_MODIFIED, Some((head, bytes))) if condition.is_some() => {
                Ok(Got { body: Body::one(*id, head.etag.clone(), bytes), declared_age })
            }
            (StatusCode::OK, _) => {
                let etag = etag(response.headers());
                let bytes = self.read(endpoint, url, response).await?;
                Ok(Got { body: Body::one(*id, etag, bytes), declared_age })
            }
            (status, _) => {
                if status == StatusCode::UNAUTHORIZED
                    && let Err(error) = self.requests.headers.read_again()
                {
                    warn!("the secret cannot be read again: {error:#}");
                }
                Err(of_status(endpoint, url, &response))
            }
        }
    }

    /// Reads a body and counts its bytes after decompression.
    async fn read(
        &self,
        endpoint: Endpoint,
        url: &Url,
        mut response: Response,
    ) -> Result<Bytes, Failure> {
        let mut body = Vec::new();
        // The declared length is only a hint: memory is taken when the bytes come.
        let declared = response.content_length().unwrap_or(0).min(self.max_bytes);
        make_room(&mut body, usize::try_from(declared).unwrap_or(0));
        loop {
            let chunk = response.chunk().await.map_err(|error| of_error(endpoint, url, &error))?;
            let Some(chunk) = chunk else {
                body.shrink_to_fit();
                return Ok(body.into());
            };
            if body.len() as u64 + chunk.len() as u64 > self.max_bytes {
                let most = bytesize::ByteSize(self.max_bytes);
                let what = format!("{endpoint} has more than {most} (--max-bytes)");
                return Err(Failure::new(FailureKind::TooLarge, what)
                    .advised("raise --max-bytes if the catalogue is really that large"));
            }
            make_room(&mut body, chunk.len());
            body.extend_from_slice(&chunk);
        }
    }
}

/// Prepares the HTTP client.
fn client(proxy: Proxy) -> Result<Client> {
    // A later call fails, since the same provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .user_agent(concat!("movies-gen/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .timeout(TOTAL_TIMEOUT)
        // More than a minute, so that the next refresh needs no time of its lease to connect.
        .pool_idle_timeout(Duration::from_secs(150))
        .tcp_keepalive(Duration::from_secs(30))
        .redirect(Policy::custom(|attempt| {
            let (from, to) = (attempt.previous().last(), attempt.url());
            let same = from.is_some_and(|from| {
                from.host() == to.host()
                    && from.port_or_known_default() == to.port_or_known_default()
                    && from.scheme() == to.scheme()
            });
            if same && attempt.previous().len() <= MOST_REDIRECTS {
                attempt.follow()
            } else {
                attempt.stop()
            }
        }));
    if proxy == Proxy::Never {
        builder = builder.no_proxy();
    }
    builder.build().context("cannot prepare the HTTP client for the API")
}

/// Reserves room for `more` bytes and at most a quarter of the body beyond them. A buffer that
/// doubles would take twice the memory of the body.
fn make_room(body: &mut Vec<u8>, more: usize) {
    if body.capacity() - body.len() < more {
        body.reserve_exact(more.max(body.len() / 4));
    }
}

/// The answer of one endpoint.
struct Got {
    body: Body,
    declared_age: Duration,
}

/// Returns the address of a list: its path under the path of the base, and the queries of both.
fn list_url(base: &Url, get: &str) -> Url {
    let (path, query) =
        get.split_once('?').map_or((get, None), |(path, query)| (path, Some(query)));
    let mut url = base.clone();
    let below = base.path().trim_end_matches('/');
    url.set_path(&format!("{below}/{}", path.trim_start_matches('/')));
    let queries: Vec<&str> =
        base.query().into_iter().chain(query).filter(|query| !query.is_empty()).collect();
    url.set_query((!queries.is_empty()).then(|| queries.join("&")).as_deref());
    url
}

fn etag(headers: &HeaderMap) -> Option<String> {
    let etag = headers.get(ETAG)?.to_str().ok()?.trim();
    let opaque = etag.strip_prefix("W/").unwrap_or(etag);
    (opaque.len() >= 2 && opaque.starts_with('"') && opaque.ends_with('"')).then(|| etag.to_owned())
}

/// Returns the largest `Age` (RFC 9111 §5.1) of all header lines and all members of each line.
/// Each cache on the way may have added a value, and the data is as old as the oldest value. A
/// value that is not a number is ignored, and a number that is too large counts as the largest
/// number (RFC 9111 §1.2.2).
fn declared_age(headers: &HeaderMap) -> Duration {
    const LARGEST: u64 = 1 << 31;
    let lines = headers.get_all(AGE).iter().filter_map(|line| line.to_str().ok());
    let members = lines.flat_map(|line| line.split(',')).map(str::trim);
    let numbers =
        members.filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()));
    let seconds = numbers.map(|text| text.parse().unwrap_or(LARGEST).min(LARGEST));
    Duration::from_secs(seconds.max().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("an address")
    }

    #[test]
    fn the_path_of_a_list_is_below_the_path_of_the_base() {
        let list = |base: &str, get| list_url(&url(base), get).to_string();
        assert_eq!(
            list("https://api.example", "/films?limit=250"),
            "https://api.example/films?limit=250"
        );
        assert_eq!(list("https://api.example/v1/", "films"), "https://api.example/v1/films");
        assert_eq!(
            list("https://api.example/v1?key=k", "/films?a=b&c=d e"),
            "https://api.example/v1/films?key=k&a=b&c=d%20e"
        );
    }

    #[test]
    fn the_largest_of_several_ages_counts() {
        let age = |lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(AGE, reqwest::header::HeaderValue::from_static(line));
            }
            declared_age(&headers).as_secs()
        };
        assert_eq!(age(&[]), 0);
        assert_eq!(age(&[" 45 "]), 45);
        assert_eq!(age(&["45, 20"]), 45);
        assert_eq!(age(&["0", "45,90", "7"]), 90);
        assert_eq!(age(&["soon, , -5, 1.5, 45;x, 12"]), 12);
        assert_eq!(age(&["99999999999999999999999, 1"]), 1 << 31);
    }
}
