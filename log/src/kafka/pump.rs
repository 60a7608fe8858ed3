//! A thread that always polls a producer, so that acknowledgements are told when they come.
use rdkafka::producer::{BaseProducer, ProducerContext};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long one poll lasts; also how long stopping may take.
const POLL: Duration = Duration::from_millis(50);

pub(super) struct Pump {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Pump {
    /// # Errors
    /// Where the machine gives no thread.
    pub(super) fn start<C: ProducerContext + 'static>(name: &str, producer: Arc<BaseProducer<C>>) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                producer.poll(POLL);
            }
        })?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("a producer's thread panicked");
        }
    }
}
