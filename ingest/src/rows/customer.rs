//! Whose row it is: the account that it names, else its foreign ids.
use super::row::Row;
use super::scene::{EMAIL_DOMAIN, USER};
use crate::bad::{Bad, Reason};
use c360_schemas::ForeignId;
use smallvec::SmallVec;
use std::borrow::Cow;

/// Fields that say what the customer is called elsewhere; each is named as its kind of link.
pub(super) const COMPANIES: [&str; 6] =
    ["stripe_customer", "zendesk_organization", "intercom_company", "hubspot_company", "chargebee_customer", "freshdesk_company"];

/// The customer of a row.
pub(super) struct Customer<'a> {
    pub(super) account_id: Option<Cow<'a, str>>,
    companies: SmallVec<[(&'static str, Cow<'a, str>); 2]>,
    person: Option<Cow<'a, str>>,
}

impl<'a> Customer<'a> {
    /// Reads it; `person` stands in where the row names no company.
    pub(super) fn of(row: &Row<'a>, person: Option<Cow<'a, str>>) -> Result<Self, Bad> {
        let mut companies = SmallVec::new();
        for kind in COMPANIES {
            if row.kind.field(kind).is_some()
                && let Some(id) = row.id(kind)?
            {
                companies.push((kind, id));
            }
        }
        let customer = Self { account_id: row.account_id()?, companies, person };
        if customer.account_id.is_none() && customer.companies.is_empty() && customer.person.is_none() {
            return Err(Bad::new(
                Reason::NoCustomer,
                "the row names no customer: it needs an account_id, or the customer's id in another tool",
            ));
        }
        Ok(customer)
    }

    /// Its foreign ids, in the order in which they are tried.
    pub(super) fn foreign_ids(&self) -> SmallVec<[ForeignId<'_>; 2]> {
        let companies = self.companies.iter().map(|(kind, id)| ForeignId { kind, id });
        let person = self.person.as_deref().filter(|_| self.companies.is_empty());
        let domain = person.and_then(domain_of);
        companies
            .chain(person.map(|id| ForeignId { kind: USER, id }))
            .chain(domain.map(|id| ForeignId { kind: EMAIL_DOMAIN, id }))
            .collect()
    }
}

/// The domain of an e-mail address.
fn domain_of(email: &str) -> Option<&str> {
    email.rsplit_once('@').map(|(_, domain)| domain).filter(|domain| !domain.is_empty())
}
