//! HubSpot's JSON. Subscriptions come in two shapes: `company.propertyChange`, and `object.propertyChange` with an `objectTypeId`.
use crate::bad::{Bad, Reason};
use crate::lenient::Text;
use serde::Deserialize;
use std::borrow::Cow;

/// One event of the array.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Change<'a> {
    #[serde(borrow)]
    pub(super) subscription_type: Cow<'a, str>,
    #[serde(borrow, default)]
    event_id: Text<'a>,
    #[serde(borrow, default)]
    subscription_id: Text<'a>,
    #[serde(borrow, default)]
    portal_id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) object_id: Text<'a>,
    #[serde(borrow, default)]
    object_type_id: Text<'a>,
    /// In milliseconds.
    #[serde(borrow, default)]
    pub(super) occurred_at: Text<'a>,
    #[serde(borrow, default)]
    pub(super) property_name: Text<'a>,
    #[serde(borrow, default)]
    pub(super) property_value: Text<'a>,
    /// Of associations.
    #[serde(borrow, default)]
    pub(super) from_object_id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) to_object_id: Text<'a>,
    #[serde(borrow, default)]
    from_object_type_id: Text<'a>,
    #[serde(borrow, default)]
    to_object_type_id: Text<'a>,
    /// As `DEAL_TO_COMPANY`.
    #[serde(borrow, default)]
    association_type: Text<'a>,
    #[serde(default)]
    pub(super) association_removed: bool,
}

/// The objects that we use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ObjectType {
    Contact,
    Company,
    Deal,
    Ticket,
}

impl ObjectType {
    const ALL: [(ObjectType, &'static str, &'static str); 4] = [
        (ObjectType::Contact, "contact", "0-1"),
        (ObjectType::Company, "company", "0-2"),
        (ObjectType::Deal, "deal", "0-3"),
        (ObjectType::Ticket, "ticket", "0-5"),
    ];

    fn of(known: impl Fn(&str, &str) -> bool) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, name, id)| known(name, id)).map(|(object, ..)| object)
    }
}

impl Change<'_> {
    /// The object and what befell it; `None` where it is no object of ours.
    pub(super) fn what(&self) -> Option<(ObjectType, &str)> {
        let (prefix, action) = self.subscription_type.split_once('.')?;
        let type_id = self.object_type_id.get().or(self.from_object_type_id.get());
        let object = ObjectType::of(|name, id| if prefix == "object" { type_id == Some(id) } else { prefix == name })?;
        Some((object, action))
    }

    /// HubSpot does not promise that an `eventId` is unique: together with what it is about and when, it is.
    pub(super) fn message_id(&self) -> Result<String, Bad> {
        let event = self.event_id.get().ok_or_else(|| Bad::new(Reason::BadPayload, "the event has no eventId"))?;
        let rest = [&self.portal_id, &self.subscription_id, &self.object_id, &self.occurred_at].map(|text| text.get().unwrap_or_default());
        Ok(format!("{event}:{}", rest.join(":")))
    }

    /// The company at the other end of an association.
    pub(super) fn company_at_the_end(&self) -> Option<&str> {
        let to_company =
            self.to_object_type_id.get() == Some("0-2") || self.association_type.get().is_some_and(|name| name.ends_with("_TO_COMPANY"));
        self.to_object_id.get().filter(|_| to_company)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_shapes_of_a_subscription_say_which_object_it_is() {
        for (json, expected) in [
            (r#"{"subscriptionType":"company.propertyChange"}"#, Some((ObjectType::Company, "propertyChange"))),
            (r#"{"subscriptionType":"object.propertyChange","objectTypeId":"0-2"}"#, Some((ObjectType::Company, "propertyChange"))),
            (r#"{"subscriptionType":"object.creation","objectTypeId":"0-5"}"#, Some((ObjectType::Ticket, "creation"))),
            (r#"{"subscriptionType":"object.associationChange","fromObjectTypeId":"0-3"}"#, Some((ObjectType::Deal, "associationChange"))),
            (r#"{"subscriptionType":"object.creation","objectTypeId":"2-3451"}"#, None),
            (r#"{"subscriptionType":"object.creation"}"#, None),
            (r#"{"subscriptionType":"line_item.creation"}"#, None),
            (r#"{"subscriptionType":"x"}"#, None),
        ] {
            assert_eq!(serde_json::from_str::<Change<'_>>(json).unwrap().what(), expected, "{json}");
        }
    }
}
