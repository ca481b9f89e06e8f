/** @import {Env} from '../types.js' */

/** An environment whose time moves only when told, so that no test waits. @implements {Env} */
export class FakeEnv {
  constructor(seed = 1) {
    this.time = Date.parse('2026-11-20T10:00:00Z');
    /** @type {{at: number, call: () => void}[]} */
    this.timers = [];
    this.seed = seed;
    this.base = 'http://parlor.test';
    /** @type {any} */
    this.WebSocket = class {};
    /** @type {any} */
    this.fetch = async () => {
      throw new Error('no network');
    };
    this.now = () => this.time;
    this.random = () => {
      this.seed = (this.seed * 1103515245 + 12345) % 2147483648;
      return this.seed / 2147483648;
    };
    this.setTimeout = (/** @type {() => void} */ call, /** @type {number} */ ms) => {
      const timer = { at: this.time + ms, call };
      this.timers.push(timer);
      return timer;
    };
    this.clearTimeout = (/** @type {any} */ timer) => {
      this.timers = this.timers.filter((known) => known !== timer);
    };
  }

  /** Lets everything happen that is due within this time. @param {number} ms */
  async pass(ms) {
    const end = this.time + ms;
    await settle();
    for (;;) {
      const next = this.timers.reduce((a, b) => (b.at < a.at ? b : a), { at: Infinity, call() {} });
      if (next.at > end) break;
      this.clearTimeout(next);
      this.time = Math.max(this.time, next.at);
      next.call();
      await settle();
    }
    this.time = end;
  }
}

/** Lets every promise that can, come to its end. */
export async function settle() {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** @param {number} seq @param {object} [more] @returns {import('../types.js').Record} */
export function record(seq, more = {}) {
  return {
    conversation_id: 'c', seq, ord: seq, message_id: `m${seq}`, kind: 'message', at: '2026-11-20T10:00:00.000Z',
    sender_id: 'bo', body: { text: `text ${seq}` }, ...more,
  };
}
