//! A file as it lies there: how it is packed and what is in it, by its content and not by its name; and how far it was read.
use anyhow::{Context, bail};
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

/// Read at a time; the head of a file that its format is seen from is within it.
const BUFFER_BYTES: usize = 256 << 10;
/// 2^27 bytes: what the command-line tool takes by default.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Gzip,
    Zstd,
}

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Csv { delimiter: u8 },
    Jsonl,
}

impl Format {
    /// The end of names of files of its kind.
    pub(crate) const fn extension(self) -> &'static str {
        match self {
            Format::Csv { .. } => "csv",
            Format::Jsonl => "jsonl",
        }
    }
}

/// An open file.
pub(crate) struct Opened {
    pub(crate) reader: Box<dyn BufRead + Send>,
    pub(crate) packing: Packing,
    pub(crate) format: Format,
    /// Lines end as on Windows.
    pub(crate) crlf: bool,
    /// As it lies there.
    pub(crate) bytes: u64,
    /// How many of them were read.
    pub(crate) read: Arc<AtomicU64>,
    /// When it was last written, UTC ms.
    pub(crate) modified_ms: i64,
}

/// Opens a file and looks what it is.
///
/// # Errors
/// Where it cannot be read, or is nothing that has rows.
pub(crate) fn open(path: &Path, delimiter: Option<u8>) -> anyhow::Result<Opened> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let meta = file.metadata().with_context(|| format!("cannot read {}", path.display()))?;
    if !meta.is_file() {
        bail!("{} is not a file", path.display());
    }
    let modified_ms = meta.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok()).map_or(0, |since| since.as_millis() as i64);
    let read = Arc::new(AtomicU64::new(0));
    let mut packed = BufReader::with_capacity(BUFFER_BYTES, Counted { file, read: Arc::clone(&read) });
    let head = packed.fill_buf().with_context(|| format!("cannot read {}", path.display()))?;
    let packing = packing_of(head);
    let mut reader = unpack(packed, packing)?;
    let (format, crlf) = look(&mut *reader, delimiter).with_context(|| path.display().to_string())?;
    Ok(Opened { reader, packing, format, crlf, bytes: meta.len(), read, modified_ms })
}

fn packing_of(head: &[u8]) -> Packing {
    match head {
        [0x1f, 0x8b, ..] => Packing::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Packing::Zstd,
        _ => Packing::Plain,
    }
}

fn unpack(packed: BufReader<Counted>, packing: Packing) -> anyhow::Result<Box<dyn BufRead + Send>> {
    Ok(match packing {
        Packing::Plain => Box::new(packed),
        Packing::Gzip => Box::new(BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(packed))),
        Packing::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(packed)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
            Box::new(BufReader::with_capacity(BUFFER_BYTES, decoder))
        }
    })
}

/// Steps over a byte order mark, and sees what the rows are.
fn look(reader: &mut dyn BufRead, delimiter: Option<u8>) -> anyhow::Result<(Format, bool)> {
    let head = reader.fill_buf().context("cannot be unpacked")?;
    let mark = usize::from(head.starts_with(b"\xef\xbb\xbf")) * 3;
    let format = format_of(&head[mark..], delimiter)?;
    let crlf = head.iter().position(|byte| *byte == b'\n').is_some_and(|end| head[..end].ends_with(b"\r"));
    reader.consume(mark);
    Ok((format, crlf))
}

fn format_of(head: &[u8], delimiter: Option<u8>) -> anyhow::Result<Format> {
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        bail!("it is utf-16: save it as utf-8 (iconv -f UTF-16 -t UTF-8)");
    }
    if head.starts_with(b"PK\x03\x04") {
        bail!("it is a zip file, or a spreadsheet: unpack it, or save it as CSV");
    }
    match head.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => bail!("it is empty"),
        Some(b'{') if delimiter.is_none() => Ok(Format::Jsonl),
        Some(b'[') if delimiter.is_none() => bail!("it is one JSON array: write one object a line (jq -c '.[]')"),
        Some(_) if head.contains(&0) => bail!("it is neither CSV nor JSONL"),
        Some(_) => Ok(Format::Csv { delimiter: delimiter.unwrap_or_else(|| delimiter_of(head)) }),
    }
}

/// The one of the usual delimiters that the first line has most of, outside of quotes; a comma where it has none.
fn delimiter_of(head: &[u8]) -> u8 {
    let mut quoted = false;
    let mut counts = [(b',', 0_usize), (b';', 0), (b'\t', 0), (b'|', 0)];
    for byte in head {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted => break,
            byte if !quoted => counts.iter_mut().filter(|(delimiter, _)| delimiter == byte).for_each(|(_, count)| *count += 1),
            _ => {}
        }
    }
    // Of equal ones the first.
    counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(delimiter, _)| *delimiter)
}

/// Counts what is read.
struct Counted {
    file: File,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_is_is_seen_from_its_content() {
        for (head, format) in [
            (&b"a,b;c\n1;2;3"[..], Some(Format::Csv { delimiter: b',' })),
            (b"a;\"b,,,\";c\n", Some(Format::Csv { delimiter: b';' })),
            (b"a\tb\n1,2,3", Some(Format::Csv { delimiter: b'\t' })),
            (b"a|b|c", Some(Format::Csv { delimiter: b'|' })),
            (b"email", Some(Format::Csv { delimiter: b',' })),
            (b"\n {\"a\":1}", Some(Format::Jsonl)),
            (b"[{}]", None),
            (b"\xff\xfea\0", None),
            (b"PK\x03\x04", None),
            (b"a\0b", None),
            (b" \n", None),
        ] {
            assert_eq!(format_of(head, None).ok(), format, "{head:?}");
        }
        assert_eq!(format_of(b"{a};b", Some(b';')).unwrap(), Format::Csv { delimiter: b';' });
        assert_eq!([&b"\x1f\x8b\x08"[..], b"\x28\xb5\x2f\xfd", b"a,b"].map(packing_of), [Packing::Gzip, Packing::Zstd, Packing::Plain]);
    }
}
