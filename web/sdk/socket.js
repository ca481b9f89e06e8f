/** @import {Connection, Env, Frame} from './types.js' */
import { Backoff } from './backoff.js';
import { Ended } from './session.js';

const ATTEMPT_MS = 10_000;
const ANSWER_MS = 30_000;
/** A connection that lived this long was a good one: the next attempt starts from a short wait. */
const GOOD_MS = 10_000;

/**
 * The connection to `/v1/ws`, kept up for as long as the session lasts (PROTOCOL §3). Knows frames that keep a socket
 * alive (`auth`, `reauth`, `ping`); every other one goes to `on.frame`.
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
    this.stopped = true;
    /** @type {{[name: string]: any}} timers by what they wait for */
    this.timers = {};
    /** @type {Map<string, {resolve(frame: Frame): void, reject(error: Error): void, timer: any}>} */
    this.asked = new Map();
    this.ids = 0;
    this.failures = 0;
    this.heard = 0;
    this.since = 0;
    /** @type {string | undefined} a token the server refused */
    this.refused = undefined;
    this.used = '';
  }

  start() {
    this.stopped = false;
    this.#connect();
  }

  stop() {
    this.stopped = true;
    this.#detach();
    this.#clear();
  }

  /** @param {Frame} frame @returns {boolean} whether it left */
  send(frame) {
    if (!this.ready || this.ws?.readyState !== 1) return false;
    this.ws.send(JSON.stringify(frame));
    return true;
  }

  /** A frame with one answer. @param {Frame} frame @returns {Promise<Frame>} rejects with the `error` frame too */
  ask(frame) {
    const id = `q${++this.ids}`;
    return new Promise((resolve, reject) => {
      const late = () => this.asked.delete(id) && reject(new Error('no answer'));
      this.asked.set(id, { resolve, reject, timer: this.env.setTimeout(late, ANSWER_MS) });
      if (!this.send({ ...frame, id })) this.#settle(id, (asked) => asked.reject(new Error('not connected')));
    });
  }

  /** The network came back, or the page was looked at: no more waiting, and no trust in a silent socket. */
  nudge() {
    if (this.stopped) return;
    if (this.timers.retry !== undefined) this.#connect();
    else if (this.ready) this.#probe(5000);
  }

  /** The network went away: what is open is as good as dead. */
  drop() {
    if (this.stopped || !this.ws) return;
    this.failures += 2;
    this.#lost(this.backoff.next());
  }

  async #connect() {
    this.#clear();
    this.#detach();
    this.on.state(this.failures > 1 ? 'offline' : 'connecting');
    // Whatever happens, an attempt ends: by `ready`, by a close, or here.
    this.#after('attempt', ATTEMPT_MS, () => this.#failed());
    const attempt = this.timers.attempt;
    try {
      this.used = await this.on.token(this.refused);
    } catch (error) {
      if (this.stopped || this.timers.attempt !== attempt) return;
      if (error instanceof Ended) this.#end();
      else this.#failed();
      return;
    }
    if (this.stopped || this.timers.attempt !== attempt) return;
    this.refused = undefined;
    const ws = new this.env.WebSocket(this.env.base.replace(/^http/, 'ws') + '/v1/ws', ['parlor.v1']);
    this.ws = ws;
    ws.onopen = () => ws.send(JSON.stringify({ type: 'auth', id: 'auth', token: this.used, device: this.on.device }));
    ws.onmessage = (event) => this.#heard(String(event.data));
    ws.onclose = (event) => this.#closed(event.code, event.reason);
  }

  /** @param {string} text */
  #heard(text) {
    this.heard = this.env.now();
    const frame = JSON.parse(text);
    if (frame.type === 'ready') this.#ready();
    if (frame.type === 'hello') this.heartbeat_ms = frame.heartbeat_ms;
    if (frame.type === 'hello') this.timeout_ms = frame.timeout_ms;
    if (frame.type === 'reconnect') this.#after('reconnect', frame.after_ms ?? 0, () => this.#lost(0));
    if (frame.id === 'auth' && frame.type === 'error') return this.#closed(4001, '');
    const settled = this.#settle(frame.id, (asked) =>
      frame.type === 'error' ? asked.reject(frame) : asked.resolve(frame),
    );
    if (!settled) this.on.frame(frame);
  }

  #ready() {
    this.env.clearTimeout(this.timers.attempt);
    this.ready = true;
    this.failures = 0;
    this.since = this.env.now();
    this.#beat();
    this.#reauth();
    this.on.state('online');
    this.on.ready();
  }

  #beat() {
    this.#after('beat', this.heartbeat_ms ?? 30_000, () => {
      if (this.env.now() - this.heard >= (this.timeout_ms ?? 60_000)) return this.#failed();
      this.send({ type: 'ping', id: 'ping' });
      this.#beat();
    });
  }

  /** @param {number} patience_ms */
  #probe(patience_ms) {
    const asked = this.env.now();
    this.send({ type: 'ping', id: 'ping' });
    this.#after('probe', patience_ms, () => this.heard < asked && this.#failed());
  }

  /** The next token goes in when a fifth of this one's life is left, a minute at most. */
  #reauth() {
    const left = this.on.expires() - this.env.now();
    this.#after('reauth', Math.max(1000, left - Math.min(60_000, left / 5)), async () => {
      const { ws, used } = this;
      const token = await this.on.token(used).catch(() => null);
      if (ws !== this.ws || !this.ready) return;
      if (token) this.send({ type: 'reauth', id: 'reauth', token });
      if (token) this.used = token;
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
    const wait_ms = [1012, 4008, 4010, 4012].includes(code) ? retryAfter(reason) : null;
    if (wait_ms === null) return this.#failed();
    if (!this.ready) this.failures++;
    this.#lost(wait_ms + this.env.random() * 300);
  }

  #failed() {
    if (!this.ready) this.failures++;
    if (this.ready && this.env.now() - this.since >= GOOD_MS) this.backoff.reset();
    this.#lost(this.backoff.next());
  }

  /** @param {number} wait_ms */
  #lost(wait_ms) {
    this.#detach();
    this.#clear();
    if (this.stopped) return;
    this.on.state(this.failures ? 'offline' : 'connecting');
    this.#after('retry', wait_ms, () => this.#connect());
  }

  #end() {
    this.stop();
    this.on.ended();
  }

  #detach() {
    const { ws, ready } = this;
    this.ws = null;
    this.ready = false;
    if (ws) {
      ws.onopen = ws.onmessage = ws.onclose = null;
      ws.close();
    }
    for (const id of [...this.asked.keys()]) this.#settle(id, (asked) => asked.reject(new Error('connection lost')));
    if (ready) this.on.closed();
  }

  /** @param {string | undefined} id @param {(asked: {resolve(frame: Frame): void, reject(error: any): void}) => void} how */
  #settle(id, how) {
    const asked = id === undefined ? undefined : this.asked.get(id);
    if (!asked) return false;
    this.asked.delete(/** @type {string} */ (id));
    this.env.clearTimeout(asked.timer);
    how(asked);
    return true;
  }

  /** @param {string} name @param {number} ms @param {() => void} call */
  #after(name, ms, call) {
    this.env.clearTimeout(this.timers[name]);
    this.timers[name] = this.env.setTimeout(() => {
      delete this.timers[name];
      call();
    }, ms);
  }

  #clear() {
    for (const timer of Object.values(this.timers)) this.env.clearTimeout(timer);
    this.timers = {};
  }
}

/** @param {string} reason @returns {number | null} */
function retryAfter(reason) {
  try {
    const { retry_after_ms } = JSON.parse(reason);
    return typeof retry_after_ms === 'number' ? retry_after_ms : null;
  } catch {
    return null;
  }
}
