//! Intercom: conversations, their ratings, contacts and companies.
//!
//! Each notification carries the whole conversation as it stands after it, so whichever topic it is, the newest one tells the state. A conversation goes to its contact; a
//! contact to its company, where the notification names one.
mod conversation;
mod people;
mod types;
mod verify;

use super::provider::{HookEvent, HookScene, Provider, Received, Trouble, Use};
use crate::bad::{Bad, Reason};
use crate::outlet::Outlet;
use crate::sources::Source;
use crate::time::parse_ms;
use c360_schemas::{Kind, Payload};
use types::Notification;

pub(crate) struct Intercom;

/// What is done with a notification of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Handling {
    Conversation,
    Rating,
    Contact,
    Company,
    Membership,
}

/// The topics that we use.
fn handling(topic: &str) -> Option<Handling> {
    match topic {
        "conversation.user.created"
        | "conversation.user.replied"
        | "conversation.admin.replied"
        | "conversation.admin.assigned"
        | "conversation.admin.open.assigned"
        | "conversation.admin.noted"
        | "conversation.admin.closed"
        | "conversation.admin.opened"
        | "conversation.admin.snoozed"
        | "conversation.admin.unsnoozed"
        | "conversation.operator.replied"
        | "conversation.priority.updated"
        | "conversation.deleted" => Some(Handling::Conversation),
        "conversation.rating.added" => Some(Handling::Rating),
        "contact.user.created" | "contact.user.updated" | "contact.email.updated" | "contact.lead.signed_up" => Some(Handling::Contact),
        "company.created" | "company.updated" => Some(Handling::Company),
        "company.contact.attached" | "company.contact.detached" => Some(Handling::Membership),
        _ => None,
    }
}

impl Provider for Intercom {
    fn name(&self) -> &'static str {
        "intercom"
    }

    fn verify(&self, received: &Received<'_>, source: &Source, _now: i64) -> Result<(), &'static str> {
        verify::verify(received, &source.secrets)
    }

    fn normalise(&self, body: &str, scene: &HookScene<'_>, outlet: &mut Outlet) -> Result<Use, Trouble> {
        let notification: Notification<'_> = serde_json::from_str(body)?;
        let Some(handling) = handling(&notification.topic) else { return Ok(Use::Unused) };
        let id = notification.id.get().ok_or_else(|| Bad::new(Reason::BadPayload, "the notification has no id"))?;
        let at = notification.created_at.get().and_then(parse_ms);
        let at = at.ok_or_else(|| Bad::new(Reason::BadTimestamp, "created_at of the notification is not a time"))?;
        let notice = Notice { id, topic: &notification.topic, at, item: notification.data.item.get() };
        match handling {
            Handling::Conversation => conversation::put_state(&notice, scene, outlet),
            Handling::Rating => conversation::put_rating(&notice, scene, outlet),
            Handling::Contact => people::put_contact(&notice, scene, outlet),
            Handling::Company => people::put_company(&notice, scene, outlet),
            Handling::Membership => people::put_membership(&notice, scene, outlet),
        }
    }
}

/// A notification of a topic that we use.
struct Notice<'a> {
    id: &'a str,
    topic: &'a str,
    /// UTC ms.
    at: i64,
    /// Text of the object that it is about.
    item: &'a str,
}

impl<'a> Notice<'a> {
    /// An event without its customer.
    fn event(&self, kind: Kind, payload: Payload<'a>) -> HookEvent<'a> {
        HookEvent {
            message_id: self.id,
            name: self.topic,
            kind,
            occurred_at: self.at,
            account_id: None,
            foreign_ids: Default::default(),
            user_id: None,
            payload,
            properties: "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_topics_that_matter_are_handled_and_no_others() {
        for (topic, expected) in [
            ("conversation.admin.closed", Some(Handling::Conversation)),
            ("conversation.rating.added", Some(Handling::Rating)),
            ("contact.user.updated", Some(Handling::Contact)),
            ("company.contact.attached", Some(Handling::Membership)),
            ("company.deleted", None),
            // An outbound message is no request for help; what the customer answers is.
            ("conversation.admin.single.created", None),
            ("conversation.read", None),
            ("ping", None),
            ("", None),
        ] {
            assert_eq!(handling(topic), expected, "{topic}");
        }
    }
}
