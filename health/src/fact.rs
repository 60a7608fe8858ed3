//! The facts of a customer that rules can speak of: those of the 360-degree view, by the path that they have there.

/// Which kind of events a fact comes from; a receipt names the event behind a change where they agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Usage,
    Billing,
    Support,
    Survey,
    People,
    Lifecycle,
}

impl Family {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Billing => "billing",
            Self::Support => "support",
            Self::Survey => "survey",
            Self::People => "people",
            Self::Lifecycle => "lifecycle",
        }
    }
}

/// What a fact is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Count,
    Days,
    Seconds,
    /// 1 is all.
    Share,
    /// Against what was: 0 is the same, -1 is nothing any more.
    Change,
    /// Minor units of the customer's main currency.
    Money,
    /// From -100 to 100.
    Points,
    /// true or false; 1 or 0 where it is measured.
    YesNo,
}

impl Unit {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Days => "days",
            Self::Seconds => "seconds",
            Self::Share => "share",
            Self::Change => "change",
            Self::Money => "minor units",
            Self::Points => "points",
            Self::YesNo => "true or false",
        }
    }
}

macro_rules! facts {
    ($($id:ident $name:literal $family:ident $unit:ident $doc:literal,)*) => {
        /// A fact with a name of its own.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Fact { $(#[doc = $doc] $id,)* }

        impl Fact {
            pub const ALL: &'static [Fact] = &[$(Fact::$id,)*];

            /// As rules write it: the fact's path in the view.
            pub const fn name(self) -> &'static str {
                match self { $(Fact::$id => $name,)* }
            }

            pub const fn family(self) -> Family {
                match self { $(Fact::$id => Family::$family,)* }
            }

            pub const fn unit(self) -> Unit {
                match self { $(Fact::$id => Unit::$unit,)* }
            }

            /// What it is, in a sentence.
            pub const fn about(self) -> &'static str {
                match self { $(Fact::$id => $doc,)* }
            }
        }
    };
}

facts! {
    SilentDays "usage.silent_days" Usage Days "Days since the last use of the product.",
    Silent "usage.silent" Usage YesNo "Silent for two weeks at least, and for twice the longest pause that the customer made before.",
    Events7d "usage.events.7d" Usage Count "Usage events of the last 7 days.",
    Events28d "usage.events.28d" Usage Count "Usage events of the last 28 days.",
    ActiveUsers7d "usage.active_users.7d" Usage Count "People who used the product in the last 7 days.",
    ActiveUsers28d "usage.active_users.28d" Usage Count "People who used the product in the last 28 days.",
    Stickiness "usage.stickiness" Usage Share "Mean daily active users of 28 days for each monthly active one.",
    SeatUse "usage.seat_use" Usage Share "Active users of 28 days for each purchased seat.",
    Breadth "usage.breadth" Usage Share "Features used in 28 days, of those that the customer is entitled to.",
    Depth "usage.depth" Usage Count "Key actions for each day of an active user, over 28 days.",
    DepthChange "usage.depth_change" Usage Change "Depth of 28 days against that of the 56 before.",
    EventsTrend "usage.trend.events" Usage Change "Events of the last 7 whole days against the mean week of the 28 before.",
    ActiveUsersTrend "usage.trend.active_users" Usage Change "Daily users of the last 7 whole days against the mean week of the 21 before.",
    PastDueDays "billing.past_due_days" Billing Days "Days since the oldest unpaid invoice was due.",
    FailedTries "billing.failed_tries" Billing Count "Failed tries to collect unpaid invoices.",
    PaymentGivenUp "billing.payment_given_up" Billing YesNo "The last try to collect an invoice failed, or three did.",
    CancellationScheduled "billing.cancellation_scheduled" Billing YesNo "Some live subscription is going to end.",
    MostCancelled "billing.most_is_cancelled" Billing YesNo "What stays after the scheduled cancellations is less than half of the revenue.",
    Churned "billing.churned" Billing YesNo "The last subscription has ended.",
    Mrr "billing.mrr" Billing Money "Monthly recurring revenue.",
    MrrTrend "billing.mrr_trend" Billing Change "MRR against its peak of the last 90 days.",
    DaysToRenewal "billing.days_to_renewal" Billing Days "Days until the next term of 180 days or longer ends.",
    OpenTickets "support.open" Support Count "Tickets that are new, open, pending or on hold.",
    UrgentTickets "support.urgent_open" Support Count "Open tickets of the highest priority.",
    OldestTicketDays "support.oldest_open_days" Support Days "Age of the oldest open ticket; 0 where none is open.",
    OpenedTickets "support.opened_28d" Support Count "Tickets opened in the last 28 days.",
    ReopenedTickets "support.reopened_28d" Support Count "Tickets opened again in the last 28 days.",
    EscalatedTickets "support.escalated_28d" Support Count "Tickets escalated in the last 28 days.",
    FirstReply "support.first_reply_s_median" Support Seconds "Median time to the first reply, over 90 days.",
    Resolution "support.resolution_s_median" Support Seconds "Median time to resolution, over 90 days.",
    Nps "surveys.nps" Survey Points "Promoters less detractors in points, over 90 days; here a single answer counts.",
    Csat "surveys.csat" Survey Share "Share of 4s and 5s, over 90 days.",
    Promoters "surveys.promoters" Survey Count "People whose latest NPS answer of 90 days is 9 or 10.",
    Detractors "surveys.detractors" Survey Count "People whose latest NPS answer of 90 days is 6 or less.",
    Champions "people.champions" People Count "People there who speak for the product.",
    ChampionsGone "people.champions_gone" People Count "Champions who have left.",
    DaysSinceDelivery "lifecycle.days_since_delivery" Lifecycle Days "Whole days since the product was delivered.",
}

/// A fact as rules name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FactRef {
    Known(Fact),
    /// `feature:NAME`: uses of one feature (an event's name) in the last 28 days.
    Feature(String),
}

impl FactRef {
    /// What a fact's name begins with where it is a feature's.
    pub const FEATURE: &'static str = "feature:";

    pub fn parse(name: &str) -> Option<Self> {
        match name.strip_prefix(Self::FEATURE) {
            Some(feature) => (!feature.is_empty()).then(|| Self::Feature(feature.to_owned())),
            None => Fact::ALL.iter().find(|fact| fact.name() == name).map(|fact| Self::Known(*fact)),
        }
    }

    pub fn name(&self) -> String {
        match self {
            Self::Known(fact) => fact.name().to_owned(),
            Self::Feature(name) => format!("{}{name}", Self::FEATURE),
        }
    }

    pub fn family(&self) -> Family {
        match self {
            Self::Known(fact) => fact.family(),
            Self::Feature(_) => Family::Usage,
        }
    }

    pub fn unit(&self) -> Unit {
        match self {
            Self::Known(fact) => fact.unit(),
            Self::Feature(_) => Unit::Count,
        }
    }
}
