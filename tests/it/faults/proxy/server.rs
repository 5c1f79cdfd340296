//! The proxy: each connection carries one request, which is passed on, spoilt or both.

use std::io::{self, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::http::{self, Request};
use super::plan::{Fault, Plan};
use crate::faults::fired::Fired;

/// Longer than a client waits for an answer.
const TOO_LONG: Duration = Duration::from_millis(1_300);

/// A proxy before a port of 127.0.0.1; ended when dropped.
pub struct Proxy {
    pub port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    store_port: u16,
    plan: Arc<Plan>,
    fired: Arc<Fired>,
    is_over: AtomicBool,
    /// Connections that are not closed.
    open: AtomicUsize,
}

impl Proxy {
    pub fn start(store_port: u16, plan: &Arc<Plan>, fired: &Arc<Fired>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            store_port,
            plan: Arc::clone(plan),
            fired: Arc::clone(fired),
            is_over: AtomicBool::new(false),
            open: AtomicUsize::new(0),
        });
        let of_thread = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if of_thread.is_over.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let shared = Arc::clone(&of_thread);
                shared.open.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || {
                    // Clients may go at any time.
                    let _ = shared.serve(stream);
                    shared.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { port, shared }
    }

    /// Waits until everything that was sent has arrived, late or not.
    pub fn wait_until_idle(&self) {
        let until = Instant::now() + Duration::from_secs(60);
        while self.shared.open.load(Ordering::SeqCst) > 0 {
            assert!(Instant::now() < until, "requests that never end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl Shared {
    fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        // A client may keep a connection in store that it never uses.
        client.set_read_timeout(Some(Duration::from_secs(5)))?;
        let Some(request) = http::read(&mut client)? else {
            return Ok(());
        };
        let answer = match self.plan.meets(&request, &self.fired) {
            None => self.pass_on(&request)?,
            Some(Fault::Error500) => http::answer("500 Internal Server Error", "InternalError"),
            Some(Fault::Busy503) => http::answer("503 Service Unavailable", busy(&request)),
            Some(Fault::Conflict409) => http::answer("409 Conflict", "ConditionalRequestConflict"),
            Some(Fault::Slow) => {
                self.pass_on(&request)?;
                std::thread::sleep(TOO_LONG);
                Vec::new()
            }
            Some(Fault::Late) => {
                std::thread::sleep(TOO_LONG);
                self.pass_on(&request)?;
                Vec::new()
            }
            Some(Fault::Cut) => cut(self.pass_on(&request)?),
            Some(Fault::Lost) => {
                self.pass_on(&request)?;
                Vec::new()
            }
        };
        client.write_all(&answer)?;
        client.shutdown(Shutdown::Both)
    }

    fn pass_on(&self, request: &Request) -> io::Result<Vec<u8>> {
        http::pass_on(request, self.store_port)
    }
}

/// How its store says that it is busy.
fn busy(request: &Request) -> &'static str {
    match request.target.starts_with("/devstoreaccount1/") {
        true => "ServerBusy",
        false => "SlowDown",
    }
}

/// In the middle of the body, or of the headers where there is none.
fn cut(mut answer: Vec<u8>) -> Vec<u8> {
    let body = http::end_of_head(&answer).unwrap_or(answer.len());
    let end = match answer.len() - body {
        0 => body / 2,
        length => body + length / 2,
    };
    answer.truncate(end);
    answer
}
