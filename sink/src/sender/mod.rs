//! The sender: posts what the machine says, and appends to the log what came of it.
//!
//! Nothing here survives a crash and nothing need: the outbox is the machine's. A delivery is posted at least once, under the same id; for one account at one destination one
//! at a time and in order; destinations never wait for one another. Whatever is here is bounded: by the machine's windows (`limits.window` rows of each partition and
//! destination), and requests under way by `limits.concurrency` for each destination.
mod attempt;
mod bucket;
mod channel;
mod dispatch;
mod partitions;
mod record;
mod retry;

use crate::config::{Destination, Limits, SinkConfig};
use crate::deliver::{Deliver, DeliverEffect};
use crate::metrics::REASONS;
use crate::plan::Routes;
use crate::target::targets;
use crate::{SinkError, Target};
use attempt::Poster;
use c360_engine::Shell;
use c360_log::{Clock, Log};
use dispatch::{Dispatcher, World};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

/// What the dispatcher is told.
enum Message {
    Perform(u32, Vec<DeliverEffect>),
    Revoked(u32),
    Reload(Vec<Target>),
    Stop(oneshot::Sender<()>),
}

/// The shell of [`Deliver`], shared by all partitions of a process. Dropping it ends whatever is under way; [`Sender::stop`] lets it finish.
pub struct Sender {
    messages: mpsc::UnboundedSender<Message>,
    routes: Routes,
    limits: Limits,
    dispatcher: tokio::task::AbortHandle,
}

impl Sender {
    /// Checks the configuration and starts; `log` takes the outcomes, `clock` stamps them.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub fn start(config: SinkConfig, log: Arc<dyn Log>, clock: Clock, runtime: Handle) -> Result<Arc<Self>, SinkError> {
        let targets = config.check()?;
        let poster = Poster::new(&config.console_url, config.allow_private, &config.limits)?;
        c360_log::init_dead_letters(&REASONS);
        let routes = Routes::new(&targets);
        // Not bounded by itself: the machine's windows bound what can be in it.
        let (messages, inbox) = mpsc::unbounded_channel();
        let world = Arc::new(World { poster, log, clock, limits: config.limits.clone() });
        let dispatcher = runtime.spawn(Dispatcher::new(world, inbox, targets).run()).abort_handle();
        Ok(Arc::new(Self { messages, routes, limits: config.limits, dispatcher }))
    }

    /// A machine for one partition, planning by this sender's destinations.
    pub fn machine(&self) -> Deliver {
        Deliver::new(self.routes.clone(), self.limits.window)
    }

    /// Puts `destinations` in the place of the old ones. What is pending for one that changed is tried at once, one that was disabled is tried again.
    ///
    /// # Errors
    /// What is wrong with them; the old ones stay.
    pub fn reload(&self, destinations: &[Destination]) -> Result<(), SinkError> {
        let targets = targets(destinations)?;
        self.routes.replace(&targets);
        let _ = self.messages.send(Message::Reload(targets));
        Ok(())
    }

    /// Starts nothing more, and lets what is under way finish and be recorded, for at most `deadline`.
    pub async fn stop(&self, deadline: Duration) {
        let (stopped, wait) = oneshot::channel();
        if self.messages.send(Message::Stop(stopped)).is_ok() && tokio::time::timeout(deadline, wait).await.is_err() {
            tracing::warn!("deliveries were still under way when the time to stop was up: they will be made again");
        }
        self.dispatcher.abort();
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.dispatcher.abort();
    }
}

impl Shell<DeliverEffect> for Sender {
    fn perform(&self, partition: u32, effects: Vec<DeliverEffect>) {
        // After a stop nobody listens; the rows are still in the outbox.
        let _ = self.messages.send(Message::Perform(partition, effects));
    }

    fn revoked(&self, partition: u32) {
        let _ = self.messages.send(Message::Revoked(partition));
    }
}
