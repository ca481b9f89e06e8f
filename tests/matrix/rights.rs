//! Who may do what: the cases of `rights.md`.

use super::{
    table::{Row, none, rows, with_words},
    verdicts::{code_of, hear, stays},
};
use crate::{
    world::{PATIENCE, Person, World, new_id},
    world_socket::{next, say},
};
use futures_util::{StreamExt, stream};
use reqwest::Method;
use serde_json::{Value, json};
use std::{collections::HashMap, time::Duration};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Error, client::IntoClientRequest},
};
use uuid::Uuid;

const PAGE: &str = include_str!("rights.md");
/// Operations played at the same time.
const AT_ONCE: usize = 6;
/// What was said after somebody was removed, and what no stranger may hear.
const CANARY: &str = "canary";

/// The tables.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Group,
    Direct,
    Blocked,
    Around,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Group, Self::Direct, Self::Blocked, Self::Around];

    fn heading(self) -> &'static str {
        match self {
            Self::Group => "In a group",
            Self::Direct => "In a direct conversation",
            Self::Blocked => "With a block",
            Self::Around => "Around a conversation",
        }
    }

    /// What does not occur in an answer that is `absent`.
    fn subject(self) -> &'static str {
        match self {
            Self::Group => "$group",
            Self::Direct | Self::Blocked => "$direct",
            Self::Around => "$device_of_one",
        }
    }

    fn people(self) -> &'static [&'static str] {
        match self {
            Self::Group => &[
                "owner", "admin", "second", "sender", "member", "plain", "former", "witness", "stranger",
                "newcomer",
            ],
            _ => &["one", "two", "stranger", "newcomer"],
        }
    }
}

/// How many cases the page comes to.
pub fn count() -> usize {
    let cells = |kind: Kind| -> usize {
        let rows = rows(PAGE, kind.heading());
        rows.iter().map(|row| row.from("stranger").iter().filter(|(_, cell)| *cell != "-").count()).sum()
    };
    Kind::ALL.into_iter().map(cells).sum()
}

/// People and the conversation that they are in.
struct Cast {
    kind: Kind,
    people: HashMap<&'static str, Person>,
    conversation: String,
}

impl Cast {
    async fn new(world: &World, kind: Kind) -> Self {
        let mut people = HashMap::new();
        for name in kind.people() {
            people.insert(*name, world.person(&Uuid::now_v7().simple().to_string()).await);
        }
        // The session that ends is one of the first one's.
        let first = &people[kind.people()[0]];
        let ended = first.log_in().await;
        let (status, _) = ended.call(Method::POST, "/auth/logout", None).await;
        assert_eq!(status, 204);
        people.insert("ended", ended);
        let deleted = world.person(&Uuid::now_v7().simple().to_string()).await;
        assert_eq!(deleted.call(Method::DELETE, "/me", None).await.0, 204);
        people.insert("deleted", deleted);
        Self { kind, people, conversation: String::new() }
    }

    /// A new conversation, as the page tells it.
    async fn meet(&mut self) {
        let people = &self.people;
        if self.kind != Kind::Group {
            let (one, two) = (&people["one"], &people["two"]);
            self.conversation = one.direct(two).await;
            say_in(&self.conversation, one, "of one").await;
            say_in(&self.conversation, two, CANARY).await;
            if self.kind == Kind::Blocked {
                write(one, Method::PUT, &format!("/me/blocks/{}", two.user_id), None).await;
            }
            return;
        }
        let others =
            ["admin", "second", "sender", "member", "plain", "former", "witness"].map(|n| &people[n]);
        let owner = &people["owner"];
        let group = owner.group("ours", &others).await;
        let member = |who: &str| format!("/conversations/{group}/members/{}", people[who].user_id);
        for admin in ["admin", "second"] {
            write(owner, Method::PATCH, &member(admin), Some(json!({"role": "admin"}))).await;
        }
        say_in(&group, &people["witness"], "first").await;
        say_in(&group, &people["sender"], "the target").await;
        say_in(&group, &people["member"], "of the member").await;
        write(owner, Method::DELETE, &member("former"), None).await;
        let head = say_in(&group, &people["second"], CANARY).await;
        assert_eq!(head, 8, "the page's numbers");
        self.conversation = group;
    }

    /// A text with its `$words` replaced, for an asker with this conversation of their own.
    fn fill(&self, asker: &Person, own: &str, text: &str) -> String {
        with_words(text, |word| {
            let one = self.people.get("one");
            Some(match word {
                "me" => asker.user_id.clone(),
                "new" => new_id(),
                "notebook" | "own_group" => own.to_owned(),
                "group" | "direct" => self.conversation.clone(),
                "device_of_one" => one?.device_id.clone(),
                "name_of_one" => one?.username.clone(),
                name => self.people.get(name)?.user_id.clone(),
            })
        })
    }

    /// The number of the next record, made by somebody whom no operation concerns.
    async fn next_seq(&self, asker: &str) -> u64 {
        let who = match (self.kind, asker) {
            (Kind::Group, _) => "witness",
            // The other one is blocked.
            (Kind::Blocked, _) | (_, "two") => "one",
            _ => "two",
        };
        say_in(&self.conversation, &self.people[who], "next").await
    }
}

async fn write(who: &Person, method: Method, path: &str, body: Option<Value>) -> Value {
    let (status, answer) = who.call_with_key(method, path, Some(&new_id()), body).await;
    assert!(status.is_success(), "{path}: {answer}");
    answer
}

async fn say_in(conversation: &str, who: &Person, text: &str) -> u64 {
    let body = Some(json!({"body": {"text": text}}));
    let path = format!("/conversations/{conversation}/messages");
    write(who, Method::POST, &path, body).await["seq"].as_u64().expect("a seq")
}

/// What an operation was answered.
#[derive(Debug, Default)]
struct Heard {
    /// The code of a refusal.
    code: Option<String>,
    answer: Value,
}

async fn by_rest(who: &Person, by: &str, body: &str) -> Heard {
    let (method, path) = by.split_once(' ').expect("a method and a path");
    let body = (!body.is_empty()).then(|| serde_json::from_str(body).expect("a good body"));
    let method: Method = method.parse().expect("a method");
    let key = (method != Method::GET).then(new_id);
    let (status, answer) = who.call_with_key(method, path, key.as_deref(), body).await;
    let code = (!status.is_success()).then(|| answer["code"].as_str().unwrap_or("no code").to_owned());
    Heard { code, answer }
}

async fn by_socket(who: &Person, kind: &str, fields: &str) -> Result<Heard, String> {
    let url = format!("ws://{}/v1/ws", who.address);
    let mut request = url.into_client_request().expect("a request");
    let bearer = format!("Bearer {}", who.token).parse().expect("a header");
    request.headers_mut().insert("Authorization", bearer);
    let mut socket = match connect_async(request).await {
        Ok((socket, _)) => socket,
        Err(Error::Http(response)) if response.status() == 401 => {
            return Ok(Heard { code: Some("unauthenticated".into()), answer: Value::Null });
        }
        Err(error) => return Err(error.to_string()),
    };
    while next(&mut socket).await["type"] != "ready" {}
    let mut frame: Value = serde_json::from_str(fields).expect("a good frame");
    (frame["type"], frame["id"]) = (kind.into(), "1".into());
    say(&mut socket, frame.to_string()).await;
    if ["read", "delivered"].contains(&kind) {
        return stays(&mut socket).await.map(|()| Heard::default());
    }
    let answer = hear(&mut socket).await.map_err(|code| format!("closed with {code}"))?;
    if answer["id"] != "1" {
        return Err(format!("an answer to nothing: {answer}"));
    }
    let code = (answer["type"] == "error").then(|| answer["code"].as_str().unwrap_or("no code").to_owned());
    Ok(Heard { code, answer })
}

/// Every object in an answer that tells of a conversation's head.
fn heads_of<'v>(answer: &'v Value, conversation: &str, found: &mut Vec<&'v Value>) {
    if answer["conversation_id"] == conversation && answer.get("head_seq").is_some() {
        found.push(answer);
    }
    let items = answer.as_array().into_iter().flatten();
    for part in items.chain(answer.as_object().into_iter().flat_map(serde_json::Map::values)) {
        heads_of(part, conversation, found);
    }
}

/// What a removed one may see: the head frozen at the removal, and `left` where it is told.
fn is_past(answer: &Value, conversation: &str) -> bool {
    let mut heads = Vec::new();
    heads_of(answer, conversation, &mut heads);
    let is_frozen =
        |head: &&Value| head["head_seq"] == 7 && *head.get("left").unwrap_or(&json!(true)) == true;
    let is_list_of_messages =
        heads.is_empty() && answer["items"].as_array().is_some_and(|items| !items.is_empty());
    !answer.to_string().contains(CANARY)
        && heads.iter().all(is_frozen)
        && (!heads.is_empty() || is_list_of_messages)
}

impl Cast {
    /// Whether what was heard is what the cell says.
    fn is_as(&self, heard: &Heard, verdict: &str, asker: &Person) -> bool {
        let told = heard.answer.to_string();
        let subject = self.fill(asker, "", self.kind.subject());
        match verdict {
            "ok" => heard.code.is_none(),
            "past" => heard.code.is_none() && is_past(&heard.answer, &self.conversation),
            "absent" => heard.code.is_none() && !told.contains(&subject) && !told.contains(CANARY),
            "." => heard.code.is_none() && heard.answer.is_null(),
            code => heard.code.as_deref() == Some(code_of(code)) && !told.contains(CANARY),
        }
    }

    /// Waits until a mark that was given without an answer stands in the members list.
    async fn sees_mark(&self, asker: &Person, kind: &str) -> Result<(), String> {
        let column = format!("{kind}_seq");
        let path = format!("/conversations/{}/members?limit=200", self.conversation);
        let waited = async {
            loop {
                let members = asker.get(&path).await;
                let mut items = members["items"].as_array().expect("items").iter();
                let own = items.find(|member| member["user_id"] == asker.user_id.as_str());
                if own.is_some_and(|own| own[&column].as_u64() >= Some(5)) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waited).await;
        waited.map_err(|_| format!("the mark {column} never came"))
    }

    async fn play(&self, row: &Row, who: &str, verdict: &str) -> Result<(), String> {
        let asker = &self.people[who];
        let (by, with) = (row.of("by"), row.of("with"));
        // Made only for who may make one.
        let own = match by {
            _ if who == "ended" || who == "deleted" => new_id(),
            by if by.contains("$notebook") => asker.direct(asker).await,
            by if by.contains("$own_group") => asker.group("own", &[]).await,
            _ => new_id(),
        };
        let (by, with) = (self.fill(asker, &own, by), self.fill(asker, &own, with));
        let before = self.next_seq(who).await;
        let is_rest = by.contains(' ');
        let heard =
            if is_rest { by_rest(asker, &by, &with).await } else { by_socket(asker, &by, &with).await? };
        if !self.is_as(&heard, verdict, asker) {
            return Err(format!("{heard:?}, not {verdict}"));
        }
        if verdict == "ok" && ["read", "delivered"].contains(&by.as_str()) {
            self.sees_mark(asker, &by).await?;
        }
        let makes: u64 = row.of("makes").parse().expect("a number");
        let made = self.next_seq(who).await - before - 1;
        let wanted = if verdict == "ok" { makes } else { 0 };
        if made == wanted { Ok(()) } else { Err(format!("{made} records made instead of {wanted}")) }
    }
}

/// All cells of one row.
async fn operation(world: &World, kind: Kind, row: Row) -> Vec<String> {
    let mut failures = Vec::new();
    let mut cast = Cast::new(world, kind).await;
    for (who, verdict) in row.from("stranger").iter().filter(|(_, verdict)| *verdict != "-") {
        if kind == Kind::Group {
            cast.meet().await;
        } else {
            // Two people have one direct conversation.
            cast = Cast::new(world, kind).await;
            cast.meet().await;
        }
        if let Err(why) = cast.play(&row, who, verdict).await {
            failures.push(format!("{} / {} / {who}: {why}", kind.heading(), row.of("operation")));
        }
    }
    failures
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_may_do_what_the_table_says() {
    let world = World::with(|config| config.edge.connections_per_user = 10_000).await;
    let all = Kind::ALL.into_iter().flat_map(|kind| {
        let rows = rows(PAGE, kind.heading()).into_iter();
        rows.map(move |row| (kind, row))
    });
    let played = all.map(|(kind, row)| operation(&world, kind, row));
    let failures: Vec<Vec<String>> = stream::iter(played).buffer_unordered(AT_ONCE).collect().await;
    none(&failures.concat());
}
