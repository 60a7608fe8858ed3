//! Broken bytes are refused: nothing panics, nothing is read that was not written.
use c360_schemas::{
    Alert, AlertCommand, DeadLetter, DecodeError, Delivery, Event, Feed, History, Move, Profile, Progress, Rules, Wire, decode_events_value,
};
use proptest::{collection::vec, prelude::*};

use crate::tape::Tape;

/// Has every reader look at the bytes.
fn read_by_all(bytes: &[u8]) {
    let _ = decode_events_value(bytes);
    let _ = Event::decode(bytes);
    let _ = Move::decode(bytes);
    let _ = AlertCommand::decode(bytes);
    let _ = Alert::decode(bytes);
    let _ = Delivery::decode(bytes);
    let _ = Profile::decode(bytes);
    let _ = Progress::decode(bytes);
    let _ = DeadLetter::decode(bytes);
    let _ = History::decode(bytes);
    let _ = Rules::decode(bytes);
    let _ = Feed::decode(bytes);
}

fn event_bytes(tape: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    Tape::new(tape).event().encode(&mut bytes);
    bytes
}

fn alert_bytes(tape: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    Tape::new(tape).alert().encode(&mut bytes);
    bytes
}

proptest! {
    #[test]
    fn no_bytes_at_all_make_a_reader_panic(id in 0_u32..14, tail in vec(any::<u8>(), 0..200)) {
        let mut bytes = vec![0];
        bytes.extend_from_slice(&id.to_be_bytes());
        bytes.extend_from_slice(&tail);
        read_by_all(&bytes);
        read_by_all(&tail);
    }

    #[test]
    fn bytes_with_some_of_them_changed_are_read_or_refused(tape in vec(any::<u8>(), 0..300), changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        for mut bytes in [event_bytes(&tape), alert_bytes(&tape)] {
            for (index, byte) in &changes {
                let at = index.index(bytes.len());
                bytes[at] = *byte;
            }
            read_by_all(&bytes);
            // What is read from changed bytes is an event like any other: it is written, read and written again alike.
            if let Ok(event) = Event::decode(&bytes) {
                let (mut again, mut third) = (Vec::new(), Vec::new());
                event.encode(&mut again);
                Event::decode(&again).unwrap().encode(&mut third);
                prop_assert_eq!(again, third);
            }
        }
    }

    #[test]
    fn bytes_cut_short_or_with_more_behind_them_are_refused(tape in vec(any::<u8>(), 0..300), cut in any::<prop::sample::Index>(), more in any::<u8>()) {
        let (mut event, mut alert) = (event_bytes(&tape), alert_bytes(&tape));
        prop_assert!(Event::decode(&event[..cut.index(event.len())]).is_err());
        prop_assert!(Alert::decode(&alert[..cut.index(alert.len())]).is_err());
        let (event_end, alert_end) = (event.len(), alert.len());
        event.push(more);
        alert.push(more);
        prop_assert_eq!(Event::decode(&event), Err(DecodeError::Malformed(event_end)));
        prop_assert_eq!(Alert::decode(&alert), Err(DecodeError::Malformed(alert_end)));
    }
}

#[test]
fn a_strange_prefix_is_told_from_a_strange_schema() {
    for bytes in [&b""[..], b"\0", b"\0\0\0\0", b"{\"type\":\"track\"}"] {
        assert_eq!(decode_events_value(bytes), Err(DecodeError::Prefix), "{bytes:?}");
        assert_eq!(Profile::decode(bytes), Err(DecodeError::Prefix), "{bytes:?}");
    }
    assert_eq!(decode_events_value(&[0, 0, 0, 1, 0, 0]), Err(DecodeError::UnknownSchema(256)));
    assert_eq!(Profile::decode(&[0, 0, 0, 0, 1, 0]), Err(DecodeError::UnknownSchema(1)), "an event is no profile");
    assert_eq!(Event::decode(&[0, 0, 0, 0, 1]), Err(DecodeError::Malformed(5)));
}

#[test]
fn a_count_of_items_that_are_not_there_takes_no_memory() {
    // An event whose `foreign_ids` claim 2^62 items: message id, tenant, no account, then the count.
    let mut bytes = vec![0, 0, 0, 0, 1, 0, 0, 0];
    bytes.extend_from_slice(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]);
    bytes.extend_from_slice(&[0; 64]);
    assert!(matches!(Event::decode(&bytes), Err(DecodeError::Malformed(_))));
}
