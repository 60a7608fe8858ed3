//! The made-up events: drawn from one seed, so that everybody measures the same ones.
//!
//! Event times rise over 120 days up to an end, with up to an hour of disorder; one in 200 is up to 36 hours late; one in 100 is an exact repeat of a message of the last two days. Accounts are
//! drawn by Zipf's law; one account in 20 loses three quarters of its activity on a day of its own. Moving the end by whole days changes nothing but the dates.
use crate::zipf::{Rng, Zipf, mix};

pub const DAY_MS: i64 = 86_400_000;
/// Days that the events are spread over.
pub const DAYS: i64 = 120;
/// Messages at most that a repeat is chosen from.
const RECENT_MAX: usize = 1 << 15;
const LATE_MS_MAX: u64 = 36 * 3_600_000;

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drawing {
    pub events: u64,
    pub accounts: usize,
    /// Exponent of Zipf's law: 0 draws all accounts alike.
    pub skew: f64,
    pub seed: u64,
    /// Where the events end, UTC ms.
    pub end_ms: i64,
}

/// One event, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Drawn {
    /// Two halves of its message id.
    pub id: (u64, u64),
    pub account: u32,
    pub user: u64,
    /// Usage, support, billing, survey.
    pub kind: u8,
    pub name: &'static str,
    /// UTC ms.
    pub occurred_at: i64,
    /// When it came, UTC ms: the first time, for a repeat.
    pub received_at: i64,
    pub amount: i64,
    pub page: &'static str,
}

/// The events, in the order in which they come: what is drawn and when it comes, UTC ms.
pub struct Draws {
    drawing: Drawing,
    rng: Rng,
    next: u64,
    zipf: Zipf,
    recent: Vec<Drawn>,
    recent_max: usize,
}

impl Draws {
    pub fn new(drawing: Drawing) -> Self {
        Self {
            rng: Rng(mix(drawing.seed)),
            next: 0,
            zipf: Zipf::new(drawing.accounts, drawing.skew),
            recent: Vec::new(),
            recent_max: (drawing.events as usize * 2 / DAYS as usize).clamp(1, RECENT_MAX),
            drawing,
        }
    }

    fn start_ms(&self) -> i64 {
        self.drawing.end_ms - DAYS * DAY_MS
    }

    fn arrival(&self, index: u64) -> i64 {
        self.start_ms() + (i128::from(index) * i128::from(DAYS * DAY_MS) / i128::from(self.drawing.events)) as i64
    }

    fn draw(&mut self, index: u64, arrival: i64) -> Drawn {
        let mut occurred_at = arrival - self.rng.below(3_600_000) as i64;
        if self.rng.below(200) == 0 {
            occurred_at -= self.rng.below(LATE_MS_MAX) as i64;
        }
        let account = self.draw_account(occurred_at);
        let user = self.rng.below(1 + mix(u64::from(account) + 77) % 20);
        let (kind, name, amount) = match self.rng.below(100) {
            0..=84 => {
                let name = ["feature.used", "report.viewed", "api.called", "export.done"][self.rng.below(4) as usize];
                (0, name, 1 + self.rng.below(50) as i64)
            }
            85..=92 => (1, "ticket.opened", 1),
            93..=97 => (2, "invoice.paid", 1_000 + self.rng.below(100_000) as i64),
            _ => (3, "nps.answered", self.rng.below(11) as i64),
        };
        let id = (mix(self.drawing.seed.wrapping_mul(3).wrapping_add(index)), mix(index ^ self.drawing.seed << 32));
        let page = ["/reports/quarterly", "/settings/members", "/inbox/all", "/dashboards/home"][self.rng.below(4) as usize];
        Drawn { id, account, user, kind, name, occurred_at, received_at: arrival, amount, page }
    }

    /// An account that has lost its activity by then is mostly drawn again.
    fn draw_account(&mut self, at: i64) -> u32 {
        let (start, span) = (self.start_ms(), DAYS * DAY_MS);
        let mut account = self.zipf.draw(&mut self.rng);
        for _ in 0..4 {
            let hash = mix(self.drawing.seed ^ u64::from(account) << 20);
            let lost = hash.is_multiple_of(20) && (at - start) > span / 3 + (hash >> 8) as i64 % (span / 2);
            if !lost || self.rng.below(4) == 0 {
                break;
            }
            account = self.zipf.draw(&mut self.rng);
        }
        account
    }

    fn remember(&mut self, index: u64, drawn: Drawn) {
        if self.recent.len() < self.recent_max {
            self.recent.push(drawn);
        } else {
            self.recent[index as usize % self.recent_max] = drawn;
        }
    }
}

impl Iterator for Draws {
    type Item = (Drawn, i64);

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.drawing.events {
            return None;
        }
        let index = self.next;
        self.next += 1;
        let arrival = self.arrival(index);
        if !self.recent.is_empty() && self.rng.below(100) == 0 {
            let which = self.rng.below(self.recent.len() as u64) as usize;
            return Some((self.recent[which], arrival));
        }
        let drawn = self.draw(index, arrival);
        self.remember(index, drawn);
        Some((drawn, arrival))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wording::Wording;

    fn fnv(hash: &mut u64, bytes: &[u8]) {
        bytes.iter().for_each(|byte| *hash = (*hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
    }

    /// Everything measured before was measured on these: whoever changes them makes old and new figures incomparable.
    #[test]
    fn the_events_are_the_ones_that_they_always_were() {
        let drawing = Drawing { events: 100_000, accounts: 5_000, skew: 0.8, seed: 1, end_ms: 20_000 * DAY_MS };
        let (mut wording, mut hash, mut texts) = (Wording::default(), 0xcbf2_9ce4_8422_2325, Vec::new());
        for (drawn, arrival) in Draws::new(drawing) {
            assert!(drawn.occurred_at <= arrival && drawn.received_at <= arrival);
            let (key, event) = wording.event(&drawn);
            let user = event.user_id.unwrap_or_default();
            texts.push(format!("{} {} {user} {} {}", event.message_id, key.id, event.name, event.occurred_at));
            fnv(&mut hash, &key.to_vec());
            fnv(&mut hash, event.message_id.as_bytes());
            fnv(&mut hash, user.as_bytes());
            fnv(&mut hash, &[event.kind as u8]);
            fnv(&mut hash, event.name.as_bytes());
            fnv(&mut hash, &event.occurred_at.to_le_bytes());
            fnv(&mut hash, &crate::wording::amount_of(&event).unwrap().to_le_bytes());
        }
        assert_eq!(texts[0], "1e535eed-e314-48f0-8d82-b7e910b0f93f a0000003 u0000003-03 report.viewed 1717629300907");
        assert_eq!((texts.len(), hash), (100_000, 0x3c07_360b_c3be_7f88));
    }
}
