//! `[[cards]]`: what differs for whom. The file's own weights and points are the card of everybody whom none fits.
use super::measures::points;
use super::section::{Section, entries, meant};
use crate::rules::{Card, CardMeasure, Group, LIFECYCLES, Measure, PPM};

pub(super) fn cards(root: &Section<'_, '_>, groups: &[Group], measures: &[(Measure, CardMeasure)]) -> Vec<Card> {
    let weights: Vec<i64> = groups.iter().map(|group| group.weight_milli).collect();
    let own: Vec<i64> = measures.iter().map(|(measure, _)| measure.weight_milli).collect();
    let plain: Vec<CardMeasure> = measures.iter().map(|(_, points)| *points).collect();
    let mut cards: Vec<Card> = Vec::new();
    for section in root.sections("cards") {
        let Some((id, place)) = section.needed_text("id", "\"renewal\"") else { continue };
        if id == "default" || cards.iter().any(|card| card.id == id) {
            section.notes.wrong(place, format!("there is already a card `{id}`"), Some("give each card an id of its own".into()));
        }
        let lifecycle = section.names("lifecycle", &LIFECYCLES, "stage");
        let plans: Vec<String> = section.texts("plans", "[\"Enterprise\"]").into_iter().map(|(plan, _)| plan.to_owned()).collect();
        let (mut weights, mut own, mut plain) = (weights.clone(), own.clone(), plain.clone());
        if let Some(of_card) = section.section("groups") {
            for (name, span, value) in entries(of_card.table) {
                let number = groups.iter().position(|group| group.id == name);
                let Some(number) = number else {
                    of_card.notes.wrong(span, format!("there is no group `{name}`"), meant(name, groups.iter().map(|g| g.id.as_str())));
                    continue;
                };
                let Some(group) = of_card.as_section(name, value, span) else { continue };
                if let Some(weight) = group.milli("weight", (0, 1_000), "1") {
                    weights[number] = weight;
                }
                group.done();
            }
        }
        if let Some(of_card) = section.section("measures") {
            for (name, span, value) in entries(of_card.table) {
                let Some(number) = measures.iter().position(|(measure, _)| measure.id == name) else {
                    let known = measures.iter().map(|(measure, _)| measure.id.as_str());
                    of_card.notes.wrong(span, format!("there is no measure `{name}`"), meant(name, known));
                    continue;
                };
                let Some(measure) = of_card.as_section(name, value, span) else { continue };
                if let Some(weight) = measure.milli("weight", (0, 1_000), "1") {
                    own[number] = weight;
                }
                let (red, green) = points(&measure, false);
                plain[number].red_milli = red.unwrap_or(plain[number].red_milli);
                plain[number].green_milli = green.unwrap_or(plain[number].green_milli);
                measure.done();
            }
        }
        let measures = of_card(&section, groups, measures, &weights, &own, &plain);
        let lifecycle: Vec<String> = lifecycle.into_iter().map(|number| LIFECYCLES[number].to_owned()).collect();
        if lifecycle.is_empty() && plans.is_empty() {
            let help = "add `lifecycle = [\"renewal\"]` or `plans = [\"Enterprise\"]`, or change the file's own weights".to_owned();
            section.notes.wrong(section.span.clone(), format!("the card `{id}` says not whom it is for"), Some(help));
        }
        section.done();
        cards.push(Card { id: id.to_owned(), lifecycle, plans, measures });
    }
    let everybody = of_card(root, groups, measures, &weights, &own, &plain);
    cards.push(Card { id: "default".into(), lifecycle: Vec::new(), plans: Vec::new(), measures: everybody });
    if cards.len() > super::ENTRIES_MAX {
        root.notes.wrong(0..0, format!("{} cards, and {} are taken at most", cards.len(), super::ENTRIES_MAX), None);
    }
    cards
}

/// Weights in millionths of the card: W_g / sum W x w / sum w of the group. A group without measures of weight has no part.
fn of_card(
    section: &Section<'_, '_>,
    groups: &[Group],
    measures: &[(Measure, CardMeasure)],
    weights: &[i64],
    own: &[i64],
    plain: &[CardMeasure],
) -> Vec<CardMeasure> {
    let in_group =
        |group: usize| -> i64 { measures.iter().zip(own).filter(|((m, _), _)| m.group == group).map(|(_, weight)| weight).sum() };
    let sums: Vec<i64> = (0..groups.len()).map(in_group).collect();
    let whole: i64 = weights.iter().zip(&sums).filter(|(_, sum)| **sum > 0).map(|(weight, _)| weight).sum();
    if whole == 0 && !measures.is_empty() && !groups.is_empty() {
        section.notes.wrong(section.span.clone(), "no measure of the card has a weight", Some("give one of them a weight above 0".into()));
    }
    let part = |((measure, _), own): (&(Measure, CardMeasure), &i64)| {
        let (group, sum) = (weights.get(measure.group).copied().unwrap_or(0), sums.get(measure.group).copied().unwrap_or(0));
        let den = i128::from(whole) * i128::from(sum);
        if den == 0 { 0 } else { ((i128::from(group) * i128::from(*own) * i128::from(PPM) * 2 + den) / (2 * den)) as i64 }
    };
    let weights = measures.iter().zip(own).map(part);
    weights.zip(plain).map(|(weight_ppm, points)| CardMeasure { weight_ppm, ..*points }).collect()
}
