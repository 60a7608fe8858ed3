//! Avro's binary encoding, as far as our schemas use it: zigzag varints, strings, bytes, booleans, arrays in blocks, `["null", T]` unions.
//!
//! Reading never panics and never allocates ahead of what it has read: lengths and counts are checked against the bytes that are left, and an array grows only by items
//! that were there (each takes a byte at least, so the bytes bound it). `None` means cut short or broken; [`Reader::at`] then stands at the place.
use smallvec::{Array, SmallVec};

/// Bytes of the longest varint: 64 bits, 7 to a byte.
const VARINT_BYTES_MAX: usize = 10;

/// A walk over the bytes of one value.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Starts at `at` in `bytes`.
    pub(crate) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at: at.min(bytes.len()) }
    }

    /// Where the walk stands, counted from the start of the bytes.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// How many bytes are left.
    pub(crate) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// The unsigned number behind a zigzag varint. One byte is by far the commonest: lengths of ids, union branches, enum symbols.
    #[inline(always)]
    fn varint(&mut self) -> Option<u64> {
        let first = *self.bytes.get(self.at)?;
        if first < 0x80 {
            self.at += 1;
            return Some(u64::from(first));
        }
        self.long_varint()
    }

    #[inline]
    fn long_varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for (i, byte) in self.bytes.get(self.at..)?.iter().take(VARINT_BYTES_MAX).enumerate() {
            let low = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit only.
            if i == VARINT_BYTES_MAX - 1 && low > 1 {
                return None;
            }
            value |= low << (7 * i);
            if *byte < 0x80 {
                self.at += i + 1;
                return Some(value);
            }
        }
        None
    }

    /// A `long`.
    #[inline(always)]
    pub(crate) fn long(&mut self) -> Option<i64> {
        let zigzag = self.varint()?;
        Some((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
    }

    /// The index of an enum's symbol or of a union's branch; below `end`.
    #[inline(always)]
    pub(crate) fn index(&mut self, end: usize) -> Option<usize> {
        let before = self.at;
        let index = usize::try_from(self.long()?).ok().filter(|i| *i < end);
        if index.is_none() {
            self.at = before;
        }
        index
    }

    /// A length and as many bytes.
    #[inline(always)]
    pub(crate) fn slice(&mut self) -> Option<&'a [u8]> {
        let before = self.at;
        let length = usize::try_from(self.long()?).ok();
        let slice = length.and_then(|n| self.bytes.get(self.at..self.at.checked_add(n)?));
        match slice {
            Some(slice) => self.at += slice.len(),
            None => self.at = before,
        }
        slice
    }

    /// The number of items in the next block of an array; 0 ends it. A negative count is followed by the block's length in bytes, for those who skip it.
    #[inline(always)]
    fn block(&mut self) -> Option<u64> {
        let count = self.long()?;
        if count < 0 {
            usize::try_from(self.long()?).ok().filter(|n| *n <= self.left())?;
        }
        Some(count.unsigned_abs()).filter(|n| *n <= self.left() as u64)
    }

    /// An array, each of its items handed to `push`.
    #[inline(always)]
    fn array<T: Field<'a>>(&mut self, mut push: impl FnMut(T)) -> Option<()> {
        loop {
            let count = self.block()?;
            if count == 0 {
                return Some(());
            }
            for _ in 0..count {
                push(T::get(self)?);
            }
        }
    }
}

/// Appends a `long`.
#[inline(always)]
pub(crate) fn put_long(value: i64, out: &mut Vec<u8>) {
    let mut zigzag = ((value << 1) ^ (value >> 63)) as u64;
    if zigzag < 0x80 {
        out.push(zigzag as u8);
        return;
    }
    let mut buffer = [0_u8; VARINT_BYTES_MAX];
    let mut length = 0;
    while zigzag >= 0x80 {
        buffer[length] = zigzag as u8 | 0x80;
        zigzag >>= 7;
        length += 1;
    }
    buffer[length] = zigzag as u8;
    out.extend_from_slice(&buffer[..=length]);
}

/// Appends a length and the bytes.
#[inline(always)]
pub(crate) fn put_slice(bytes: &[u8], out: &mut Vec<u8>) {
    put_long(bytes.len() as i64, out);
    out.extend_from_slice(bytes);
}

/// An array in one block.
#[inline(always)]
fn put_array<'a, T: Field<'a>>(items: &[T], out: &mut Vec<u8>) {
    if !items.is_empty() {
        put_long(items.len() as i64, out);
        for item in items {
            item.put(out);
        }
    }
    out.push(0);
}

/// A type that stands for one Avro type. Every value takes a byte at least: arrays count on it.
pub(crate) trait Field<'a>: Sized {
    /// Appends the value.
    fn put(&self, out: &mut Vec<u8>);
    /// Reads a value.
    fn get(reader: &mut Reader<'a>) -> Option<Self>;
}

impl<'a> Field<'a> for i64 {
    #[inline(always)]
    fn put(&self, out: &mut Vec<u8>) {
        put_long(*self, out);
    }
    #[inline(always)]
    fn get(reader: &mut Reader<'a>) -> Option<Self> {
        reader.long()
    }
}

impl<'a> Field<'a> for i32 {
    #[inline(always)]
    fn put(&self, out: &mut Vec<u8>) {
        put_long(i64::from(*self), out);
    }
    #[inline(always)]
    fn get(reader: &mut Reader<'a>) -> Option<Self> {
        i32::try_from(reader.long()?).ok()
    }
}

impl<'a> Field<'a> for bool {
    #[inline(always)]
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
    #[inline(always)]
    fn get(reader: &mut Reader<'a>) -> Option<Self> {
        let value = match reader.bytes.get(reader.at)? {
            0 => false,
            1 => true,
            _ => return None,
        };
        reader.at += 1;
        Some(value)
    }
}

impl<'a> Field<'a> for &'a str {
    #[inline(always)]
    fn put(&self, out: &mut Vec<u8>) {
        put_slice(self.as_bytes(), out);
    }
    #[inline(always)]
    fn get(reader: &mut Reader<'a>) -> Option<Self> {
        let before = reader.at;
        let text = std::str::from_utf8(reader.slice()?).ok();
        if text.is_none() {
            reader.at = before;
        }
        text
    }
}

impl<'a> Field<'a> for String {
    fn put(&self, out: &mut Vec<u8>) {
        put_slice(self.as_bytes(), out);
    }
    fn get(reader: &mut Reader<'a>) -> Option<Self> {
        <&str>::get(reader).map(str::to_owned)
    }
}

/// Avro's `bytes`.
impl<'a> Field<'a> for Vec<u8> {
    fn put(&self, out: &mut Vec<u8>) {
        put_slice(self, out);
    }
    fn get(reader: &mut Reader<'a>) -> Option<Self> {
        reader.slice().map(<[u8]>::to_vec)
    }
}

/// `["null", T]`.
impl<'a, T: Field<'a>> Field<'a> for Option<T> {
    #[inline(always)]
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            None => out.push(0),
            Some(value) => {
                put_long(1, out);
                value.put(out);
            }
        }
    }
    #[inline(always)]
    fn get(reader: &mut Reader<'a>) -> Option<Self> {
        match reader.index(2)? {
            0 => Some(None),
            _ => T::get(reader).map(Some),
        }
    }
}

impl<'a, A: Array> Field<'a> for SmallVec<A>
where
    A::Item: Field<'a>,
{
    #[inline(always)]
    fn put(&self, out: &mut Vec<u8>) {
        put_array(self, out);
    }
    #[inline(always)]
    fn get(reader: &mut Reader<'a>) -> Option<Self> {
        let mut items = SmallVec::new();
        reader.array(|item| items.push(item))?;
        Some(items)
    }
}

impl<'a, T: Field<'a>> Field<'a> for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        put_array(self, out);
    }
    fn get(reader: &mut Reader<'a>) -> Option<Self> {
        let mut items = Vec::new();
        reader.array(|item| items.push(item))?;
        Some(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'a, T: Field<'a>>(bytes: &'a [u8]) -> Option<T> {
        let mut reader = Reader::new(bytes, 0);
        T::get(&mut reader).filter(|_| reader.left() == 0)
    }

    #[test]
    fn numbers_come_back_at_every_length_of_varint() {
        let mut numbers = vec![0, -1, 1, i64::MIN, i64::MAX, i64::from(i32::MIN), i64::from(i32::MAX)];
        numbers.extend((0..63).flat_map(|bit| [1_i64 << bit, (1_i64 << bit) - 1, -(1_i64 << bit), -(1_i64 << bit) - 1]));
        for number in numbers {
            let mut bytes = Vec::new();
            put_long(number, &mut bytes);
            assert_eq!(read::<i64>(&bytes), Some(number), "{bytes:x?}");
            assert_eq!(read::<i32>(&bytes), i32::try_from(number).ok(), "{bytes:x?}");
            assert_eq!(read::<i64>(&bytes[..bytes.len() - 1]), None);
        }
    }

    #[test]
    fn an_array_may_come_in_blocks_with_negative_counts() {
        // Two blocks: 2 items in 2 bytes, told by a negative count; then 1 item; then the end.
        assert_eq!(read::<Vec<i64>>(&[3, 4, 2, 4, 2, 6, 0]), Some(vec![1, 2, 3]));
        assert_eq!(read::<SmallVec<[i64; 2]>>(&[2, 2, 4, 4, 6, 0]), Some(SmallVec::from_slice(&[1, 2, 3])));
    }

    #[test]
    fn broken_bytes_are_refused_and_allocate_nothing() {
        let huge = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        let lowest = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        let endless = [0xff_u8; 11];
        let overflowing = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02];
        for bytes in [&huge[..], &lowest, &endless, &overflowing, &[], &[1], &[1, 0x80]] {
            assert_eq!(read::<&str>(bytes), None, "{bytes:x?}");
            assert_eq!(read::<Vec<i64>>(bytes), None, "{bytes:x?}");
            assert_eq!(read::<Vec<u8>>(bytes), None, "{bytes:x?}");
        }
        assert_eq!(read::<&str>(&[4, 0xc3, 0x28]), None, "not utf-8");
        assert_eq!(read::<bool>(&[2]), None);
        assert_eq!(read::<Option<bool>>(&[4, 0]), None, "no such branch");
        assert_eq!(read::<Option<bool>>(&[1, 0]), None, "a negative branch");
        // A negative count whose block is longer than what is left.
        assert_eq!(read::<Vec<i64>>(&[1, 8, 2, 0]), None);
    }
}
