//! Track, page and screen calls: counts by day, distinct users, features.
use super::{Work, history, users};
use crate::rows::{Feature, Hot, Marked};
use crate::time::Calendar;
use c360_engine::StateError;
use c360_schemas::Event;

/// Days of a feature's count.
const FEATURE_DAYS: i32 = 28;

pub(crate) fn usage(work: &mut Work<'_>, hot: &mut Hot, at: i64, event: &Event<'_>) -> Result<(), StateError> {
    let day = hot.calendar.day_of(at);
    let config = &work.config.usage;
    // What names nobody was made by a machine, and so was what a user made that is one.
    let automated = match event.user_id {
        Some(user) => config.is_automation(user),
        None => event.anonymous_id.is_none(),
    };
    let marked = Marked { automated, key: !automated && config.is_key(event.name) };
    hot.usage.see(at);
    hot.usage.add_events(day, 1);
    hot.usage.add_to_month(day, 1);
    hot.usage.mark(day, marked);
    if !automated {
        users::active(work, hot, at, event)?;
    }
    if use_feature(hot, event.name, at, day, work.today, work.config.features_max) {
        history::first_use(work, at, event);
    }
    Ok(())
}

/// Counts a use; true where the feature is new.
fn use_feature(hot: &mut Hot, name: &str, at: i64, day: i32, today: i32, features_max: usize) -> bool {
    let (calendar, features) = (hot.calendar, &mut hot.features);
    if let Some(feature) = features.iter_mut().find(|f| f.name == name) {
        feature.first_at = feature.first_at.min(at);
        feature.last_at = feature.last_at.max(at);
        add(&mut feature.days, day, 1, today);
        return false;
    }
    if features.len() >= features_max && !make_room(features, calendar, today) {
        return false;
    }
    let mut feature = Feature { name: name.into(), first_at: at, last_at: at, days: Vec::new() };
    add(&mut feature.days, day, 1, today);
    features.push(feature);
    true
}

/// Lets go of the feature that was used longest ago, where that was before its window.
fn make_room(features: &mut Vec<Feature>, calendar: Calendar, today: i32) -> bool {
    let oldest = features.iter().enumerate().min_by_key(|(_, f)| f.last_at).map(|(index, f)| (index, calendar.day_of(f.last_at)));
    match oldest {
        Some((index, day)) if day <= today - FEATURE_DAYS => {
            features.remove(index);
            true
        }
        _ => false,
    }
}

fn add(days: &mut Vec<(i32, u32)>, day: i32, uses: u32, today: i32) {
    if day <= today - FEATURE_DAYS {
        return;
    }
    match days.last_mut() {
        Some((last, count)) if *last == day => *count = count.saturating_add(uses),
        Some((last, _)) if *last > day => match days.binary_search_by_key(&day, |(d, _)| *d) {
            Ok(index) => days[index].1 = days[index].1.saturating_add(uses),
            Err(index) => days.insert(index, (day, uses)),
        },
        _ => days.push((day, uses)),
    }
}

/// Days that left the window go.
pub(crate) fn age(hot: &mut Hot, today: i32) {
    for feature in &mut hot.features {
        let keep_from = feature.days.partition_point(|(day, _)| *day <= today - FEATURE_DAYS);
        feature.days.drain(..keep_from);
    }
}

/// Another customer's usage comes to this one; its users come one by one.
pub(crate) fn merge(hot: &mut Hot, other: &Hot, today: i32, features_max: usize) {
    for day in &other.usage.days {
        hot.usage.merge_day(day);
    }
    hot.usage.merge_months(&other.usage);
    for at in [other.usage.first_at, other.usage.last_at].into_iter().flatten() {
        hot.usage.see(at);
    }
    for feature in &other.features {
        if let Some(own) = hot.features.iter_mut().find(|f| f.name == feature.name) {
            own.first_at = own.first_at.min(feature.first_at);
            own.last_at = own.last_at.max(feature.last_at);
            for (day, uses) in &feature.days {
                add(&mut own.days, *day, *uses, today);
            }
        } else if hot.features.len() < features_max || make_room(&mut hot.features, hot.calendar, today) {
            hot.features.push(feature.clone());
        }
    }
}
