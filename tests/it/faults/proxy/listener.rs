//! A server of 127.0.0.1 that answers one request on each connection.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The server; ended when dropped.
pub struct Listener {
    pub port: u16,
    is_over: Arc<AtomicBool>,
    /// Connections that are not closed.
    open: Arc<AtomicUsize>,
}

impl Listener {
    /// Each connection is served by a thread of its own.
    pub fn start(serve: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let started = Self {
            port,
            is_over: Arc::default(),
            open: Arc::default(),
        };
        let (is_over, open) = (Arc::clone(&started.is_over), Arc::clone(&started.open));
        let serve = Arc::new(serve);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if is_over.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let (serve, open) = (Arc::clone(&serve), Arc::clone(&open));
                open.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || {
                    // A client may keep a connection in store that it never uses, or go at any time.
                    let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
                    let _ = serve(stream);
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        started
    }

    /// Waits until everything that was sent has arrived, late or not.
    pub fn wait_until_idle(&self) {
        let until = Instant::now() + Duration::from_secs(60);
        while self.open.load(Ordering::SeqCst) > 0 {
            assert!(Instant::now() < until, "requests that never end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}
