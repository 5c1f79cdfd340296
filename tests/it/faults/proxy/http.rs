//! As much of HTTP/1.1 as a proxy needs that answers one request on each connection.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A request as it came.
#[derive(Debug)]
pub struct Request {
    pub method: String,
    /// Path and query.
    pub target: String,
    /// First line and headers, without the empty line.
    head: String,
    pub body: Vec<u8>,
}

/// Reads a request; none where the other end sends nothing.
pub fn read(stream: &mut TcpStream) -> io::Result<Option<Request>> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = end_of_head(&bytes) {
            break end;
        }
        let mut more = [0; 8192];
        match stream.read(&mut more)? {
            0 => return Ok(None),
            count => bytes.extend_from_slice(&more[..count]),
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end - 4]).into_owned();
    let length = header(&head, "content-length").and_then(|text| text.parse().ok());
    let mut body = bytes.split_off(end);
    let come = body.len();
    body.resize(length.unwrap_or(0), 0);
    if come < body.len() {
        stream.read_exact(&mut body[come..])?;
    }
    let mut words = head.split(' ').map(String::from);
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    Ok(Some(Request {
        method,
        target,
        head,
        body,
    }))
}

/// Where the body begins.
pub fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let found = bytes.windows(4).position(|window| window == b"\r\n\r\n");
    found.map(|at| at + 4)
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// Passes a request on; its whole answer. Everything is kept that may be signed: the host, too.
pub fn pass_on(request: &Request, port: u16) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut text = String::new();
    for line in request.head.lines() {
        if !line.to_ascii_lowercase().starts_with("connection:") {
            text += line;
            text += "\r\n";
        }
    }
    text += "Connection: close\r\n\r\n";
    stream.write_all(text.as_bytes())?;
    stream.write_all(&request.body)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

/// An answer of our own.
pub fn answer(status: &str, code: &str) -> Vec<u8> {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>Planned</Message></Error>"
    );
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/xml\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
