//! The proxy: each connection carries one request, which is passed on, spoilt or both.

use std::io::{self, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use super::http::{self, Request};
use super::listener::Listener;
use super::plan::{Fault, Plan};
use crate::faults::fired::Fired;

/// Longer than a client waits for an answer.
const TOO_LONG: Duration = Duration::from_millis(1_300);

/// What every connection needs.
struct Shared {
    store_port: u16,
    plan: Arc<Plan>,
    fired: Arc<Fired>,
}

/// A proxy before a port of 127.0.0.1.
pub fn start(store_port: u16, plan: &Arc<Plan>, fired: &Arc<Fired>) -> Listener {
    let shared = Shared {
        store_port,
        plan: Arc::clone(plan),
        fired: Arc::clone(fired),
    };
    Listener::start(move |client| shared.serve(client))
}

impl Shared {
    fn serve(&self, mut client: TcpStream) -> io::Result<()> {
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
