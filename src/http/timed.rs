//! The bytes of a connection, with a clock on them.
//!
//! Waiting for a request, its head must come in time; between requests the connection may idle for so long; an answer must be read in time. Bodies have a clock where they are read.
//! One timer a connection, and it is only set where something is really waited for: a request that comes in one piece costs none.
use super::metrics::{Closed, closed};
use bytes::{Buf, Bytes};
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// What a connection is at. Told by both sides: bytes begin a head, the router begins and ends a request.
#[derive(Clone, Debug)]
pub(super) struct Phase(Arc<State>);

#[derive(Debug)]
struct State {
    phase: AtomicU8,
    since: Instant,
    /// When the last request ended, in ms after `since`.
    ended_ms: AtomicU64,
}

const IDLE: u8 = 0;
const HEAD: u8 = 1;
const BUSY: u8 = 2;

impl Phase {
    /// Bytes of a first head are there, or to come.
    pub(super) fn head() -> Self {
        Self::at(HEAD)
    }

    /// Always; for a protocol with clocks of its own.
    pub(super) fn busy() -> Self {
        Self::at(BUSY)
    }

    fn at(phase: u8) -> Self {
        Self(Arc::new(State { phase: AtomicU8::new(phase), since: Instant::now(), ended_ms: AtomicU64::new(0) }))
    }

    /// A request is here.
    pub(super) fn begin(&self) {
        self.0.phase.store(BUSY, Ordering::Release);
    }

    /// It has its answer.
    pub(super) fn end(&self) {
        self.0.ended_ms.store(self.0.since.elapsed().as_millis() as u64, Ordering::Relaxed);
        self.0.phase.store(IDLE, Ordering::Release);
    }

    fn get(&self) -> u8 {
        self.0.phase.load(Ordering::Acquire)
    }

    fn ended(&self) -> Instant {
        self.0.since + Duration::from_millis(self.0.ended_ms.load(Ordering::Relaxed))
    }
}

/// How long what may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) head: Duration,
    pub(super) idle: Duration,
    pub(super) write: Duration,
}

pub(super) struct Timed<S> {
    inner: S,
    port: &'static str,
    /// What was read before, to know the protocol.
    seen: Bytes,
    phase: Phase,
    /// The phase at the last look.
    before: u8,
    patience: Patience,
    reading: Watch,
    /// Where an answer waits to be read.
    writing: Option<Watch>,
}

impl<S> Timed<S> {
    /// `seen` comes before what `inner` has; the first head must be there at `head_by`.
    pub(super) fn new(inner: S, seen: Bytes, phase: Phase, head_by: Instant, patience: Patience, port: &'static str) -> Self {
        let before = phase.get();
        Self { inner, port, seen, phase, before, patience, reading: Watch::at(head_by), writing: None }
    }

    /// Nothing to read: whether that has been so for too long.
    fn starve(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let phase = self.phase.get();
        let before = std::mem::replace(&mut self.before, phase);
        match phase {
            // Hyper asks no more once the request has ended, since it knows that nothing was there: so the timer must stand already.
            BUSY => self.reading.watch(context, self.patience.idle),
            IDLE if before != IDLE => self.reading.deadline = self.phase.ended() + self.patience.idle,
            _ => {}
        }
        if phase == BUSY || !self.reading.is_over(context) {
            return Poll::Pending;
        }
        closed(self.port, if phase == IDLE { Closed::Idle } else { Closed::Head });
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }

    fn fed(&mut self) {
        if self.phase.get() == IDLE {
            self.phase.0.phase.store(HEAD, Ordering::Release);
            self.before = HEAD;
            self.reading.deadline = Instant::now() + self.patience.head;
        }
    }

    /// The peer takes nothing more for now: whether that has been so for too long.
    fn clog(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let patience = self.patience.write;
        let watch = self.writing.get_or_insert_with(|| Watch::at(Instant::now() + patience));
        if !watch.is_over(context) {
            return Poll::Pending;
        }
        closed(self.port, Closed::Write);
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }

    /// A little at a time does not set the clock back: only what is taken whole does.
    fn wrote(&mut self, wanted: usize, written: usize) -> Poll<io::Result<usize>> {
        if written >= wanted {
            self.writing = None;
        }
        Poll::Ready(Ok(written))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Timed<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.seen.is_empty() {
            let len = self.seen.len().min(buf.remaining());
            buf.put_slice(&self.seen[..len]);
            self.seen.advance(len);
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        match Pin::new(&mut self.inner).poll_read(context, buf) {
            Poll::Pending => self.starve(context),
            Poll::Ready(Ok(())) if buf.filled().len() > before => {
                self.fed();
                Poll::Ready(Ok(()))
            }
            other => other,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Timed<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.inner).poll_write(context, buf) {
            Poll::Pending => self.clog(context),
            Poll::Ready(written) => self.wrote(buf.len(), written?),
        }
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, bufs: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.inner).poll_write_vectored(context, bufs) {
            Poll::Pending => self.clog(context),
            Poll::Ready(written) => self.wrote(bufs.iter().map(|buf| buf.len()).sum(), written?),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.inner).poll_flush(context) {
            // Under TLS what was written may still be ours.
            Poll::Pending => ready!(self.clog(context)).map(|_| ()).into(),
            done => done,
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.inner).poll_shutdown(context) {
            Poll::Pending => ready!(self.clog(context)).map(|_| ()).into(),
            done => done,
        }
    }
}

/// A time by which something must have happened. The timer behind it is moved when it fires, not each time that the deadline moves on.
struct Watch {
    deadline: Instant,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Watch {
    fn at(deadline: Instant) -> Self {
        Self { deadline, sleep: None }
    }

    /// Has the task woken now and then, at least every `period`, for a look at what the connection is at.
    fn watch(&mut self, context: &mut Context<'_>, period: Duration) {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(period)));
        while sleep.as_mut().poll(context).is_ready() {
            sleep.as_mut().reset(Instant::now() + period);
        }
    }

    fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        let deadline = self.deadline;
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if sleep.deadline() > deadline {
            sleep.as_mut().reset(deadline);
        }
        while sleep.as_mut().poll(context).is_ready() {
            if Instant::now() >= deadline {
                return true;
            }
            sleep.as_mut().reset(deadline);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    const SHORT: Duration = Duration::from_millis(40);
    const LONG: Duration = Duration::from_secs(60);

    fn timed(patience: Patience, phase: &Phase) -> (Timed<DuplexStream>, DuplexStream) {
        let (ours, theirs) = duplex(16);
        (Timed::new(ours, Bytes::from_static(b"PRI"), phase.clone(), Instant::now() + patience.head, patience, "test"), theirs)
    }

    async fn read(timed: &mut Timed<DuplexStream>) -> io::Result<usize> {
        tokio::time::timeout(LONG / 2, timed.read(&mut [0; 64])).await.expect("a clock stands over it")
    }

    #[tokio::test]
    async fn a_head_that_does_not_end_in_time_is_over_however_many_bytes_come_of_it() {
        let (mut timed, mut theirs) = timed(Patience { head: SHORT, idle: LONG, write: LONG }, &Phase::head());
        assert_eq!(read(&mut timed).await.unwrap(), 3, "what was seen before comes first");
        let trickle = tokio::spawn(async move {
            while theirs.write_all(b"x").await.is_ok() {
                tokio::time::sleep(SHORT / 8).await;
            }
        });
        let began = Instant::now();
        let error = loop {
            if let Err(error) = read(&mut timed).await {
                break error;
            }
        };
        assert!(error.kind() == ErrorKind::TimedOut && began.elapsed() >= SHORT / 2, "{error}");
        trickle.abort();
    }

    #[tokio::test]
    async fn between_requests_it_may_idle_for_so_long_and_during_one_as_long_as_the_router_lets_it() {
        let phase = Phase::head();
        let (mut timed, _theirs) = timed(Patience { head: SHORT, idle: SHORT * 2, write: LONG }, &phase);
        assert!(read(&mut timed).await.is_ok());
        phase.begin();
        assert!(tokio::time::timeout(SHORT * 4, timed.read(&mut [0; 8])).await.is_err(), "the router has its own clocks");
        phase.end();
        let began = Instant::now();
        assert_eq!(read(&mut timed).await.unwrap_err().kind(), ErrorKind::TimedOut);
        assert!(began.elapsed() >= SHORT);
    }

    #[tokio::test]
    async fn it_idles_no_longer_when_nobody_asks_after_the_end_of_a_request() {
        let phase = Phase::head();
        let (mut timed, _theirs) = timed(Patience { head: LONG, idle: SHORT, write: LONG }, &phase);
        assert!(read(&mut timed).await.is_ok());
        phase.begin();
        let reading = tokio::spawn(async move { timed.read(&mut [0; 8]).await });
        tokio::time::sleep(SHORT / 2).await;
        phase.end();
        let result = tokio::time::timeout(LONG / 2, reading).await.expect("a clock stands over it").unwrap();
        assert_eq!(result.unwrap_err().kind(), ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_later_head_has_a_time_of_its_own() {
        let phase = Phase::head();
        let (mut timed, mut theirs) = timed(Patience { head: SHORT, idle: LONG, write: LONG }, &phase);
        assert!(read(&mut timed).await.is_ok());
        phase.begin();
        phase.end();
        assert!(tokio::time::timeout(SHORT * 2, timed.read(&mut [0; 8])).await.is_err(), "it may idle for longer than a head may take");
        theirs.write_all(b"POST").await.unwrap();
        assert_eq!(read(&mut timed).await.unwrap(), 4);
        assert_eq!(read(&mut timed).await.unwrap_err().kind(), ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn an_answer_that_is_read_in_crumbs_is_not_waited_for_for_ever() {
        let (mut timed, mut theirs) = timed(Patience { head: LONG, idle: LONG, write: SHORT }, &Phase::busy());
        let crumbs = tokio::spawn(async move {
            while theirs.read(&mut [0; 1]).await.is_ok() {
                tokio::time::sleep(SHORT / 8).await;
            }
        });
        let error = tokio::time::timeout(LONG / 2, timed.write_all(&[b'x'; 4096])).await.expect("a clock stands over it").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        crumbs.abort();
    }
}
