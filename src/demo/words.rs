//! The words of the made-up company: what its customers are called, what its product can do, what people write. None of it is about anyone real.

/// The made-up company whose customers these are; it sells software for planning work.
pub(crate) const COMPANY: &str = "Harbourline";
/// Where its own people have their mail.
pub(crate) const COMPANY_DOMAIN: &str = "harbourline.example";

/// Who looks after customers.
pub(crate) const OWNERS: [&str; 5] = ["CSM North", "CSM South", "CSM East", "CSM West", "CSM Central"];

/// Words that names of customers start with.
const FIRST: [&str; 41] = [
    "Alder",
    "Amber",
    "Ashfell",
    "Birch",
    "Bluefell",
    "Bracken",
    "Brightwater",
    "Cedar",
    "Cobalt",
    "Copperfold",
    "Coral",
    "Dunmere",
    "Eastgate",
    "Elmstead",
    "Fernhill",
    "Flint",
    "Foxglove",
    "Granite",
    "Greenholm",
    "Hazel",
    "Heron",
    "Highmoor",
    "Ivory",
    "Juniper",
    "Kestrel",
    "Larch",
    "Lowland",
    "Maple",
    "Marlow",
    "Meadow",
    "Northbank",
    "Oakrise",
    "Orchard",
    "Pebble",
    "Quarry",
    "Redfern",
    "Rowan",
    "Saltmarsh",
    "Thistle",
    "Willowby",
    "Yarrow",
];

/// Lines of business that they end with.
const SECOND: [&str; 20] = [
    "Logistics",
    "Foods",
    "Clinics",
    "Robotics",
    "Press",
    "Textiles",
    "Energy",
    "Schools",
    "Travel",
    "Studios",
    "Retail",
    "Insurance",
    "Labs",
    "Freight",
    "Farms",
    "Optics",
    "Build",
    "Media",
    "Care",
    "Works",
];

/// What people at a customer do; the first is the champion's.
pub(crate) const ROLES: [&str; 6] = ["Operations lead", "Planner", "Team lead", "Analyst", "Coordinator", "Administrator"];

/// Pages of the product, from the most visited on.
pub(crate) const PAGES: [&str; 6] = ["Home", "Board", "Calendar", "Reports", "Inbox", "Settings"];

/// What people do in the product, from the most frequent on.
pub(crate) const FEATURES: [&str; 10] = [
    "Task Completed",
    "Task Created",
    "Comment Added",
    "Plan Opened",
    "File Uploaded",
    "Plan Created",
    "Report Exported",
    "Automation Run",
    "Dashboard Shared",
    "Member Invited",
];

/// What an integration does, at night too.
pub(crate) const INTEGRATION: &str = "Orders Synced";

/// What tickets are about.
pub(crate) const SUBJECTS: [&str; 10] = [
    "How do we share a board with another team?",
    "Export of a report stops half-way",
    "Question about our last invoice",
    "Single sign-on asks for the password again",
    "Calendar shows the wrong time zone",
    "Import of a spreadsheet skips rows",
    "Notifications arrive late",
    "Please restore a deleted plan",
    "How do roles work?",
    "Automation runs twice",
];

/// What urgent tickets are about.
pub(crate) const URGENT_SUBJECTS: [&str; 5] = [
    "Nobody here can log in",
    "Boards are empty since this morning",
    "Integration is down, orders are missing",
    "Data of another team is shown",
    "Every page takes a minute to load",
];

/// What promoters write.
pub(crate) const PRAISE: [&str; 5] = [
    "Saves our planners hours each week.",
    "Easy, and support is quick.",
    "The whole team uses it.",
    "Reports are what we came for.",
    "Would not go back to spreadsheets.",
];

/// What passives write.
pub(crate) const SHRUGS: [&str; 4] =
    ["Good, but exports could be better.", "Does the job.", "Fine for planning, reports are thin.", "Rather expensive for what we use."];

/// What detractors write.
pub(crate) const GRUMBLES: [&str; 5] = [
    "Our tickets stay open for weeks.",
    "Too slow, and nobody tells us why.",
    "Only two of us still use it.",
    "We pay for seats that nobody needs.",
    "It broke in our busiest week.",
];

/// What a customer is called; no two of `FIRST x SECOND` are the same, later ones carry a number.
pub(crate) fn account_name(index: usize) -> String {
    let round = index / (FIRST.len() * SECOND.len());
    // 41 and 20 have no common divisor: going round both at once meets each pair once.
    let name = format!("{} {}", FIRST[index % FIRST.len()], SECOND[index % SECOND.len()]);
    if round == 0 { name } else { format!("{name} {}", round + 1) }
}

/// A mail domain for a name, under a top-level domain that is kept for examples.
pub(crate) fn domain(name: &str) -> String {
    format!("{}.example", name.to_lowercase().replace(' ', "-"))
}

/// `csm.north@...` for `CSM North`.
pub(crate) fn owner_email(owner: &str) -> String {
    format!("{}@{COMPANY_DOMAIN}", owner.to_lowercase().replace(' ', "."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_customers_have_the_same_name() {
        let names: std::collections::HashSet<_> = (0..2_000).map(account_name).collect();
        assert_eq!(names.len(), 2_000);
    }
}
