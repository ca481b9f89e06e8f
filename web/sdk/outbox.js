/** @import {Entry, Env, Frame} from './types.js' */
import { Backoff } from './backoff.js';

/** An attempt without an answer is repeated after this time (PROTOCOL §2). */
export const RESEND_MS = 10_000;
/** Answers that leave the outcome open: the same id again, later. Every other code is a refusal. */
const LATER = ['unavailable', 'rate_limited', 'internal'];

/**
 * Sends what was written, in the order of writing: one command of a conversation is under way at a time, the next
 * follows its definite answer, so that a late resend can't overtake. Keeps nothing itself: entries live in `on`.
 */
export class Outbox {
  /**
   * @param {Env} env
   * @param {{entries(): Iterable<Entry>, send(frame: Frame): boolean, update(entry: Entry): void}} on
   */
  constructor(env, on) {
    this.env = env;
    this.on = on;
    /** @type {Map<string, {entry: Entry, timer: any, backoff: Backoff}>} by conversation */
    this.underway = new Map();
  }

  /** Starts what can start: after a write, after `ready`. */
  pump() {
    const pending = [...this.on.entries()].filter((entry) => entry.state === 'pending');
    pending.sort((a, b) => a.order - b.order || (a.client_msg_id < b.client_msg_id ? -1 : 1));
    for (const entry of pending) {
      if (this.underway.has(entry.conversation_id)) continue;
      this.underway.set(entry.conversation_id, { entry, timer: 0, backoff: new Backoff(this.env.random, 1000) });
      this.#attempt(entry);
    }
  }

  /** The connection is gone: attempts end, entries stay. */
  halt() {
    for (const { timer } of this.underway.values()) this.env.clearTimeout(timer);
    this.underway.clear();
  }

  /** @param {Frame} frame `sequenced`, or an `error` that repeats the id of a command */
  answer(frame) {
    const client_msg_id = frame.client_msg_id ?? frame.id;
    const entry = [...this.on.entries()].find((known) => known.client_msg_id === client_msg_id);
    if (!entry || entry.state !== 'pending') return;
    const underway = this.underway.get(entry.conversation_id);
    if (frame.type === 'error' && LATER.includes(frame.code)) {
      if (underway && underway.entry.client_msg_id === client_msg_id)
        this.#again(entry, Math.max(frame.retry_after_ms ?? 0, underway.backoff.next()));
      return;
    }
    this.on.update(
      frame.type === 'error'
        ? { ...entry, state: 'failed', error: { code: frame.code, message: frame.message } }
        : { ...entry, state: 'sequenced', seq: frame.seq },
    );
    this.settled(entry);
  }

  /** An entry has its answer, or its record arrived first: the next one may go. @param {Entry} entry */
  settled(entry) {
    const underway = this.underway.get(entry.conversation_id);
    if (underway?.entry.client_msg_id === entry.client_msg_id) {
      this.env.clearTimeout(underway.timer);
      this.underway.delete(entry.conversation_id);
    }
    this.pump();
  }

  /** @param {Entry} entry */
  #attempt(entry) {
    const { client_msg_id, conversation_id, type, fields } = entry;
    this.on.send({ type, id: client_msg_id, conversation_id, client_msg_id, ...fields });
    this.#again(entry, RESEND_MS);
  }

  /** @param {Entry} entry @param {number} wait_ms */
  #again(entry, wait_ms) {
    const underway = this.underway.get(entry.conversation_id);
    if (!underway) return;
    this.env.clearTimeout(underway.timer);
    underway.timer = this.env.setTimeout(() => this.#attempt(entry), wait_ms);
  }
}
