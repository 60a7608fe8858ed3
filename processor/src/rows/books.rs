//! Tickets and survey answers: the rows of single ones, the book of those that an account's numbers are made of, and the numbers that the hot row keeps.
use super::{Row, v1};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum TicketStatus {
    #[default]
    New,
    Open,
    Pending,
    Hold,
    Solved,
    Closed,
    Deleted,
}

impl TicketStatus {
    /// A status that we do not know is one that still waits.
    pub(crate) fn parse(status: &str) -> Self {
        match status {
            "new" => Self::New,
            "pending" => Self::Pending,
            "hold" => Self::Hold,
            "solved" => Self::Solved,
            "closed" => Self::Closed,
            "deleted" => Self::Deleted,
            _ => Self::Open,
        }
    }

    /// Whether somebody still waits.
    pub(crate) const fn open(self) -> bool {
        matches!(self, Self::New | Self::Open | Self::Pending | Self::Hold)
    }
}

/// A ticket was seen in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct TicketStep {
    pub(crate) version: i64,
    pub(crate) at: i64,
    pub(crate) status: TicketStatus,
}

/// How urgent a ticket is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Priority {
    /// Nobody said.
    #[default]
    None,
    Low,
    Normal,
    High,
    Urgent,
}

impl Priority {
    /// A word that we do not know says nothing.
    pub(crate) fn parse(priority: &str) -> Self {
        match priority {
            "low" => Self::Low,
            "normal" => Self::Normal,
            "high" => Self::High,
            "urgent" => Self::Urgent,
            _ => Self::None,
        }
    }
}

/// A ticket was given a priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct PriorityStep {
    pub(crate) version: i64,
    pub(crate) at: i64,
    pub(crate) priority: Priority,
}

/// All that was told of a ticket; its states in the source's order, whatever order they came in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TicketRow {
    pub(crate) created_at: Option<i64>,
    pub(crate) first_seen_at: Option<i64>,
    pub(crate) first_reply_at: Option<i64>,
    pub(crate) steps: Vec<TicketStep>,
    /// Ascending by version: where it changed.
    pub(crate) priorities: Vec<PriorityStep>,
    /// The month in which it counts as solved, as [`Support::solved`] has it.
    pub(crate) solved_month: Option<i32>,
}

impl Row for TicketRow {
    const VERSION: u8 = 2;

    fn from_older(version: u8, bytes: &[u8]) -> Option<postcard::Result<Self>> {
        (version == 1).then(|| postcard::from_bytes::<v1::TicketRow>(bytes).map(Into::into))
    }
}

/// What an account's numbers need of one ticket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TicketLine {
    /// Hash of the ticket's id.
    pub(crate) id: u64,
    pub(crate) created_at: i64,
    pub(crate) open: bool,
    pub(crate) priority: Priority,
    pub(crate) first_reply_s: Option<i64>,
    /// To the last time it was solved; `None` while it is open.
    pub(crate) resolution_s: Option<i64>,
    /// Days on which it was opened again.
    pub(crate) reopened_days: Vec<i32>,
    /// Days on which its priority was raised to high or urgent.
    pub(crate) escalated_days: Vec<i32>,
}

/// The tickets that are open, or were created, opened again or escalated in the last 90 days; ascending by id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TicketBook {
    pub(crate) tickets: Vec<TicketLine>,
}

impl Row for TicketBook {
    const VERSION: u8 = 2;

    fn from_older(version: u8, bytes: &[u8]) -> Option<postcard::Result<Self>> {
        (version == 1).then(|| postcard::from_bytes::<v1::TicketBook>(bytes).map(Into::into))
    }
}

/// Numbers of support in the hot row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Support {
    /// Whether the book has anything in it.
    pub(crate) known: bool,
    pub(crate) open: u32,
    /// Open ones by [`Priority`].
    pub(crate) open_by_priority: [u32; 5],
    /// Open ones that nobody answered yet.
    pub(crate) unanswered: u32,
    pub(crate) oldest_open_at: Option<i64>,
    pub(crate) opened_28d: u32,
    pub(crate) reopened_28d: u32,
    pub(crate) first_reply_s_median: Option<i64>,
    pub(crate) resolution_s_median: Option<i64>,
    /// The same with open tickets as "at least so long", as of the day's beginning.
    pub(crate) resolution_s_median_censored: Option<i64>,
    /// The medians by [`Priority`], as tickets have it now.
    pub(crate) first_reply_s_by_priority: [Option<i64>; 5],
    pub(crate) resolution_s_by_priority: [Option<i64>; 5],
    pub(crate) escalated_28d: u32,
    /// When the open ticket in the middle was created: the median age of the backlog.
    pub(crate) median_open_created_at: Option<i64>,
    /// Solved tickets by calendar month, ascending: the newest ones.
    pub(crate) solved: Vec<(i32, u32)>,
}

/// The newest answer of one person to one survey.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// 0: NPS, 1: CSAT.
    pub(crate) survey: u8,
    pub(crate) respondent: String,
    pub(crate) id: String,
    pub(crate) at: i64,
    pub(crate) version: i64,
    pub(crate) score: i32,
    pub(crate) comment: Option<String>,
}

/// The newest answers of the last 90 days, ascending by survey and person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AnswerBook {
    pub(crate) answers: Vec<Answer>,
}

impl Row for AnswerBook {
    const VERSION: u8 = 1;
}

/// Numbers of surveys in the hot row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Surveys {
    pub(crate) promoters: u32,
    pub(crate) passives: u32,
    pub(crate) detractors: u32,
    pub(crate) nps_newest_at: Option<i64>,
    pub(crate) csat_answers: u32,
    pub(crate) csat_good: u32,
    pub(crate) csat_newest_at: Option<i64>,
    /// The newest answers, newest first.
    pub(crate) recent: Vec<GivenAnswer>,
    /// Who would recommend us, newest first.
    pub(crate) advocates: Vec<GivenAnswer>,
}

/// What is shown of one person's answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GivenAnswer {
    /// 0: NPS, 1: CSAT.
    pub(crate) survey: u8,
    pub(crate) respondent: String,
    pub(crate) score: i32,
    pub(crate) comment: Option<String>,
    pub(crate) at: i64,
}

impl Surveys {
    pub(crate) fn nps_answers(&self) -> u32 {
        self.promoters + self.passives + self.detractors
    }

    pub(crate) fn known(&self) -> bool {
        self.nps_answers() + self.csat_answers > 0
    }
}
