/**
 * The shapes that the modules of the SDK hand to each other. Wire shapes are PROTOCOL's, field by field.
 *
 * What the SDK takes from outside (tests give their own):
 * @typedef {{
 *   now(): number,
 *   random(): number,
 *   setTimeout(call: () => void, ms: number): any,
 *   clearTimeout(timer: any): void,
 *   fetch: typeof fetch,
 *   WebSocket: new (url: string, protocols?: string[]) => WebSocket,
 *   base: string,
 * }} Env  `base` is the server's origin; times in ms.
 *
 * @typedef {{type: string, id?: string, [field: string]: any}} Frame
 */
/** @template T @typedef {{items: T[], next: string | null}} Page */
/**
 * @typedef {{user_id: string, username: string, display_name?: string | null, avatar_media_id?: string | null}} User
 * @typedef {User & {email?: string | null, last_seen_to?: "everyone" | "contacts" | "nobody", read_receipts?: boolean}} Own
 * @typedef {{kind: "web" | "mobile" | "desktop", name: string, device_id?: string, tz?: string}} DeviceAsked
 * @typedef {{user_id: string, role: string}} Member
 * @typedef {{delivered_seq: number, read_seq: number}} Marks
 * @typedef {{
 *   conversation_id: string, seq: number, ord: number, message_id: string, kind: string, at: string,
 *   sender_id: string, device_id?: string, client_msg_id?: string, body: any, redacted?: boolean,
 * }} Record
 *
 * Answers of the REST calls.
 * @typedef {{user_id: string, status: "online" | "away" | "offline", last_seen: string | null, text: string}} Presence
 * @typedef {{device_id: string, kind: string, name: string, last_used_at: string, current: boolean}} Device
 * @typedef {Member & Marks & {joined_at: string}} MemberItem
 * @typedef {{user_id: string, at: string}} ReceiptItem
 * @typedef {{delivered: ReceiptItem[], read: ReceiptItem[], next: string | null}} Receipts
 * @typedef {{conversation_id: string, seq: number, at: string, sender_id: string, snippet: string}} Found
 * @typedef {{seq?: number, ord?: number, message_id?: string, at?: string, duplicate?: boolean, skipped?: {user_id: string, code: string}[]}} Ack
 * @typedef {{conversation_id: string, items: Record[], upto: number, more: boolean, head_seq: number, floor: number, epoch: string}} Records
 * @typedef {{
 *   conversation_id: string, kind: "direct" | "group", title: string | null, avatar_media_id: string | null,
 *   history: "joined" | "all", role: string, members_count: number, head_seq: number, head_ord: number, read_seq: number,
 *   unread: number, floor: number, epoch: string, last_message: any, at: string, muted_until: string | null,
 *   archived: boolean, pinned: boolean, draft: string | null, marked_unread?: boolean, left: boolean,
 * }} View
 *
 * One conversation as this browser knows it. The local log holds every record in (base, cursor].
 * @typedef {{
 *   conversation_id: string, kind: string, title: string | null, role: string | null, members_count: number,
 *   left: boolean, at: string, epoch: string, floor: number, base: number, cursor: number,
 *   head_seq: number, head_ord: number, read_seq: number, read_ord: number, unread: number,
 *   mark_seq: number, seen_seq: number, cursor_ord: number,
 *   members: Member[] | null, members_at: string, marks: {[user_id: string]: Marks}, last: Record | null,
 *   avatar_media_id?: string | null, history?: string, view?: View,
 * }} Row  `mark_seq`: the `read` mark sent; `seen_seq`: the newest record of someone else;
 * `cursor_ord`: the `ord` at the cursor; `members_at`: the newest membership record's time;
 * `view`: as the server last gave it, with the own settings
 *
 * A command on its way, shown at once. `order` is the order of writing.
 * @typedef {{
 *   client_msg_id: string, conversation_id: string, type: string, fields: {[field: string]: any},
 *   order: number, at: string, state: "pending" | "sequenced" | "failed", seq?: number,
 *   error?: {code: string, message: string},
 * }} Entry
 *
 * @typedef {{
 *   user: User, device_id: string, access_token: string, refresh_token: string, expires_at: number,
 * }} Tokens  `expires_at` by this machine's clock, in ms
 *
 * Everything that happens to the model is one of these; the store and the other tabs get the same.
 * @typedef {{type: "row", row: Row}
 *   | {type: "applied", row: Row, items: Record[], reset: boolean, gone: string[]}
 *   | {type: "older", row: Row, items: Record[]}
 *   | {type: "entry", entry: Entry}
 *   | {type: "gone", client_msg_id: string}
 *   | {type: "typing", conversation_id: string, user_id: string, on: boolean}
 *   | (Presence & {type: "presence"})
 *   | {type: "connection", state: Connection}} Change  the last three are not kept
 * @typedef {"online" | "connecting" | "offline"} Connection
 *
 * @typedef {{
 *   load(): Promise<{rows: Row[], outbox: Entry[]}>,
 *   write(change: Change): Promise<void>,
 *   records(conversation_id: string, before: number, limit: number): Promise<Record[]>,
 *   get(key: string): Promise<any>,
 *   set(key: string, value: any): Promise<void>,
 *   clear(): Promise<void>,
 * }} Store  `records` answers the last ones below `before`, ascending
 */
export {};
