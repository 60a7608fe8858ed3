//! Contacts and companies: what is told of users and accounts, and who belongs to whom.
use super::Notice;
use super::types::{Company, Contact, Person, account};
use crate::hooks::provider::{HookEvent, HookScene, Trouble, Use};
use crate::ids::USER;
use crate::lenient::Text;
use crate::outlet::Outlet;
use crate::time::parse_ms;
use c360_schemas::{AccountTraits, ForeignId, Kind, Link, Payload, Rank, UserTraits};
use serde::Deserialize;

/// `company.contact.attached` and `detached`.
#[derive(Debug, Deserialize)]
struct Membership<'a> {
    #[serde(borrow)]
    company: Company<'a>,
    #[serde(borrow)]
    contact: Contact<'a>,
}

pub(super) fn put_contact(notice: &Notice<'_>, scene: &HookScene<'_>, outlet: &mut Outlet) -> Result<Use, Trouble> {
    let contact: Contact<'_> = serde_json::from_str(notice.item)?;
    // A lead is nobody's customer yet.
    if contact.role.get() == Some("lead") {
        return Ok(Use::Unused);
    }
    let person = Person::new(&contact, None);
    let event = HookEvent {
        occurred_at: changed_at(&contact.updated_at, notice),
        account_id: account(&contact.custom_attributes),
        foreign_ids: person.foreign_ids(),
        user_id: person.user_id(),
        ..notice.event(Kind::Identity, Payload::User(user_traits(&contact)))
    };
    scene.put(event, outlet)?;
    Ok(Use::Used)
}

pub(super) fn put_company(notice: &Notice<'_>, scene: &HookScene<'_>, outlet: &mut Outlet) -> Result<Use, Trouble> {
    let company: Company<'_> = serde_json::from_str(notice.item)?;
    let traits = AccountTraits {
        name: company.name.get(),
        created_at: company.remote_created_at.get().and_then(parse_ms),
        plan: company.plan.as_ref().and_then(|plan| plan.name.get()),
        seats: company.custom_attributes.as_ref().and_then(|told| told.seats.integer()).filter(|seats| *seats >= 0),
        ..AccountTraits::default()
    };
    let event = HookEvent {
        occurred_at: changed_at(&company.updated_at, notice),
        account_id: account(&company.custom_attributes),
        foreign_ids: company.foreign_ids().collect(),
        ..notice.event(Kind::Identity, Payload::Account(traits))
    };
    scene.put(event, outlet)?;
    Ok(Use::Used)
}

/// The person is told to the company; where the company names an account of ours, the person is linked to it too.
pub(super) fn put_membership(notice: &Notice<'_>, scene: &HookScene<'_>, outlet: &mut Outlet) -> Result<Use, Trouble> {
    let membership: Membership<'_> = serde_json::from_str(notice.item)?;
    let (company, contact) = (&membership.company, &membership.contact);
    let person = Person::new(contact, None);
    let attached = notice.topic == "company.contact.attached";
    let named = account(&company.custom_attributes);
    let mut taken = Use::Unused;
    if attached {
        let event = HookEvent {
            account_id: named,
            foreign_ids: company.foreign_ids().collect(),
            user_id: person.user_id(),
            ..notice.event(Kind::Identity, Payload::User(user_traits(contact)))
        };
        scene.put(event, outlet)?;
        taken = Use::Used;
    }
    if let (Some(named), Some(id)) = (named, person.user_id()) {
        let message_id = format!("{}#link", notice.id);
        let link = Link { kind: USER, id, account_id: attached.then_some(named), rank: Rank::Group, at: notice.at };
        let foreign_ids = [ForeignId { kind: USER, id }].into_iter().collect();
        let event = HookEvent { message_id: &message_id, name: "link", foreign_ids, ..notice.event(Kind::Identity, Payload::Link(link)) };
        scene.put(event, outlet)?;
        taken = Use::Used;
    }
    Ok(taken)
}

fn user_traits<'a>(contact: &'a Contact<'_>) -> UserTraits<'a> {
    let role = contact.custom_attributes.as_ref().and_then(|told| told.job_title.get());
    UserTraits { name: contact.name.get(), email: contact.email.get(), role }
}

/// Traits that changed last hold, in whatever order they come.
fn changed_at(updated_at: &Text<'_>, notice: &Notice<'_>) -> i64 {
    updated_at.get().and_then(parse_ms).unwrap_or(notice.at)
}
