//! What a file of rows is about, and which of its fields there must be.

/// Kinds of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RowKind {
    /// Track, page and screen events.
    Usage,
    /// Customers, as a CRM exports them: owner, contract, seats.
    Accounts,
    /// The people of customers, with their roles.
    Users,
    Subscriptions,
    Tickets,
    /// Survey answers.
    Answers,
    /// What customers bought the product for, what they were promised, what came of it.
    Plans,
}

impl RowKind {
    pub const ALL: [RowKind; 7] =
        [RowKind::Usage, RowKind::Accounts, RowKind::Users, RowKind::Subscriptions, RowKind::Tickets, RowKind::Answers, RowKind::Plans];

    /// Its name in commands and requests.
    pub const fn as_str(self) -> &'static str {
        match self {
            RowKind::Usage => "usage",
            RowKind::Accounts => "accounts",
            RowKind::Users => "users",
            RowKind::Subscriptions => "subscriptions",
            RowKind::Tickets => "tickets",
            RowKind::Answers => "answers",
            RowKind::Plans => "plans",
        }
    }

    /// The kind of a name, also by what other tools call it.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "usage" | "events" => RowKind::Usage,
            "accounts" | "companies" | "customers" => RowKind::Accounts,
            "users" | "contacts" => RowKind::Users,
            "subscriptions" => RowKind::Subscriptions,
            "tickets" | "cases" => RowKind::Tickets,
            "answers" | "surveys" => RowKind::Answers,
            "plans" | "goals" | "promises" => RowKind::Plans,
            _ => return None,
        })
    }

    /// Of each group a row needs at least one field.
    pub const fn needs(self) -> &'static [&'static [&'static str]] {
        const CUSTOMER: &[&str] = &[
            "account_id",
            "stripe_customer",
            "zendesk_organization",
            "intercom_company",
            "hubspot_company",
            "chargebee_customer",
            "freshdesk_company",
        ];
        match self {
            RowKind::Usage => &[&["event"], &["timestamp"], &["user_id", "anonymous_id", "account_id"]],
            RowKind::Accounts => &[&["account_id"]],
            RowKind::Users => &[&["user_id", "email"]],
            RowKind::Subscriptions => &[&["subscription_id"], &["status"], CUSTOMER],
            RowKind::Tickets => &[
                &["ticket_id"],
                &["status"],
                &["account_id", "zendesk_organization", "intercom_company", "hubspot_company", "freshdesk_company", "requester"],
            ],
            RowKind::Answers => &[&["score"], &["answered_at"], &["user_id", "email", "account_id"]],
            RowKind::Plans => &[&["account_id"], &["item"], &["item_id"], &["title"]],
        }
    }
}
