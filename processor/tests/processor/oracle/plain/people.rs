//! Who did what, and who is who.
use super::super::history::{AUTOMATION, Fact, Sent};
use super::{day, text};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn automated(user: Option<usize>) -> bool {
    user.is_some_and(|user| Fact::user(user).starts_with(AUTOMATION.trim_end_matches('*')))
}

/// Who turned out to be whom, in the order of arrival.
pub(super) struct People {
    ties: BTreeMap<usize, usize>,
}

impl People {
    pub(super) fn of(told: &[(i64, &Sent)]) -> Self {
        let mut ties = BTreeMap::new();
        for (_, one) in told {
            if let Fact::Usage { user: Some(user), anonymous: Some(anonymous), .. }
            | Fact::Identify { user, anonymous: Some(anonymous), .. } = one.fact
                && !automated(Some(user))
            {
                ties.entry(anonymous).or_insert(user);
            }
        }
        Self { ties }
    }

    /// Who made a usage event: a user's name, or an anonymous one's.
    pub(super) fn who(&self, user: Option<usize>, anonymous: Option<usize>) -> Option<String> {
        match (user, anonymous) {
            (user, _) if automated(user) => None,
            (Some(user), _) => Some(Fact::user(user).into()),
            (None, Some(anonymous)) => {
                Some(self.ties.get(&anonymous).map_or_else(|| format!("?{anonymous}"), |user| Fact::user(*user).into()))
            }
            (None, None) => None,
        }
    }

    pub(super) fn view(&self, told: &[(i64, &Sent)], now: i64) -> Value {
        let mut contacts: Vec<(bool, Option<i64>, Value, bool, bool, String)> = Vec::new();
        let ids: BTreeSet<usize> = told
            .iter()
            .filter_map(|(_, s)| if let Fact::Identify { user, role: Some(_), .. } = s.fact { Some(user) } else { None })
            .collect();
        for user in ids.into_iter().collect::<BTreeSet<_>>() {
            let name = Fact::user(user);
            // The newest word holds; of two said at once the greater.
            let words: Vec<(i64, &str)> = told
                .iter()
                .filter_map(|(at, s)| match s.fact {
                    Fact::Identify { user: of, role: Some(role), .. } if of == user => Some((*at, Fact::role(role))),
                    _ => None,
                })
                .collect();
            let role = words.iter().filter(|(_, role)| *role != "left").max().map(|(_, role)| *role);
            let left =
                words.iter().map(|(at, role)| (*at, if *role == "left" { *at } else { 0 })).max().map(|(_, at)| at).filter(|at| *at != 0);
            let seen = told
                .iter()
                .filter_map(|(at, s)| match s.fact {
                    Fact::Usage { user, anonymous, .. } if self.who(user, anonymous).as_deref() == Some(name) => Some(*at),
                    _ => None,
                })
                .max();
            let key = left.is_none() && role.is_some_and(|role| role != "user");
            let quiet = seen.map(|at| (day(now) - day(at)).max(0));
            let value = json!({"id": name, "name": null, "email": null, "role": role, "last_seen_at": seen.map(text), "quiet_days": quiet, "left_at": left.map(text)});
            contacts.push((!key, seen, value, role == Some("champion"), left.is_some(), name.into()));
        }
        contacts.sort_by(|a, b| a.5.cmp(&b.5));
        let quiet: Vec<&String> =
            contacts.iter().filter(|c| c.3 && !c.4 && c.1.is_some_and(|at| day(now) - day(at) >= 14)).map(|c| &c.5).collect();
        let left: Vec<&String> = contacts.iter().filter(|c| c.3 && c.4).map(|c| &c.5).collect();
        let champions = json!({"known": contacts.iter().filter(|c| c.3 && !c.4).count(), "quiet": quiet, "left": left});
        let mut shown: Vec<_> = contacts.iter().collect();
        shown.sort_by_key(|c| (c.0, std::cmp::Reverse(c.1)));
        json!({"known": contacts.len(), "contacts": shown.into_iter().map(|c| c.2.clone()).collect::<Vec<_>>(), "champions": champions})
    }
}
