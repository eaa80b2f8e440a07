//! The compressed forms of a file.
//!
//! Owns which files are worth compressing and how hard. It exists so that
//! compression is paid once a change and never on a request.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

/// Bytes below which a compressed form saves no packet.
pub(super) const SMALLEST: usize = 512;
/// Level of zlib. Higher ones were measured at up to twice the time for pages of the
/// same size within one percent.
const GZIP_LEVEL: u32 = 6;
/// Quality and window (2^18 bytes) of brotli. Higher ones were measured at ten
/// times the time for one percent.
const BROTLI_QUALITY: u32 = 5;
const BROTLI_WINDOW: u32 = 18;
/// The same for scripts and style sheets, which every visitor loads and which change with
/// the theme alone: a tenth smaller. Larger ones would hold up a theme that is being edited.
const BROTLI_QUALITY_OF_ASSETS: u32 = 11;
const LARGEST_SUCH_ASSET: usize = 128 << 10;

/// Whether files of this name are made of text.
pub(super) fn is_compressible(path: &str) -> bool {
    let suffix = path.rsplit('.').next().unwrap_or_default();
    ["html", "css", "js", "json", "svg", "xml", "txt", "webmanifest", "ico", "map"]
        .contains(&suffix)
}

/// The gzip form (RFC 1952), without name or time: the same content gives the
/// same bytes.
pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(GZIP_LEVEL));
    // Writing to memory does not fail.
    let _ = encoder.write_all(bytes);
    tight(encoder.finish().unwrap_or_default())
}

/// The brotli form (RFC 7932) of the file at this path.
pub(super) fn brotli(path: &str, bytes: &[u8]) -> Vec<u8> {
    let is_asset = path.starts_with("assets/")
        && (path.ends_with(".js") || path.ends_with(".css"))
        && bytes.len() <= LARGEST_SUCH_ASSET;
    let quality = if is_asset { BROTLI_QUALITY_OF_ASSETS } else { BROTLI_QUALITY };
    let mut compressed = Vec::new();
    let mut writer = brotli::CompressorWriter::new(&mut compressed, 4096, quality, BROTLI_WINDOW);
    // Writing to memory does not fail; the stream ends when the writer goes.
    let _ = writer.write_all(bytes);
    drop(writer);
    tight(compressed)
}

/// Without room for more: what is published is kept in memory as long as it is live.
fn tight(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.shrink_to_fit();
    bytes
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn both_forms_give_the_content_back() {
        let content = "Totoro ".repeat(500);
        let mut back = String::new();
        flate2::read::GzDecoder::new(&gzip(content.as_bytes())[..])
            .read_to_string(&mut back)
            .expect("gzip");
        assert_eq!(back, content);
        back.clear();
        brotli::Decompressor::new(&brotli("index.html", content.as_bytes())[..], 4096)
            .read_to_string(&mut back)
            .expect("brotli");
        assert_eq!(back, content);
    }

    #[test]
    fn the_same_content_gives_the_same_bytes() {
        assert_eq!(gzip(b"Kiki"), gzip(b"Kiki"));
        assert_eq!(gzip(b"Kiki")[4..8], [0; 4], "no time in it");
    }
}
