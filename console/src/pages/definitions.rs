//! What each number on the pages means, in a sentence; the whole stands in `docs/definitions.md`.

/// By the name under which it is shown; `None` where the name says it all.
pub(super) fn of(name: &str) -> Option<&'static str> {
    Some(match name {
        "Last seen" => "The newest usage event.",
        "Events, 7 days" | "Events, 28 days" => {
            "Track, page and screen calls by the day on which they happened, today included. Late ones correct their day."
        }
        "Active users, today" | "Active users, 7 days" | "Active users, 28 days" => {
            "Distinct users with a call in the window, exact. What a machine did makes no active user."
        }
        "Stickiness" => "Mean of the daily users over 28 days, divided by the users of the 28 days.",
        "Seat use" => "Active users of 28 days for each seat. Over 100% speaks for expansion.",
        "Breadth" => "Features used in 28 days, of those that the customer is entitled to where the settings name them.",
        "Depth" => {
            "Key actions for each day of an active user in 28 days; in brackets the change against the account's own 56 days before."
        }
        "Automation, 28 days" => "Usage events that no person made: by API keys and service users. They are counted in the events too.",
        "Trend of use" => "Events of the last 7 whole days against the mean week of the four weeks before.",
        "Trend of users" => "Daily users of the last 7 whole days against the mean week of the three weeks before.",
        "MRR" => {
            "Items for a month times quantity, less recurring discounts, of the active and past due subscriptions. Exact, rounded once for each subscription."
        }
        "Status" => "The worst of the live subscriptions, else that of the one that ended last.",
        "Past due" => "Days since the oldest unpaid invoice was due.",
        "Renews" => "The first end of a term that nobody has cancelled.",
        "Cancels" => "When a scheduled cancellation takes effect.",
        "Dunning" => "How it stands with payments that failed: past due, unpaid, recovered within 28 days, or lost.",
        "Failed tries" => "Failed payment tries on open invoices.",
        "Owed" => "What is left to pay of open invoices, in the currency of the one that is due first.",
        "Churned" => "When service ended, and whether the customer chose to go (voluntary) or the money did not come (involuntary).",
        "Open tickets" => "New, open, pending and on hold.",
        "Urgent or high" => "Open tickets of these priorities.",
        "Unanswered" => "Open tickets without a public reply of an agent.",
        "Oldest open" => "Since the oldest open ticket was created.",
        "Backlog, median age" => "Half of the open tickets are older.",
        "Opened, 28 days" => "Tickets created in 28 days.",
        "Reopened, 28 days" => "Steps from solved or closed back to open in 28 days.",
        "Escalated, 28 days" => "Times that a priority was raised to high or urgent in 28 days.",
        "First reply, median" => "From creation to the first public reply, over tickets created in the last 90 days.",
        "Resolution, median" => {
            "From creation to when it was solved for the last time, over tickets created in the last 90 days; open ones have none."
        }
        "First reply, urgent or high" | "Resolution, urgent or high" => {
            "The same over tickets of these priorities: the longer of the two medians."
        }
        "Resolution with open ones" => {
            "The time by which half are solved when open tickets count as \u{201c}at least so long\u{201d} (Kaplan-Meier)."
        }
        "NPS" => {
            "Per cent promoters (9-10) less per cent detractors (0-6), latest answer of each person in 90 days; hidden under five answers. In brackets where it lies in 95 of 100 cases."
        }
        "Promoters" | "Passives" | "Detractors" => "People whose latest answer in 90 days is 9-10, 7-8, 0-6.",
        "CSAT" => "Share of 4s and 5s, latest answer of each person in 90 days.",
        "Day" => "Whole days since delivery.",
        "Key people active" => "Champions and decision makers seen within 28 days, of those known and there.",
        "Seats active" => "Active users of 28 days, of the seats.",
        "Champions quiet" => "Champions without a sign for 14 days or more.",
        "Champions left" => "Champions of whom it was told that they left.",
        _ => return None,
    })
}
