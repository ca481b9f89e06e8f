//! Indexes elsewhere: every indexer is asked, and each answers for the partitions that it has.

use super::{Found, Hit, Question, Search, SearchError, joined};
use crate::open::OpenError;
use async_trait::async_trait;
use futures_util::future::join_all;
use std::time::Duration;

/// The indexers' addresses.
pub(crate) struct Remote {
    client: reqwest::Client,
    addresses: Vec<String>,
    partitions: u32,
}

impl Remote {
    /// `http://host:port,http://host:port…`
    pub(crate) fn open(urls: &str, partitions: u32, timeout: Duration) -> Result<Self, OpenError> {
        let wrong = |reason: String| OpenError::Unreachable {
            port: "search",
            url: crate::open::without_secrets(urls),
            reason,
        };
        let mut addresses = Vec::new();
        for url in urls.split(',') {
            let url = url::Url::parse(url.trim()).map_err(|error| wrong(error.to_string()))?;
            let url = url.join("/find").map_err(|error| wrong(error.to_string()))?;
            addresses.push(url.to_string());
        }
        let client = reqwest::Client::builder().timeout(timeout).no_proxy().build();
        let client = client.map_err(|error| wrong(error.to_string()))?;
        Ok(Self { client, addresses, partitions })
    }

    async fn ask(&self, address: &str, question: &Question) -> Result<Found, reqwest::Error> {
        let answer = self.client.post(address).json(question).send().await?;
        answer.error_for_status()?.json().await
    }
}

#[async_trait]
impl Search for Remote {
    async fn find(&self, question: Question) -> Result<Vec<Hit>, SearchError> {
        let asked = join_all(self.addresses.iter().map(|address| self.ask(address, &question))).await;
        let mut answers = Vec::new();
        for (answer, address) in asked.into_iter().zip(&self.addresses) {
            match answer {
                Ok(found) => answers.push(found),
                // The others may have what is needed; if not, that is the error.
                Err(error) => tracing::warn!(address, %error, "an indexer does not answer"),
            }
        }
        joined(&question, self.partitions, answers)
    }
}
