//! The built-in scorecard: data only. Numbers of measures and caps stand in rows: append, never reorder.
use super::card::{Cap, Group, Measure};
use super::{conditions, measures};

/// Name of the card, as receipts and the history say it.
pub(crate) const CARD_ID: &str = "default";

impl Group {
    /// Weight of the group in the card. Usage alone makes half of it: enough to be known by, once there is a trend.
    pub(crate) const fn weight(self) -> i64 {
        match self {
            Group::Usage => 10,
            Group::Billing => 5,
            Group::Support => 3,
            Group::Survey => 2,
        }
    }

    /// What makes the weights of this group's measures parts of the whole card in whole numbers: 20 / their sum.
    const fn scale(self) -> i64 {
        match self {
            Group::Usage => 1,
            Group::Billing | Group::Support => 2,
            Group::Survey => 5,
        }
    }
}

impl Measure {
    /// Weight in the whole card.
    pub(crate) const fn card_weight(&self) -> i64 {
        self.group.weight() * self.weight * self.group.scale()
    }
}

pub(crate) const MEASURES: [Measure; 11] = [
    Measure {
        id: "last_seen",
        group: Group::Usage,
        weight: 7,
        red_milli: 14_000,
        green_milli: 4_000,
        value: measures::last_seen_days,
        complaint: "nobody has used the product for days",
    },
    Measure {
        id: "usage_trend",
        group: Group::Usage,
        weight: 7,
        red_milli: -600,
        green_milli: -150,
        value: measures::usage_trend,
        complaint: "usage is below its own baseline",
    },
    Measure {
        id: "active_users_trend",
        group: Group::Usage,
        weight: 6,
        red_milli: -600,
        green_milli: -150,
        value: measures::active_users_trend,
        complaint: "fewer people use the product than before",
    },
    Measure {
        id: "past_due",
        group: Group::Billing,
        weight: 4,
        red_milli: 15_000,
        green_milli: 0,
        value: measures::past_due_days,
        complaint: "an invoice is past due",
    },
    Measure {
        id: "payment_failures",
        group: Group::Billing,
        weight: 3,
        red_milli: 3_000,
        green_milli: 0,
        value: measures::payment_failures,
        complaint: "payments failed",
    },
    Measure {
        id: "mrr_trend",
        group: Group::Billing,
        weight: 3,
        red_milli: -500,
        green_milli: -20,
        value: measures::mrr_trend,
        complaint: "the customer pays less than before",
    },
    Measure {
        id: "oldest_open_ticket",
        group: Group::Support,
        weight: 5,
        red_milli: 21_000,
        green_milli: 3_000,
        value: measures::oldest_open_days,
        complaint: "a ticket has been open for long",
    },
    Measure {
        id: "open_tickets",
        group: Group::Support,
        weight: 3,
        red_milli: 8_000,
        green_milli: 1_000,
        value: measures::open_tickets,
        complaint: "tickets pile up",
    },
    Measure {
        id: "reopened_tickets",
        group: Group::Support,
        weight: 2,
        red_milli: 3_000,
        green_milli: 0,
        value: measures::reopened_tickets,
        complaint: "solved tickets were opened again",
    },
    Measure {
        id: "nps",
        group: Group::Survey,
        weight: 3,
        red_milli: -500,
        green_milli: 300,
        value: measures::nps,
        complaint: "people would not recommend the product",
    },
    Measure {
        id: "csat",
        group: Group::Survey,
        weight: 1,
        red_milli: 500,
        green_milli: 900,
        value: measures::csat,
        complaint: "people are not satisfied",
    },
];

pub(crate) const CAPS: [Cap; 5] = [
    Cap {
        id: "subscription_ended",
        group: Group::Billing,
        limit: 0,
        hard: true,
        holds: |hot, _| conditions::churned(hot),
        complaint: "the last subscription has ended",
    },
    Cap {
        id: "cancellation_scheduled",
        group: Group::Billing,
        limit: 20,
        hard: true,
        holds: |hot, _| conditions::most_is_cancelled(hot),
        complaint: "a cancellation is scheduled",
    },
    Cap {
        id: "payment_failed",
        group: Group::Billing,
        limit: 30,
        hard: true,
        holds: |hot, _| conditions::payment_given_up(hot),
        complaint: "the last payment try failed",
    },
    Cap {
        id: "past_due",
        group: Group::Billing,
        limit: 49,
        hard: false,
        holds: |hot, now| conditions::past_due_days(hot, now) > 15,
        complaint: "an invoice is more than 15 days past due",
    },
    Cap {
        id: "silent",
        group: Group::Usage,
        limit: 40,
        hard: false,
        holds: |hot, _| conditions::silent(hot),
        complaint: "the product has not been used for longer than ever before",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_of_measures_make_up_the_weight_of_their_group() {
        for group in Group::ALL {
            let of_group = MEASURES.iter().filter(|m| m.group == group);
            assert_eq!(of_group.map(Measure::card_weight).sum::<i64>(), group.weight() * 20, "{group:?}");
        }
    }
}
