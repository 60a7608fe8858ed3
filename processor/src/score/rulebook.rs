//! The rules of each tenant: what was applied stands in rows, by tenant and by the text's id, and is compiled once. Receipts that start from an older score need the rules that it was
//! scored by.
use crate::config::AlertConfig;
use crate::keys::{self, Tag};
use crate::rows::{self, InForceRow, RulesRow};
use c360_engine::{State, StateError};
use c360_health::Rules;
use hashbrown::HashMap;
use std::sync::Arc;

/// Rules, with what was said when they were applied.
#[derive(Clone, Debug)]
pub(crate) struct InForce {
    pub(crate) rules: Arc<Rules>,
    /// Counted for each tenant; 0: nobody applied any, and the built-in ones hold.
    pub(crate) version: u32,
    /// As the tenants' settings have it, and as the rules say otherwise.
    pub(crate) alerts: AlertConfig,
}

/// Rules in memory.
pub(crate) struct Rulebook {
    built_in: Arc<InForce>,
    by_tenant: HashMap<Box<str>, Arc<InForce>>,
    by_id: HashMap<u64, Arc<Rules>>,
}

impl InForce {
    fn new(rules: Arc<Rules>, version: u32, config: &AlertConfig) -> Self {
        let said = &rules.alerts;
        let alerts = AlertConfig {
            late_after_ms: config.late_after_ms,
            critical_mrr_minor: said.critical_mrr.unwrap_or(config.critical_mrr_minor),
            backlog_tickets: said.backlog_tickets.unwrap_or(config.backlog_tickets),
            reopen_within_ms: said.reopen_within_ms.unwrap_or(config.reopen_within_ms),
            resolve_after_ms: said.resolve_after_ms.unwrap_or(config.resolve_after_ms),
        };
        Self { rules, version, alerts }
    }
}

impl Rulebook {
    /// `rules` hold where nobody applied any.
    pub(crate) fn new(rules: Arc<Rules>, config: &AlertConfig) -> Self {
        let built_in = Arc::new(InForce::new(rules, 0, config));
        Self { built_in, by_tenant: HashMap::new(), by_id: HashMap::new() }
    }

    /// What is in force for a tenant.
    pub(crate) fn of(&mut self, tenant: &str, config: &AlertConfig, state: &State) -> Result<Arc<InForce>, StateError> {
        if let Some(known) = self.by_tenant.get(tenant) {
            return Ok(Arc::clone(known));
        }
        let row = rows::load::<InForceRow>(state, &keys::own(Tag::InForce, tenant.as_bytes()))?;
        let found = match row {
            Some(row) => self.by_id(tenant, row.id, state)?.map(|rules| Arc::new(InForce::new(rules, row.version, config))),
            None => None,
        };
        let found = found.unwrap_or_else(|| Arc::clone(&self.built_in));
        self.by_tenant.insert(tenant.into(), Arc::clone(&found));
        Ok(found)
    }

    /// The rules that an older score was made by; `None` where they are not known any more.
    pub(crate) fn by_id(&mut self, tenant: &str, id: u64, state: &State) -> Result<Option<Arc<Rules>>, StateError> {
        if id == self.built_in.rules.id {
            return Ok(Some(Arc::clone(&self.built_in.rules)));
        }
        if let Some(known) = self.by_id.get(&id) {
            return Ok(Some(Arc::clone(known)));
        }
        let row = rows::load::<RulesRow>(state, &rules_key(tenant, id))?;
        // It was checked before it was taken; a binary that is older than the text may know less.
        let found = row.and_then(|row| c360_health::check(&row.text).ok()).map(Arc::new);
        if let Some(rules) = &found {
            self.by_id.insert(id, Arc::clone(rules));
        }
        Ok(found)
    }

    /// As [`Rulebook::by_id`], of what was asked for before.
    pub(crate) fn known(&self, id: u64) -> Option<Arc<Rules>> {
        if id == self.built_in.rules.id { Some(Arc::clone(&self.built_in.rules)) } else { self.by_id.get(&id).cloned() }
    }

    /// Puts rules in force, unless newer ones are: by version, time and id, so that every partition ends with the same, in whatever order they come. Whether that changed anything.
    pub(crate) fn put(&mut self, tenant: &str, text: &str, rules: Rules, row: InForceRow, state: &mut State) -> Result<bool, StateError> {
        let key = keys::own(Tag::InForce, tenant.as_bytes());
        let old = rows::load::<InForceRow>(state, &key)?;
        if old.as_ref().is_some_and(|old| (old.version, old.at, old.id) >= (row.version, row.at, row.id)) {
            return Ok(false);
        }
        rows::store(state, rules_key(tenant, row.id), &RulesRow { text: text.to_owned() })?;
        self.by_id.insert(rules.id, Arc::new(rules));
        self.by_tenant.remove(tenant);
        rows::store(state, key, &row)?;
        Ok(true)
    }
}

fn rules_key(tenant: &str, id: u64) -> Vec<u8> {
    keys::part(Tag::Rules, tenant.as_bytes(), &id.to_be_bytes())
}
