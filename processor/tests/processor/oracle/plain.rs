//! The facts of a customer, recomputed the slow and plain way from the list of what was told. Shares no code with the machines.
use super::history::{ACCOUNT, AUTOMATION, FEATURES, Fact, KEY_ACTION, Sent};
use crate::harness::{DAY, START};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const HOUR: i64 = 3_600_000;

fn day(ms: i64) -> i64 {
    ms.div_euclid(DAY)
}

fn text(ms: i64) -> Value {
    jiff::Timestamp::from_millisecond(ms).unwrap().to_string().into()
}

/// What counts of what was told, with the time that each fact has: the same id once within 7 days, nothing of the future.
fn counted(sent: &[Sent]) -> Vec<(i64, &Sent)> {
    let mut known: BTreeMap<usize, i64> = BTreeMap::new();
    let mut out = Vec::new();
    for one in sent {
        let today = day(one.now);
        if known.get(&one.id).is_some_and(|first| today - first <= 7) {
            continue;
        }
        known.insert(one.id, today);
        out.push((one.occurred_at.min(one.now), one));
    }
    out
}

/// All that is compared, as it has to stand in the view.
pub(crate) fn view(sent: &[Sent], now: i64) -> Value {
    let told = counted(sent);
    let people = People::of(&told);
    json!({
        "usage": usage(&told, &people, now),
        "billing": billing(&told, now),
        "support": support(&told, now),
        "surveys": surveys(&told, now),
        "people": people.view(&told, now),
        "lifecycle": lifecycle(&told, now),
    })
}

fn automated(user: Option<usize>) -> bool {
    user.is_some_and(|user| Fact::user(user).starts_with(AUTOMATION.trim_end_matches('*')))
}

/// Who turned out to be whom, in the order of arrival.
struct People {
    ties: BTreeMap<usize, usize>,
}

impl People {
    fn of(told: &[(i64, &Sent)]) -> Self {
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
    fn who(&self, user: Option<usize>, anonymous: Option<usize>) -> Option<String> {
        match (user, anonymous) {
            (user, _) if automated(user) => None,
            (Some(user), _) => Some(Fact::user(user).into()),
            (None, Some(anonymous)) => {
                Some(self.ties.get(&anonymous).map_or_else(|| format!("?{anonymous}"), |user| Fact::user(*user).into()))
            }
            (None, None) => None,
        }
    }

    fn view(&self, told: &[(i64, &Sent)], now: i64) -> Value {
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

/// A usage event.
struct Use {
    at: i64,
    who: Option<String>,
    feature: usize,
    automated: bool,
}

fn usage(told: &[(i64, &Sent)], people: &People, now: i64) -> Value {
    let uses: Vec<Use> = told
        .iter()
        .filter_map(|(at, s)| match s.fact {
            Fact::Usage { user, anonymous, feature } => Some(Use {
                at: *at,
                who: people.who(user, anonymous),
                feature,
                automated: automated(user) || (user.is_none() && anonymous.is_none()),
            }),
            _ => None,
        })
        .collect();
    let today = day(now);
    let within = |from: i64, to: i64| uses.iter().filter(move |u| (from..=to).contains(&day(u.at)));
    let events = |days: i64| within(today - days + 1, today).count();
    let users = |from: i64, to: i64| within(from, to).filter_map(|u| u.who.clone()).collect::<BTreeSet<_>>().len();
    let user_days = |from: i64, to: i64| (from..=to).map(|d| users(d, d)).sum::<usize>();
    let milli = |n: i64| n as f64 / 1000.0;
    let mau = users(today - 27, today);
    let key = |from: i64, to: i64| within(from, to).filter(|u| !u.automated && FEATURES[u.feature] == KEY_ACTION).count();
    let of_feature = |feature: usize, from: i64, to: i64| within(from, to).filter(|u| u.feature == feature).count();
    let ratio = |now: usize, before: usize| (before > 0).then(|| milli((now * 1000 / before) as i64 - 1000));
    let mut features = serde_json::Map::new();
    for (index, name) in FEATURES.iter().enumerate() {
        let of: Vec<i64> = uses.iter().filter(|u| u.feature == index).map(|u| u.at).collect();
        if let (Some(first), Some(last)) = (of.iter().min(), of.iter().max()) {
            let trend = ratio(of_feature(index, today - 13, today), of_feature(index, today - 27, today - 14));
            features.insert((*name).into(), json!({"first_used_at": text(*first), "last_used_at": text(*last), "28d": of_feature(index, today - 27, today), "trend": trend}));
        }
    }
    let mut monthly: BTreeMap<String, u64> = BTreeMap::new();
    for u in &uses {
        *monthly.entry(text(u.at).as_str().unwrap()[..7].into()).or_default() += 1;
    }
    let daily: Vec<Value> = (today - 27..=today)
        .filter(|d| within(*d, *d).count() > 0)
        .map(|d| json!([&text(d * DAY).as_str().unwrap()[..10], within(d, d).count(), users(d, d)]))
        .collect();
    let first = uses.iter().map(|u| day(u.at)).min();
    let last = uses.iter().map(|u| u.at).max();
    let trend = |weeks_max: i64, least: usize, count: &dyn Fn(i64, i64) -> usize| {
        let weeks = ((today - first? - 7) / 7).min(weeks_max);
        if today - first? < 14 || weeks < 1 {
            return None;
        }
        let (recent, before) = (count(today - 7, today - 1), count(today - 7 - 7 * weeks, today - 8));
        if before < least {
            return (recent == 0 && today - day(last?) > 7).then_some(-1.0);
        }
        Some(milli(((recent * weeks as usize * 1000 / before) as i64 - 1000).min(10_000)))
    };
    json!({
        "events": {"1d": events(1), "7d": events(7), "28d": events(28), "90d": events(90)},
        "active_users": {"1d": users(today, today), "7d": users(today - 6, today), "28d": mau},
        "stickiness": (mau > 0).then(|| milli((user_days(today - 27, today) * 1000 / (28 * mau)) as i64)),
        "last_seen_at": last.map(text),
        "breadth": {"used": (0..FEATURES.len()).filter(|f| of_feature(*f, today - 27, today) > 0).count(), "entitled": null, "share": null},
        "key_actions": [{"name": KEY_ACTION, "7d": of_feature(1, today - 6, today), "28d": of_feature(1, today - 27, today)}],
        "depth": {"per_user": (user_days(today - 27, today) > 0).then(|| milli((key(today - 27, today) * 1000 / user_days(today - 27, today)) as i64))},
        "automation": {"7d": within(today - 6, today).filter(|u| u.automated).count(), "28d": within(today - 27, today).filter(|u| u.automated).count()},
        "trend": {"events": trend(4, 5, &|from, to| within(from, to).count()), "active_users": trend(3, 3, &user_days)},
        "features": features,
        "daily": daily,
        "monthly": monthly.into_iter().map(|(month, n)| json!([month, n])).collect::<Vec<_>>(),
    })
}

/// A state of a subscription.
struct Step<'a> {
    version: i64,
    at: i64,
    fact: &'a Fact,
}

struct Sub<'a> {
    id: usize,
    steps: Vec<Step<'a>>,
}

/// Worth at one moment: a currency, and the amounts by product.
type Worth = (String, BTreeMap<String, i64>);

/// Status, items, what comes off, currency, start, end behind what was sent, reason.
type Parts<'a> =
    (&'static str, &'a [(usize, i64, i64, bool)], Option<(i64, Option<i64>)>, usize, Option<i64>, Option<i64>, Option<&'static str>);

impl Step<'_> {
    fn parts(&self) -> Parts<'_> {
        let Fact::Subscription { status, items, percent, currency, started, ended, reason, .. } = self.fact else {
            panic!("a subscription")
        };
        let status = Fact::status(*status);
        (status, items, *percent, *currency, started.map(|s| START + s), ended.filter(|_| status == "canceled"), Fact::reason(*reason))
    }

    fn pays(&self) -> bool {
        matches!(self.parts().0, "active" | "past_due")
    }

    fn begins(&self, first: bool, sent_at: i64) -> i64 {
        let (status, _, _, _, started, ended, _) = self.parts();
        if status == "canceled" {
            return ended.map_or(self.at, |ended| (sent_at + ended).min(self.at));
        }
        match started {
            Some(started) if first && self.pays() => started.min(self.at),
            _ => self.at,
        }
    }

    /// Twelfths of a minor unit before what comes off, by product.
    fn gross(&self) -> BTreeMap<String, i128> {
        let mut gross = BTreeMap::new();
        for (product, amount, quantity, yearly) in self.parts().1 {
            let twelfths = i128::from(amount * 1_000 * quantity) * if *yearly { 1 } else { 12 };
            *gross.entry(Fact::product(*product).unwrap_or_default().to_owned()).or_default() += twelfths;
        }
        gross
    }

    fn mrr(&self, at: i64) -> i64 {
        if !self.pays() {
            return 0;
        }
        let off = self.parts().2.filter(|(_, ends)| ends.is_none_or(|ends| START + ends > at)).map_or(0, |(percent, _)| percent);
        half_even(self.gross().values().sum::<i128>() * i128::from(100 - off), 1_200)
    }

    fn worth(&self, at: i64) -> Worth {
        let total = self.mrr(at);
        let whole: i128 = self.gross().values().sum();
        let (mut passed, mut given, mut out) = (0, 0, BTreeMap::new());
        for (product, part) in self.gross() {
            passed += part;
            let upto = if total == 0 { 0 } else { half_even(passed * i128::from(total), whole) };
            if upto > given {
                out.insert(product, upto - given);
            }
            given = upto;
        }
        (Fact::currency(self.parts().3).into(), out)
    }
}

fn half_even(num: i128, den: i128) -> i64 {
    let (whole, rest) = (num / den, num % den);
    (whole + i128::from(2 * rest > den || (2 * rest == den && whole % 2 == 1))) as i64
}

fn subscriptions<'a>(told: &[(i64, &'a Sent)]) -> Vec<(Sub<'a>, BTreeMap<i64, i64>)> {
    let mut subs: BTreeMap<usize, (Sub<'a>, BTreeMap<i64, i64>)> = BTreeMap::new();
    for (at, sent) in told {
        let Fact::Subscription { id, version, .. } = &sent.fact else { continue };
        let version = version * 1_000 + sent.id as i64;
        let (sub, sent_at) = subs.entry(*id).or_insert_with(|| (Sub { id: *id, steps: Vec::new() }, BTreeMap::new()));
        sent_at.insert(version, sent.occurred_at);
        match sub.steps.iter_mut().find(|step| step.version == version) {
            Some(step) => step.at = step.at.min(*at),
            None => sub.steps.push(Step { version, at: *at, fact: &sent.fact }),
        }
    }
    for (sub, _) in subs.values_mut() {
        sub.steps.sort_by_key(|step| step.version);
    }
    subs.into_values().collect()
}

fn movements(subs: &[(Sub<'_>, BTreeMap<i64, i64>)], now: i64) -> Vec<Value> {
    let begins =
        |sub: &Sub<'_>, sent_at: &BTreeMap<i64, i64>, index: usize| sub.steps[index].begins(index == 0, sent_at[&sub.steps[index].version]);
    let mut times = BTreeSet::new();
    for (sub, sent_at) in subs {
        for index in 0..sub.steps.len() {
            times.insert(begins(sub, sent_at, index));
            times.extend(sub.steps[index].parts().2.and_then(|(_, ends)| ends).map(|ends| START + ends));
        }
    }
    // The state at a moment is that of the highest version that has begun.
    let at = |(sub, sent_at): &(Sub<'_>, BTreeMap<i64, i64>), t: i64| (0..sub.steps.len()).rev().find(|i| begins(sub, sent_at, *i) <= t);
    let empty = || ("".to_owned(), BTreeMap::new());
    let mut current: Vec<Worth> = subs.iter().map(|_| empty()).collect();
    let mut changes: Vec<(i64, usize, Worth, bool)> = Vec::new();
    for t in times.into_iter().filter(|t| *t <= now) {
        for (index, sub) in subs.iter().enumerate() {
            let Some(step) = at(sub, t) else { continue };
            let worth = sub.0.steps[step].worth(t);
            let same = worth.1 == current[index].1 && (worth.1.is_empty() || worth.0 == current[index].0);
            if !same {
                let (status, .., reason) = sub.0.steps[step].parts();
                let owed = step > 0 && matches!(sub.0.steps[step - 1].parts().0, "past_due" | "unpaid");
                let unpaid = status == "unpaid" || reason == Some("payment_failed") || (status == "canceled" && owed);
                current[index] = worth.clone();
                changes.push((t, index, worth, unpaid));
            }
        }
    }
    let mut state: Vec<Worth> = subs.iter().map(|_| empty()).collect();
    let sums = |state: &[Worth]| {
        let mut sums: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
        for (currency, products) in state {
            for (product, mrr) in products {
                *sums.entry(currency.clone()).or_default().entry(product.clone()).or_default() += mrr;
            }
        }
        sums
    };
    let (mut out, mut paid_before, mut next) = (Vec::new(), false, 0);
    while next < changes.len() {
        let start = changes[next].0;
        let before = sums(&state);
        let (mut chosen, mut unpaid) = (0, 0);
        while next < changes.len() && changes[next].0 < start + HOUR {
            let (_, index, worth, by_dunning) = &changes[next];
            let was: i64 = state[*index].1.values().sum();
            if was > 0 && worth.1.is_empty() {
                *(if *by_dunning { &mut unpaid } else { &mut chosen }) += was;
            }
            state[*index] = worth.clone();
            next += 1;
        }
        let after = sums(&state);
        for currency in ["EUR", "USD"] {
            let of = |sums: &BTreeMap<String, BTreeMap<String, i64>>| sums.get(currency).cloned().unwrap_or_default();
            let (was, is) = (of(&before), of(&after));
            let (old, new): (i64, i64) = (was.values().sum(), is.values().sum());
            if old == new {
                continue;
            }
            let kind = if new > old {
                if !before.is_empty() {
                    "expansion"
                } else if paid_before {
                    "reactivation"
                } else {
                    "new"
                }
            } else if after.is_empty() {
                "churn"
            } else {
                "contraction"
            };
            let mut came: Vec<i64> = is.iter().filter(|(p, _)| !was.contains_key(*p)).map(|(_, mrr)| *mrr).collect();
            came.sort_unstable();
            let went = was.keys().filter(|p| !is.contains_key(*p)).count();
            let new_products: i64 = came[..came.len().saturating_sub(went)].iter().sum();
            let cross_sell = if kind == "expansion" { new_products.min(new - old) } else { 0 };
            out.push(json!({"at": text(start), "kind": kind, "amount": new - old, "currency": currency, "mrr": new, "cross_sell": cross_sell, "involuntary": kind == "churn" && unpaid > chosen}));
        }
        paid_before |= !after.is_empty();
    }
    out
}

fn billing(told: &[(i64, &Sent)], now: i64) -> Value {
    let subs = subscriptions(told);
    let mut by_currency: BTreeMap<&str, i64> = BTreeMap::new();
    let (mut live, mut ended) = (Vec::new(), Vec::new());
    for (sub, sent_at) in &subs {
        let newest = sub.steps.last().unwrap();
        let (status, _, _, currency, ..) = newest.parts();
        *by_currency.entry(Fact::currency(currency)).or_default() += newest.mrr(now);
        let badness = ["paused", "trialing", "active", "past_due", "unpaid"].iter().position(|s| *s == status);
        match badness {
            Some(badness) => live.push((badness, status)),
            None => ended.push((newest.parts().5.map(|ended| sent_at[&newest.version] + ended), sub.id, status)),
        }
    }
    let mrr = by_currency.iter().map(|(currency, mrr)| (*mrr, std::cmp::Reverse(*currency))).max();
    let invoices = invoices(told);
    let unpaid: Vec<&Invoice> = invoices.iter().filter(|i| !i.paid).collect();
    let tries: i64 = unpaid.iter().map(|i| i.told.max(i.tries)).sum();
    let due = unpaid.iter().map(|i| i.due).min();
    let movements = movements(&subs, now);
    let past_due = due.map_or(0, |due| (day(now) - day(due)).max(0));
    let lost = movements.last().is_some_and(|m| m["kind"] == "churn" && m["involuntary"] == true);
    let recovered = invoices.iter().filter(|i| i.told.max(i.tries) > 0).filter_map(|i| i.paid_at).max().filter(|at| *at > now - 28 * DAY);
    let state = if live.iter().any(|(_, status)| *status == "unpaid") {
        "unpaid"
    } else if tries > 0 || past_due > 0 {
        "past_due"
    } else if lost {
        "lost"
    } else if recovered.is_some() {
        "recovered"
    } else {
        "none"
    };
    json!({
        "mrr": mrr.map(|(amount, currency)| json!({"amount": amount, "currency": currency.0})),
        "by_currency": by_currency.iter().map(|(currency, amount)| json!({"amount": amount, "currency": currency})).collect::<Vec<_>>(),
        "status": live.iter().max().map(|(_, s)| *s).or_else(|| ended.iter().max().map(|(_, _, s)| *s)),
        "past_due_days": past_due,
        "failed_payments": tries,
        "dunning": {"state": state, "open_invoices": unpaid.len(), "amount_remaining": (!unpaid.is_empty()).then_some(100 * unpaid.len()), "tries": tries,
            "last_try_failed": unpaid.iter().any(|i| i.failed_last), "recovered_at": recovered.map(text)},
        "movements": movements,
    })
}

#[derive(Default)]
struct Invoice {
    version: i64,
    paid: bool,
    due: i64,
    told: i64,
    tries: i64,
    failed_version: i64,
    failed_last: bool,
    paid_at: Option<i64>,
}

fn invoices(told: &[(i64, &Sent)]) -> Vec<Invoice> {
    let mut all: BTreeMap<usize, Invoice> = BTreeMap::new();
    for (at, sent) in told {
        let Fact::Invoice { id, version, paid, failed, due } = &sent.fact else { continue };
        let version = version * 1_000 + sent.id as i64;
        let invoice = all.entry(*id).or_insert_with(|| Invoice { version: -1, failed_version: -1, ..Invoice::default() });
        if version > invoice.version {
            (invoice.version, invoice.paid, invoice.due) = (version, *paid, START + due);
        }
        if let Some((tries, last)) = failed {
            invoice.told += 1;
            invoice.tries = invoice.tries.max(*tries);
            if version > invoice.failed_version {
                (invoice.failed_version, invoice.failed_last) = (version, *last);
            }
        }
        if *paid {
            invoice.paid_at = invoice.paid_at.max(Some(*at));
        }
    }
    all.into_values().collect()
}

#[derive(Default)]
struct Ticket {
    created: i64,
    replied: Option<i64>,
    states: Vec<(i64, i64, usize)>,
    priorities: Vec<(i64, i64, usize)>,
}

fn support(told: &[(i64, &Sent)], now: i64) -> Value {
    let mut tickets: BTreeMap<usize, Ticket> = BTreeMap::new();
    for (at, sent) in told {
        let Fact::Ticket { id, version, status, priority, created, replied } = &sent.fact else { continue };
        let version = version * 1_000 + sent.id as i64;
        let ticket = tickets.entry(*id).or_insert_with(|| Ticket { created: i64::MAX, ..Ticket::default() });
        ticket.created = ticket.created.min(START + created);
        if *replied {
            ticket.replied = Some(ticket.replied.map_or(sent.occurred_at, |before| before.min(sent.occurred_at)));
        }
        ticket.states.push((version, *at, *status));
        if *priority > 0 {
            ticket.priorities.push((version, *at, *priority));
        }
    }
    let today = day(now);
    let is_open = |status: usize| ["new", "open", "pending"].contains(&Fact::ticket_status(status));
    let (mut open, mut by_priority, mut reopened, mut escalated, mut opened, mut unanswered) = (Vec::new(), [0; 5], 0, 0, 0, 0);
    let (mut replies, mut resolutions, mut waits) = (Vec::new(), Vec::new(), Vec::new());
    let (mut replies_of, mut resolutions_of): ([Vec<i64>; 5], [Vec<i64>; 5]) = Default::default();
    for ticket in tickets.values_mut() {
        ticket.states.sort_unstable();
        ticket.states.dedup();
        ticket.priorities.sort_unstable();
        ticket.priorities.reverse();
        ticket.priorities.dedup_by_key(|p| p.0);
        ticket.priorities.reverse();
        let last = ticket.states.last().unwrap().2;
        let deleted = Fact::ticket_status(last) == "deleted";
        let recent = |at: i64, days: i64| day(at) > today - days;
        reopened += ticket
            .states
            .windows(2)
            .filter(|w| !is_open(w[0].2) && Fact::ticket_status(w[0].2) != "deleted" && is_open(w[1].2) && recent(w[1].1, 28))
            .count();
        escalated += ticket.priorities.windows(2).filter(|w| w[1].2 >= 3 && w[1].2 > w[0].2 && recent(w[1].1, 28)).count();
        opened += usize::from(recent(ticket.created, 28));
        let reply = ticket.replied.map(|at| ((at - ticket.created) / 1000).max(0)).filter(|_| !deleted);
        let solved_at = ticket.states.iter().rev().take_while(|s| !is_open(s.2)).last().map(|s| s.1);
        let resolution = solved_at.map(|at| ((at - ticket.created) / 1000).max(0)).filter(|_| !deleted);
        if is_open(last) {
            open.push(ticket.created);
            by_priority[ticket.priorities.last().map_or(0, |p| p.2)] += 1;
            unanswered += usize::from(reply.is_none());
        }
        if recent(ticket.created, 90) {
            replies.extend(reply);
            resolutions.extend(resolution);
            let priority = ticket.priorities.last().map_or(0, |p| p.2);
            replies_of[priority].extend(reply);
            resolutions_of[priority].extend(resolution);
            if is_open(last) {
                waits.push((((today * DAY - ticket.created) / 1000).max(0), true));
            } else {
                waits.extend(resolution.map(|s| (s, false)));
            }
        }
    }
    let [none, low, normal, high, urgent] = by_priority;
    let medians = |of: [Vec<i64>; 5]| {
        let [none, low, normal, high, urgent] = of.map(median);
        let known = [none, low, normal, high, urgent].iter().any(Option::is_some);
        known.then(|| json!({"urgent": urgent, "high": high, "normal": normal, "low": low, "none": none}))
    };
    json!({
        "open": open.len(), "urgent_open": urgent,
        "by_priority": {"urgent": urgent, "high": high, "normal": normal, "low": low, "none": none},
        "unanswered": unanswered,
        "oldest_open_s": open.iter().min().map(|at| (now - at).max(0) / 1000),
        "backlog_age_s_median": median(open.clone()).map(|at| (now - at).max(0) / 1000),
        "opened_28d": opened, "reopened_28d": reopened, "escalated_28d": escalated,
        "first_reply_s_median": median(replies), "resolution_s_median": median(resolutions),
        "resolution_s_median_censored": censored(waits),
        "first_reply_s_median_by_priority": medians(replies_of), "resolution_s_median_by_priority": medians(resolutions_of),
    })
}

fn median(mut of: Vec<i64>) -> Option<i64> {
    of.sort_unstable();
    let n = of.len();
    match n {
        0 => None,
        _ if n % 2 == 1 => Some(of[n / 2]),
        _ => Some((of[n / 2 - 1] + of[n / 2]).div_euclid(2)),
    }
}

/// The first moment at which the product-limit estimate is at most a half.
fn censored(times: Vec<(i64, bool)>) -> Option<i64> {
    let ends: BTreeSet<i64> = times.iter().filter(|(_, open)| !open).map(|(at, _)| *at).collect();
    let mut rest = 1.0;
    for at in ends {
        let at_risk = times.iter().filter(|(t, _)| *t >= at).count();
        let ended = times.iter().filter(|(t, open)| *t == at && !open).count();
        rest *= 1.0 - ended as f64 / at_risk as f64;
        if rest <= 0.5 + 1e-9 {
            return Some(at);
        }
    }
    None
}

/// Time, version, id, score, and what tells its comment.
type Given = (i64, i64, String, i32, usize);
/// With the person, and whether it is of a CSAT.
type Line<'a> = (i64, &'static str, bool, &'a Given);

fn surveys(told: &[(i64, &Sent)], now: i64) -> Value {
    let mut newest: BTreeMap<(bool, usize), Given> = BTreeMap::new();
    for (at, sent) in told {
        let Fact::Answer { person, survey, score, version } = &sent.fact else { continue };
        let version = version * 1_000 + sent.id as i64;
        let answer = (*at, version, format!("{}-{}", sent.id, Fact::person(*person)), *score, sent.id);
        newest.entry((*survey, *person)).and_modify(|known| *known = known.clone().max(answer.clone())).or_insert(answer);
    }
    newest.retain(|_, a| day(a.0) > day(now) - 90);
    let of = |nps: bool, good: &dyn Fn(i32) -> bool| newest.iter().filter(|((survey, _), a)| *survey == nps && good(a.3)).count();
    let (promoters, passives, detractors) = (of(true, &|s| s >= 9), of(true, &|s| s == 7 || s == 8), of(true, &|s| s <= 6));
    let answers = promoters + passives + detractors;
    let balance = promoters as f64 - detractors as f64;
    let score = (answers >= 5).then(|| (100.0 * balance / answers as f64).round() as i64);
    let n = answers as f64 + 3.0;
    let (p, q) = ((promoters as f64 + 0.75) / n, (detractors as f64 + 0.75) / n);
    let half = 1.96 * ((p + q - (p - q) * (p - q)) / n).sqrt();
    let interval = score.map(|_| [p - q - half, p - q + half].map(|s| (100.0 * s).round().clamp(-100.0, 100.0) as i64));
    let csat = of(false, &|_| true);
    let mut shown: Vec<_> = newest.iter().map(|((survey, person), a)| (a.0, Fact::person(*person), !survey, a)).collect();
    shown.sort_by(|a, b| (b.0, b.1, b.2).cmp(&(a.0, a.1, a.2)));
    let one = |(at, person, csat, a): &Line<'_>| json!({"survey": if *csat { "csat" } else { "nps" }, "respondent": person, "score": a.3, "comment": format!("c{}", a.4), "at": text(*at)});
    json!({
        "nps": {"score": score, "interval": interval, "promoters": promoters, "passives": passives, "detractors": detractors},
        "csat": (csat > 0).then(|| (of(false, &|s| s >= 4) * 1000 / csat) as f64 / 1000.0),
        "answers": shown.iter().take(20).map(one).collect::<Vec<_>>(),
        "advocates": shown.iter().filter(|(_, _, csat, a)| !csat && a.3 >= 9).take(20).map(one).collect::<Vec<_>>(),
    })
}

fn lifecycle(told: &[(i64, &Sent)], now: i64) -> Value {
    let subs = subscriptions(told);
    if !subs.is_empty() && subs.iter().all(|(sub, _)| sub.steps.last().unwrap().parts().0 == "canceled") {
        return "churned".into();
    }
    let paid = subs
        .iter()
        .flat_map(|(sub, _)| &sub.steps)
        .filter(|s| s.pays() && s.mrr(i64::MIN) + s.mrr(i64::MAX) > 0)
        .filter_map(|s| s.parts().4)
        .min();
    let began = paid.or_else(|| told.iter().map(|(at, _)| *at).min());
    match began.map(|at| day(now) - day(at)) {
        Some(days) if days > 90 => "steady".into(),
        Some(days) if days > 30 => "stabilisation".into(),
        _ => "adoption".into(),
    }
}

/// Where `view` has what is not as the plain computation says.
pub(crate) fn differences(view: &Value, plain: &Value, path: &str, out: &mut Vec<String>) {
    match plain {
        Value::Object(fields) => {
            for (name, plain) in fields {
                differences(&view[name], plain, &format!("{path}/{name}"), out);
            }
        }
        // The view has all days of 90; users are known by the day for 28.
        Value::Array(items) if path == "/usage/daily" => {
            let all = view.as_array().cloned().unwrap_or_default();
            let newest = &all[all.len().saturating_sub(items.len())..];
            if newest != items.as_slice() {
                out.push(format!("{ACCOUNT}{path}: {} and not {plain}", Value::from(newest)));
            }
        }
        _ if view == plain || view.as_f64().zip(plain.as_f64()).is_some_and(|(a, b)| (a - b).abs() < 1e-9) => {}
        _ => out.push(format!("{ACCOUNT}{path}: {view} and not {plain}")),
    }
}
