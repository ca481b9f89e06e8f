/** @import {Record, Row} from './types.js' */

/** A conversation seen for the first time starts this many records below its head; the rest is read on demand. */
export const WINDOW = 50;
/** Records kept aside while a hole is fetched. More are let go: the fetch brings them too. */
const HELD_MAX = 500;

/** Where the log stands, before anything is known. */
const start = () => ({
  floor: 0, base: 0, cursor: 0, head_seq: 0, head_ord: 0, read_seq: 0, read_ord: 0, mark_seq: 0, seen_seq: 0,
  cursor_ord: 0, marks: {}, last: null,
});

/** @param {string} conversation_id @returns {Row} */
export const newRow = (conversation_id) => ({
  conversation_id, kind: '', title: null, role: null, members_count: 0, left: false, at: '', epoch: '', unread: 0,
  members: null, members_at: '', ...start(),
});

/**
 * The client's rule (PROTOCOL §2) for one conversation: apply `cursor + 1`, drop smaller, keep larger aside and fetch
 * the hole. No I/O: every call answers what was applied, and `behind` says whether to fetch.
 */
export class Log {
  /** @param {Row} row moved in place */
  constructor(row) {
    this.row = row;
    /** @type {Map<number, Record>} */
    this.held = new Map();
    this.reset = false;
  }

  get behind() {
    return this.row.cursor < this.row.head_seq;
  }

  /** Live delivery. @param {Record} record @param {string} epoch @returns {Record[]} what may be shown now */
  live(record, epoch) {
    this.#epoch(epoch);
    this.#start(record.seq - 1);
    this.#knows(record.seq);
    if (record.seq > this.row.cursor && this.held.size < HELD_MAX) this.held.set(record.seq, record);
    return this.#drain();
  }

  /** The answer to a `fetch` after the cursor. @param {any} frame @returns {Record[]} */
  fetched(frame) {
    this.#epoch(frame.epoch);
    this.#floor(frame.floor);
    this.#knows(frame.head_seq);
    const applied = [];
    for (const record of frame.items) if (this.#next(record)) applied.push(record);
    return [...applied, ...this.#drain()];
  }

  /** A `heads` item. @param {any} item @returns {Record[]} */
  head(item) {
    const { row } = this;
    this.#epoch(item.epoch);
    this.#start(item.head_seq);
    this.#floor(item.floor);
    this.#knows(item.head_seq);
    row.head_ord = Math.max(row.head_ord, item.head_ord);
    if (item.read_seq >= row.read_seq) {
      row.read_seq = item.read_seq;
      row.read_ord = Math.max(row.read_ord, item.read_ord);
    }
    row.left = !!item.left;
    if (item.at > row.at) row.at = item.at;
    return this.#drain();
  }

  /** The answer to `fetch {before: base + 1}`: only a run that ends at the base joins the log.
   * @param {any} frame @returns {Record[]} */
  older(frame) {
    const { row } = this;
    if (frame.epoch !== row.epoch) return [];
    this.#floor(frame.floor);
    if (this.reset) return [];
    const run = [];
    let seq = row.base;
    for (const record of [...frame.items].reverse()) {
      if (record.seq !== seq || seq <= row.floor) continue;
      run.unshift(record);
      seq--;
    }
    row.base = seq;
    return run;
  }

  /** Whether the local log was dropped since the last call. */
  takeReset() {
    const { reset } = this;
    this.reset = false;
    return reset;
  }

  /** Another epoch: a restore from backup lost data, nothing local can be trusted. @param {string} epoch */
  #epoch(epoch) {
    const { row } = this;
    if (!epoch || epoch === row.epoch) return;
    if (row.epoch) {
      Object.assign(row, start());
      this.held.clear();
      this.reset = true;
    }
    row.epoch = epoch;
  }

  /** The first news of a conversation puts its cursor a window below. @param {number} seq */
  #start(seq) {
    const { row } = this;
    if (row.head_seq || row.cursor) return;
    row.cursor = row.base = Math.max(row.floor, seq - WINDOW, 0);
  }

  /** @param {number} floor */
  #floor(floor) {
    const { row } = this;
    if (!(floor > row.floor)) return;
    row.floor = floor;
    if (row.base >= floor) return;
    // A log that reaches below the new floor starts anew at it: what is above comes again.
    if (row.base < row.cursor) this.reset = true;
    row.base = row.cursor = floor;
    for (const seq of this.held.keys()) if (seq <= floor) this.held.delete(seq);
  }

  /** @param {number} head_seq */
  #knows(head_seq) {
    if (head_seq > this.row.head_seq) this.row.head_seq = head_seq;
  }

  /** @param {Record} record */
  #next(record) {
    if (record.seq !== this.row.cursor + 1) return false;
    this.row.cursor = record.seq;
    this.held.delete(record.seq);
    return true;
  }

  #drain() {
    const applied = [];
    for (let record; (record = this.held.get(this.row.cursor + 1)) && this.#next(record); ) applied.push(record);
    return applied;
  }
}
