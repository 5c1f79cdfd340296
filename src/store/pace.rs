//! Bounds the requests that wait for an answer of a store, and makes them fewer while it says that it is
//! busy: half as many after each such answer, one more after as many good ones as are allowed at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
    ReqwestConnector,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Makes clients that keep the pace.
#[derive(Debug)]
pub(super) struct PacedConnector {
    most: usize,
    put_header: Option<&'static str>,
}

impl PacedConnector {
    /// At most so many requests at once.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            put_header: None,
        }
    }

    /// And each that writes says `true` by this header. It is not part of what is signed.
    pub(super) fn with_put_header(self, header: &'static str) -> Self {
        Self {
            put_header: Some(header),
            ..self
        }
    }
}

impl HttpConnector for PacedConnector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(PacedClient {
            client: ReqwestConnector::default().connect(options)?,
            pace: Arc::new(Pace::new(self.most)),
            put_header: self.put_header,
        }))
    }
}

#[derive(Debug)]
struct PacedClient {
    client: HttpClient,
    pace: Arc<Pace>,
    put_header: Option<&'static str>,
}

#[async_trait]
impl HttpService for PacedClient {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        if let Some(header) = self.put_header
            && request.method().as_str() == "PUT"
            && let Ok(yes) = "true".parse()
        {
            request.headers_mut().insert(header, yes);
        }
        let permit = self.pace.begin().await?;
        let answer = self.client.execute(request).await;
        let is_busy = answer
            .as_ref()
            .is_ok_and(|answer| matches!(answer.status().as_u16(), 429 | 503));
        self.pace.end(permit, is_busy);
        answer
    }
}

/// How many requests are allowed now.
#[derive(Debug)]
struct Pace {
    most: usize,
    permits: Arc<Semaphore>,
    now: Mutex<Now>,
}

#[derive(Debug)]
struct Now {
    allowed: usize,
    /// Permits in use that are not to come back.
    to_take_back: usize,
    /// Good answers since the last change.
    good: usize,
}

impl Pace {
    fn new(most: usize) -> Self {
        let most = most.max(1);
        Self {
            most,
            permits: Arc::new(Semaphore::new(most)),
            now: Mutex::new(Now {
                allowed: most,
                to_take_back: 0,
                good: 0,
            }),
        }
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn begin(&self) -> Result<OwnedSemaphorePermit, HttpError> {
        Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))
    }

    fn end(&self, permit: OwnedSemaphorePermit, is_busy: bool) {
        let mut now = self.now();
        match is_busy {
            true => {
                let fewer = (now.allowed / 2).max(1);
                let lost = now.allowed - fewer;
                let taken = self.permits.forget_permits(lost);
                now.to_take_back += lost - taken;
                now.allowed = fewer;
                now.good = 0;
            }
            false => {
                now.good += 1;
                if now.good >= now.allowed && now.allowed < self.most {
                    now.allowed += 1;
                    now.good = 0;
                    match now.to_take_back {
                        0 => self.permits.add_permits(1),
                        _ => now.to_take_back -= 1,
                    }
                }
            }
        }
        if now.to_take_back > 0 {
            now.to_take_back -= 1;
            permit.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_busy_store_is_asked_less_and_then_slowly_more() {
        let pace = Pace::new(8);
        let mut held = Vec::new();
        for _ in 0..8 {
            held.push(pace.begin().await.unwrap());
        }
        pace.end(held.pop().unwrap(), true);
        assert_eq!(pace.now().allowed, 4);
        // Seven are under way; none begins before only three are left.
        for _ in 0..3 {
            assert_eq!(pace.permits.available_permits(), 0);
            pace.end(held.pop().unwrap(), false);
        }
        assert_eq!(pace.permits.available_permits(), 0);
        pace.end(held.pop().unwrap(), false);
        // Four good answers in a row: one more is allowed.
        assert_eq!(pace.now().allowed, 5);
        assert_eq!(pace.permits.available_permits() + held.len(), 5);
        for permit in held {
            pace.end(permit, false);
        }
        for _ in 0..100 {
            let permit = pace.begin().await.unwrap();
            pace.end(permit, false);
        }
        assert_eq!(pace.now().allowed, 8);
        assert_eq!(pace.permits.available_permits(), 8);
        for _ in 0..9 {
            let permit = pace.begin().await.unwrap();
            pace.end(permit, true);
        }
        assert_eq!(pace.now().allowed, 1);
        assert_eq!(pace.permits.available_permits(), 1);
    }
}
