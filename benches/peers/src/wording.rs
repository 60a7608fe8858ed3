//! A drawn event as c360's event: some 217 bytes with its key.
use crate::draw::Drawn;
use crate::zipf::mix;
use c360_schemas::{Event, Key, Kind, Payload};
use smallvec::SmallVec;
use std::fmt::Write;

/// What the properties of every event begin with; the amount follows, in decimal digits.
pub const AMOUNT: &str = "{\"amount\":";
/// Tenants that the accounts are spread over.
const TENANTS: u32 = 200;

/// Buffers for an event's texts.
#[derive(Default)]
pub struct Wording {
    message_id: String,
    tenant: String,
    account: String,
    user: String,
    properties: String,
}

impl Wording {
    /// The event and its key.
    pub fn event<'a>(&'a mut self, drawn: &Drawn) -> (Key<'a>, Event<'a>) {
        self.write(drawn);
        let key = Key { tenant: &self.tenant, id: &self.account };
        let event = Event {
            message_id: &self.message_id,
            tenant: &self.tenant,
            account_id: Some(&self.account),
            foreign_ids: SmallVec::new(),
            user_id: Some(&self.user),
            anonymous_id: None,
            kind: [Kind::Usage, Kind::Support, Kind::Billing, Kind::Survey][usize::from(drawn.kind)],
            name: drawn.name,
            occurred_at: drawn.occurred_at,
            received_at: drawn.received_at,
            source: "api",
            payload: Payload::None,
            properties: &self.properties,
        };
        (key, event)
    }

    fn write(&mut self, drawn: &Drawn) {
        let (a, b) = drawn.id;
        for text in [&mut self.message_id, &mut self.tenant, &mut self.account, &mut self.user, &mut self.properties] {
            text.clear();
        }
        // Writing to a String does not fail.
        let _ = write!(
            self.message_id,
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            a >> 32,
            (a >> 16) & 0xffff,
            a & 0xfff,
            b >> 52,
            b & 0xffff_ffff_ffff
        );
        let _ = write!(self.tenant, "t{:04}", drawn.account % TENANTS);
        let _ = write!(self.account, "a{:07}", drawn.account);
        let _ = write!(self.user, "u{:07}-{:02}", drawn.account, drawn.user);
        let _ = write!(
            self.properties,
            "{AMOUNT}{},\"region\":\"{}\",\"page\":\"{}\",\"session\":\"{:016x}{b:016x}\"}}",
            drawn.amount,
            ["eu", "us", "ap"][drawn.account as usize % 3],
            drawn.page,
            mix(a ^ 5)
        );
    }
}

/// The amount of an event of ours; `None` for another's.
#[inline]
pub fn amount_of(event: &Event<'_>) -> Option<i64> {
    let digits = event.properties.strip_prefix(AMOUNT)?;
    Some(digits.bytes().take_while(u8::is_ascii_digit).fold(0, |n, digit| n * 10 + i64::from(digit - b'0')))
}
