/** @import {Connection, Env, Frame} from './types.js' */
import { Backoff } from './backoff.js';
import { Ended } from './session.js';

const ATTEMPT_MS = 10_000;
const ANSWER_MS = 30_000;
/** How long a page that is looked at again waits for a sign of life. */
const PROBE_MS = 5000;
/** A connection that lived this long was a good one: the next attempt starts from a short wait. */
const GOOD_MS = 10_000;

/**
 * The connection to `/v1/ws`, kept up for as long as the session lasts (PROTOCOL §3). Knows the frames that keep a
 * socket alive (`auth`, `reauth`, `ping`); all that comes goes to `on.frame`, answers to those who asked as well.
 */
export class Socket {
  /**
   * @param {Env} env
   * @param {{
   *   token(stale?: string): Promise<string>, expires(): number, device: any,
   *   frame(frame: Frame): void, ready(): void, closed(): void, state(state: Connection): void, ended(): void,
   * }} on
   */
  constructor(env, on) {
    this.env = env;
    this.on = on;
    this.backoff = new Backoff(env.random);
    /** @type {WebSocket | null} */
    this.ws = null;
    this.ready = false;
    /** @type {{[name: string]: any}} timers by what they wait for; `turn` is the next attempt, or the end of this one */
    this.timers = {};
    /** @type {Map<string, {resolve(frame: Frame): void, reject(error: any): void, timer: any}>} */
    this.asked = new Map();
    this.ids = this.failures = this.heard = this.since = 0;
    this.heartbeat_ms = 30_000;
    /** @type {string | undefined} a token the server refused */
    this.refused = undefined;
    this.used = '';
  }

  start() {
    this.#connect();
  }

  stop() {
    this.#detach();
  }

  /** @param {Frame} frame @returns {boolean} whether it left */
  send(frame) {
    if (!this.ready || this.ws?.readyState !== 1) return false;
    this.ws.send(JSON.stringify(frame));
    return true;
  }

  /** A frame with one answer. @param {Frame} frame @param {number} [patience_ms]
   * @returns {Promise<Frame>} rejects with the `error` frame, or an error without a code */
  ask(frame, patience_ms = ANSWER_MS) {
    const id = `q${++this.ids}`;
    return new Promise((resolve, reject) => {
      const timer = this.env.setTimeout(() => this.#settle(id, {}), patience_ms);
      this.asked.set(id, { resolve, reject, timer });
      if (!this.send({ ...frame, id })) this.#settle(id, {});
    });
  }

  /** The network came back, or the page was looked at: no more waiting, and no trust in a silent socket. */
  nudge() {
    if (this.ready) this.#probe(PROBE_MS);
    else if (this.timers.turn && !this.ws) this.#connect();
  }

  /** The network went away: what is open is as good as dead. */
  drop() {
    if (!this.ws) return;
    this.failures += 2;
    this.#lost(this.backoff.next());
  }

  async #connect() {
    this.#detach();
    this.on.state(this.failures > 1 ? 'offline' : 'connecting');
    // Whatever happens, an attempt ends: by `ready`, by a close, or here.
    const attempt = this.#after('turn', ATTEMPT_MS, () => this.#failed());
    const over = () => this.timers.turn !== attempt;
    try {
      this.used = await this.on.token(this.refused);
    } catch (error) {
      if (!over()) error instanceof Ended ? this.#end() : this.#failed();
      return;
    }
    if (over()) return;
    this.refused = undefined;
    const ws = (this.ws = new this.env.WebSocket(this.env.base.replace(/^http/, 'ws') + '/v1/ws', ['parlor.v1']));
    ws.onopen = () => ws.send(JSON.stringify({ type: 'auth', id: 'auth', token: this.used, device: this.on.device }));
    ws.onmessage = (event) => this.#heard(JSON.parse(event.data));
    ws.onclose = (event) => this.#closed(event.code, event.reason);
  }

  /** @param {any} frame */
  #heard(frame) {
    const { type, id } = frame;
    this.heard = this.env.now();
    if (type === 'ready') this.#ready();
    if (type === 'hello') this.heartbeat_ms = frame.heartbeat_ms;
    if (type === 'reconnect') this.#after('turn', frame.after_ms ?? 0, () => this.#lost(0));
    if (id === 'auth' && type === 'error') return this.#closed(4001, '');
    this.#settle(id, frame);
    this.on.frame(frame);
  }

  #ready() {
    this.env.clearTimeout(this.timers.turn);
    this.ready = true;
    this.failures = 0;
    this.since = this.env.now();
    this.#beat();
    this.#reauth();
    this.on.state('online');
    this.on.ready();
  }

  #beat() {
    this.#after('beat', this.heartbeat_ms, () => {
      this.#probe(ANSWER_MS);
      this.#beat();
    });
  }

  /** @param {number} patience_ms after which a socket that says nothing is given up */
  #probe(patience_ms) {
    const { ws } = this;
    const asked = this.env.now();
    this.ask({ type: 'ping' }, patience_ms).catch(() => ws === this.ws && this.heard < asked && this.#failed());
  }

  /** The next token goes in when a fifth of this one's life is left, a minute at most. */
  #reauth() {
    const left = this.on.expires() - this.env.now();
    this.#after('reauth', Math.max(1000, left - Math.min(60_000, left / 5)), async () => {
      const { ws, used } = this;
      const token = await this.on.token(used).catch(() => '');
      if (ws !== this.ws || !this.ready) return;
      if (token) this.send({ type: 'reauth', id: 'reauth', token: (this.used = token) });
      this.#reauth();
    });
  }

  /** @param {number} code @param {string} reason */
  #closed(code, reason) {
    if (code === 4003) return this.#end();
    if (code === 4001) {
      this.refused = this.used;
      // Refused once: refresh and come back at once. Refused again: something else is wrong, take it slowly.
      return this.#lost(this.ready || !this.failures++ ? 0 : this.backoff.next());
    }
    const told = /"retry_after_ms":\s*(\d+)/.exec(reason);
    if (!told) return this.#failed();
    if (!this.ready) this.failures++;
    this.#lost(+told[1] + this.env.random() * 300);
  }

  #failed() {
    if (!this.ready) this.failures++;
    else if (this.env.now() - this.since >= GOOD_MS) this.backoff.reset();
    this.#lost(this.backoff.next());
  }

  /** @param {number} wait_ms */
  #lost(wait_ms) {
    this.#detach();
    this.on.state(this.failures ? 'offline' : 'connecting');
    this.#after('turn', wait_ms, () => this.#connect());
  }

  #end() {
    this.#detach();
    this.on.ended();
  }

  #detach() {
    const { ws, ready } = this;
    this.ws = null;
    this.ready = false;
    for (const timer of Object.values(this.timers)) this.env.clearTimeout(timer);
    this.timers = {};
    if (ws) {
      ws.onopen = ws.onmessage = ws.onclose = null;
      ws.close();
    }
    for (const id of this.asked.keys()) this.#settle(id, {});
    if (ready) this.on.closed();
  }

  /** @param {string} id @param {any} frame its answer; an `error`, or nothing, is a refusal */
  #settle(id, frame) {
    const asked = this.asked.get(id);
    if (!asked) return;
    this.asked.delete(id);
    this.env.clearTimeout(asked.timer);
    if (frame.type && frame.type !== 'error') asked.resolve(frame);
    else asked.reject(frame);
  }

  /** @param {string} name @param {number} ms @param {() => void} call @returns {any} the timer */
  #after(name, ms, call) {
    this.env.clearTimeout(this.timers[name]);
    return (this.timers[name] = this.env.setTimeout(() => {
      delete this.timers[name];
      call();
    }, ms));
  }
}
