//! The fields of each kind of row, by name, with what other tools call them. The import command maps columns by this table, and `docs/import.md` shows it; a test holds that it does.
use super::kind::RowKind;

/// How a field's text is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Id,
    Text,
    /// ISO 8601, or a number since 1970.
    Time,
    /// A decimal number in the currency's major unit.
    Money,
    Whole,
    /// A JSON object, kept as it is.
    Object,
}

/// One field.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    pub name: &'static str,
    pub shape: Shape,
    /// Other names of it, best first; compared without case, spaces and punctuation.
    pub synonyms: &'static [&'static str],
    /// What it is, for people.
    pub says: &'static str,
}

const fn field(name: &'static str, shape: Shape, synonyms: &'static [&'static str], says: &'static str) -> Field {
    Field { name, shape, synonyms, says }
}

const ACCOUNT: Field = field(
    "account_id",
    Shape::Id,
    &["account", "group_id", "context.groupId", "company_id", "customer_id", "salesforce_account_id", "client_id"],
    "the customer, by your own id of it",
);
const MESSAGE: Field =
    field("message_id", Shape::Id, &["event_id", "insert_id", "uuid"], "the row's own id, where the same was or will be sent by an sdk");
const UPDATED: Field = field(
    "updated_at",
    Shape::Time,
    &["last_modified_date", "last_modified", "modified_at", "modified_date", "system_modstamp", "last_updated", "updated"],
    "when this was so; a newer state is never overwritten by an older one",
);
const STRIPE: Field = field("stripe_customer", Shape::Id, &["stripe_customer_id", "stripe_id"], "the customer's id in stripe");
const ZENDESK: Field = field(
    "zendesk_organization",
    Shape::Id,
    &["zendesk_organization_id", "zendesk_org_id", "zendesk_id"],
    "the customer's organisation in zendesk",
);
const INTERCOM: Field = field("intercom_company", Shape::Id, &["intercom_company_id", "intercom_id"], "the customer's company in intercom");
const HUBSPOT: Field = field("hubspot_company", Shape::Id, &["hubspot_company_id", "hubspot_id"], "the customer's company in hubspot");
const CHARGEBEE: Field =
    field("chargebee_customer", Shape::Id, &["chargebee_customer_id", "chargebee_id"], "the customer's id in chargebee");
const FRESHDESK: Field =
    field("freshdesk_company", Shape::Id, &["freshdesk_company_id", "freshdesk_id"], "the customer's company in freshdesk");
const CURRENCY: Field = field("currency", Shape::Text, &["currency_code", "currency_iso_code"], "iso 4217: USD, EUR");
const MRR: Field = field("mrr", Shape::Money, &["monthly_recurring_revenue", "monthly_amount"], "recurring revenue of a month");
const ARR: Field = field(
    "arr",
    Shape::Money,
    &["annual_recurring_revenue", "acv", "annual_contract_value", "annual_amount"],
    "recurring revenue of a year",
);

const USAGE: &[Field] = &[
    field("event", Shape::Text, &["event_name", "event_type", "action", "activity"], "the name of what was done"),
    field(
        "timestamp",
        Shape::Time,
        &["original_timestamp", "occurred_at", "event_time", "time", "datetime", "date", "created_at"],
        "when it was done",
    ),
    field("user_id", Shape::Id, &["user", "uid", "distinct_id", "customer_user_id"], "who did it"),
    field("anonymous_id", Shape::Id, &["device_id"], "who did it, while not known"),
    ACCOUNT,
    MESSAGE,
    field("properties", Shape::Object, &["event_properties"], "whatever else there is to say, as a json object"),
];

const ACCOUNTS: &[Field] = &[
    Field { synonyms: &["account", "group_id", "company_id", "customer_id", "id", "record_id", "client_id"], ..ACCOUNT },
    field("name", Shape::Text, &["account_name", "company_name", "customer_name", "company"], "the customer's name"),
    field(
        "owner",
        Shape::Text,
        &["account_owner", "csm", "customer_success_manager", "company_owner"],
        "who looks after it: a name or an e-mail",
    ),
    field("owner_name", Shape::Text, &["csm_name", "owner_full_name", "account_owner_name"], "the owner's name"),
    field("owner_email", Shape::Text, &["csm_email", "account_owner_email"], "the owner's e-mail"),
    field("created_at", Shape::Time, &["created_date", "create_date", "created", "customer_since"], "since when it is a customer"),
    field(
        "delivered_at",
        Shape::Time,
        &["delivery_date", "delivered", "go_live_date", "go_live", "launch_date", "onboarded_at", "live_since"],
        "when it got the product: adoption counts from here",
    ),
    field("plan", Shape::Text, &["plan_name", "tier", "package", "edition"], "what it bought"),
    field("seats", Shape::Whole, &["licenses", "licences", "seats_purchased", "number_of_seats", "user_licenses"], "how many may use it"),
    field("contract_start", Shape::Time, &["contract_start_date", "start_date", "term_start"], "when the present term began"),
    field(
        "contract_end",
        Shape::Time,
        &["contract_end_date", "renewal_date", "renews_at", "end_date", "term_end", "contract_expiry", "expiration_date"],
        "when the present term ends: the renewal",
    ),
    field("contract_id", Shape::Id, &["contract_number", "contract"], "the contract's id, where a customer has several"),
    MRR,
    ARR,
    CURRENCY,
    field("ended_at", Shape::Time, &["churned_at", "churn_date", "cancellation_date"], "when the contract ended for good"),
    STRIPE,
    ZENDESK,
    INTERCOM,
    HUBSPOT,
    CHARGEBEE,
    FRESHDESK,
    field(
        "email_domain",
        Shape::Id,
        &["domain", "company_domain", "company_domain_name", "website_domain", "website", "company_website"],
        "the domain of its people's e-mail addresses",
    ),
    UPDATED,
    field("traits", Shape::Object, &[], "whatever else there is to say, as a json object"),
];

const USERS: &[Field] = &[
    field(
        "user_id",
        Shape::Id,
        &["user", "contact_id", "uid", "external_id", "id", "record_id"],
        "the person, by the id that your product sends",
    ),
    field("email", Shape::Id, &["email_address", "mail", "contact_email"], "the person's e-mail; the id, where there is no other"),
    field("name", Shape::Text, &["full_name", "contact_name", "user_name"], "the person's name"),
    field("first_name", Shape::Text, &["given_name"], "or this"),
    field("last_name", Shape::Text, &["surname", "family_name"], "and this"),
    field("role", Shape::Text, &["contact_role", "buying_role", "persona"], "champion, decision_maker, user, or your own word"),
    field("title", Shape::Text, &["job_title", "position"], "the role, where no role is given"),
    Field { synonyms: &["account", "group_id", "company_id", "customer_id", "associated_company_id"], ..ACCOUNT },
    UPDATED,
    field("traits", Shape::Object, &[], "whatever else there is to say, as a json object"),
];

const SUBSCRIPTIONS: &[Field] = &[
    field("subscription_id", Shape::Id, &["subscription", "sub_id", "contract_id", "id"], "the subscription's id"),
    field(
        "status",
        Shape::Text,
        &["subscription_status", "state"],
        "trialing, active, past_due, unpaid, paused, canceled, incomplete; common other words too",
    ),
    Field { synonyms: &["account", "group_id", "company_id"], ..ACCOUNT },
    Field { synonyms: &["stripe_customer_id", "stripe_id"], ..STRIPE },
    CHARGEBEE,
    ZENDESK,
    INTERCOM,
    HUBSPOT,
    FRESHDESK,
    CURRENCY,
    field("amount", Shape::Money, &["price", "unit_price", "unit_amount", "plan_amount"], "price of one unit for one interval"),
    field("quantity", Shape::Whole, &["qty", "units", "seats", "licenses"], "units; 1 where it is not said"),
    field(
        "interval",
        Shape::Text,
        &["billing_interval", "billing_period", "billing_cycle", "period", "frequency"],
        "day, week, month or year",
    ),
    field(
        "interval_count",
        Shape::Whole,
        &["billing_interval_count", "billing_period_count"],
        "so many intervals between charges; 1 where it is not said",
    ),
    MRR,
    ARR,
    field("product", Shape::Text, &["plan", "plan_name", "product_name", "price_id", "plan_id"], "what it is of"),
    field("started_at", Shape::Time, &["start_date", "start", "activated_at", "created_at", "created"], "when it began"),
    field(
        "term_start",
        Shape::Time,
        &["current_period_start", "current_term_start", "period_start", "contract_start"],
        "when the present term began",
    ),
    field(
        "term_end",
        Shape::Time,
        &["current_period_end", "current_term_end", "period_end", "contract_end", "renewal_date", "renews_at", "next_billing_at"],
        "when the present term ends",
    ),
    field("trial_end", Shape::Time, &["trial_ends_at", "trial_end_date"], "when the trial ends"),
    field("cancels_at", Shape::Time, &["cancel_at", "cancellation_effective_date"], "when a scheduled cancellation takes effect"),
    field("ended_at", Shape::Time, &["canceled_at", "cancelled_at", "cancellation_date", "churned_at", "end_date"], "when it ended"),
    field("cancel_reason", Shape::Text, &["cancellation_reason", "churn_reason"], "why"),
    UPDATED,
];

const TICKETS: &[Field] = &[
    field("ticket_id", Shape::Id, &["ticket", "ticket_number", "case_number", "case_id", "id"], "the ticket's id"),
    field("status", Shape::Text, &["ticket_status", "state"], "new, open, pending, hold, solved, closed, deleted; common other words too"),
    Field { synonyms: &["account", "group_id", "company_id", "customer_id"], ..ACCOUNT },
    ZENDESK,
    INTERCOM,
    HUBSPOT,
    FRESHDESK,
    field(
        "requester",
        Shape::Id,
        &["requester_email", "requester_id", "contact_email", "email", "user_id"],
        "who asked: a user id or an e-mail",
    ),
    field("priority", Shape::Text, &["severity"], "low, normal, high, urgent"),
    field("subject", Shape::Text, &["title", "summary"], "what it is about"),
    field("created_at", Shape::Time, &["opened_at", "created", "created_date", "create_date", "date_opened"], "when it was opened"),
    field(
        "first_reply_at",
        Shape::Time,
        &["first_response_at", "first_replied_at", "first_agent_reply_date"],
        "when an agent first replied",
    ),
    field("solved_at", Shape::Time, &["resolved_at", "closed_at", "closed_date", "close_date", "date_closed"], "when it was solved"),
    UPDATED,
];

const ANSWERS: &[Field] = &[
    field("score", Shape::Whole, &["rating", "nps_score", "csat_score", "value"], "0 to 10 for nps, 1 to 5 for csat"),
    field("survey", Shape::Text, &["survey_type"], "nps or csat; nps where it is not said"),
    field("answered_at", Shape::Time, &["responded_at", "submitted_at", "response_date", "timestamp", "created_at", "date"], "when"),
    field("user_id", Shape::Id, &["user", "respondent_id", "uid"], "who answered"),
    field("email", Shape::Id, &["respondent_email", "email_address", "respondent"], "who answered, by e-mail"),
    Field { synonyms: &["account", "group_id", "company_id", "customer_id"], ..ACCOUNT },
    field("comment", Shape::Text, &["feedback", "verbatim", "comments", "text"], "in their own words"),
    field("answer_id", Shape::Id, &["response_id", "survey_response_id", "id"], "the answer's id: a later row of it replaces it"),
    UPDATED,
];

const PLANS: &[Field] = &[
    Field { synonyms: &["account", "group_id", "company_id", "customer_id"], ..ACCOUNT },
    field("item", Shape::Text, &["item_kind", "plan_item"], "goal, promise or result"),
    field("item_id", Shape::Id, &["goal_id", "promise_id", "result_id", "id"], "its id: a later row of it replaces it"),
    field("title", Shape::Text, &["goal", "promise", "result", "description"], "what it is, in a few words"),
    field("measure", Shape::Text, &["metric"], "of a goal: the fact of the view that it is measured by, usage.active_users.28d"),
    field("target", Shape::Text, &["target_value"], "of a goal: the number that it is met with"),
    field("met", Shape::Text, &["achieved"], "of a goal without a measure: yes or no"),
    field("status", Shape::Text, &["promise_status"], "of a promise: open, kept, broken"),
    field("due_at", Shape::Time, &["due", "due_date", "promised_for"], "of a promise: by when"),
    field("result_kind", Shape::Text, &["kind"], "of a result: training, improvement, other"),
    field("happened_at", Shape::Time, &["at", "date", "held_at"], "of a result: when"),
    UPDATED,
];

impl RowKind {
    /// Its fields.
    pub const fn fields(self) -> &'static [Field] {
        match self {
            RowKind::Usage => USAGE,
            RowKind::Accounts => ACCOUNTS,
            RowKind::Users => USERS,
            RowKind::Subscriptions => SUBSCRIPTIONS,
            RowKind::Tickets => TICKETS,
            RowKind::Answers => ANSWERS,
            RowKind::Plans => PLANS,
        }
    }

    /// The field of a name.
    pub fn field(self, name: &str) -> Option<&'static Field> {
        self.fields().iter().find(|field| field.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn plain(name: &str) -> String {
        name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
    }

    #[test]
    fn no_name_stands_for_two_fields_of_a_kind_and_what_is_needed_is_there() {
        for kind in RowKind::ALL {
            let mut seen = HashSet::new();
            for field in kind.fields() {
                for name in std::iter::once(&field.name).chain(field.synonyms) {
                    assert!(seen.insert(plain(name)), "{}: {name}", kind.as_str());
                }
            }
            for name in kind.needs().iter().copied().flatten() {
                assert!(kind.field(name).is_some(), "{}: {name}", kind.as_str());
            }
            assert_eq!(RowKind::parse(kind.as_str()), Some(kind));
        }
    }

    #[test]
    fn the_manual_has_all_fields_of_each_kind() {
        let manual = include_str!("../../../docs/import.md");
        for kind in RowKind::ALL {
            let (_, section) = manual.split_once(&format!("### {}\n", kind.as_str())).unwrap();
            let section = section.split_once("\n##").map_or(section, |(section, _)| section);
            for field in kind.fields() {
                // What the customer is called elsewhere stands with the accounts.
                let elsewhere = kind != RowKind::Accounts && field.says.starts_with("the customer's");
                assert!(elsewhere || section.contains(&format!("`{}`", field.name)), "{}: {}", kind.as_str(), field.name);
            }
        }
    }
}
