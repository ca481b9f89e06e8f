/** @import {Env, Frame, Row} from './types.js' */

/** Marks of one conversation that move quickly leave as one frame. */
const GATHER_MS = 100;

/** Tells the server how far this device has received and its user has read. Marks are cumulative and unanswered, so
 * those of this page's life are told again after each reconnect. */
export class Marks {
  /** @param {Env} env @param {{send(frame: Frame): boolean, log(conversation_id: string): {row: Row}}} on */
  constructor(env, on) {
    this.env = env;
    this.on = on;
    /** @type {Set<string>} conversations to tell about now */
    this.moved = new Set();
    /** @type {Set<string>} conversations told about since this tab leads */
    this.told = new Set();
    /** @type {any} */
    this.timer = null;
  }

  /** @param {string} conversation_id */
  move(conversation_id) {
    this.moved.add(conversation_id);
    this.timer ??= this.env.setTimeout(() => this.#flush(), GATHER_MS);
  }

  repeat() {
    for (const conversation_id of this.told) this.move(conversation_id);
  }

  #flush() {
    this.timer = null;
    for (const conversation_id of this.moved) {
      const { row } = this.on.log(conversation_id);
      this.told.add(conversation_id);
      if (row.left || !row.seen_seq) continue;
      const { cursor, mark_seq } = row;
      // Who read also got: the read mark alone says both.
      if (mark_seq) this.on.send({ type: 'read', conversation_id, seq: mark_seq });
      if (mark_seq < row.seen_seq) this.on.send({ type: 'delivered', conversation_id, seq: cursor });
    }
    this.moved.clear();
  }
}
