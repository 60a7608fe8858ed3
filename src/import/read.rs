//! Rows out of a file, one after the other: each with its line, its columns, and its text as it stood there. What cannot be read is a row with a reason, and the next one follows.
use super::open::{Format, Opened};
use anyhow::Context;
use csv::{ByteRecord, ReaderBuilder};
use serde_json::{Map, Value};
use std::io::{BufRead, Read};

/// A longer line of JSON is no row.
const LINE_BYTES_MAX: usize = 1 << 20;
/// A CSV record with more text than this is no row: most often a quote that was not closed.
const RECORD_BYTES_MAX: usize = 1 << 20;
/// Columns of a refused row that say so; left out when it comes again.
pub(crate) const REFUSED_PREFIX: &str = "refused_";

/// A row as it stands in a file.
#[derive(Clone, Debug)]
pub(crate) struct Raw {
    /// The line that it begins in, from 1.
    pub(crate) line: u64,
    pub(crate) original: Original,
    /// Its columns by their names, or why they cannot be read.
    pub(crate) columns: Result<Vec<(String, Value)>, String>,
}

/// The text of a row.
#[derive(Clone, Debug)]
pub(crate) enum Original {
    Csv(ByteRecord),
    Json(Vec<u8>),
}

impl Original {
    /// Its bytes: two rows with the same ones say the same.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Original::Csv(record) => record.as_slice(),
            Original::Json(line) => line,
        }
    }
}

/// Reads a file's rows.
pub(crate) enum Rows {
    Csv { reader: csv::Reader<Box<dyn BufRead + Send>>, header: Vec<String>, record: ByteRecord, crlf: bool },
    Jsonl { reader: Box<dyn BufRead + Send>, line: u64 },
}

impl Rows {
    /// Begins a file.
    ///
    /// # Errors
    /// Where its header cannot be read.
    pub(crate) fn of(opened: Opened) -> anyhow::Result<Self> {
        match opened.format {
            Format::Jsonl => Ok(Rows::Jsonl { reader: opened.reader, line: 0 }),
            Format::Csv { delimiter } => {
                let mut reader = ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(opened.reader);
                let header = header_of(reader.byte_headers().context("the first line cannot be read")?)?;
                Ok(Rows::Csv { reader, header, record: ByteRecord::new(), crlf: opened.crlf })
            }
        }
    }

    /// The names of its columns; `None` where each row has its own.
    pub(crate) fn header(&self) -> Option<&[String]> {
        match self {
            Rows::Csv { header, .. } => Some(header),
            Rows::Jsonl { .. } => None,
        }
    }

    /// The next row.
    ///
    /// # Errors
    /// Where the file itself cannot be read on: it is cut off, or damaged.
    pub(crate) fn next(&mut self) -> anyhow::Result<Option<Raw>> {
        match self {
            Rows::Csv { reader, header, record, crlf } => next_record(reader, header, record, *crlf),
            Rows::Jsonl { reader, line } => next_line(reader, line),
        }
    }
}

fn header_of(record: &ByteRecord) -> anyhow::Result<Vec<String>> {
    let mut names: Vec<String> = Vec::with_capacity(record.len());
    for (index, name) in record.iter().enumerate() {
        let name = std::str::from_utf8(name).context("the first line is not utf-8: save the file as utf-8")?.trim();
        let name = if name.is_empty() { format!("column {}", index + 1) } else { name.to_owned() };
        let again = names.iter().filter(|other| **other == name).count();
        names.push(if again == 0 { name } else { format!("{name} ({})", index + 1) });
    }
    Ok(names)
}

fn next_record(
    reader: &mut csv::Reader<Box<dyn BufRead + Send>>,
    header: &[String],
    record: &mut ByteRecord,
    crlf: bool,
) -> anyhow::Result<Option<Raw>> {
    loop {
        if !reader.read_byte_record(record).context("the file cannot be read on")? {
            return Ok(None);
        }
        // A line with nothing in it but delimiters is how spreadsheets write empty rows.
        if record.iter().any(|field| !field.trim_ascii().is_empty()) {
            break;
        }
    }
    // The parser ends a record at the CR, and counts lines by the LF.
    let line = record.position().map_or(0, csv::Position::line) + u64::from(crlf);
    Ok(Some(Raw { line, columns: columns_of(header, record), original: Original::Csv(record.clone()) }))
}

fn columns_of(header: &[String], record: &ByteRecord) -> Result<Vec<(String, Value)>, String> {
    if record.as_slice().len() > RECORD_BYTES_MAX {
        return Err(format!("the row is longer than {RECORD_BYTES_MAX} bytes: is a quote not closed?"));
    }
    let surplus = record.iter().skip(header.len()).any(|field| !field.trim_ascii().is_empty());
    if record.len() < header.len() || surplus {
        return Err(format!("the row has {} columns, and the header {}", record.len(), header.len()));
    }
    let mut columns = Vec::with_capacity(header.len());
    for (name, field) in header.iter().zip(record) {
        let text = std::str::from_utf8(field).map_err(|_| format!("column {name:?} is not utf-8: save the file as utf-8"))?;
        if !text.trim().is_empty() && !name.starts_with(REFUSED_PREFIX) {
            columns.push((name.clone(), Value::from(text.trim())));
        }
    }
    Ok(columns)
}

fn next_line(reader: &mut Box<dyn BufRead + Send>, line: &mut u64) -> anyhow::Result<Option<Raw>> {
    loop {
        let mut bytes = Vec::new();
        let read = reader.by_ref().take(LINE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut bytes).context("the file cannot be read on")?;
        if read == 0 {
            return Ok(None);
        }
        *line += 1;
        let too_long = bytes.len() > LINE_BYTES_MAX && !bytes.ends_with(b"\n");
        if too_long {
            skip_line(reader)?;
        }
        let text = bytes.trim_ascii();
        if text.is_empty() {
            continue;
        }
        let columns = if too_long { Err(format!("the line is longer than {LINE_BYTES_MAX} bytes")) } else { object_of(text) };
        let original = Original::Json(text.to_vec());
        return Ok(Some(Raw { line: *line, original, columns }));
    }
}

fn skip_line(reader: &mut Box<dyn BufRead + Send>) -> anyhow::Result<()> {
    loop {
        let buffer = reader.fill_buf().context("the file cannot be read on")?;
        let (len, ended) = match buffer.iter().position(|byte| *byte == b'\n') {
            Some(end) => (end + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        reader.consume(len);
        if ended {
            return Ok(());
        }
    }
}

/// The columns of an object; what stands within an object has the name `outer.inner`, but for what is a bag of properties anyway.
fn object_of(text: &[u8]) -> Result<Vec<(String, Value)>, String> {
    let text = std::str::from_utf8(text).map_err(|_| "the line is not utf-8".to_owned())?;
    let object: Map<String, Value> = serde_json::from_str(text).map_err(|error| format!("the line is not a json object: {error}"))?;
    let mut columns = Vec::with_capacity(object.len());
    for (name, value) in object {
        match value {
            Value::Null => {}
            Value::Object(inner) if !matches!(&*name, "properties" | "traits") => {
                columns
                    .extend(inner.into_iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| (format!("{name}.{key}"), value)));
            }
            value if !name.starts_with(REFUSED_PREFIX) => columns.push((name, value)),
            _ => {}
        }
    }
    Ok(columns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn rows(format: Format, text: &'static [u8]) -> Vec<Raw> {
        let opened = Opened {
            reader: Box::new(text),
            packing: super::super::open::Packing::Plain,
            format,
            crlf: text.starts_with(b"id,name,note\r\n"),
            bytes: 0,
            read: Arc::default(),
            modified_ms: 0,
        };
        let mut rows = Rows::of(opened).unwrap();
        std::iter::from_fn(|| rows.next().unwrap()).collect()
    }

    fn told(raw: &Raw) -> (u64, String) {
        let text = match &raw.columns {
            Ok(columns) => columns.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" "),
            Err(why) => format!("refused: {why}"),
        };
        (raw.line, text)
    }

    #[test]
    fn csv_rows_come_with_their_lines_and_ragged_or_broken_ones_with_a_reason() {
        let text =
            b"id,name,note\r\n1,Acme,\"two\nlines\"\r\n2,Beta\r\n3,Gamma,x,,\r\n4,\xff\xfe,x\r\n,,\r\n5,\"say \"\"hi\"\"\",\r\n6,a,b,c\r\n";
        let told: Vec<_> = rows(Format::Csv { delimiter: b',' }, text).iter().map(told).collect();
        let expected = [
            (2, r#"id="1" name="Acme" note="two\nlines""#),
            (4, "refused: the row has 2 columns, and the header 3"),
            (5, r#"id="3" name="Gamma" note="x""#),
            (6, r#"refused: column "name" is not utf-8: save the file as utf-8"#),
            (8, r#"id="5" name="say \"hi\"""#),
            (9, "refused: the row has 4 columns, and the header 3"),
        ];
        assert_eq!(told, expected.map(|(line, text)| (line, text.to_owned())));
    }

    #[test]
    fn json_lines_are_objects_or_have_a_reason_and_what_stands_inside_is_named_with_a_point() {
        let text = b"{\"a\":1,\"context\":{\"groupId\":\"x\",\"ip\":null},\"properties\":{\"p\":{}}}\n\n[1]\n{\"a\"\n{\"a\":\"last\"}";
        let told: Vec<_> = rows(Format::Jsonl, text).iter().map(told).collect();
        assert_eq!(told[0], (1, r#"a=1 context.groupId="x" properties={"p":{}}"#.to_owned()));
        assert_eq!((told[1].0, told[2].0), (3, 4));
        assert!(told[1].1.starts_with("refused: the line is not a json object"), "{told:?}");
        assert_eq!(told[3], (5, r#"a="last""#.to_owned()));
    }

    #[test]
    fn a_line_without_end_is_refused_and_the_next_one_is_read() {
        let mut text = vec![b'x'; LINE_BYTES_MAX + 100];
        text.extend_from_slice(b"\n{\"a\":1}\n");
        let told: Vec<_> = rows(Format::Jsonl, text.leak()).iter().map(told).collect();
        assert!(told[0].1.contains("longer than"), "{}", told[0].1);
        assert_eq!(told[1], (2, "a=1".to_owned()));
    }

    #[test]
    fn columns_without_a_name_and_those_named_twice_have_names_of_their_own() {
        assert_eq!(header_of(&ByteRecord::from(vec!["a", "", "a", " b "])).unwrap(), ["a", "column 2", "a (3)", "b"]);
    }
}
