//! A month's movements of MRR as a waterfall: from what there was to what there is, each step where it takes place. It lies on its side, so that it reads on a phone.
use super::format::money;
use crate::read::portfolio::Month;

/// One step.
pub(super) struct Step {
    pub(super) name: &'static str,
    /// What it counts.
    pub(super) how: &'static str,
    pub(super) amount: String,
    pub(super) class: &'static str,
    /// Of 100.
    pub(super) x: String,
    pub(super) width: String,
}

pub(super) fn steps(month: &Month) -> Vec<Step> {
    let sums = &month.sums;
    let moves = [
        ("New", "From customers that never paid before.", sums.new),
        ("Reactivation", "From customers that had left, and paid before.", sums.reactivation),
        ("Up-sell", "More of what customers have, or a dearer product in its place.", sums.upsell),
        ("Cross-sell", "Products that customers did not have before.", sums.cross_sell),
        ("Contraction", "Less, from customers that still pay.", sums.contraction),
        ("Churn, voluntary", "Customers that chose to go, at the end of service.", sums.churn_voluntary),
        ("Churn, involuntary", "Customers whose money did not come.", sums.churn_involuntary),
    ];
    let mut level = sums.begin;
    let mut spans = vec![("Begin", "What customers paid when the month began.", sums.begin, 0, sums.begin, "plain")];
    for (name, how, amount) in moves {
        let class = if amount < 0 { "red" } else { "green" };
        spans.push((name, how, amount, level.min(level + amount), level.max(level + amount), class));
        level += amount;
    }
    spans.push(("End", "What customers pay when it ends, or now.", sums.end, 0, sums.end, "plain"));
    let most = spans.iter().map(|span| span.4).max().unwrap_or(0).max(1) as f64;
    let step = |(name, how, amount, from, to, class): (&'static str, &'static str, i64, i64, i64, &'static str)| Step {
        name,
        how,
        amount: if class == "green" && amount > 0 {
            format!("+{}", money(amount, &month.currency))
        } else {
            money(amount, &month.currency)
        },
        class,
        x: format!("{:.2}", from.max(0) as f64 * 100.0 / most),
        // A step that is there can be seen.
        width: format!("{:.2}", if amount == 0 { 0.0 } else { ((to - from.max(0)) as f64 * 100.0 / most).max(0.4) }),
    };
    spans.into_iter().map(step).collect()
}
