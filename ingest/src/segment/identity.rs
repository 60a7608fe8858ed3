//! What identify and group calls say of users and accounts.
use super::call::object;
use crate::bad::{Bad, Reason};
use crate::lenient::{Fields, Lenient, Text, skip};
use crate::time::parse_ms;
use c360_schemas::{AccountTraits, UserTraits};
use serde::de::MapAccess;
use serde_json::value::RawValue;

/// Traits of an account, as they stand in the call.
#[derive(Debug, Default)]
pub(crate) struct AccountFields<'a> {
    name: Text<'a>,
    owner: Person<'a>,
    created_at: Text<'a>,
    delivered_at: Text<'a>,
    plan: Text<'a>,
    seats: Text<'a>,
}

/// An owner: a name, an e-mail, or an object with both.
#[derive(Debug, Default)]
struct Person<'a> {
    name: Text<'a>,
    email: Text<'a>,
}

/// Traits of a user, as they stand in the call.
#[derive(Debug, Default)]
pub(crate) struct UserFields<'a> {
    name: Text<'a>,
    first: Text<'a>,
    last: Text<'a>,
    pub(crate) email: Text<'a>,
    role: Text<'a>,
}

impl<'de> Fields<'de> for AccountFields<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "name" => self.name = map.next_value()?,
            "owner" | "csm" => self.owner = map.next_value::<Lenient<Person<'de>>>()?.0,
            "owner_name" | "ownerName" => self.owner.name = map.next_value()?,
            "owner_email" | "ownerEmail" => self.owner.email = map.next_value()?,
            "created_at" | "createdAt" => self.created_at = map.next_value()?,
            "delivered_at" | "deliveredAt" => self.delivered_at = map.next_value()?,
            "plan" => self.plan = map.next_value()?,
            "seats" => self.seats = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Fields<'de> for Person<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "name" => self.name = map.next_value()?,
            "email" => self.email = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }

    fn not_an_object(&mut self, scalar: Text<'de>) {
        if scalar.get().is_some_and(|text| text.contains('@')) {
            self.email = scalar;
        } else {
            self.name = scalar;
        }
    }
}

impl<'de> Fields<'de> for UserFields<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "name" => self.name = map.next_value()?,
            "firstName" | "first_name" => self.first = map.next_value()?,
            "lastName" | "last_name" => self.last = map.next_value()?,
            "email" => self.email = map.next_value()?,
            "role" => self.role = map.next_value()?,
            // A role says more than a title, whichever comes first.
            "title" | "jobTitle" | "job_title" => {
                let title = map.next_value()?;
                if self.role.get().is_none() {
                    self.role = title;
                }
            }
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl AccountFields<'_> {
    pub(crate) fn traits(&self) -> AccountTraits<'_> {
        AccountTraits {
            name: self.name.get(),
            owner_name: self.owner.name.get(),
            owner_email: self.owner.email.get(),
            // A date that cannot be read says nothing: the rest of the traits is worth having.
            created_at: self.created_at.get().and_then(parse_ms),
            delivered_at: self.delivered_at.get().and_then(parse_ms),
            plan: self.plan.get(),
            seats: self.seats.integer().filter(|seats| *seats >= 0),
        }
    }
}

impl<'a> UserFields<'a> {
    /// The traits, those of the context where the call's own say nothing.
    pub(crate) fn or(self, context: Self) -> Self {
        let pick = |own: Text<'a>, context: Text<'a>| if own.get().is_some() { own } else { context };
        Self {
            name: pick(self.name, context.name),
            first: pick(self.first, context.first),
            last: pick(self.last, context.last),
            email: pick(self.email, context.email),
            role: pick(self.role, context.role),
        }
    }

    /// Name, or first and last name.
    pub(crate) fn full_name(&self) -> Option<String> {
        let joined = || [self.first.get(), self.last.get()].into_iter().flatten().collect::<Vec<_>>().join(" ");
        self.name.get().map(str::to_owned).or_else(|| Some(joined()).filter(|name| !name.is_empty()))
    }

    pub(crate) fn traits<'b>(&'b self, full_name: Option<&'b str>) -> UserTraits<'b> {
        UserTraits { name: full_name, email: self.email.get(), role: self.role.get() }
    }
}

/// Reads traits; none where there are none.
pub(crate) fn read<'a, T: Fields<'a>>(raw: Option<&'a RawValue>) -> Result<(T, Option<&'a str>), Bad> {
    let Some(text) = object(raw, Reason::BadTraits, "traits")? else { return Ok((T::default(), None)) };
    let Lenient(fields) =
        serde_json::from_str::<Lenient<T>>(text).map_err(|e| Bad::new(Reason::BadTraits, format!("the traits cannot be read: {e}")))?;
    Ok((fields, Some(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(json: &str) -> AccountFields<'_> {
        serde_json::from_str::<Lenient<AccountFields<'_>>>(json).unwrap().0
    }

    #[test]
    fn an_owner_is_read_in_each_of_its_shapes() {
        for (json, name, email) in [
            (r#"{"owner":"Ann"}"#, Some("Ann"), None),
            (r#"{"csm":"ann@x.io"}"#, None, Some("ann@x.io")),
            (r#"{"owner":{"name":"Ann","email":"ann@x.io","id":1}}"#, Some("Ann"), Some("ann@x.io")),
            (r#"{"owner_name":"Ann","ownerEmail":"ann@x.io"}"#, Some("Ann"), Some("ann@x.io")),
            (r#"{"owner":null}"#, None, None),
            (r#"{"owner":["x"]}"#, None, None),
        ] {
            let fields = account(json);
            assert_eq!((fields.traits().owner_name, fields.traits().owner_email), (name, email), "{json}");
        }
    }

    #[test]
    fn account_traits_are_read_and_what_cannot_be_read_says_nothing() {
        let fields =
            account(r#"{"name":"Acme","plan":"pro","seats":"12","createdAt":"2026-01-01","delivered_at":1767225600,"x":{"y":[]}}"#);
        let traits = fields.traits();
        assert_eq!((traits.name, traits.plan, traits.seats), (Some("Acme"), Some("pro"), Some(12)));
        assert_eq!((traits.created_at, traits.delivered_at), (Some(1_767_225_600_000), Some(1_767_225_600_000)));
        let odd = account(r#"{"name":7,"plan":true,"seats":-1,"createdAt":"soon"}"#);
        assert_eq!(odd.traits(), AccountTraits { name: Some("7"), ..AccountTraits::default() });
    }

    #[test]
    fn a_user_has_the_context_s_traits_where_its_own_say_nothing() {
        let read = |json| serde_json::from_str::<Lenient<UserFields<'_>>>(json).unwrap().0;
        let user = read(r#"{"firstName":"Ann","lastName":"Lee","title":"CTO"}"#).or(read(r#"{"email":"a@x.io","role":"admin"}"#));
        let name = user.full_name();
        assert_eq!(user.traits(name.as_deref()), UserTraits { name: Some("Ann Lee"), email: Some("a@x.io"), role: Some("CTO") });
    }
}
