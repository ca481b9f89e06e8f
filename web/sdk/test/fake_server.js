/** @import {FakeEnv} from './fake_env.js' */

/**
 * One conversation `c` of `me` and `bo`, served over a network that cuts sockets, loses live records and answers late.
 * What it promises is PROTOCOL §3: an answer to `fetch` and `heads` is true, an id makes one record.
 */
export class FakeServer {
  /** @param {FakeEnv} env */
  constructor(env) {
    this.env = env;
    this.epoch = 'e1';
    /** @type {any[]} */
    this.log = [];
    /** @type {Set<FakeSocket>} */
    this.sockets = new Set();
    /** The chance that a thing goes wrong. */
    this.trouble = 0;
    const server = this;
    env.WebSocket = class extends FakeSocket {
      constructor() {
        super(server);
      }
    };
    env.fetch = async (/** @type {string} */ url) => new Response(JSON.stringify(server.rest(new URL(url).pathname)));
  }

  wrong() {
    return this.env.random() < this.trouble;
  }

  /** @param {string} path */
  rest(path) {
    const view = { ...this.head(), kind: 'direct', title: null, role: 'member', members_count: 2, last_message: null };
    const marks = { joined_at: '', delivered_seq: 0, read_seq: 0, role: 'member' };
    if (path.endsWith('/members')) return { items: [{ user_id: 'me', ...marks }, { user_id: 'bo', ...marks }], next: null };
    return path.endsWith('/conversations') ? { items: this.log.length ? [view] : [], next: null } : view;
  }

  head() {
    const head_seq = this.log.length;
    return {
      conversation_id: 'c', epoch: this.epoch, head_seq, head_ord: head_seq, floor: 0, read_seq: 0, read_ord: 0,
      unread: head_seq, left: false, at: '2026-11-20T10:00:00.000Z',
    };
  }

  /** @param {string} sender_id @param {string} text @param {string} client_msg_id */
  append(sender_id, text, client_msg_id) {
    const known = this.log.find((record) => record.client_msg_id === client_msg_id);
    if (known) return known;
    const seq = this.log.length + 1;
    const record = {
      conversation_id: 'c', seq, ord: seq, message_id: `m${seq}`, kind: 'message', at: new Date(this.env.time).toISOString(),
      sender_id, client_msg_id, body: { text },
    };
    this.log.push(record);
    // A live record may be lost on the way, and may come twice: heads and fetch make up for it.
    for (const socket of this.sockets)
      for (let copies = this.wrong() ? 0 : this.wrong() ? 2 : 1; copies; copies--)
        socket.tell({ type: 'record', record, epoch: this.epoch });
    return record;
  }

  /** @param {any} frame @returns {any} */
  answer(frame) {
    const { type, id } = frame;
    if (type === 'auth') return { type: 'ready', id, user: { user_id: 'me' }, device_id: 'd', connection_id: 'x' };
    if (type === 'heads') return { type, id, items: this.log.length ? [this.head()] : [], more: false, as_of: 'now' };
    if (type === 'ping') return { type: 'pong', id, now: new Date(this.env.time).toISOString() };
    if (this.wrong()) return { type: 'error', id, code: 'unavailable', message: 'later' };
    if (type === 'fetch') return this.records(frame);
    if (type !== 'send') return null;
    const { seq, ord, at, message_id } = this.append('me', frame.body.text, frame.client_msg_id);
    return { type: 'sequenced', id, conversation_id: 'c', client_msg_id: frame.client_msg_id, seq, ord, at, message_id };
  }

  /** Behind its own head now and then: "not yet". @param {any} frame */
  records({ id, after }) {
    const readable = this.wrong() ? Math.floor(this.log.length / 2) : this.log.length;
    const items = this.log.slice(after, Math.min(readable, after + 7));
    const upto = items.at(-1)?.seq ?? after;
    return {
      type: 'records', id, conversation_id: 'c', items, upto, more: upto < readable, head_seq: this.log.length, floor: 0, epoch: this.epoch,
    };
  }
}

/** A socket of the page, with the server's end in it. */
class FakeSocket {
  /** @param {FakeServer} server */
  constructor(server) {
    this.server = server;
    this.readyState = 0;
    this.onopen = this.onmessage = this.onclose = /** @type {any} */ (null);
    /** Frames keep their order, whatever each one's delay. */
    this.busy_until = 0;
    server.env.setTimeout(() => this.#open(), 20);
  }

  #open() {
    if (this.readyState === 3) return;
    if (this.server.wrong()) return this.cut(1006);
    this.readyState = 1;
    this.onopen?.();
    this.tell({ type: 'hello', connection_id: 'x', now: new Date(this.server.env.time).toISOString(), heartbeat_ms: 30_000, timeout_ms: 60_000 });
  }

  /** @param {string} text */
  send(text) {
    const { server } = this;
    const frame = JSON.parse(text);
    this.#later(() => {
      if (server.wrong()) return this.cut(1006);
      const answer = server.answer(frame);
      if (frame.type === 'auth') server.sockets.add(this);
      // Cut after the deed and before its answer: the client can't know.
      if (server.wrong()) return this.cut(1006);
      if (answer) this.tell(answer);
    });
  }

  /** @param {any} frame */
  tell(frame) {
    this.#later(() => this.onmessage?.({ data: JSON.stringify(frame) }));
  }

  /** @param {() => void} call */
  #later(call) {
    const { env } = this.server;
    this.busy_until = Math.max(this.busy_until, env.time + env.random() * 80);
    env.setTimeout(() => this.readyState === 1 && call(), this.busy_until - env.time);
  }

  /** @param {number} code @param {string} reason */
  cut(code, reason = '') {
    if (this.readyState === 3) return;
    this.close();
    this.onclose?.({ code, reason });
  }

  close() {
    this.readyState = 3;
    this.server.sockets.delete(this);
  }
}
