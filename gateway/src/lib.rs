//! The edge: WebSocket, REST, accounts, the web page.
