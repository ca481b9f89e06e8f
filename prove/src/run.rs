//! A run: people settle, act, come to rest; the checker decides.

use crate::{
    book::{Book, Progress, Writing},
    dumps::{self, DumpError},
    ending::Ending,
    load::Load,
    people::People,
    plan::Plan,
    rest::Api,
    settings::Settings,
};
use parlor_checker::{
    Damaged, Report,
    history::{Event, Phase, VERSION},
};
use parlor_engines::Engines;
use parlor_schemas::ConversationId;
use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, BufReader},
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// A run could not be made, or could not be judged.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// The settings make no sense.
    #[error("{0}")]
    Settings(&'static str),
    /// The deployment does not do what a run needs.
    #[error("the deployment: {0}")]
    Deployment(String),
    /// A server said what no server may say.
    #[error("the server broke the protocol: {0}")]
    Protocol(String),
    /// The history could not be written.
    #[error("the history can't be written")]
    Write(#[from] io::Error),
    /// The history is not whole.
    #[error(transparent)]
    Damaged(#[from] Damaged),
    /// The log or the store could not be dumped.
    #[error(transparent)]
    Dump(#[from] DumpError),
}

/// A run whose people act.
#[derive(Debug)]
pub struct Run {
    settings: Settings,
    api: Api,
    book: Book,
    writing: Writing,
    people: Arc<People>,
    stopping: CancellationToken,
    load: AbortOnDropHandle<()>,
}

/// A run at rest: every view has been read, and dumps may be added.
#[derive(Debug)]
pub struct Rested {
    run: Run,
}

/// A run that has been judged.
#[derive(Debug)]
pub struct Finished {
    /// Where the history is.
    pub history: PathBuf,
    /// The verdict.
    pub report: Report,
}

impl Run {
    /// Makes people, devices and conversations as the seed says, and lets them act.
    pub async fn start(settings: Settings) -> Result<Self, ProveError> {
        if settings.people < 2 || settings.urls.is_empty() {
            return Err(ProveError::Settings("a run needs two people and one URL at least"));
        }
        if settings.urls.iter().any(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
            return Err(ProveError::Settings("a URL begins with http:// or https://"));
        }
        let api = Api::new(&settings.urls).map_err(|why| ProveError::Deployment(why.to_string()))?;
        let (book, writing) = Book::open(&settings.history)?;
        let begun = Event::Run {
            version: VERSION,
            seed: settings.seed,
            settings: serde_json::to_value(&settings).unwrap_or_default(),
            deployment: settings.urls.join(" "),
        };
        let run: Arc<str> = "run".into();
        book.note(&run, begun).await;
        let plan = Plan::new(settings.people, settings.seed);
        let people = People::settle(&api, &book, &plan, &settings).await.map_err(ProveError::Deployment)?;
        book.note(&run, Event::Phase { phase: Phase::Load }).await;
        let (people, stopping) = (Arc::new(people), CancellationToken::new());
        let load = Load {
            api: api.clone(),
            book: book.clone(),
            people: people.clone(),
            settings: settings.clone(),
            stopping: stopping.clone(),
        };
        let load = AbortOnDropHandle::new(tokio::spawn(load.run(plan)));
        Ok(Self { settings, api, book, writing, people, stopping, load })
    }

    /// Notes that a fault begins.
    pub async fn mark_fault(&self, name: &str) {
        self.book.note(&"run".into(), Event::Fault { name: name.to_owned() }).await;
    }

    /// Notes that all faults are over: from now on everything must come right in 30 s.
    pub async fn healed(&self) {
        self.book.note(&"run".into(), Event::Healed {}).await;
    }

    /// What happened so far.
    pub fn progress(&self) -> Progress {
        self.book.progress()
    }

    /// Cuts all sockets at once: they all come back at the same time.
    pub fn cut_all(&self) {
        for device in self.people.devices() {
            device.cut();
        }
    }

    /// Ends the load, waits for everything outstanding, lets every device catch up, and reads all views
    /// to their ends.
    pub async fn rest(mut self) -> Result<Rested, ProveError> {
        self.stopping.cancel();
        if (&mut self.load).await.is_err() {
            return Err(ProveError::Deployment("the load broke".to_owned()));
        }
        let (api, book, people) = (&self.api, &self.book, &*self.people);
        let ending = Ending { api, book, people, patience: self.settings.patience };
        let ended = ending.run().await;
        if let Some(odd) = self.people.devices().find_map(|device| device.see(|state| state.odd.clone())) {
            return Err(ProveError::Protocol(odd));
        }
        ended.map_err(ProveError::Deployment)?;
        Ok(Rested { run: self })
    }

    /// Ends the run and judges it without dumps.
    pub async fn finish(self) -> Result<Finished, ProveError> {
        self.rest().await?.check().await
    }
}

impl Rested {
    /// The conversations of the run.
    pub fn conversations(&self) -> Vec<ConversationId> {
        let known = self.run.people.devices().flat_map(|device| device.logs(|id, _| id));
        let all: BTreeSet<_> = known.chain(self.run.people.conversations.iter().copied()).collect();
        all.into_iter().collect()
    }

    /// Where dumps are noted, for those who make them one by one ([`dumps`]).
    pub fn book(&self) -> &Book {
        &self.run.book
    }

    /// Notes what the log's topic holds, and then the store, when it has come to that or patience is over.
    pub async fn dump(&self, engines: &Engines) -> Result<(), ProveError> {
        let book = &self.run.book;
        let heads = dumps::dump_log(engines, book, &self.conversations()).await?;
        Ok(dumps::dump_store(engines, book, &heads, self.run.settings.patience).await?)
    }

    /// Ends the history and judges it.
    pub async fn check(self) -> Result<Finished, ProveError> {
        let Run { settings, book, writing, people, .. } = self.run;
        // Connections end first, so that nothing is noted after the end.
        drop(people);
        writing.finish(&book).await?;
        let path = settings.history.clone();
        let judged = tokio::task::spawn_blocking(move || check(&path)).await;
        let report = judged.map_err(|why| ProveError::Deployment(why.to_string()))??;
        Ok(Finished { history: settings.history, report })
    }
}

/// Judges a history in a file, with the lines that show each violation.
pub fn check(history: &Path) -> Result<Report, ProveError> {
    let open = || File::open(history).map(|file| BufReader::with_capacity(1 << 20, file));
    let unreadable = |why: io::Error| ProveError::Damaged(Damaged::Unreadable(why));
    let mut report = parlor_checker::check(open().map_err(unreadable)?)?;
    report.quote(open().map_err(unreadable)?).map_err(unreadable)?;
    Ok(report)
}
