/** @import {Change, Entry, Record, Row, Store} from './types.js' */

/** The store for Node, for tests, and for browsers that keep nothing. @implements {Store} */
export class MemoryStore {
  constructor() {
    /** @type {Map<string, Row>} */
    this.rows = new Map();
    /** @type {Map<string, Record[]>} */
    this.logs = new Map();
    /** @type {Map<string, Entry>} */
    this.outbox = new Map();
    /** @type {Map<string, any>} */
    this.meta = new Map();
  }

  async load() {
    return structuredClone({ rows: [...this.rows.values()], outbox: [...this.outbox.values()] });
  }

  /** @param {Change} change */
  async write(change) {
    const copy = structuredClone(change);
    if (copy.type === 'entry') this.outbox.set(copy.entry.client_msg_id, copy.entry);
    if (copy.type === 'gone') this.outbox.delete(copy.client_msg_id);
    if (!('row' in copy)) return;
    const id = copy.row.conversation_id;
    this.rows.set(id, copy.row);
    if (copy.type === 'row') return;
    const applied = copy.type === 'applied' ? copy : null;
    const kept = applied?.reset ? [] : (this.logs.get(id) ?? []);
    this.logs.set(id, [...kept, ...copy.items].sort((a, b) => a.seq - b.seq));
    for (const gone of applied?.gone ?? []) this.outbox.delete(gone);
  }

  /** @param {string} conversation_id @param {number} before @param {number} limit */
  async records(conversation_id, before, limit) {
    return (this.logs.get(conversation_id) ?? []).filter((record) => record.seq < before).slice(-limit);
  }

  /** @param {string} key */
  async get(key) {
    return this.meta.get(key);
  }
  /** @param {string} key @param {any} value */
  async set(key, value) {
    this.meta.set(key, value);
  }
  async clear() {
    for (const map of [this.rows, this.logs, this.outbox, this.meta]) map.clear();
  }
}
