//! The address of a bucket: `s3://bucket/prefix`.

use std::fmt::{self, Display};
use std::str::FromStr;

/// A bucket with the start of the names of all objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketAddress {
    /// The name of the bucket.
    pub bucket: String,
    /// Empty, or a text that ends in `/`.
    pub prefix: String,
}

impl Display for BucketAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.prefix)
    }
}

impl FromStr for BucketAddress {
    type Err = String;
    fn from_str(text: &str) -> Result<BucketAddress, String> {
        let forms = "write the address of a bucket, such as s3://bucket or s3://bucket/prefix; the \
                     server and the credentials are in the environment (AWS_ENDPOINT_URL, \
                     AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) or in --publish-credentials";
        let rest = text.strip_prefix("s3://").ok_or(forms)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let is_name = |c: char| c.is_ascii_alphanumeric() || ['.', '-', '_'].contains(&c);
        if bucket.is_empty() || !bucket.chars().all(is_name) {
            return Err(forms.to_owned());
        }
        let segments: Vec<_> = prefix.split('/').filter(|segment| !segment.is_empty()).collect();
        if segments.iter().any(|segment| [".", ".."].contains(segment)) {
            return Err("the prefix of a bucket must not contain . or ..".to_owned());
        }
        let mut prefix = segments.join("/");
        if !prefix.is_empty() {
            prefix.push('/');
        }
        Ok(BucketAddress { bucket: bucket.to_owned(), prefix })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_bucket_and_perhaps_a_prefix() {
        for (text, is) in [
            ("s3://films", "s3://films/"),
            ("s3://films/", "s3://films/"),
            ("s3://films.example/a/b/", "s3://films.example/a/b/"),
            ("s3://films//a", "s3://films/a/"),
        ] {
            let address: BucketAddress = text.parse().expect(text);
            assert_eq!(address.to_string(), is);
        }
        for text in
            ["", "films", "s3://", "s3:///a", "https://films/", "s3://k:s@films/", "s3://a/../b"]
        {
            assert!(text.parse::<BucketAddress>().is_err(), "{text}");
        }
    }
}
