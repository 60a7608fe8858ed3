//! The fields of a rule's content, whether they stand at the root, in `freshdesk_webhook` (as the simple content has them) or in `ticket`, with or without `ticket_` before
//! them; and what they say in our words.
use crate::bad::{Bad, Reason};
use crate::lenient::{Fields as FieldsOf, Lenient, Text, skip};
use crate::time::parse_ms;
use c360_schemas::Ticket;
use serde::de::MapAccess;

#[derive(Debug, Default)]
pub(super) struct Fields<'a> {
    pub(super) id: Text<'a>,
    /// What we call it: ticket_created, ticket_updated, agent_replied, ticket_deleted.
    event: Text<'a>,
    /// What Freshdesk calls it: `{status:{from:2,to:4}}`.
    triggered_event: Text<'a>,
    status: Text<'a>,
    priority: Text<'a>,
    subject: Text<'a>,
    created_at: Text<'a>,
    pub(super) updated_at: Text<'a>,
    pub(super) company_id: Text<'a>,
    pub(super) company_name: Text<'a>,
    pub(super) requester_email: Text<'a>,
    /// The contact's external id: the product's user.
    pub(super) user_id: Text<'a>,
    pub(super) account_id: Text<'a>,
}

impl<'de> FieldsOf<'de> for Fields<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key.strip_prefix("ticket_").unwrap_or(key) {
            "freshdesk_webhook" | "ticket" => {
                let Lenient(inner) = map.next_value::<Lenient<Self>>()?;
                *self = std::mem::take(self).or(inner);
            }
            "id" => self.id = map.next_value()?,
            "event" => self.event = map.next_value()?,
            "triggered_event" => self.triggered_event = map.next_value()?,
            "status" => self.status = map.next_value()?,
            "priority" => self.priority = map.next_value()?,
            "subject" => self.subject = map.next_value()?,
            "created_at" | "created_on" => self.created_at = map.next_value()?,
            "updated_at" | "updated_on" | "modified_at" => self.updated_at = map.next_value()?,
            "company_id" => self.company_id = map.next_value()?,
            "company_name" | "company" => self.company_name = map.next_value()?,
            "requester_email" | "contact_email" | "from_email" => self.requester_email = map.next_value()?,
            "contact_unique_external_id" | "unique_external_id" | "user_id" => self.user_id = map.next_value()?,
            "account_id" => self.account_id = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'a> Fields<'a> {
    /// These, and `other`'s where these say nothing.
    fn or(self, other: Self) -> Self {
        let pick = |own: Text<'a>, other: Text<'a>| if own.get().is_some() { own } else { other };
        Self {
            id: pick(self.id, other.id),
            event: pick(self.event, other.event),
            triggered_event: pick(self.triggered_event, other.triggered_event),
            status: pick(self.status, other.status),
            priority: pick(self.priority, other.priority),
            subject: pick(self.subject, other.subject),
            created_at: pick(self.created_at, other.created_at),
            updated_at: pick(self.updated_at, other.updated_at),
            company_id: pick(self.company_id, other.company_id),
            company_name: pick(self.company_name, other.company_name),
            requester_email: pick(self.requester_email, other.requester_email),
            user_id: pick(self.user_id, other.user_id),
            account_id: pick(self.account_id, other.account_id),
        }
    }

    /// A field; a placeholder that Freshdesk left as it is says nothing.
    pub(super) fn get<'b>(&self, field: &'b Text<'_>) -> Option<&'b str> {
        field.get().map(str::trim).filter(|text| !text.is_empty() && !text.starts_with("{{"))
    }

    pub(super) fn event_name(&self) -> &str {
        self.get(&self.event).filter(|event| event.len() <= 64).unwrap_or("ticket_updated")
    }

    pub(super) fn ticket<'b>(&'b self, id: &'b str, at: i64, requester: Option<&'b str>) -> Result<Ticket<'b>, Bad> {
        let triggered = self.get(&self.triggered_event).unwrap_or_default();
        let event = self.get(&self.event).unwrap_or_default();
        let replied = event == "agent_replied" || triggered.contains("reply_sent");
        let deleted = event == "ticket_deleted" || triggered.contains("ticket_action:deleted");
        let told = self.get(&self.status).map(status);
        let status = if deleted { Some("deleted") } else { told };
        Ok(Ticket {
            id,
            status: status.ok_or_else(|| Bad::new(Reason::BadPayload, "there is no ticket_status"))?,
            priority: self.get(&self.priority).and_then(priority),
            version: at,
            created_at: self.get(&self.created_at).and_then(parse_ms),
            replied_at: replied.then_some(at),
            subject: self.get(&self.subject),
            requester,
        })
    }
}

/// The status in our words, from Freshdesk's number or its English name. A status of the user's own is one in which the ticket is open: only Resolved and Closed end it.
fn status(told: &str) -> &'static str {
    match told.to_ascii_lowercase().as_str() {
        "3" | "pending" | "6" | "waiting on customer" => "pending",
        "7" | "waiting on third party" => "hold",
        "4" | "resolved" => "solved",
        "5" | "closed" => "closed",
        _ => "open",
    }
}

fn priority(told: &str) -> Option<&'static str> {
    match told.to_ascii_lowercase().as_str() {
        "1" | "low" => Some("low"),
        "2" | "medium" => Some("normal"),
        "3" | "high" => Some("high"),
        "4" | "urgent" => Some("urgent"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_said_in_our_words() {
        for (told, expected) in [
            ("2", "open"),
            ("Open", "open"),
            ("3", "pending"),
            ("Waiting on Customer", "pending"),
            ("7", "hold"),
            ("Resolved", "solved"),
            ("4", "solved"),
            ("CLOSED", "closed"),
            ("Escalated to the factory", "open"),
        ] {
            assert_eq!(status(told), expected, "{told}");
        }
        for (told, expected) in [("Medium", Some("normal")), ("4", Some("urgent")), ("x", None)] {
            assert_eq!(priority(told), expected, "{told}");
        }
    }

    #[test]
    fn fields_are_found_at_the_root_and_below_and_placeholders_left_as_they_are_say_nothing() {
        for json in [
            r#"{"ticket_id":11,"ticket_status":"Open","company_id":"{{ticket.company.id}}"}"#,
            r#"{"freshdesk_webhook":{"ticket_id":"11","ticket_status":"Open","triggered_event":"{ticket_action:created}"}}"#,
            r#"{"event":"ticket_created","ticket":{"id":"11","status":"Open","company_id":""}}"#,
        ] {
            let Lenient(fields) = serde_json::from_str::<Lenient<Fields<'_>>>(json).unwrap();
            let ticket = fields.ticket(fields.get(&fields.id).unwrap(), 5, None).unwrap();
            assert_eq!((ticket.id, ticket.status, fields.get(&fields.company_id)), ("11", "open", None), "{json}");
        }
    }
}
