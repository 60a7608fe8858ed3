//! `[[playbooks]]`: what to do, for whom.
use super::section::{Section, meant};
use crate::rules::{ALERT_TYPES, Cap, CardMeasure, LIFECYCLES, Measure, Playbook};

pub(super) fn playbooks(root: &Section<'_, '_>, measures: &[(Measure, CardMeasure)], caps: &[Cap]) -> Vec<Playbook> {
    let known: Vec<String> =
        measures.iter().map(|(measure, _)| measure.id.clone()).chain(caps.iter().map(|cap| format!("cap:{}", cap.id))).collect();
    let playbook = |section: Section<'_, '_>| {
        let name = section.needed_text("name", "\"Call the owner\"").map(|(name, _)| name.to_owned());
        let alerts = section.names("alerts", &ALERT_TYPES, "alert");
        let lifecycle = section.names("lifecycle", &LIFECYCLES, "stage");
        let mrr_from = section.whole("mrr_from", (0, 1_000_000_000_000), "100000");
        let mut reasons = Vec::new();
        for (reason, span) in section.texts("reasons", "[\"last_seen\"]") {
            if known.iter().any(|known| known == reason) {
                reasons.push(reason.to_owned());
            } else {
                let help = meant(reason, known.iter().map(String::as_str));
                section.notes.wrong(span, format!("there is no measure `{reason}`"), help);
            }
        }
        section.done();
        let lifecycle = lifecycle.into_iter().map(|number| LIFECYCLES[number].to_owned()).collect();
        name.map(|name| Playbook { name, alerts, reasons, lifecycle, mrr_from })
    };
    root.sections("playbooks").into_iter().filter_map(playbook).collect()
}
