//! Intercom's JSON, as much of it as we read. Times come in seconds or as text, by the version of the API; ids as strings or as numbers.
use crate::ids::{ForeignIds, USER, person_ids};
use crate::lenient::Text;
use c360_schemas::ForeignId;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

const COMPANY: &str = "intercom_company";

/// What is posted.
#[derive(Debug, Deserialize)]
pub(super) struct Notification<'a> {
    #[serde(borrow)]
    pub(super) topic: Cow<'a, str>,
    /// Null in a ping.
    #[serde(borrow, default)]
    pub(super) id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) created_at: Text<'a>,
    #[serde(borrow)]
    pub(super) data: Data<'a>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Data<'a> {
    #[serde(borrow)]
    pub(super) item: &'a RawValue,
}

/// A person; in a conversation with fewer fields.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Contact<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    /// The id that the product gave.
    #[serde(borrow)]
    pub(super) external_id: Text<'a>,
    /// The same before 2.0.
    #[serde(borrow)]
    pub(super) user_id: Text<'a>,
    /// user or lead.
    #[serde(borrow)]
    pub(super) role: Text<'a>,
    #[serde(borrow)]
    pub(super) email: Text<'a>,
    #[serde(borrow)]
    pub(super) name: Text<'a>,
    #[serde(borrow)]
    pub(super) updated_at: Text<'a>,
    #[serde(borrow)]
    pub(super) companies: Option<List<Company<'a>>>,
    #[serde(borrow)]
    pub(super) custom_attributes: Option<Attributes<'a>>,
}

/// A list object; before 2.0 the name of its field varied.
#[derive(Debug, Deserialize)]
pub(super) struct List<T> {
    #[serde(alias = "contacts", alias = "companies", default = "Vec::new")]
    pub(super) data: Vec<T>,
}

/// A company; in a contact with its id alone.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Company<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    /// The id that the product gave.
    #[serde(borrow)]
    pub(super) company_id: Text<'a>,
    #[serde(borrow)]
    pub(super) name: Text<'a>,
    #[serde(borrow)]
    pub(super) plan: Option<Plan<'a>>,
    /// When it was made in the product.
    #[serde(borrow)]
    pub(super) remote_created_at: Text<'a>,
    #[serde(borrow)]
    pub(super) updated_at: Text<'a>,
    #[serde(borrow)]
    pub(super) custom_attributes: Option<Attributes<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Plan<'a> {
    #[serde(borrow)]
    pub(super) name: Text<'a>,
}

/// What the workspace noted on a contact or a company, as far as it is ours.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Attributes<'a> {
    #[serde(borrow)]
    pub(super) account_id: Text<'a>,
    #[serde(borrow, alias = "role", alias = "title")]
    pub(super) job_title: Text<'a>,
    #[serde(borrow)]
    pub(super) seats: Text<'a>,
}

/// The account of ours that attributes name.
pub(super) fn account<'a>(attributes: &'a Option<Attributes<'_>>) -> Option<&'a str> {
    attributes.as_ref()?.account_id.get()
}

impl Company<'_> {
    /// By Intercom's id and by the product's: either may be linked.
    pub(super) fn foreign_ids(&self) -> impl Iterator<Item = ForeignId<'_>> {
        [&self.id, &self.company_id].into_iter().filter_map(|id| Some(ForeignId { kind: COMPANY, id: id.get()? }))
    }
}

/// A contact in our words: who it is, and which ids are tried to find its account.
pub(super) struct Person<'a> {
    pub(super) contact: &'a Contact<'a>,
    email: Option<&'a str>,
    /// For whom neither the product nor an e-mail names.
    made_up: Option<String>,
}

impl<'a> Person<'a> {
    pub(super) fn new(contact: &'a Contact<'a>, email: Option<&'a str>) -> Self {
        let made_up = contact.id.get().map(|id| format!("intercom:{id}"));
        Self { contact, email: contact.email.get().or(email), made_up }
    }

    /// The product's id, else one made of Intercom's.
    pub(super) fn user_id(&self) -> Option<&str> {
        self.contact.external_id.get().or(self.contact.user_id.get()).or(self.made_up.as_deref())
    }

    /// The same, but for an e-mail before an id that only Intercom knows.
    pub(super) fn respondent(&self) -> Option<&str> {
        self.known().or(self.email).or(self.made_up.as_deref())
    }

    /// Those of the company first.
    pub(super) fn foreign_ids(&self) -> ForeignIds<'_> {
        let companies = self.contact.companies.iter().flat_map(|list| &list.data).take(1).flat_map(Company::foreign_ids);
        let mut ids: ForeignIds<'_> = companies.collect();
        let person = person_ids(self.known(), self.email);
        if person.is_empty() {
            ids.extend(self.made_up.as_deref().map(|id| ForeignId { kind: USER, id }));
        }
        ids.extend(person);
        ids
    }

    fn known(&self) -> Option<&str> {
        self.contact.external_id.get().or(self.contact.user_id.get())
    }
}
