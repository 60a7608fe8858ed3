//! An answer's body that tells when it is through: what is streamed for hours is no idle connection.
use super::timed::Phase;
use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};

pub(super) struct Answered {
    inner: Body,
    phase: Option<Phase>,
}

impl Answered {
    pub(super) fn new(inner: Body, phase: Option<Phase>) -> Self {
        Self { inner, phase }
    }
}

impl hyper::body::Body for Answered {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.inner).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Answered {
    fn drop(&mut self) {
        if let Some(phase) = &self.phase {
            phase.end();
        }
    }
}
