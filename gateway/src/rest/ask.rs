//! A command over REST: asked like on the socket, and waited for.

use crate::{
    answers,
    auth::Identity,
    commands::{self, Asked, Sources},
    edge::Edge,
    problem::Problem,
    settings::millis,
    waiters::Asker,
};
use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use parlor_schemas::{Ack, ClientMsgId, Code, ConversationId, Outcome, UserId, record::Skipped};
use serde::Serialize;
use tokio::sync::oneshot;

/// Asks, and waits for what becomes of it.
pub(super) async fn ask(
    edge: &Edge,
    who: &Identity,
    conversation: ConversationId,
    key: ClientMsgId,
    asked: Asked,
) -> Result<Outcome, Problem> {
    edge.buckets.user(who.user_id)?;
    let mut asked = asked;
    if let Some(sources) = Sources::of(&asked.action) {
        asked.refused = sources.verdict(edge, who.user_id, conversation).await?;
    }
    ask_at_once(edge, who, conversation, key, asked).await
}

/// The same for what the user did not ask for one by one.
pub(super) async fn ask_at_once(
    edge: &Edge,
    who: &Identity,
    conversation: ConversationId,
    key: ClientMsgId,
    asked: Asked,
) -> Result<Outcome, Problem> {
    let unknown = || Problem::unavailable("the outcome is unknown: repeat with the same Idempotency-Key");
    let (to, heard) = oneshot::channel();
    commands::submit(edge, who, (conversation, key), asked, Asker::Rest(to))?;
    let outcome = tokio::time::timeout(millis(edge.settings.rest_wait_ms), heard).await;
    match outcome.map_err(|_| unknown())?.map_err(|_| unknown())?? {
        Outcome::Refused(mut refusal) => {
            if refusal.code == Code::NotFound {
                refusal.code = answers::code_of(edge, who.user_id, conversation).await;
            }
            Err(refusal.into())
        }
        outcome => Ok(outcome),
    }
}

/// The ack, with `skipped` and `owner_id` only where they say something.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct AckBody {
    conversation_id: ConversationId,
    client_msg_id: ClientMsgId,
    seq: u64,
    ord: u64,
    message_id: parlor_schemas::MessageId,
    at: parlor_schemas::Timestamp,
    duplicate: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    skipped: Vec<Skipped>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner_id: Option<UserId>,
}

impl From<Ack> for AckBody {
    fn from(ack: Ack) -> Self {
        Self {
            conversation_id: ack.conversation_id,
            client_msg_id: ack.client_msg_id,
            seq: ack.seq,
            ord: ack.ord,
            message_id: ack.message_id,
            at: ack.at,
            duplicate: ack.duplicate,
            skipped: ack.skipped,
            owner_id: ack.owner_id,
        }
    }
}

/// The ack of an outcome; `{}` where no record was made.
pub(super) fn acked(status: StatusCode, outcome: Outcome) -> Response {
    match outcome {
        Outcome::Sequenced(ack) => (status, Json(AckBody::from(ack))).into_response(),
        _ => (status, Json(serde_json::json!({}))).into_response(),
    }
}
