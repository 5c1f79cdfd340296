//! A server that can guard creation alone, and that by a header of its own, as OSS and COS do. A server of S3
//! behind it does the work.

use std::io::{self, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::faults::proxy::http;
use crate::faults::proxy::listener::Listener;

/// The server; ended when dropped.
pub struct CreationOnly {
    listener: Listener,
    /// Creations that were refused since something was there.
    refused: Arc<AtomicUsize>,
}

/// What every connection needs.
struct Shared {
    store_port: u16,
    /// The header by which a creation is told.
    header: &'static str,
    refused: Arc<AtomicUsize>,
}

impl CreationOnly {
    pub fn start(store_port: u16, header: &'static str) -> Self {
        let refused = Arc::default();
        let shared = Shared {
            store_port,
            header,
            refused: Arc::clone(&refused),
        };
        Self {
            listener: Listener::start(move |client| shared.serve(client)),
            refused,
        }
    }

    pub fn port(&self) -> u16 {
        self.listener.port
    }

    pub fn refused(&self) -> usize {
        self.refused.load(Ordering::SeqCst)
    }
}

impl Shared {
    fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        let Some(mut request) = http::read(&mut client)? else {
            return Ok(());
        };
        let is_put = request.method == "PUT";
        let is_conditional =
            request.header("if-match").is_some() || request.header("if-none-match").is_some();
        let answer = if is_put && is_conditional {
            http::answer("501 Not Implemented", "NotImplemented")
        } else {
            if is_put && request.header(self.header) == Some("true") {
                request.add_header("If-None-Match: *");
            }
            let answer = http::pass_on(&request, self.store_port)?;
            match is_put && answer.starts_with(b"HTTP/1.1 412") {
                true => {
                    self.refused.fetch_add(1, Ordering::SeqCst);
                    http::answer("409 Conflict", "FileAlreadyExists")
                }
                false => answer,
            }
        };
        client.write_all(&answer)?;
        client.shutdown(Shutdown::Both)
    }
}
