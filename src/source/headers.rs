//! The headers that a mapping adds to each request.
//!
//! Owns the secret: the secret is read from its file or variable, stands only in headers, and
//! appears in no message. After a 401 (RFC 9110 §15.5.2) the secret is read again, because the owner
//! may have replaced the file.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::disk;
use crate::mapping::{Api, HeaderText, SecretPlace};

/// The headers of all requests to one upstream.
pub(super) struct ApiHeaders {
    texts: Vec<(String, HeaderText)>,
    secret: Option<SecretPlace>,
    current: Mutex<HeaderMap>,
}

/// The headers may contain the secret, so they are not shown.
impl fmt::Debug for ApiHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiHeaders").finish_non_exhaustive()
    }
}

impl ApiHeaders {
    /// Reads the secret and makes the headers.
    ///
    /// # Errors
    /// Fails if the secret cannot be read.
    pub(super) fn of(api: &Api) -> Result<ApiHeaders> {
        let (texts, secret) = (api.headers.clone(), api.secret.clone());
        let current = Mutex::new(made(&texts, secret.as_ref())?);
        Ok(ApiHeaders { texts, secret, current })
    }

    /// Reads the secret again.
    ///
    /// # Errors
    /// Fails if the secret cannot be read. The headers stay as they are.
    pub(super) fn read_again(&self) -> Result<()> {
        let made = made(&self.texts, self.secret.as_ref())?;
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = made;
        Ok(())
    }

    /// Returns the headers for a request.
    pub(super) fn current(&self) -> HeaderMap {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn made(texts: &[(String, HeaderText)], secret: Option<&SecretPlace>) -> Result<HeaderMap> {
    let needs_secret = texts.iter().any(|(_, text)| text.needs_secret());
    let secret = secret.filter(|_| needs_secret).map(read).transpose()?.unwrap_or_default();
    let mut headers = HeaderMap::new();
    for (name, text) in texts {
        let value = HeaderValue::from_str(&text.with(&secret));
        let Ok(mut value) = value else {
            bail!("the secret has a character that the header {name} cannot have");
        };
        value.set_sensitive(text.needs_secret());
        headers.insert(HeaderName::from_bytes(name.as_bytes())?, value);
    }
    Ok(headers)
}

/// Reads the secret. Line breaks at its end are not a part of the secret.
fn read(place: &SecretPlace) -> Result<String> {
    let named = match place {
        SecretPlace::File(path) => format!("secret-file {}", path.display()),
        SecretPlace::Variable(name) => format!("secret-env {name}"),
    };
    let secret = match place {
        SecretPlace::File(path) => {
            let bytes =
                disk::read(path)?.with_context(|| format!("{named}: the file does not exist"))?;
            let text = String::from_utf8(bytes).ok();
            text.with_context(|| format!("{named} is not UTF-8 text"))?
        }
        SecretPlace::Variable(name) => {
            std::env::var(name).ok().with_context(|| format!("{named}: the variable is not set"))?
        }
    };
    let secret = secret.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        bail!("the secret is empty ({named})");
    }
    Ok(secret.to_owned())
}
