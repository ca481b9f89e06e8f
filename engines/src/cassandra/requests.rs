//! Requests: so many in flight and no more, retried until the outcome is known or time is up.

use super::{CassandraSettings, failure::Failure};
use crate::store::StoreError;
use backon::{BackoffBuilder, ExponentialBuilder};
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use scylla::{
    client::session::Session,
    deserialize::row::DeserializeRow,
    errors::ExecutionError,
    response::PagingState,
    serialize::row::SerializeRow,
    statement::prepared::PreparedStatement,
    value::{CqlValue, Row},
};
use std::{future::Future, ops::ControlFlow, time::Duration};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, sleep, timeout_at},
};

/// First pause between tries, and the longest.
const PAUSE_MIN: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// The driver, with limits.
pub(super) struct Requests {
    session: Session,
    permits: Semaphore,
    /// Requests of one call in flight: half of all, so that a large write leaves room for reads.
    per_call: usize,
    /// How long writes are tried: they must arrive, and a consumer that waits holds nobody up ...
    give_up: Duration,
    /// ... and reads: somebody waits for the answer.
    give_up_reads: Duration,
}

impl Requests {
    pub(super) fn new(session: Session, settings: &CassandraSettings) -> Self {
        Self {
            session,
            permits: Semaphore::new(settings.in_flight_max),
            per_call: (settings.in_flight_max / 2).max(1),
            give_up: settings.give_up(),
            give_up_reads: settings.request_timeout(),
        }
    }

    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    /// All rows of one partition that a statement finds.
    pub(super) async fn rows<R>(
        &self,
        operation: &'static str,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<Vec<R>, StoreError>
    where
        R: for<'frame, 'metadata> DeserializeRow<'frame, 'metadata>,
    {
        let (mut rows, mut from) = (Vec::new(), PagingState::start());
        loop {
            let page = || self.session.execute_single_page(statement, &values, from.clone());
            let patience = Patience::new(operation, self.give_up_reads);
            let (page, next) = self.until_known(patience, page).await?;
            let page = page.into_rows_result().map_err(Failure::unreadable)?;
            for row in page.rows::<R>().map_err(Failure::unreadable)? {
                rows.push(row.map_err(Failure::unreadable)?);
            }
            match next.into_paging_control_flow() {
                ControlFlow::Break(()) => return Ok(rows),
                ControlFlow::Continue(next) => from = next,
            }
        }
    }

    /// The row that a statement finds, if there is one.
    pub(super) async fn row<R>(
        &self,
        operation: &'static str,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<Option<R>, StoreError>
    where
        R: for<'frame, 'metadata> DeserializeRow<'frame, 'metadata>,
    {
        Ok(self.rows(operation, statement, values).await?.into_iter().next())
    }

    /// One answer for each, in their order; some are asked for at the same time.
    pub(super) async fn each<T, A, F>(
        &self,
        of: impl IntoIterator<Item = T>,
        ask: impl Fn(T) -> F,
    ) -> Result<Vec<A>, StoreError>
    where
        F: Future<Output = Result<A, StoreError>> + Send,
    {
        // Boxed at once: no closure over borrowed ids lives on in the stream.
        let asking: Vec<_> = of.into_iter().map(|one| ask(one).boxed()).collect();
        stream::iter(asking).buffered(self.per_call).try_collect().await
    }

    /// The same where the order is no matter, and nothing is answered.
    pub(super) async fn all<T, F>(
        &self,
        of: impl IntoIterator<Item = T>,
        run: impl Fn(T) -> F,
    ) -> Result<(), StoreError>
    where
        F: Future<Output = Result<(), StoreError>> + Send,
    {
        let running: Vec<_> = of.into_iter().map(|one| run(one).boxed()).collect();
        stream::iter(running).buffer_unordered(self.per_call).try_collect().await
    }

    /// Runs one lightweight transaction, once: nothing if it applied, else the columns that it found
    /// instead. An error other than a lasting one leaves its outcome open.
    pub(super) async fn decide(
        &self,
        operation: &'static str,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<Option<Row>, Failure> {
        let _permit = self.permit(Instant::now() + self.give_up).await?;
        let started = Instant::now();
        let outcome = self.session.execute_unpaged(statement, values).await;
        metrics::histogram!("parlor_store_request_seconds", "operation" => operation)
            .record(started.elapsed());
        let rows = outcome?.into_rows_result().map_err(Failure::unreadable)?;
        let mut row = rows.first_row::<Row>().map_err(Failure::unreadable)?;
        match row.columns.first() {
            Some(Some(CqlValue::Boolean(true))) => Ok(None),
            Some(Some(CqlValue::Boolean(false))) => {
                row.columns.remove(0);
                Ok(Some(row))
            }
            other => Err(Failure::unreadable(format!("{other:?} instead of [applied]"))),
        }
    }

    /// Tries until there is an answer or an error that lasts; gives up after a while.
    pub(super) async fn until_known<T, F>(
        &self,
        mut patience: Patience,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, ExecutionError>>,
    {
        let operation = patience.operation;
        loop {
            let permit = self.permit(patience.end).await?;
            let started = Instant::now();
            let outcome = attempt().await;
            drop(permit);
            metrics::histogram!("parlor_store_request_seconds", "operation" => operation)
                .record(started.elapsed());
            match outcome {
                Ok(answer) => return Ok(answer),
                Err(error) => patience.pause(Failure::from(error)).await?,
            }
        }
    }

    /// How long a write is tried again and again.
    pub(super) fn patience(&self, operation: &'static str) -> Patience {
        Patience::new(operation, self.give_up)
    }

    async fn permit(&self, end: Instant) -> Result<Permit<'_>, Failure> {
        match timeout_at(end, self.permits.acquire()).await {
            Ok(permit) => {
                metrics::gauge!("parlor_store_in_flight").increment(1.0);
                Ok(Permit { _permit: permit.expect("the semaphore is never closed") })
            }
            Err(_) => Err(Failure::Passing("too many requests are waiting".into())),
        }
    }
}

/// The right to have a request in flight.
struct Permit<'a> {
    _permit: SemaphorePermit<'a>,
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        metrics::gauge!("parlor_store_in_flight").decrement(1.0);
    }
}

/// Pauses between tries, up to an end.
pub(super) struct Patience {
    operation: &'static str,
    end: Instant,
    pauses: <ExponentialBuilder as BackoffBuilder>::Backoff,
}

impl Patience {
    fn new(operation: &'static str, give_up: Duration) -> Self {
        let pauses = ExponentialBuilder::default()
            .with_min_delay(PAUSE_MIN)
            .with_max_delay(PAUSE_MAX)
            .with_jitter()
            .without_max_times();
        Self { operation, end: Instant::now() + give_up, pauses: pauses.build() }
    }

    /// Waits before the next try; the failure itself if it lasts or time is up.
    pub(super) async fn pause(&mut self, failure: Failure) -> Result<(), StoreError> {
        let pause = self.pauses.next().unwrap_or(PAUSE_MAX);
        if matches!(failure, Failure::Lasting(_)) || Instant::now() + pause >= self.end {
            return Err(failure.into());
        }
        metrics::counter!("parlor_store_retries_total", "operation" => self.operation).increment(1);
        sleep(pause).await;
        Ok(())
    }
}
