//! Chooses the form of a file for a client (RFC 9110 §12.5.3).

use hyper::HeaderMap;
use hyper::header::ACCEPT_ENCODING;

/// A content coding of published files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Identity,
    Gzip,
    Brotli,
}

/// Chooses the available form with the largest weight. At equal weights, the smaller form is
/// chosen: brotli, gzip, identity.
pub(super) fn choose(headers: &HeaderMap, has_gzip: bool, has_brotli: bool) -> Coding {
    let mut weights = Weights::default();
    for value in headers.get_all(ACCEPT_ENCODING) {
        for item in value.to_str().unwrap_or_default().split(',') {
            weights.take(item);
        }
    }
    let candidates = [
        (has_brotli, Coding::Brotli, weights.of(weights.brotli)),
        (has_gzip, Coding::Gzip, weights.of(weights.gzip)),
    ];
    let identity = weights.identity.or(weights.any).unwrap_or(1);
    let mut best = (Coding::Identity, 0);
    for (there, coding, weight) in candidates {
        if there && weight > best.1 {
            best = (coding, weight);
        }
    }
    // Identity is always acceptable unless refused, but is preferred only if the client gives
    // it a larger weight.
    let prefers_identity = weights.identity.is_some_and(|_| identity > best.1);
    if best.1 == 0 || prefers_identity { Coding::Identity } else { best.0 }
}

/// Weights of the codings in thousandths.
#[derive(Default)]
struct Weights {
    brotli: Option<u32>,
    gzip: Option<u32>,
    identity: Option<u32>,
    any: Option<u32>,
}

impl Weights {
    fn take(&mut self, item: &str) {
        let mut parts = item.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let weight = parts
            .find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")))
            .map_or(Some(1000), thousandths);
        // Ignore an item whose weight is not a number.
        let Some(weight) = weight else { return };
        match name.as_str() {
            "br" => self.brotli = Some(weight),
            "gzip" | "x-gzip" => self.gzip = Some(weight),
            "identity" => self.identity = Some(weight),
            "*" => self.any = Some(weight),
            _ => {}
        }
    }

    fn of(&self, named: Option<u32>) -> u32 {
        named.or(self.any).unwrap_or(0)
    }
}

fn thousandths(text: &str) -> Option<u32> {
    let weight: f32 = text.trim().parse().ok()?;
    (0.0..=1.0).contains(&weight).then_some((weight * 1000.0) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    fn chosen(accept: &str) -> Coding {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_str(accept).expect("a value"));
        choose(&headers, true, true)
    }

    #[test]
    fn the_weights_of_the_client_decide_and_equal_weights_give_the_smaller_form() {
        assert_eq!(choose(&HeaderMap::new(), true, true), Coding::Identity);
        assert_eq!(chosen("gzip, deflate, br, zstd"), Coding::Brotli);
        assert_eq!(chosen("gzip"), Coding::Gzip);
        assert_eq!(chosen("br;q=0.5, gzip;q=0.9"), Coding::Gzip);
        assert_eq!(chosen("BR ; q=1"), Coding::Brotli);
        assert_eq!(chosen("*"), Coding::Brotli);
        assert_eq!(chosen("*;q=0.1, br;q=0"), Coding::Gzip);
        assert_eq!(chosen("br;q=0, gzip;q=0"), Coding::Identity);
        assert_eq!(chosen("identity;q=1, gzip;q=0.5"), Coding::Identity);
        assert_eq!(chosen("br;q=nonsense"), Coding::Identity);
        assert_eq!(chosen("deflate"), Coding::Identity);
        assert_eq!(chosen(""), Coding::Identity);
    }

    #[test]
    fn a_form_that_does_not_exist_is_not_chosen() {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("br, gzip"));
        assert_eq!(choose(&headers, true, false), Coding::Gzip);
        assert_eq!(choose(&headers, false, false), Coding::Identity);
    }
}
