//! A server that can guard creation alone, and that by a header of its own, as OSS and COS do. A server of S3
//! behind it does the work.

use std::io::{self, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::faults::proxy::http;

/// The server; ended when dropped.
pub struct CreationOnly {
    pub port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    store_port: u16,
    /// The header by which a creation is told.
    header: &'static str,
    /// Creations that were refused since something was there.
    refused: AtomicUsize,
    is_over: AtomicBool,
}

impl CreationOnly {
    pub fn start(store_port: u16, header: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            store_port,
            header,
            refused: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
        });
        let of_thread = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if of_thread.is_over.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&of_thread);
                std::thread::spawn(move || {
                    // Clients may go at any time.
                    let _ = shared.serve(stream);
                });
            }
        });
        Self { port, shared }
    }

    pub fn refused(&self) -> usize {
        self.shared.refused.load(Ordering::SeqCst)
    }
}

impl Drop for CreationOnly {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl Shared {
    fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        client.set_read_timeout(Some(Duration::from_secs(5)))?;
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
