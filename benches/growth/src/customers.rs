//! The made-up customers: their ids, and the records that make one known and then say no more.
use crate::draw::{below, mix};
use c360_schemas::{AccountTraits, Event, Key, Kind, Link, Payload, Rank, Tick};
use smallvec::SmallVec;
use std::fmt::Write;

pub const DAY_MS: i64 = 86_400_000;
/// When the records begin, UTC ms: a midnight.
pub const START_MS: i64 = 20_454 * DAY_MS;
/// Records of the events topic that make a customer: a group call, two links, five uses.
pub const EVENTS_EACH: u64 = 8;
/// Records of the unresolved topic: which account its two users belong to.
pub const LINKS_EACH: u64 = 2;
/// Which of the two users, and which feature, on which day.
const USES: [(u64, usize, i64); 5] = [(0, 0, 0), (0, 1, 1), (1, 0, 3), (0, 0, 5), (1, 2, 8)];
const FEATURES: [&str; 4] = ["Report Viewed", "Export Started", "Dashboard Opened", "Member Invited"];
const TENANT: &str = "default";

/// One record.
#[derive(Default)]
pub struct Record {
    /// UTC ms.
    pub recorded_at: i64,
    pub key: Vec<u8>,
    pub value: Vec<u8>,
}

/// Makes records; keeps the buffers of their texts.
#[derive(Default)]
pub struct Writer {
    account: String,
    user: String,
    message: String,
    name: String,
    owner: String,
    email: String,
}

impl Writer {
    /// The `step`th record (of [`EVENTS_EACH`]) of a customer's beginning, of which the first happened at `at`.
    pub fn beginning(&mut self, customer: u64, step: u64, at: i64, out: &mut Record) {
        self.account(customer);
        match step {
            0 => self.group(customer, at, out),
            1 | 2 => {
                self.link(customer, step - 1, at);
                self.write_link(at, None, out);
            }
            _ => {
                let (user, feature, day) = USES[(step as usize - 3) % USES.len()];
                let hour = below(mix(customer ^ step << 40), 10) as i64 * 3_600_000;
                self.use_of(customer, user, FEATURES[feature], at + day * DAY_MS + hour, mix(customer << 3 | step), out);
            }
        }
    }

    /// Says which account the `which`th user of a customer belongs to.
    pub fn belonging(&mut self, customer: u64, which: u64, at: i64, out: &mut Record) {
        self.account(customer);
        self.link(customer, which, at);
        let id = format!("user:{}", self.user);
        self.write_link(at, Some(&id), out);
    }

    /// Somebody of a customer uses something. `hash` decides who and what.
    pub fn usage(&mut self, customer: u64, at: i64, hash: u64, out: &mut Record) {
        self.account(customer);
        let (user, feature) = (below(mix(hash ^ 1), 5), below(mix(hash ^ 2), FEATURES.len() as u64) as usize);
        self.use_of(customer, user, FEATURES[feature], at, hash, out);
    }

    /// Time passes.
    pub fn tick(at: i64, out: &mut Record) {
        out.recorded_at = at;
        out.key.clear();
        out.value.clear();
        Tick { at }.encode(&mut out.value);
    }

    /// Ids as a database gives them: they do not come in order, and do not compress.
    fn account(&mut self, customer: u64) {
        set(&mut self.account, |text| write!(text, "a{:012x}", mix(customer) >> 16));
    }

    fn user(&mut self, customer: u64, which: u64) {
        set(&mut self.user, |text| write!(text, "u{:012x}", mix((customer.wrapping_mul(64) + which + 1) << 1) >> 16));
    }

    fn message(&mut self, hash: u64) {
        set(&mut self.message, |text| write!(text, "{hash:016x}{:016x}", mix(hash)));
    }

    fn link(&mut self, customer: u64, which: u64, at: i64) {
        self.user(customer, which);
        self.message(mix(customer ^ which << 50 ^ at as u64));
    }

    fn group(&mut self, customer: u64, at: i64, out: &mut Record) {
        let hash = mix(customer ^ 7);
        let owner = hash % 50;
        set(&mut self.name, |text| write!(text, "{} {} {customer}", FIRST[hash as usize / 64 % 16], SECOND[hash as usize / 1024 % 16]));
        set(&mut self.owner, |text| write!(text, "{} {}", FIRST[owner as usize % 16], SECOND[owner as usize / 4]));
        set(&mut self.email, |text| write!(text, "owner{owner}@example.com"));
        self.user(customer, 0);
        self.message(hash);
        let traits = AccountTraits {
            name: Some(&self.name),
            owner_name: Some(&self.owner),
            owner_email: Some(&self.email),
            plan: Some(["starter", "team", "business"][hash as usize % 3]),
            seats: Some(2 + (hash % 90) as i64),
            ..AccountTraits::default()
        };
        let event = Event { name: "group", payload: Payload::Account(traits), ..self.event(at, Kind::Identity) };
        self.write(&event, &self.account, out);
    }

    fn use_of(&mut self, customer: u64, user: u64, feature: &'static str, at: i64, hash: u64, out: &mut Record) {
        self.user(customer, user);
        self.message(hash);
        let properties = "{\"path\":\"/reports/monthly\",\"rows\":120,\"format\":\"pdf\"}";
        let event = Event { name: feature, properties, ..self.event(at, Kind::Usage) };
        self.write(&event, &self.account, out);
    }

    fn write_link(&self, at: i64, foreign: Option<&str>, out: &mut Record) {
        let link = Link { kind: "user", id: &self.user, account_id: Some(&self.account), rank: Rank::Group, at };
        let mut event = Event { name: "link", payload: Payload::Link(link), ..self.event(at, Kind::Identity) };
        if foreign.is_some() {
            event.account_id = None;
        }
        self.write(&event, foreign.unwrap_or(&self.account), out);
    }

    fn event(&self, at: i64, kind: Kind) -> Event<'_> {
        Event {
            message_id: &self.message,
            tenant: TENANT,
            account_id: Some(&self.account),
            foreign_ids: SmallVec::new(),
            user_id: Some(&self.user),
            anonymous_id: None,
            kind,
            name: "",
            occurred_at: at,
            received_at: at,
            source: "api",
            payload: Payload::None,
            properties: "",
        }
    }

    fn write(&self, event: &Event<'_>, id: &str, out: &mut Record) {
        out.recorded_at = event.occurred_at;
        out.key.clear();
        out.value.clear();
        Key { tenant: TENANT, id }.write(&mut out.key);
        event.encode(&mut out.value);
    }
}

const FIRST: [&str; 16] = [
    "North", "Blue", "Silver", "Harbour", "Cedar", "Granite", "River", "Summit", "Amber", "Copper", "Maple", "Orchard", "Pioneer",
    "Quarry", "Ridge", "Willow",
];
const SECOND: [&str; 16] = [
    "Analytics",
    "Freight",
    "Foods",
    "Systems",
    "Media",
    "Health",
    "Energy",
    "Labs",
    "Retail",
    "Travel",
    "Works",
    "Capital",
    "Mobility",
    "Studio",
    "Textiles",
    "Care",
];

fn set(text: &mut String, write: impl FnOnce(&mut String) -> std::fmt::Result) {
    text.clear();
    // Writing to a String does not fail.
    let _ = write(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use c360_schemas::{EventsValue, decode_events_value};

    #[test]
    fn a_beginning_is_a_group_call_two_links_and_five_uses() {
        let (mut writer, mut out, mut seen) = (Writer::default(), Record::default(), Vec::new());
        for step in 0..EVENTS_EACH {
            writer.beginning(42, step, START_MS, &mut out);
            let Ok(EventsValue::Event(event)) = decode_events_value(&out.value) else { panic!("no event") };
            assert_eq!(Key::parse(&out.key).unwrap().id, event.account_id.unwrap());
            seen.push((event.name.to_owned(), event.user_id.unwrap().to_owned()));
        }
        let names: Vec<&str> = seen.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names[..4], ["group", "link", "link", "Report Viewed"]);
        let users: std::collections::BTreeSet<&String> = seen.iter().map(|(_, user)| user).collect();
        assert_eq!(users.len(), 2);
    }

    #[test]
    fn a_user_is_told_where_it_belongs_under_its_own_id() {
        let (mut writer, mut out) = (Writer::default(), Record::default());
        writer.belonging(42, 1, START_MS, &mut out);
        let Ok(EventsValue::Event(event)) = decode_events_value(&out.value) else { panic!("no event") };
        let Payload::Link(link) = event.payload else { panic!("no link") };
        assert_eq!(Key::parse(&out.key).unwrap().id, format!("user:{}", link.id));
    }
}
