//! What people say of alerts: acknowledge, snooze, verdict. The alert stands in the log again, at the same revision and silently, with what was said.
use super::{Aggregate, timers};
use crate::alert::incident;
use crate::metrics::Effect;
use crate::rows::IncidentState;
use c360_engine::{Actions, At, State, StateError};
use c360_schemas::{AlertAction, AlertCommand, Key};

impl Aggregate {
    /// Does nothing where the alert is not known any more, or is over (a verdict is taken still).
    pub(super) fn command(
        &mut self,
        at: At,
        key: Key<'_>,
        key_bytes: &[u8],
        command: &AlertCommand,
        state: &mut State,
        out: &mut Actions<Effect>,
    ) -> Result<(), StateError> {
        if self.accounts.get(&crate::keys::own(crate::keys::Tag::Hot, key_bytes), state)?.is_none() {
            return Ok(());
        }
        let (mut work, hot) = self.open(at, key, key_bytes, state, out)?;
        let Some(index) = hot.health.incidents.iter().position(|i| i.alert_id == command.alert_id) else { return Ok(()) };
        let found = &mut hot.health.incidents[index];
        let open = found.state == IncidentState::Open;
        match command.action {
            AlertAction::Acknowledge if open => found.acknowledged_by = Some(command.by.clone().unwrap_or_else(|| "unknown".into())),
            AlertAction::Snooze if open => found.snoozed_until = command.until.filter(|until| *until > at.now),
            AlertAction::Verdict => found.verdict.clone_from(&command.verdict),
            AlertAction::Acknowledge | AlertAction::Snooze => return Ok(()),
        }
        let found = found.clone();
        incident::say(&mut work, hot, &found, false);
        timers::schedule(&mut work, hot);
        Ok(())
    }
}
