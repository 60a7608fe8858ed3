//! What rdkafka does not offer, straight from librdkafka: a flush that ends with the last acknowledgement, the end of a partition as it came with the last fetch, and reading
//! in batches.
//!
//! Everything unsafe of the log is in this file.
use rdkafka::bindings as rd;
use rdkafka::client::{Client, ClientContext};
use rdkafka::error::RDKafkaErrorCode;
use std::ffi::{CStr, CString};
use std::ptr;
use std::time::Duration;

/// Messages that are taken from the client at once.
const TAKE: usize = 4096;

/// Waits until every record that was handed to the producer is acknowledged or failed; whether that was so in time. rdkafka's own flush sleeps in steps of 100 ms meanwhile.
/// Another thread must be polling the producer.
pub(super) fn flush<C: ClientContext>(client: &Client<C>, timeout: Duration) -> bool {
    // SAFETY: the client outlives the call, and librdkafka's producers may be used by several threads.
    let result = unsafe { rd::rd_kafka_flush(client.native_ptr(), millis(timeout)) };
    result == rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR
}

/// The end of a partition that the last fetch told; `None` before the first.
pub(super) fn known_end<C: ClientContext>(client: &Client<C>, topic: &CStr, partition: u32) -> Option<u64> {
    let (mut low, mut high) = (-1, -1);
    // SAFETY: the client outlives the call, the name ends in NUL, the numbers are ours.
    let result = unsafe { rd::rd_kafka_get_watermark_offsets(client.native_ptr(), topic.as_ptr(), partition as i32, &mut low, &mut high) };
    if result == rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR { u64::try_from(high).ok() } else { None }
}

/// Whole milliseconds, rounded up: a wait of less than one would spin.
fn millis(timeout: Duration) -> i32 {
    timeout.as_micros().div_ceil(1000).min(i32::MAX as u128) as i32
}

/// One thing that came out of a [`DataQueue`].
pub(super) enum Fetched<'a> {
    Record(Message<'a>),
    /// The reader is at the end of the partition, where `offset` comes next.
    End {
        topic: &'a [u8],
        partition: u32,
        offset: u64,
    },
    Failed {
        topic: &'a [u8],
        partition: u32,
        code: RDKafkaErrorCode,
        text: String,
    },
}

/// A record, borrowed from the client's buffer.
pub(super) struct Message<'a> {
    pub(super) topic: &'a [u8],
    pub(super) partition: u32,
    pub(super) offset: u64,
    pub(super) timestamp: i64,
    pub(super) key: &'a [u8],
    pub(super) value: &'a [u8],
    raw: &'a rd::rd_kafka_message_t,
}

impl Message<'_> {
    /// Calls `each` with name and value of each header.
    pub(super) fn headers(&self, mut each: impl FnMut(&str, &[u8])) {
        let mut headers = ptr::null_mut();
        // SAFETY: the message lives, and its headers with it; librdkafka answers an error where there are none.
        if unsafe { rd::rd_kafka_message_headers(self.raw, &mut headers) } != rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return;
        }
        for index in 0.. {
            let (mut name, mut value, mut len) = (ptr::null(), ptr::null(), 0);
            // SAFETY: as above; past the last header it answers an error and writes nothing.
            let result = unsafe { rd::rd_kafka_header_get_all(headers, index, &mut name, &mut value, &mut len) };
            if result != rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                return;
            }
            // SAFETY: the name ends in NUL and lives as long as the message.
            let name = unsafe { CStr::from_ptr(name) };
            if let Ok(name) = name.to_str() {
                each(name, bytes(value.cast(), len));
            }
        }
    }
}

/// Where the partitions of a consumer put what they fetched, so that it can be taken in batches. What else happens to a consumer (assignments, errors, log lines) stays in the
/// consumer's own queue: taken in batches, assignments would be lost.
///
/// Must be dropped before its consumer.
pub(super) struct DataQueue {
    queue: *mut rd::rd_kafka_queue_t,
    taken: Box<[*mut rd::rd_kafka_message_t]>,
}

// SAFETY: librdkafka's queues may be used by any thread; `taken` is empty between calls.
unsafe impl Send for DataQueue {}
// SAFETY: shared references only attach, which librdkafka locks.
unsafe impl Sync for DataQueue {}

impl DataQueue {
    pub(super) fn new<C: ClientContext>(client: &Client<C>) -> Self {
        // SAFETY: the client outlives the queue, see above; the call does not fail.
        let queue = unsafe { rd::rd_kafka_queue_new(client.native_ptr()) };
        Self { queue, taken: vec![ptr::null_mut(); TAKE].into() }
    }

    /// From now on the partition's records come here; before and after it is assigned.
    pub(super) fn attach<C: ClientContext>(&self, client: &Client<C>, topic: &CString, partition: u32) {
        // SAFETY: client and queue live; the partition's queue is given back at once, its forwarding stays.
        unsafe {
            let partition = rd::rd_kafka_queue_get_partition(client.native_ptr(), topic.as_ptr(), partition as i32);
            if !partition.is_null() {
                rd::rd_kafka_queue_forward(partition, self.queue);
                rd::rd_kafka_queue_destroy(partition);
            }
        }
    }

    /// Takes at most `max` things that are there, waiting at most `timeout` for the first; how many.
    pub(super) fn take(&mut self, timeout: Duration, max: usize, mut on: impl FnMut(Fetched<'_>)) -> usize {
        let mut got = self.take_once(Duration::ZERO, max, &mut on);
        if got == 0 && !timeout.is_zero() {
            // librdkafka waits until it has as many as were asked for: so one, and then what else is there.
            got = self.take_once(timeout, 1.min(max), &mut on);
        }
        while got > 0 && got < max {
            match self.take_once(Duration::ZERO, max - got, &mut on) {
                0 => break,
                more => got += more,
            }
        }
        got
    }

    fn take_once(&mut self, timeout: Duration, max: usize, on: &mut impl FnMut(Fetched<'_>)) -> usize {
        let max = max.min(self.taken.len());
        // SAFETY: queue and buffer live, and the buffer is as large as said.
        let n = unsafe { rd::rd_kafka_consume_batch_queue(self.queue, millis(timeout), self.taken.as_mut_ptr(), max) };
        let n = usize::try_from(n).unwrap_or(0);
        let mut taken = Taken(&self.taken[..n]);
        while let Some(message) = taken.next() {
            on(read(message.0));
        }
        n
    }
}

impl Drop for DataQueue {
    fn drop(&mut self) {
        // SAFETY: made by `new`, and not used after this. What is still in it is freed.
        unsafe { rd::rd_kafka_queue_destroy(self.queue) }
    }
}

/// Messages to be freed, each after it was looked at, and the rest of them where looking panics.
struct Taken<'a>(&'a [*mut rd::rd_kafka_message_t]);

impl<'a> Taken<'a> {
    fn next(&mut self) -> Option<Owned<'a>> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        // SAFETY: librdkafka gave us the message, and nobody else has it.
        Some(Owned(unsafe { &**first }))
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        while self.next().is_some() {}
    }
}

struct Owned<'a>(&'a rd::rd_kafka_message_t);

impl Drop for Owned<'_> {
    fn drop(&mut self) {
        // SAFETY: ours alone, and freed once.
        unsafe { rd::rd_kafka_message_destroy(ptr::from_ref(self.0).cast_mut()) }
    }
}

fn read(raw: &rd::rd_kafka_message_t) -> Fetched<'_> {
    let topic = if raw.rkt.is_null() {
        &[][..]
    } else {
        // SAFETY: the message keeps its topic alive, and the name ends in NUL.
        unsafe { CStr::from_ptr(rd::rd_kafka_topic_name(raw.rkt)) }.to_bytes()
    };
    let partition = raw.partition.max(0) as u32;
    let offset = raw.offset.max(0) as u64;
    match RDKafkaErrorCode::from(raw.err) {
        RDKafkaErrorCode::NoError => {
            let mut kind = rd::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
            // SAFETY: the message lives.
            let timestamp = unsafe { rd::rd_kafka_message_timestamp(raw, &mut kind) };
            let (key, value) = (bytes(raw.key.cast(), raw.key_len), bytes(raw.payload.cast(), raw.len));
            Fetched::Record(Message { topic, partition, offset, timestamp, key, value, raw })
        }
        RDKafkaErrorCode::PartitionEOF => Fetched::End { topic, partition, offset },
        code => Fetched::Failed { topic, partition, code, text: String::from_utf8_lossy(bytes(raw.payload.cast(), raw.len)).into_owned() },
    }
}

/// Bytes that live as long as the message that they are a part of.
fn bytes<'a>(start: *const u8, len: usize) -> &'a [u8] {
    if start.is_null() {
        return &[];
    }
    // SAFETY: only called with pairs that librdkafka gives for a message, from where the message is borrowed.
    unsafe { std::slice::from_raw_parts(start, len) }
}

/// Makes a client fail for good, as the brokers can.
#[cfg(test)]
pub(super) fn break_client<C: ClientContext>(client: &Client<C>) {
    // SAFETY: the client outlives the call, and the text ends in NUL.
    unsafe {
        rd::rd_kafka_test_fatal_error(
            client.native_ptr(),
            rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
            c"a test".as_ptr(),
        );
    }
}
