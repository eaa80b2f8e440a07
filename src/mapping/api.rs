//! What a mapping says about the requests to the upstream.
//!
//! Owns `[api]`: the address, the headers, where the secret is, and the bounds on requests.

use std::path::PathBuf;
use std::time::Duration;

use super::fault::MappingFault;
use super::node::{MappingNode, NodeValue};
use super::rule::table;
use super::section::MappingTable;

/// The placeholder of the secret in the value of a header.
const SECRET: &str = "{secret}";

/// Headers that belong to the program or to the HTTP client, in lower case.
const OURS: [&str; 9] = [
    "accept-encoding",
    "connection",
    "content-length",
    "host",
    "if-modified-since",
    "if-none-match",
    "range",
    "te",
    "transfer-encoding",
];

/// How to ask the upstream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Api {
    /// The upstream, if the mapping names the upstream.
    pub upstream: Option<MappedUpstream>,
    /// Names and values of headers. A value may have the placeholder of the secret.
    pub headers: Vec<(String, HeaderText)>,
    /// Where the secret is.
    pub secret: Option<SecretPlace>,
}

/// The upstream that a mapping names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappedUpstream {
    /// The base address, or `file:` and a directory.
    pub address: String,
    /// File, line and column of the address, and the name of the key.
    pub place: String,
}

/// The value of a header, in parts between which the secret stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderText(Vec<String>);

/// Where the secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretPlace {
    /// In a file.
    File(PathBuf),
    /// In an environment variable.
    Variable(String),
}

impl HeaderText {
    /// Whether the value has the secret.
    pub fn needs_secret(&self) -> bool {
        self.0.len() > 1
    }

    /// Returns the value with a secret.
    pub fn with(&self, secret: &str) -> String {
        self.0.join(secret)
    }
}

impl Api {
    /// Reads `[api]`. `lists` is the number of lists that a refresh asks for.
    pub(super) fn read(node: &MappingNode, lists: u64) -> Result<Api, MappingFault> {
        let mut section = MappingTable::of("api", table(node, "api")?);
        let upstream = section.text("upstream")?.map(|(node, text)| MappedUpstream {
            address: text.to_owned(),
            place: format!("{}: `upstream`", node.spot.place()),
        });
        let headers = section.take("headers").map(headers).transpose()?.unwrap_or_default();
        let file = section.text("secret-file")?;
        let variable = section.text("secret-env")?;
        let secret = match (file, variable) {
            (Some((node, _)), Some(_)) => {
                return Err(node
                    .spot
                    .fault("[api] has both `secret-file` and `secret-env`; write one of them"));
            }
            (Some((_, path)), None) => Some(SecretPlace::File(path.into())),
            (None, Some((_, name))) => Some(SecretPlace::Variable(name.to_owned())),
            (None, None) => None,
        };
        if secret.is_none()
            && let Some((name, _)) = headers.iter().find(|(_, value)| value.needs_secret())
        {
            return Err(node.spot.fault(format!(
                "the header `{name}` needs a secret; add `secret-file` or `secret-env`"
            )));
        }
        if let Some(node) = section.take("requests") {
            let most: Option<u64> = number(node);
            if most.is_none_or(|most| most < lists) {
                return Err(node.spot.fault(format!(
                    "a refresh needs {lists} requests, one for each list, so `requests` must be at \
                     least {lists}"
                )));
            }
        }
        if let Some((node, text)) = section.text("pace")? {
            let (most, _) = pace(text).ok_or_else(|| {
                node.spot
                    .fault("`pace` must be a number of requests per time, such as \"20 per 10s\"")
            })?;
            if most < lists {
                return Err(node.spot.fault(format!(
                    "a refresh sends {lists} requests at once, so `pace` must allow at least \
                     {lists} requests"
                )));
            }
        }
        section.end()?;
        Ok(Api { upstream, headers, secret })
    }
}

/// Reads the headers.
fn headers(node: &MappingNode) -> Result<Vec<(String, HeaderText)>, MappingFault> {
    let mut headers = Vec::new();
    for (name, (key, node)) in table(node, "headers")? {
        let is_token =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(key.fault(format!("`{name}` is not the name of a header (RFC 9110 §5.1)")));
        }
        let lower = name.to_ascii_lowercase();
        if OURS.contains(&lower.as_str()) {
            return Err(key.fault(format!("the program sets the header `{name}` itself")));
        }
        if headers.iter().any(|(other, _): &(String, _)| other.eq_ignore_ascii_case(name)) {
            return Err(key.fault(format!("the header `{name}` is there twice")));
        }
        let NodeValue::Text(value) = &node.value else {
            return Err(node.spot.fault("the value of a header must be a string"));
        };
        if !value.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte)) {
            return Err(node
                .spot
                .fault("the value of a header may have only printable ASCII letters"));
        }
        let parts: Vec<_> = value.split(SECRET).map(str::to_owned).collect();
        if let Some(open) = parts.iter().find_map(|part| part.find('{')) {
            let spot = node.spot.from(open + 1);
            return Err(spot.fault("the only placeholder in a header is `{secret}`"));
        }
        headers.push((name.clone(), HeaderText(parts)));
    }
    Ok(headers)
}

fn number(node: &MappingNode) -> Option<u64> {
    match &node.value {
        NodeValue::Number(number) => number.parse().ok(),
        _ => None,
    }
}

/// Reads a number of requests and a time, such as `20 per 10s`.
fn pace(text: &str) -> Option<(u64, Duration)> {
    let (requests, time) = text.split_once(" per ")?;
    let time = humantime::parse_duration(time.trim()).ok()?;
    Some((requests.trim().parse().ok()?, time))
}
