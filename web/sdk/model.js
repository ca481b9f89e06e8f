/** @import {Change, Connection, Entry, Presence, Record, Row, Store} from './types.js' */

/** How many records a conversation shows at first, and how many more at a time. */
export const PAGE = 60;
const MORE = 300;

/**
 * What every tab shows. It moves by changes alone, and each tab gets the same ones; the leading tab writes them to the
 * store as well. `logs` holds the newest part, from after `start`, of the conversations that were opened.
 */
export class Model {
  /** @param {Store} store */
  constructor(store) {
    this.store = store;
    /** @type {Map<string, Row>} */
    this.rows = new Map();
    /** @type {Map<string, {start: number, items: Record[]}>} */
    this.logs = new Map();
    /** @type {Map<string, Entry>} */
    this.outbox = new Map();
    /** @type {Map<string, Set<string>>} who is typing, by conversation */
    this.typing = new Map();
    /** @type {Map<string, Presence>} of the users that are watched */
    this.presence = new Map();
    /** @type {Connection} */
    this.connection = 'connecting';
    /** @type {Change[] | null} */
    this.missed = null;
  }

  /** Rows as the store has them: the truth for a tab that starts or begins to lead. */
  async load() {
    /** @type {Change[]} what happens meanwhile comes after */
    const missed = (this.missed = []);
    const { rows, outbox } = await this.store.load();
    this.rows = new Map(rows.map((row) => [row.conversation_id, row]));
    // An entry that this tab has and the store lacks stays: sent once more it only gets its first answer again.
    for (const entry of outbox) this.outbox.set(entry.client_msg_id, entry);
    const opened = [...this.logs.keys()];
    this.logs.clear();
    this.missed = null;
    for (const change of missed) this.apply(change);
    await Promise.all(opened.map((conversation_id) => this.open(conversation_id)));
  }

  /** Reads the newest records into memory. @param {string} conversation_id @returns {Promise<void>} */
  async open(conversation_id) {
    if (this.logs.has(conversation_id)) return;
    const cursor = this.rows.get(conversation_id)?.cursor ?? 0;
    const items = await this.store.records(conversation_id, cursor + 1, PAGE);
    if (this.logs.has(conversation_id)) return;
    // What arrived meanwhile, or a store that is behind: only a run that ends at the cursor is shown, the rest is read again.
    if ((this.rows.get(conversation_id)?.cursor ?? 0) !== cursor) return this.open(conversation_id);
    const whole = items.at(-1)?.seq === cursor;
    this.logs.set(conversation_id, { start: whole ? items[0].seq - 1 : cursor, items: whole ? items : [] });
  }

  /** Older records that the store holds. @param {string} conversation_id @returns {Promise<boolean>} found any */
  async older(conversation_id) {
    const log = this.logs.get(conversation_id);
    if (!log || log.start <= (this.rows.get(conversation_id)?.base ?? 0)) return false;
    return this.#prepend(conversation_id, await this.store.records(conversation_id, log.start + 1, MORE));
  }

  /** @param {Change} change */
  apply(change) {
    if (change.type === 'connection') this.connection = change.state;
    if (change.type === 'presence') this.presence.set(change.user_id, change);
    if (change.type === 'typing') this.#typing(change);
    if (change.type === 'entry') this.outbox.set(change.entry.client_msg_id, change.entry);
    if (change.type === 'gone') this.outbox.delete(change.client_msg_id);
    if (!('row' in change)) return;
    if (this.missed) this.missed.push(change);
    const known = this.rows.get(change.row.conversation_id);
    if (known && known.epoch === change.row.epoch && known.cursor > change.row.cursor) return;
    this.rows.set(change.row.conversation_id, change.row);
    if (change.type === 'older') this.#prepend(change.row.conversation_id, change.items);
    if (change.type === 'applied') this.#append(change);
  }

  /** @param {Change & {type: "typing"}} change */
  #typing({ conversation_id, user_id, on }) {
    const who = new Set(this.typing.get(conversation_id));
    who.delete(user_id);
    if (on) who.add(user_id);
    this.typing.set(conversation_id, who);
  }

  /** @param {Change & {type: "applied"}} change */
  #append({ row, items, reset, gone }) {
    for (const id of gone) this.outbox.delete(id);
    const log = this.logs.get(row.conversation_id);
    if (!log) return;
    if (reset) Object.assign(log, { start: row.base, items: [] });
    const last = log.items.at(-1)?.seq ?? 0;
    const fresh = items.filter((record) => record.seq > last);
    if (last && fresh.length && fresh[0].seq !== last + 1) {
      // Another tab's change was missed: what is shown is read anew.
      this.logs.delete(row.conversation_id);
      this.open(row.conversation_id);
      return;
    }
    if (!last) log.start = fresh.length ? fresh[0].seq - 1 : row.cursor;
    log.items = [...log.items, ...fresh];
  }

  /** @param {string} conversation_id @param {Record[]} items */
  #prepend(conversation_id, items) {
    const log = this.logs.get(conversation_id);
    if (!log || !items.length || items[items.length - 1].seq !== log.start) return false;
    log.items = [...items, ...log.items];
    log.start = items[0].seq - 1;
    return true;
  }
}
