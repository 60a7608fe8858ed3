//! Unpacks a body by its content encoding, bounded while it unpacks.
use crate::budget::Hold;
use crate::config::LimitsConfig;
use crate::error::Refusal;
use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::{HeaderMap, header};
use std::io::Read;

const CHUNK_BYTES: usize = 64 << 10;
/// 2^25 bytes: as much as a body may have unpacked by default.
const ZSTD_WINDOW_LOG_MAX: u32 = 25;

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Identity,
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

impl Encoding {
    /// What the headers say. One encoding at most: no client packs twice, and each layer would multiply a bomb.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        let Some(value) = headers.get(header::CONTENT_ENCODING) else { return Ok(Encoding::Identity) };
        let name = String::from_utf8_lossy(value.as_bytes()).trim().to_ascii_lowercase();
        Ok(match name.as_str() {
            "" | "identity" => Encoding::Identity,
            "gzip" | "x-gzip" => Encoding::Gzip,
            "deflate" => Encoding::Deflate,
            "br" => Encoding::Brotli,
            "zstd" => Encoding::Zstd,
            _ => return Err(Refusal::UnknownEncoding(name.chars().take(40).collect())),
        })
    }
}

/// The unpacked body.
pub(crate) fn unpack(packed: Bytes, encoding: Encoding, limits: &LimitsConfig, hold: &mut Hold) -> Result<Bytes, Refusal> {
    let max = limits.unpacked_bytes_max;
    let bytes = &packed[..];
    match encoding {
        Encoding::Identity => return if bytes.len() > max { Err(Refusal::UnpackedTooLarge(max)) } else { Ok(packed) },
        Encoding::Gzip => read_all(MultiGzDecoder::new(bytes), bytes.len(), max, hold),
        // "deflate" is zlib's format by the standard, and bare deflate from some clients.
        Encoding::Deflate if is_zlib(bytes) => read_all(ZlibDecoder::new(bytes), bytes.len(), max, hold),
        Encoding::Deflate => read_all(DeflateDecoder::new(bytes), bytes.len(), max, hold),
        Encoding::Brotli => read_all(brotli::Decompressor::new(bytes, CHUNK_BYTES), bytes.len(), max, hold),
        Encoding::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(bytes).map_err(broken)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(broken)?;
            read_all(decoder, bytes.len(), max, hold)
        }
    }
    .map(Bytes::from)
}

fn is_zlib(bytes: &[u8]) -> bool {
    matches!(bytes, [cmf, flags, ..] if cmf & 0x0f == 8 && (u16::from(*cmf) << 8 | u16::from(*flags)).is_multiple_of(31))
}

fn read_all(mut reader: impl Read, packed_len: usize, max: usize, hold: &mut Hold) -> Result<Vec<u8>, Refusal> {
    let mut out = Vec::with_capacity((packed_len * 4).min(max).min(16 * CHUNK_BYTES));
    loop {
        let len = out.len();
        let chunk = CHUNK_BYTES.min(max - len + 1);
        hold.cover(packed_len + len + chunk)?;
        let read = reader.by_ref().take(chunk as u64).read_to_end(&mut out).map_err(broken)?;
        if out.len() > max {
            return Err(Refusal::UnpackedTooLarge(max));
        }
        if read < chunk {
            return Ok(out);
        }
    }
}

fn broken(error: std::io::Error) -> Refusal {
    Refusal::BrokenEncoding(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;
    use std::io::Write;

    const ALL: [Encoding; 4] = [Encoding::Gzip, Encoding::Deflate, Encoding::Brotli, Encoding::Zstd];

    fn pack(encoding: Encoding, data: &[u8]) -> Bytes {
        let level = flate2::Compression::default();
        match encoding {
            Encoding::Identity => data.to_vec(),
            Encoding::Gzip => {
                let mut w = flate2::write::GzEncoder::new(Vec::new(), level);
                w.write_all(data).unwrap();
                w.finish().unwrap()
            }
            Encoding::Deflate => {
                let mut w = flate2::write::ZlibEncoder::new(Vec::new(), level);
                w.write_all(data).unwrap();
                w.finish().unwrap()
            }
            Encoding::Brotli => {
                let mut out = Vec::new();
                let mut w = brotli::CompressorWriter::new(&mut out, 4096, 5, 20);
                w.write_all(data).unwrap();
                drop(w);
                out
            }
            Encoding::Zstd => zstd::encode_all(data, 3).unwrap(),
        }
        .into()
    }

    fn run(packed: Bytes, encoding: Encoding, max: usize) -> Result<Bytes, Refusal> {
        let limits = LimitsConfig { unpacked_bytes_max: max, ..LimitsConfig::default() };
        unpack(packed, encoding, &limits, &mut Budget::new(1 << 30).hold())
    }

    #[test]
    fn each_encoding_comes_back_whole_and_not_a_byte_over_the_bound() {
        let data: Vec<u8> = (0..200_000_u32).map(|i| (i % 251) as u8).collect();
        for encoding in ALL {
            assert_eq!(run(pack(encoding, &data), encoding, data.len()).unwrap(), data, "{encoding:?}");
            assert!(matches!(run(pack(encoding, &data), encoding, data.len() - 1), Err(Refusal::UnpackedTooLarge(_))), "{encoding:?}");
        }
        assert!(matches!(run(data.clone().into(), Encoding::Identity, data.len() - 1), Err(Refusal::UnpackedTooLarge(_))));
    }

    #[test]
    fn what_is_cut_short_or_is_not_packed_at_all_is_broken() {
        let data = vec![b'a'; 100_000];
        for encoding in ALL {
            let packed = pack(encoding, &data);
            let cut = packed.slice(..packed.len() - 5);
            assert!(matches!(run(cut, encoding, 1 << 20), Err(Refusal::BrokenEncoding(_))), "{encoding:?}");
            assert!(matches!(run(Bytes::from_static(b"{\"a\":1}  "), encoding, 1 << 20), Err(Refusal::BrokenEncoding(_))), "{encoding:?}");
        }
    }

    #[test]
    fn bare_deflate_is_taken_too() {
        let mut w = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        w.write_all(b"hello hello hello").unwrap();
        assert_eq!(run(w.finish().unwrap().into(), Encoding::Deflate, 100).unwrap(), &b"hello hello hello"[..]);
    }

    #[test]
    fn unknown_encodings_are_named() {
        let of =
            |text: &'static str| Encoding::of(&HeaderMap::from_iter([(header::CONTENT_ENCODING, http::HeaderValue::from_static(text))]));
        assert_eq!(of(" GZIP ").unwrap(), Encoding::Gzip);
        assert!(matches!(of("gzip, br"), Err(Refusal::UnknownEncoding(_))));
        assert!(matches!(of("lzma"), Err(Refusal::UnknownEncoding(_))));
    }
}
