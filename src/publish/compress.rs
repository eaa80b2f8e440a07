//! The compressed forms of a file.
//!
//! Owns the choice of files that are compressed, and the levels. Files are compressed once for
//! each change and never for a request.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

/// Size in bytes below which a compressed form saves no packet.
pub(super) const SMALLEST: usize = 512;
/// Level of zlib. Measured for pages: higher levels take up to twice the time, and the size
/// differs by less than one percent.
const GZIP_LEVEL: u32 = 6;
/// Quality of brotli, with a window of 2^18 bytes. Measured for pages: higher qualities take ten
/// times the time and save one percent.
const BROTLI_QUALITY: u32 = if IS_UNOPTIMIZED { 2 } else { 5 };
const BROTLI_WINDOW: u32 = 18;
/// Quality of brotli for scripts and style sheets, which every visitor loads and which change only
/// with the theme. Measured: one tenth smaller. Higher values would delay edits of a theme.
const BROTLI_QUALITY_OF_ASSETS: u32 = if IS_UNOPTIMIZED { 4 } else { 11 };
/// Whether only developers and tests run the program. The code of brotli is generic, so the code is
/// compiled with this program, and takes most of the time of a build if the code is not optimized.
const IS_UNOPTIMIZED: bool = cfg!(debug_assertions);
const LARGEST_SUCH_ASSET: usize = 128 << 10;

/// Whether the name is the name of a text file.
pub(super) fn is_compressible(path: &str) -> bool {
    let suffix = path.rsplit('.').next().unwrap_or_default();
    ["html", "css", "js", "json", "svg", "xml", "txt", "webmanifest", "ico", "map"]
        .contains(&suffix)
}

/// Returns the gzip form (RFC 1952) without name and time, so that the same content gives the
/// same bytes.
pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(GZIP_LEVEL));
    // Writing to memory does not fail.
    let _ = encoder.write_all(bytes);
    tight(encoder.finish().unwrap_or_default())
}

/// Returns the brotli form (RFC 7932) of the file at this path.
pub(super) fn brotli(path: &str, bytes: &[u8]) -> Vec<u8> {
    let is_asset = path.starts_with("assets/")
        && (path.ends_with(".js") || path.ends_with(".css"))
        && bytes.len() <= LARGEST_SUCH_ASSET;
    let quality = if is_asset { BROTLI_QUALITY_OF_ASSETS } else { BROTLI_QUALITY };
    let mut compressed = Vec::new();
    let mut writer = brotli::CompressorWriter::new(&mut compressed, 4096, quality, BROTLI_WINDOW);
    // Writing to memory does not fail. Dropping the writer ends the stream.
    let _ = writer.write_all(bytes);
    drop(writer);
    tight(compressed)
}

/// Frees unused capacity, because published files stay in memory as long as they are live.
fn tight(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.shrink_to_fit();
    bytes
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn both_forms_decode_to_the_content() {
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
