/** @import {Env, Frame, Record} from './types.js' */
/** @import {Log} from './log.js' */
import { Backoff, notYet } from './backoff.js';

/** Below the server's 20 in flight, so that reading old pages always has room. */
const AT_ONCE = 8;
const LIMIT = 200;

/** Fetches every conversation whose head is larger than its cursor until it is not (PROTOCOL §2, §3). */
export class Fetcher {
  /**
   * @param {Env} env
   * @param {{ask(frame: Frame): Promise<Frame>, log(conversation_id: string): Log,
   *   applied(log: Log, items: Record[]): void}} on
   */
  constructor(env, on) {
    this.env = env;
    this.on = on;
    /** @type {Map<string, {attempts: number, backoff: Backoff, timer: any}>} conversations that are behind */
    this.behind = new Map();
    /** @type {string[]} */
    this.queue = [];
    this.running = 0;
    this.generation = 0;
  }

  /** @param {string} conversation_id */
  kick(conversation_id) {
    if (this.behind.has(conversation_id) || !this.on.log(conversation_id).behind) return;
    this.behind.set(conversation_id, { attempts: 0, backoff: new Backoff(this.env.random), timer: 0 });
    this.#enqueue(conversation_id);
  }

  /** The connection is gone: its answers no longer count. */
  halt() {
    this.generation++;
    for (const { timer } of this.behind.values()) this.env.clearTimeout(timer);
    this.behind.clear();
    this.queue = [];
    this.running = 0;
  }

  /** @param {string} conversation_id */
  #enqueue(conversation_id) {
    this.queue.push(conversation_id);
    this.#next();
  }

  #next() {
    while (this.running < AT_ONCE && this.queue.length) {
      this.running++;
      this.#fetch(/** @type {string} */ (this.queue.shift()), this.generation);
    }
  }

  /** @param {string} conversation_id @param {number} generation */
  async #fetch(conversation_id, generation) {
    const log = this.on.log(conversation_id);
    let frame, refused;
    try {
      frame = await this.on.ask({ type: 'fetch', conversation_id, after: log.row.cursor, limit: LIMIT });
    } catch (error) {
      refused = /** @type {any} */ (error);
    }
    if (generation !== this.generation) return;
    this.running--;
    const wait_ms = frame ? this.#take(log, frame) : this.#refused(log, refused);
    const state = this.behind.get(conversation_id);
    if (wait_ms === 0) this.#enqueue(conversation_id);
    else if (wait_ms === null) this.behind.delete(conversation_id);
    else if (state) state.timer = this.env.setTimeout(() => this.#enqueue(conversation_id), wait_ms);
    this.#next();
  }

  /** @param {Log} log @param {Frame} frame @returns {number | null} when to ask again; null: it is done */
  #take(log, frame) {
    const { cursor, epoch } = log.row;
    this.on.applied(log, log.fetched(frame));
    const state = this.behind.get(log.row.conversation_id);
    if (!log.behind || !state) return null;
    if (log.row.cursor > cursor || log.row.epoch !== epoch || frame.more) {
      state.attempts = 0;
      return 0;
    }
    return notYet(state.attempts++);
  }

  /** @param {Log} log @param {any} error an `error` frame, or nothing came @returns {number | null} */
  #refused(log, error) {
    const later = !error.code || ['rate_limited', 'unavailable', 'internal'].includes(error.code);
    const state = this.behind.get(log.row.conversation_id);
    if (!later || !state) return null;
    return Math.max(error.retry_after_ms ?? 0, state.backoff.next(), 1);
  }
}
