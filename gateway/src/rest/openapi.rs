//! The description of REST, generated from the handlers.

use super::{
    blocks, conversations, devices, history, me, members, messages, presence, push_tokens, receipts,
    settings, sign_in,
};
use crate::problem::ProblemBody;
use axum::Json;
use utoipa::{
    Modify, OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};

#[derive(OpenApi)]
#[openapi(
    info(title = "Parlor", description = "Errors are application/problem+json everywhere.", version = "1"),
    paths(
        sign_in::register, sign_in::login, sign_in::refresh, sign_in::logout, sign_in::password,
        me::get, me::patch, me::by_id, me::by_name, presence::one, presence::many,
        blocks::put, blocks::delete, blocks::list,
        devices::list, devices::delete, devices::ticket, devices::jwks,
        push_tokens::put, push_tokens::delete,
        conversations::create, conversations::list, conversations::get, conversations::change,
        settings::put,
        members::list, members::add, members::role, members::remove, members::leave,
        history::records, history::messages, history::read,
        messages::send, messages::edit, messages::delete, messages::react, messages::unreact,
        messages::pin, messages::unpin,
        receipts::list,
    ),
    components(schemas(ProblemBody)),
    modifiers(&Bearer),
    security(("bearer" = [])),
)]
struct Api;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        let components = api.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// The OpenAPI document.
pub fn document() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

/// `/openapi.json`.
pub(crate) async fn serve() -> Json<utoipa::openapi::OpenApi> {
    Json(document())
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_call_is_described() {
        let paths = super::document().paths.paths;
        assert!(paths.contains_key("/v1/conversations/{conversation_id}/messages/{seq}/reactions/{emoji}"));
        assert_eq!(paths.len(), 30, "{:?}", paths.keys().collect::<Vec<_>>());
    }
}
