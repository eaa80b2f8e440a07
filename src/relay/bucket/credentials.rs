//! The file of `--publish-credentials`.
//!
//! Owns the two forms: lines `AWS_ACCESS_KEY_ID=…` as in an environment file, and the credentials file
//! of other programs (`aws_access_key_id = …` in a section `[default]`). No message repeats a value.

use std::path::Path;

use anyhow::{Context, Result, bail};
use object_store::aws::AmazonS3ConfigKey;

use crate::disk;

/// S3Settings of the client.
pub(super) type S3Settings = Vec<(AmazonS3ConfigKey, String)>;

/// Reads the file.
///
/// # Errors
/// Fails if the file is missing, or has a line that is no setting.
pub(super) fn read(path: &Path) -> Result<S3Settings> {
    let shown = path.display();
    let bytes = disk::read(path)?.with_context(|| {
        format!("--publish-credentials {shown}: the file does not exist; create the file")
    })?;
    parse(&String::from_utf8_lossy(&bytes))
        .with_context(|| format!("--publish-credentials {shown}"))
}

fn parse(text: &str) -> Result<S3Settings> {
    let (mut settings, mut is_ours) = (Vec::new(), true);
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(section) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            is_ours = section.trim() == "default";
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let Some((name, value)) = line.split_once('=') else {
            bail!("line {} is not a setting; write AWS_ACCESS_KEY_ID=…", number + 1);
        };
        let name = name.trim().to_ascii_lowercase();
        let Ok(key) = name.parse::<AmazonS3ConfigKey>() else {
            bail!("line {} has the unknown name {name}", number + 1);
        };
        let value = value.trim();
        let quoted = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        if is_ours {
            settings.push((key, quoted.unwrap_or(value).to_owned()));
        }
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let environment = "# ours\nAWS_ACCESS_KEY_ID=id\nexport AWS_SECRET_ACCESS_KEY=\"a=b\"\n";
        let file = "[other]\naws_access_key_id = no\n[default]\naws_access_key_id = id\n\
                    aws_secret_access_key = a=b\n";
        for text in [environment, file] {
            let settings = parse(text).expect(text);
            let expected = [
                (AmazonS3ConfigKey::AccessKeyId, "id".to_owned()),
                (AmazonS3ConfigKey::SecretAccessKey, "a=b".to_owned()),
            ];
            assert_eq!(settings, expected, "{text}");
        }
    }

    #[test]
    fn no_message_repeats_a_value() {
        for text in ["s3cret", "AWS_SECRET=s3cret"] {
            let error = format!("{:#}", parse(text).expect_err(text));
            assert!(!error.contains("s3cret") && error.contains("line 1"), "{error}");
        }
    }
}
