//! Conversations are tickets; a rating is an answer.
use super::Notice;
use super::types::{Attributes, Company, Contact, List, Person, account};
use crate::answer;
use crate::bad::{Bad, Reason};
use crate::hooks::provider::{HookEvent, HookScene, Trouble, Use, unknown};
use crate::ids::ForeignIds;
use crate::lenient::Text;
use crate::outlet::Outlet;
use crate::time::parse_ms;
use c360_schemas::{Answer, Kind, Payload, Survey, Ticket};
use serde::Deserialize;

/// Intercom's conversation, as it stands after the event.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Conversation<'a> {
    /// One that was deleted has only `conversation_id`.
    #[serde(borrow, alias = "conversation_id")]
    id: Text<'a>,
    /// open, closed, snoozed.
    #[serde(borrow)]
    state: Text<'a>,
    /// Where there is no state.
    open: Option<bool>,
    #[serde(borrow)]
    title: Text<'a>,
    /// priority, not_priority.
    #[serde(borrow)]
    priority: Text<'a>,
    #[serde(borrow)]
    created_at: Text<'a>,
    #[serde(borrow)]
    updated_at: Text<'a>,
    #[serde(borrow, alias = "conversation_message")]
    source: Option<Message<'a>>,
    #[serde(borrow)]
    contacts: Option<List<Contact<'a>>>,
    /// Before 2.0.
    #[serde(borrow)]
    user: Option<Contact<'a>>,
    #[serde(borrow)]
    company: Option<Company<'a>>,
    #[serde(borrow)]
    conversation_rating: Option<Rating<'a>>,
    #[serde(borrow)]
    custom_attributes: Option<Attributes<'a>>,
}

/// The first message.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Message<'a> {
    #[serde(borrow)]
    subject: Text<'a>,
    #[serde(borrow)]
    author: Option<Author<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Author<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    email: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Rating<'a> {
    #[serde(borrow)]
    rating: Text<'a>,
    #[serde(borrow)]
    remark: Text<'a>,
    #[serde(borrow)]
    created_at: Text<'a>,
}

impl<'a> Conversation<'a> {
    fn id(&self) -> Result<&str, Bad> {
        self.id.get().ok_or_else(|| Bad::new(Reason::BadPayload, "the conversation has no id"))
    }

    fn person(&'a self) -> Option<Person<'a>> {
        let contact = self.contacts.as_ref().and_then(|list| list.data.first()).or(self.user.as_ref())?;
        let author = self.source.as_ref().and_then(|source| source.author.as_ref());
        let is_customer = |author: &&Author<'_>| matches!(author.kind.get(), Some("user" | "lead" | "contact"));
        Some(Person::new(contact, author.filter(is_customer).and_then(|author| author.email.get())))
    }

    fn foreign_ids<'b>(&'b self, person: Option<&'b Person<'b>>) -> ForeignIds<'b> {
        let company = self.company.iter().flat_map(Company::foreign_ids);
        company.chain(person.into_iter().flat_map(Person::foreign_ids)).collect()
    }
}

pub(super) fn put_state(notice: &Notice<'_>, scene: &HookScene<'_>, outlet: &mut Outlet) -> Result<Use, Trouble> {
    let conversation: Conversation<'_> = serde_json::from_str(notice.item)?;
    let person = conversation.person();
    let ticket = Ticket {
        id: conversation.id()?,
        status: status(notice.topic, &conversation)?,
        priority: match conversation.priority.get() {
            Some("priority") => Some("high"),
            Some("not_priority") => Some("normal"),
            _ => None,
        },
        version: conversation.updated_at.get().and_then(parse_ms).unwrap_or(notice.at),
        created_at: conversation.created_at.get().and_then(parse_ms),
        replied_at: (notice.topic == "conversation.admin.replied").then_some(notice.at),
        subject: conversation.title.get().or(conversation.source.as_ref().and_then(|source| source.subject.get())),
        requester: person.as_ref().and_then(Person::respondent),
    };
    put(notice.event(Kind::Support, Payload::Ticket(ticket)), &conversation, person.as_ref(), scene, outlet)
}

pub(super) fn put_rating(notice: &Notice<'_>, scene: &HookScene<'_>, outlet: &mut Outlet) -> Result<Use, Trouble> {
    let conversation: Conversation<'_> = serde_json::from_str(notice.item)?;
    let person = conversation.person();
    let rating = conversation.conversation_rating.as_ref();
    let rating = rating.ok_or_else(|| Bad::new(Reason::BadPayload, "the conversation has no conversation_rating"))?;
    let rated_at = rating.created_at.get().and_then(parse_ms).unwrap_or(notice.at);
    let respondent = person.as_ref().and_then(Person::respondent);
    let answer = Answer {
        id: conversation.id()?,
        survey: Survey::Csat,
        score: answer::score(Survey::Csat, &rating.rating)?,
        respondent: respondent.ok_or_else(|| Bad::new(Reason::NoCustomer, "the rating is nobody's"))?,
        comment: rating.remark.get(),
        version: rated_at,
    };
    let event = HookEvent { occurred_at: rated_at, ..notice.event(Kind::Survey, Payload::Answer(answer)) };
    put(event, &conversation, person.as_ref(), scene, outlet)?;
    // It carries the conversation as it stands, too.
    put_state(&Notice { id: &format!("{}#conversation", notice.id), ..*notice }, scene, outlet)
}

fn put<'a>(
    event: HookEvent<'a>,
    conversation: &'a Conversation<'a>,
    person: Option<&'a Person<'a>>,
    scene: &'a HookScene<'_>,
    outlet: &mut Outlet,
) -> Result<Use, Trouble> {
    let company = conversation.company.as_ref().and_then(|company| account(&company.custom_attributes));
    let event = HookEvent {
        account_id: account(&conversation.custom_attributes).or(company),
        foreign_ids: conversation.foreign_ids(person),
        user_id: person.and_then(Person::user_id),
        ..event
    };
    scene.put(event, outlet)?;
    Ok(Use::Used)
}

/// The status in our words.
fn status(topic: &str, conversation: &Conversation<'_>) -> Result<&'static str, Bad> {
    if topic == "conversation.deleted" {
        return Ok("deleted");
    }
    match (conversation.state.get(), conversation.open) {
        (Some("open"), _) | (None, Some(true)) => Ok("open"),
        (Some("closed"), _) | (None, Some(false)) => Ok("closed"),
        (Some("snoozed"), _) => Ok("hold"),
        (state, _) => Err(unknown("a state", state.unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_s_state_is_said_in_our_words() {
        for (topic, json, expected) in [
            ("conversation.user.created", r#"{"state":"open","open":true}"#, Some("open")),
            ("conversation.admin.closed", r#"{"state":"closed","open":false}"#, Some("closed")),
            ("conversation.admin.snoozed", r#"{"state":"snoozed","open":true}"#, Some("hold")),
            ("conversation.admin.opened", r#"{"open":true}"#, Some("open")),
            ("conversation.admin.closed", r#"{"open":false}"#, Some("closed")),
            ("conversation.deleted", r#"{"conversation_id":"1"}"#, Some("deleted")),
            ("conversation.admin.closed", r#"{"state":"melted"}"#, None),
            ("conversation.admin.closed", "{}", None),
        ] {
            assert_eq!(status(topic, &serde_json::from_str(json).unwrap()).ok(), expected, "{topic} {json}");
        }
    }
}
