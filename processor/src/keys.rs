//! Keys of rows. An account's own rows have its key behind their tag; rows of its parts have the length of the account's key in front, so that one prefix finds all of one account
//! and nothing of another.
use c360_schemas::Key;

/// Kinds of rows, the first byte of their keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Tag {
    /// One a customer: [`crate::rows::Hot`].
    Hot = 0x10,
    User = 0x11,
    Subscription = 0x12,
    Invoice = 0x13,
    Ticket = 0x14,
    /// One a customer: the tickets that its numbers are made of.
    TicketBook = 0x15,
    /// One a customer: the newest answer of each person.
    AnswerBook = 0x16,
    /// Left behind by a provisional customer that moved.
    Forward = 0x17,
    /// A message id that was counted.
    Mark = 0x18,
    /// How far marks are swept.
    Sweep = 0x19,
    /// A customer whose profile is still to be said.
    Owed = 0x1a,
    /// One a customer: what each of its subscriptions was worth, when.
    Revenue = 0x1b,
    /// Files of rules that were applied, by tenant and id.
    Rules = 0x1c,
    /// One a tenant: which of them holds.
    InForce = 0x1d,
    /// One a tenant whose customers are still being scored anew.
    Rescore = 0x1e,
    /// One a tenant: its sources, as this partition hears them.
    Feeds = 0x1f,
    /// In *resolve*: what a foreign id is linked to.
    Link = 0x20,
    /// In *resolve*: a provisional customer that waits for a foreign id's link.
    Waiter = 0x21,
    /// One a tenant: sources that scores must not rest on.
    Doubt = 0x22,
    /// One a tenant, in one of the partitions: what all of them say of its sources.
    FeedWords = 0x23,
}

impl Tag {
    /// Kinds with one row for each part of an account, which move with it.
    pub(crate) const PARTS: [Tag; 4] = [Tag::User, Tag::Subscription, Tag::Invoice, Tag::Ticket];

    pub(crate) fn of(byte: u8) -> Option<Tag> {
        const ALL: [Tag; 9] =
            [Tag::Hot, Tag::User, Tag::Subscription, Tag::Invoice, Tag::Ticket, Tag::TicketBook, Tag::AnswerBook, Tag::Mark, Tag::Revenue];
        ALL.into_iter().find(|tag| *tag as u8 == byte)
    }
}

/// Longest record key that is taken, bytes.
pub(crate) const KEY_BYTES_MAX: usize = 4096;

/// A record's key, where it is one that rows can be made of.
pub(crate) fn parse(key: &[u8]) -> Option<Key<'_>> {
    if key.len() > KEY_BYTES_MAX { None } else { Key::parse(key).filter(|key| !key.tenant.is_empty() && !key.id.is_empty()) }
}

/// Key of the one row of `tag` that `owner` has.
pub(crate) fn own(tag: Tag, owner: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 + owner.len());
    out.push(tag as u8);
    out.extend_from_slice(owner);
    out
}

/// What the keys of all parts of `owner` start with.
pub(crate) fn prefix(tag: Tag, owner: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(3 + owner.len() + 24);
    write_part(&mut out, tag, owner, &[]);
    out
}

/// As [`prefix`], by the tag's byte.
pub(crate) fn prefix_of_byte(tag: u8, owner: &[u8]) -> Vec<u8> {
    let mut out = prefix(Tag::User, owner);
    out[0] = tag;
    out
}

/// Key of one part of `owner`.
pub(crate) fn part(tag: Tag, owner: &[u8], id: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(3 + owner.len() + id.len());
    write_part(&mut out, tag, owner, id);
    out
}

/// As [`part`], into a buffer that is there.
pub(crate) fn write_part(out: &mut Vec<u8>, tag: Tag, owner: &[u8], id: &[u8]) {
    debug_assert!(owner.len() <= KEY_BYTES_MAX, "checked where the key was parsed");
    out.clear();
    out.push(tag as u8);
    out.extend_from_slice(&(owner.len() as u16).to_be_bytes());
    out.extend_from_slice(owner);
    out.extend_from_slice(id);
}
