//! What a scan looks for, and the place on the network that Semgrep asks for its default rules: offline there is
//! none, so one on loopback hands out ours.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

/// One rule, for what nobody should write.
pub(super) const RULES: &str = "rules:\n  - id: evaluates-a-text\n    languages: [python]\n    severity: ERROR\n    \
                                message: whatever the text says is run\n    pattern: eval(...)\n";

/// Code that breaks it.
pub(super) const BAD: &str = "def score(text):\n    return eval(text)\n";

/// The address of a server with the rules; it ends with the test's process.
pub(super) fn served() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count == 1) {
                head.push(byte[0]);
            }
            let (status, body) = match head.starts_with(b"GET /c/p/default ") {
                true => ("200 OK", RULES),
                false => ("404 Not Found", ""),
            };
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Type: text/yaml\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
            // Who hangs up early has its reasons.
            let _gone = stream.write_all(answer.as_bytes());
        }
    });
    address
}
