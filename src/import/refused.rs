//! Rows that were refused, in a file beside the data that can be corrected and imported itself: the row as it stood, with its line and the reason.
use super::open::Format;
use super::read::{Original, REFUSED_PREFIX, Raw};
use anyhow::Context;
use csv::{ByteRecord, WriterBuilder};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Why a row was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Why {
    /// A label out of a fixed set.
    pub(crate) reason: String,
    pub(crate) message: String,
}

/// The file of refused rows; made when there is the first one.
pub(crate) struct RefusedFile {
    path: PathBuf,
    format: Format,
    header: Vec<String>,
    file: Option<File>,
    bytes: u64,
}

impl RefusedFile {
    /// The one of a data file; what is in it past `bytes` was written by an import that was killed before it wrote its progress down.
    ///
    /// # Errors
    /// Where it is there and cannot be written.
    pub(crate) fn of(data: &Path, format: Format, header: &[String], bytes: u64) -> anyhow::Result<Self> {
        let mut path = data.as_os_str().to_owned();
        path.push(format!(".refused.{}", format.extension()));
        let path = PathBuf::from(path);
        let mut refused = Self { path, format, header: header.to_vec(), file: None, bytes: 0 };
        if bytes > 0 && refused.path.exists() {
            let mut file = refused.open(false)?;
            file.set_len(bytes).and_then(|()| file.seek(SeekFrom::End(0))).with_context(|| refused.path.display().to_string())?;
            refused.file = Some(file);
            refused.bytes = bytes;
        }
        Ok(refused)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes that are in it.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds rows.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub(crate) fn add(&mut self, rows: &[(Raw, Why)]) -> anyhow::Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut text = Vec::new();
        if self.file.is_none() {
            self.file = Some(self.open(true)?);
            text.extend(self.first_line()?);
        }
        for (raw, why) in rows {
            text.extend(self.line(raw, why)?);
        }
        if let Some(file) = &mut self.file {
            file.write_all(&text).with_context(|| format!("cannot write {}", self.path.display()))?;
        }
        self.bytes += text.len() as u64;
        Ok(())
    }

    fn open(&self, anew: bool) -> anyhow::Result<File> {
        let mut options = File::options();
        options.write(true).create(true).truncate(anew).open(&self.path).with_context(|| format!("cannot write {}", self.path.display()))
    }

    fn delimiter(&self) -> u8 {
        match self.format {
            Format::Csv { delimiter } => delimiter,
            Format::Jsonl => b',',
        }
    }

    fn first_line(&self) -> anyhow::Result<Vec<u8>> {
        if self.format == Format::Jsonl {
            return Ok(Vec::new());
        }
        let own = [format!("{REFUSED_PREFIX}line"), format!("{REFUSED_PREFIX}reason"), format!("{REFUSED_PREFIX}message")];
        let names = self.header.iter().filter(|name| !name.starts_with(REFUSED_PREFIX)).cloned().chain(own);
        self.record(&names.map(String::into_bytes).collect())
    }

    fn line(&self, raw: &Raw, why: &Why) -> anyhow::Result<Vec<u8>> {
        match &raw.original {
            Original::Json(line) => json_line(line, raw.line, why),
            Original::Csv(record) => self.csv_line(record, raw.line, why),
        }
    }

    /// In the header's columns: a row that has more or fewer keeps what fits.
    fn csv_line(&self, record: &ByteRecord, line: u64, why: &Why) -> anyhow::Result<Vec<u8>> {
        let kept = self.header.iter().enumerate().filter(|(_, name)| !name.starts_with(REFUSED_PREFIX));
        let mut fields: ByteRecord = kept.map(|(place, _)| record.get(place).unwrap_or_default().to_vec()).collect();
        let surplus: Vec<_> = record.iter().skip(self.header.len()).map(String::from_utf8_lossy).collect();
        let message =
            if surplus.is_empty() { why.message.clone() } else { format!("{} (left over: {})", why.message, surplus.join(" | ")) };
        for own in [line.to_string(), why.reason.clone(), message] {
            fields.push_field(own.as_bytes());
        }
        self.record(&fields)
    }

    fn record(&self, fields: &ByteRecord) -> anyhow::Result<Vec<u8>> {
        let mut writer = WriterBuilder::new().delimiter(self.delimiter()).from_writer(Vec::new());
        writer.write_byte_record(fields)?;
        writer.into_inner().map_err(|error| anyhow::anyhow!("{error}"))
    }
}

fn json_line(original: &[u8], line: u64, why: &Why) -> anyhow::Result<Vec<u8>> {
    let mut object = match serde_json::from_slice(original) {
        Ok(Value::Object(object)) => object,
        _ => serde_json::Map::from_iter([(format!("{REFUSED_PREFIX}original"), Value::from(String::from_utf8_lossy(original)))]),
    };
    object.insert(format!("{REFUSED_PREFIX}line"), json!(line));
    object.insert(format!("{REFUSED_PREFIX}reason"), json!(why.reason));
    object.insert(format!("{REFUSED_PREFIX}message"), json!(why.message));
    let mut text = serde_json::to_vec(&object)?;
    text.push(b'\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why() -> Why {
        Why { reason: "bad_timestamp".into(), message: "no".into() }
    }

    #[test]
    fn refused_rows_stand_in_the_columns_of_their_file_and_go_on_where_it_was_cut() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("a.csv");
        let format = Format::Csv { delimiter: b';' };
        let header = ["id".to_owned(), "name".to_owned()];
        let row = |line, fields: &[&str]| Raw { line, original: Original::Csv(ByteRecord::from(fields.to_vec())), columns: Ok(Vec::new()) };
        let mut file = RefusedFile::of(&data, format, &header, 0).unwrap();
        file.add(&[(row(3, &["1", "A;B"]), why()), (row(4, &["2"]), why())]).unwrap();
        let before = file.bytes();
        file.add(&[(row(9, &["lost", "x"]), why())]).unwrap();
        let mut again = RefusedFile::of(&data, format, &header, before).unwrap();
        again.add(&[(row(5, &["3", "C", "d"]), why())]).unwrap();
        assert_eq!(
            std::fs::read_to_string(again.path()).unwrap(),
            "id;name;refused_line;refused_reason;refused_message\n1;\"A;B\";3;bad_timestamp;no\n2;;4;bad_timestamp;no\n3;C;5;bad_timestamp;no (left over: d)\n"
        );
    }

    #[test]
    fn refused_lines_of_json_keep_their_object_or_their_text() {
        let lines: Vec<String> =
            [&b"{\"a\":1}"[..], b"{\"a\""].map(|text| String::from_utf8(json_line(text, 2, &why()).unwrap()).unwrap()).into();
        assert_eq!(lines[0], "{\"a\":1,\"refused_line\":2,\"refused_message\":\"no\",\"refused_reason\":\"bad_timestamp\"}\n");
        assert!(lines[1].contains(r#""refused_original":"{\"a\"""#), "{}", lines[1]);
    }
}
