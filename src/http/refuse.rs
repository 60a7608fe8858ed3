//! A connection over the bound: it is told so, and closed.
use super::connection::Port;
use super::metrics::{Closed, closed};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Connections that are being told at a time; more are closed without a word.
pub(super) const TOLD_MAX: usize = 256;
/// How long that may take, with reading what the peer has already sent: unread, it would turn our answer into a reset.
const TELL_WITHIN: Duration = Duration::from_secs(1);

const FULL: &str = concat!(
    "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 76\r\n\r\n",
    r#"{"code":"too_many_connections","message":"there are too many; try again"}   "#
);

impl Port {
    /// Answers with 503 and closes; where the port speaks TLS, it only closes.
    pub(super) fn refuse(self: &Arc<Self>, stream: TcpStream) {
        closed(self.options.name, Closed::TooMany);
        if self.options.tls.is_some() {
            return;
        }
        let Ok(seat) = Arc::clone(&self.told).try_acquire_owned() else { return };
        tokio::spawn(async move {
            // Whether the peer hears it is the peer's affair.
            let _ = tokio::time::timeout(TELL_WITHIN, tell(stream)).await;
            drop(seat);
        });
    }
}

async fn tell(mut stream: TcpStream) -> std::io::Result<()> {
    stream.write_all(FULL.as_bytes()).await?;
    stream.shutdown().await?;
    let mut rest = [0; 1024];
    while stream.read(&mut rest).await? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_s_length_is_what_it_says_and_it_is_json() {
        let (head, body) = FULL.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with(&format!("content-length: {}", body.len())), "{head} {}", body.len());
        let value: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(value["code"], "too_many_connections");
    }
}
