//! The description of REST, generated from the handlers.

use super::{
    account, admin, blocks, conversations, devices, history, me, media, members, messages, presence,
    push_tokens, receipts, search, settings, sign_in,
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
        account::delete, account::export, me::get, me::patch, me::by_id, me::by_name, presence::one, presence::many,
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
        search::search,
        media::announce, media::find, media::put, media::get,
        admin::users, admin::user, admin::ban, admin::unban, admin::end_sessions, admin::conversation,
        admin::groups, admin::dead_letters, admin::audit,
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
    use std::collections::BTreeSet;

    /// (path, method) of every route that the router's source names, those that are no calls aside.
    fn routes() -> BTreeSet<(String, String)> {
        const ONE: &str = "/v1/conversations/{conversation_id}";
        let mut found = BTreeSet::new();
        for route in include_str!("../rest.rs").split(".route(").skip(1) {
            let (first, handlers) = route.split_once(", ").expect("a path and what serves it");
            let path = match first.trim() {
                "ONE" => ONE.to_owned(),
                of if of.starts_with("&of(") => format!("{ONE}{}", of.split('"').nth(1).expect("a literal")),
                literal => literal.trim_matches('"').to_owned(),
            };
            let handlers = handlers.split('\n').next().expect("a line");
            for method in ["get", "post", "put", "patch", "delete"] {
                if handlers.split('.').any(|part| part.starts_with(&format!("{method}("))) {
                    found.insert((path.clone(), method.to_owned()));
                }
            }
        }
        found.retain(|(path, _)| !["/openapi.json", "/asyncapi.json", "/v1/ws"].contains(&path.as_str()));
        found
    }

    #[test]
    fn every_route_is_described_and_nothing_else() {
        let document = serde_json::to_value(super::document()).unwrap();
        let mut described = BTreeSet::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            described
                .extend(methods.as_object().unwrap().keys().map(|method| (path.clone(), method.clone())));
        }
        let routes = routes();
        assert!(routes.len() > 40, "{routes:?}");
        assert_eq!(
            routes.difference(&described).collect::<Vec<_>>(),
            [] as [&(String, String); 0],
            "not described"
        );
        assert_eq!(
            described.difference(&routes).collect::<Vec<_>>(),
            [] as [&(String, String); 0],
            "not there"
        );
    }
}
