//! A client that can misbehave: bytes go out as the test writes them.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Server;

/// One connection.
pub(super) struct Wire(TcpStream);

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) text: String,
}

impl Wire {
    pub(super) async fn to(server: &Server) -> Self {
        Self::connect(server.address).await
    }

    pub(super) async fn connect(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.unwrap())
    }

    pub(super) async fn say(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    pub(super) async fn ask(&mut self, request: impl AsRef<[u8]>) -> Answer {
        // The server may answer and hang up while we are still sending; then only its answer counts.
        let _sent = self.0.write_all(request.as_ref()).await;
        self.answer().await
    }

    /// Reads one answer of the length that it announces.
    pub(super) async fn answer(&mut self) -> Answer {
        let mut bytes = Vec::new();
        loop {
            if let Some(answer) = Answer::complete(&bytes) {
                return answer;
            }
            let read = self.0.read_buf(&mut bytes).await.unwrap();
            assert!(read > 0, "the server hung up: {}", String::from_utf8_lossy(&bytes));
        }
    }

    /// Whether the server hangs up; waits until it does or says something.
    pub(super) async fn is_over(&mut self) -> bool {
        let mut rest = Vec::new();
        !matches!(self.0.read_buf(&mut rest).await, Ok(read) if read > 0)
    }
}

impl Answer {
    fn complete(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<(String, String)> = lines
            .map(|line| line.split_once(": ").unwrap_or((line, "")))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let answer = Self { status, headers, text: String::new() };
        let length: usize = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        let body = bytes.get(end + 4..end + 4 + length)?;
        Some(Self { text: String::from_utf8(body.to_vec()).unwrap(), ..answer })
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        serde_json::from_str(&self.text).unwrap()
    }

    /// Checks the shape that every refusal has, and gives its word.
    pub(super) fn refusal(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        let json = self.json();
        let fields: Vec<&String> = json.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["error", "message"]);
        assert!(!json["message"].as_str().unwrap().is_empty());
        let word = json["error"].as_str().unwrap().to_owned();
        assert!(word.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{word}");
        word
    }
}
