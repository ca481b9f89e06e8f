/** @import {Change, Connection, Entry, Env, Frame, Record} from './types.js' */
/** @import {Api} from './api.js' */
/** @import {Model} from './model.js' */
/** @import {ServerClock} from './ids.js' */
/** @import {Session} from './session.js' */
import { Fetcher } from './fetcher.js';
import { enrol, latest } from './fold.js';
import { Log, newRow } from './log.js';
import { Marks } from './marks.js';
import { Outbox } from './outbox.js';
import { Socket } from './socket.js';
import { mark, Views } from './views.js';

const HEADS_MS = 30_000;
/** PROTOCOL §3: `typing` ends by itself, and so many users are watched at most. */
const TYPING_MS = 6000;
const WATCH_MAX = 500;

/** The one place that talks to the server over the socket; it runs in the leading tab. */
export class Sync {
  /**
   * @param {Env} env @param {Model} model @param {Session} session @param {Api} api @param {ServerClock} clock
   * @param {{commit(change: Change): void, ended(): void, device?: any}} on
   */
  constructor(env, model, session, api, clock, on) {
    this.model = model;
    this.session = session;
    this.clock = clock;
    this.on = on;
    this.env = env;
    this.me = session.tokens?.user.user_id ?? '';
    this.device = on.device;
    this.ended = on.ended;
    /** @type {Map<string, Log>} */
    this.logs = new Map();
    /** @type {any} */
    this.heads_timer = null;
    /** @type {Map<string, any>} who types where, with the timer that ends it */
    this.typists = new Map();
    /** @type {string[]} */
    this.watched = [];
    this.present = 'online';
    // Each of these calls what it needs of this object.
    this.socket = new Socket(env, this);
    this.outbox = new Outbox(env, this);
    this.marks = new Marks(env, this);
    this.views = new Views(env, api, clock, this);
    this.fetcher = new Fetcher(env, this);
  }

  stop() {
    this.socket.stop();
    this.closed();
    this.views.halt();
  }

  // What the socket calls.
  /** @param {string} [stale] */
  token(stale) {
    return this.session.token(stale);
  }
  expires() {
    return this.session.tokens?.expires_at ?? 0;
  }
  /** @param {Connection} state */
  state(state) {
    this.on.commit({ type: 'connection', state });
  }

  // What the others call.
  /** @param {Frame} frame */
  send(frame) {
    return this.socket.send(frame);
  }
  /** @param {Frame} frame */
  ask(frame) {
    return this.socket.ask(frame);
  }
  entries() {
    return this.model.outbox.values();
  }
  /** @param {Entry} entry */
  update(entry) {
    const seen = entry.state === 'sequenced' && (entry.seq ?? 0) <= this.log(entry.conversation_id).row.cursor;
    this.on.commit(seen ? { type: 'gone', client_msg_id: entry.client_msg_id } : { type: 'entry', entry });
  }
  /** @param {Log} log */
  moved({ row }) {
    this.on.commit({ type: 'row', row });
  }

  /** @param {string} conversation_id */
  log(conversation_id) {
    let log = this.logs.get(conversation_id);
    if (!log) this.logs.set(conversation_id, (log = new Log(this.model.rows.get(conversation_id) ?? newRow(conversation_id))));
    return log;
  }

  /** @param {Frame} frame */
  frame(frame) {
    if (frame.type === 'record') this.#live(frame);
    if (frame.type === 'heads') this.#heads(frame);
    if (frame.type === 'receipt') this.#receipt(frame);
    if (frame.type === 'typing') this.#typist(/** @type {any} */ (frame));
    if (frame.type === 'presence') this.on.commit(/** @type {any} */ (frame));
    if (frame.type === 'conversation' && frame.change !== 'left') this.view(frame.conversation);
    if (frame.type === 'hello' || frame.type === 'pong') this.clock.learn(frame.now);
    if (frame.type === 'sequenced') this.#sequenced(frame);
    if (frame.type !== 'error') return;
    if (frame.now) this.clock.learn(frame.now);
    if (frame.id === 'heads') this.#askHeads(frame.retry_after_ms ?? 1000);
    else if (frame.id) this.outbox.answer(frame);
  }

  ready() {
    this.#askHeads(0);
    this.outbox.halt();
    this.outbox.pump();
    if (!this.marks.told.size) this.#recall();
    this.marks.repeat();
    if (this.present !== 'online') this.status(this.present);
    const { watched } = this;
    this.watched = [];
    this.watch(watched);
    for (const id of this.model.rows.keys()) this.fetcher.kick(id);
  }

  /** The tab that led before may have ended with marks untold. */
  #recall() {
    const rows = [...this.model.rows.values()].sort((a, b) => (a.at < b.at ? 1 : -1));
    for (const row of rows.slice(0, 20)) this.marks.told.add(row.conversation_id);
  }

  closed() {
    this.outbox.halt();
    this.fetcher.halt();
    this.env.clearTimeout(this.heads_timer);
  }

  /** @param {number} wait_ms */
  #askHeads(wait_ms) {
    this.env.clearTimeout(this.heads_timer);
    this.heads_timer = this.env.setTimeout(async () => {
      const since = await this.model.store.get('since').catch(() => undefined);
      if (!since) this.views.list();
      if (this.socket.send({ type: 'heads', id: 'heads', ...(since ? { since } : {}) })) this.#askHeads(HEADS_MS);
    }, wait_ms);
  }

  /** @param {Frame} frame */
  #heads(frame) {
    for (const item of frame.items) {
      const log = this.log(item.conversation_id);
      const items = log.head(item);
      const peer = log.row.kind === 'direct' && log.row.members?.find((member) => member.user_id !== this.me);
      if (peer) mark(log, peer.user_id, { delivered_seq: item.peer_delivered_seq, read_seq: item.peer_read_seq });
      this.applied(log, items);
    }
    if (frame.id !== 'heads' || frame.more) return;
    this.env.clearTimeout(this.heads_timer);
    // Kept only now: every head it stands for is in a row by then.
    if (frame.as_of) this.model.store.set('since', frame.as_of).catch(() => {});
  }

  /** @param {Frame} frame */
  #live({ record, epoch }) {
    const log = this.log(record.conversation_id);
    this.applied(log, log.live(record, epoch));
  }

  // What the page asks for, whichever tab it is in (`Client.tell`).

  nudge() {
    this.socket.nudge();
    this.state(this.model.connection);
  }
  offline() {
    this.socket.drop();
  }
  /** @param {string} conversation_id */
  members(conversation_id) {
    this.views.members(conversation_id);
  }
  /** @param {string} conversation_id @param {boolean} on */
  typing(conversation_id, on) {
    this.send({ type: 'typing', conversation_id, on });
  }
  /** @param {string} status */
  status(status) {
    this.present = status;
    this.send({ type: 'presence', status });
  }
  /** @param {string[]} user_ids */
  watch(user_ids) {
    const known = this.watched;
    const all = [...new Set([...known, ...user_ids])];
    this.watched = all.slice(-WATCH_MAX);
    const frame = (/** @type {string} */ type, /** @type {string[]} */ user_ids) =>
      user_ids.length && this.send({ type, id: type, user_ids });
    frame('unwatch', all.slice(0, -WATCH_MAX));
    frame('watch', this.watched.filter((id) => !known.includes(id)));
  }

  /** @param {{type: "typing", conversation_id: string, user_id: string, on: boolean}} change */
  #typist(change) {
    const { conversation_id, user_id, on } = change;
    const key = conversation_id + user_id;
    this.env.clearTimeout(this.typists.get(key));
    if (on) this.typists.set(key, this.env.setTimeout(() => this.#typist({ ...change, on: false }), TYPING_MS));
    this.on.commit(change);
  }

  /** @param {any} view */
  view(view) {
    const log = this.log(view.conversation_id);
    const { row } = log;
    const { kind, title = null, role, members_count, avatar_media_id, history } = view;
    Object.assign(row, { kind, title, role, members_count, avatar_media_id, history, view });
    const items = log.head({ ...view, read_ord: view.head_ord - view.unread });
    if (view.last_message && !(row.last && row.last.seq >= view.last_message.seq)) row.last = view.last_message;
    this.applied(log, items);
  }

  /** Moves everything that hangs on records, and makes it one change.
   * @param {Log} log @param {Record[]} items */
  applied(log, items) {
    const { row } = log;
    const id = row.conversation_id;
    for (const record of items) this.#count(log, record);
    row.unread = Math.max(0, row.head_ord - row.read_ord);
    const reset = log.takeReset();
    const own = new Set(items.filter((record) => record.sender_id === this.me).map((record) => record.client_msg_id));
    const entries = [...this.entries()].filter((entry) => entry.conversation_id === id);
    const gone = entries.filter((entry) => own.has(entry.client_msg_id) || (!reset && (entry.seq ?? Infinity) <= row.cursor));
    this.on.commit({ type: 'applied', row, items, reset, gone: gone.map((entry) => entry.client_msg_id) });
    for (const entry of gone) this.outbox.settled(entry);
    if (reset) this.#again(entries.filter((entry) => entry.state === 'sequenced' && !gone.includes(entry)));
    if (items.some((record) => record.sender_id !== this.me)) this.marks.move(id);
    // Who has written does not write any more.
    for (const { sender_id: user_id } of items)
      if (this.typists.has(id + user_id)) this.#typist({ type: 'typing', conversation_id: id, user_id, on: false });
    this.fetcher.kick(id);
    if (!row.kind || (row.kind === 'direct' && !row.members)) this.views.complete(id);
  }

  /** The log that had these is lost: whether they are in the new one, their ids decide. @param {any[]} entries */
  #again(entries) {
    for (const entry of entries) this.on.commit({ type: 'entry', entry: { ...entry, state: 'pending', seq: undefined } });
    this.outbox.pump();
  }

  /** @param {Log} log @param {Record} record */
  #count({ row }, record) {
    const mine = record.sender_id === this.me;
    enrol(row, record, this.me);
    row.last = latest(row.last, record);
    row.cursor_ord = record.ord;
    row.head_ord = Math.max(row.head_ord, record.ord);
    if (record.at > row.at) row.at = record.at;
    if (!mine) row.seen_seq = record.seq;
    if (mine && record.kind === 'message') row.read_seq = Math.max(row.read_seq, record.seq);
    if (record.seq <= row.read_seq) row.read_ord = Math.max(row.read_ord, record.ord);
  }

  /** @param {Frame} frame */
  #sequenced(frame) {
    this.outbox.answer(frame);
    // The record itself comes to this connection too. If it does not, the ack is news of a larger head.
    this.env.setTimeout(() => {
      const log = this.log(frame.conversation_id);
      if (frame.seq <= log.row.head_seq) return;
      log.row.head_seq = frame.seq;
      this.fetcher.kick(frame.conversation_id);
    }, 1000);
  }

  /** @param {Frame} frame */
  async #receipt({ conversation_id, user_id, delivered_seq, read_seq }) {
    const log = this.log(conversation_id);
    const { row } = log;
    mark(log, user_id, { delivered_seq, read_seq });
    if (user_id === this.me && read_seq > row.read_seq) {
      row.read_seq = read_seq;
      const [record] = await this.model.store.records(conversation_id, read_seq + 1, 1);
      if (record) row.read_ord = Math.max(row.read_ord, record.ord);
      row.unread = Math.max(0, row.head_ord - row.read_ord);
    }
    this.on.commit({ type: 'row', row });
  }

  /** The user has seen everything up to the cursor. @param {string} conversation_id */
  read(conversation_id) {
    const log = this.log(conversation_id);
    const { row } = log;
    if (row.mark_seq >= row.seen_seq && !row.unread) return;
    row.mark_seq = row.cursor;
    row.read_seq = Math.max(row.read_seq, row.cursor);
    row.read_ord = Math.max(row.read_ord, row.cursor_ord);
    row.unread = Math.max(0, row.head_ord - row.read_ord);
    this.on.commit({ type: 'row', row });
    this.marks.move(conversation_id);
  }

  /** Records below those shown, from the server. @param {string} conversation_id @param {number} start */
  async older(conversation_id, start) {
    const frame = await this.socket.ask({ type: 'fetch', conversation_id, before: start + 1, limit: 200 });
    const log = this.log(conversation_id);
    if (start !== log.row.base) return;
    const items = log.older(frame);
    if (log.reset) this.applied(log, []);
    else this.on.commit({ type: 'older', row: log.row, items });
  }
}
