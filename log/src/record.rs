//! A record as it is read.
use c360_schemas::Topic;

/// A record, borrowed from the client's buffer.
#[derive(Clone, Copy, Debug)]
pub struct RecordRef<'a> {
    pub topic: Topic,
    pub partition: u32,
    pub offset: u64,
    /// The log's stamp, UTC ms.
    pub recorded_at: i64,
    pub key: &'a [u8],
    /// Empty for a tombstone.
    pub value: &'a [u8],
    pub headers: Headers<'a>,
}

/// A record's headers as [`crate::Batch`] packs them: for each u16 length and name, u32 length and value, little-endian.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Headers<'a>(pub &'a [u8]);

impl<'a> Headers<'a> {
    /// Name and value, in order; ends early where the bytes are broken.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let (len, tail) = rest.split_first_chunk::<2>()?;
            let (name, tail) = tail.split_at_checked(u16::from_le_bytes(*len) as usize)?;
            let (len, tail) = tail.split_first_chunk::<4>()?;
            let (value, tail) = tail.split_at_checked(u32::from_le_bytes(*len) as usize)?;
            rest = tail;
            Some((std::str::from_utf8(name).ok()?, value))
        })
    }

    /// The first value of `name`.
    pub fn get(self, name: &str) -> Option<&'a [u8]> {
        self.iter().find(|(n, _)| *n == name).map(|(_, v)| v)
    }

    /// Appends one header in the packed form.
    pub fn write(out: &mut Vec<u8>, name: &str, value: &[u8]) {
        let name = &name.as_bytes()[..name.len().min(u16::MAX as usize)];
        out.extend_from_slice(&(name.len() as u16).to_le_bytes());
        out.extend_from_slice(name);
        out.extend_from_slice(&(value.len() as u32).to_le_bytes());
        out.extend_from_slice(value);
    }
}
