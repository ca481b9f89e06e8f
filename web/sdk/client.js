/** @import {Change, DeviceAsked, Entry, Env, Store} from './types.js' */
/** @import {Session} from './session.js' */
/** @import {Tabs} from './tabs.js' */
import { api } from './api.js';
import { ServerClock, uuidv7 } from './ids.js';
import { Model } from './model.js';
import { Sync } from './sync.js';

/** @typedef {"read" | "view" | "nudge" | "offline" | "older" | "members" | "typing" | "status" | "watch"} Asks */

/** A leading tab that answers no call for this long is asleep. */
const ASLEEP_MS = 3000;

/**
 * What a page talks to: reads from `model`, writes by the methods below. Every tab has one; the one of the leading tab
 * also runs `Sync`. What a tab writes goes to the store before anything else, so no tab's end can lose it.
 */
export class Client {
  /**
   * @param {Env} env @param {Session} session @param {Store} store @param {Tabs} tabs
   * @param {{ended(): void, device?: DeviceAsked}} on
   */
  constructor(env, session, store, tabs, on) {
    this.env = env;
    this.session = session;
    this.store = store;
    this.tabs = tabs;
    this.on = on;
    this.me = session.tokens?.user.user_id ?? '';
    this.clock = new ServerClock(env.now);
    this.model = new Model(store);
    /** @type {Sync | null} */
    this.sync = null;
    this.api = api(session);
    /** @type {Set<(change?: Change) => void>} */
    this.listeners = new Set();
    this.order = 0;
    /** @type {any} */
    this.asleep = null;
    /** @type {object | null} this tab's present time as the leading one */
    this.turn = null;
  }

  async start() {
    this.tabs.hear((message) => this.#heard(message));
    this.clock.offset = (await this.store.get('clock_offset')) ?? 0;
    await this.model.load();
    this.tabs.lead(() => this.#lead(), () => this.#follow());
    this.wake();
    this.#changed();
  }

  /** Calls at each change; one of what is shown alone comes without it. @param {(change?: Change) => void} call
   * @returns {() => void} stops it */
  subscribe(call) {
    this.listeners.add(call);
    return () => this.listeners.delete(call);
  }

  /** Writes a command: shown as soon as it is kept, sent as soon as it can be. @param {string} conversation_id @param {string} type
   * @param {{[field: string]: any}} fields as in the frame */
  async write(conversation_id, type, fields) {
    this.order = Math.max(this.order, ...[...this.model.outbox.values()].map((entry) => entry.order)) + 1;
    /** @type {Entry} */
    const entry = {
      client_msg_id: this.key(), conversation_id, type, fields, state: 'pending',
      order: this.order, at: new Date(this.clock.now()).toISOString(),
    };
    // Shown and sent once it is kept, some milliseconds later: what is on the page outlives the page.
    await this.store.write({ type: 'entry', entry }).catch((error) => console.warn('outbox not kept', error));
    this.#share({ type: 'entry', entry });
  }

  /** @param {string} conversation_id @param {any} body `text`, `reply_to`, `mentions`, …; or the text alone */
  send(conversation_id, body) {
    return this.write(conversation_id, 'send', { body: body.text === undefined && !body.media ? { text: body } : body });
  }
  /** @param {string} conversation_id @param {number} target @param {any} body the new `text`, `mentions` and `media` */
  edit(conversation_id, target, body) {
    return this.write(conversation_id, 'edit', { target, body });
  }
  /** @param {string} conversation_id @param {number} target */
  delete(conversation_id, target) {
    return this.write(conversation_id, 'delete', { target });
  }
  /** @param {string} conversation_id @param {number} target @param {string} emoji @param {boolean} [on] */
  react(conversation_id, target, emoji, on = true) {
    return this.write(conversation_id, 'react', { target, emoji, op: on ? 'add' : 'remove' });
  }
  /** @param {string} conversation_id @param {number} target @param {boolean} [on] */
  pin(conversation_id, target, on = true) {
    return this.write(conversation_id, 'pin', { target, op: on ? 'add' : 'remove' });
  }

  /** Everything shown is read. @param {string} conversation_id */
  read(conversation_id) {
    this.tell('read', conversation_id);
  }
  /** To be repeated every 3 s while it lasts. @param {string} conversation_id @param {boolean} on */
  typing(conversation_id, on) {
    this.tell('typing', conversation_id, on);
  }
  /** Whether the user is at this device. @param {"online" | "away"} status */
  status(status) {
    this.tell('status', status);
  }
  /** From now on `model.presence` follows these users; the last 500 asked for are kept. @param {string[]} user_ids */
  watch(user_ids) {
    this.tell('watch', user_ids);
  }
  /** An id for a command or an `Idempotency-Key`. */
  key() {
    return uuidv7(this.clock.now());
  }

  /** A refused command, once more: only a definite refusal allows a new id. @param {Entry} entry */
  async retry(entry) {
    await this.discard(entry);
    await this.write(entry.conversation_id, entry.type, entry.fields);
  }

  /** @param {Entry} entry */
  async discard({ client_msg_id }) {
    await this.store.write({ type: 'gone', client_msg_id }).catch(() => {});
    this.#share({ type: 'gone', client_msg_id });
  }

  /** @param {string} conversation_id */
  async open(conversation_id) {
    await this.model.open(conversation_id);
    this.#changed();
    this.tell('members', conversation_id);
  }

  /** Reads older records, from the store, else from the server. @param {string} conversation_id */
  async older(conversation_id) {
    const found = await this.model.older(conversation_id);
    const log = this.model.logs.get(conversation_id);
    const row = this.model.rows.get(conversation_id);
    if (!found && log && row && log.start > row.floor) this.tell('older', conversation_id, log.start);
    this.#changed();
  }

  /** Asks the leading tab, which may be this one. @param {Asks} ask a method of `Sync` @param {any[]} args */
  tell(ask, ...args) {
    if (this.sync) this.#asked({ ask, args });
    else this.tabs.post({ ask, args });
  }

  /** The page was looked at, or the network came back. */
  wake() {
    this.tell('nudge');
    if (this.sync) return;
    this.env.clearTimeout(this.asleep);
    this.asleep = this.env.setTimeout(() => this.tabs.steal(), ASLEEP_MS);
  }

  /** A view that a REST answer brought. @param {any} view */
  accept(view) {
    this.tell('view', view);
  }

  stop() {
    this.#follow();
    this.env.clearTimeout(this.asleep);
    this.tabs.close();
  }

  async #lead() {
    this.env.clearTimeout(this.asleep);
    // The tab that led before may have kept more, or less, than it told.
    const turn = (this.turn = {});
    await this.model.load();
    if (this.turn !== turn) return;
    this.sync = new Sync(this.env, this.model, this.session, this.api, this.clock, {
      ...this.on,
      commit: (change) => this.#commit(change),
    });
    this.sync.socket.start();
  }

  #follow() {
    this.turn = null;
    this.sync?.stop();
    this.sync = null;
  }

  /** @param {Change} change */
  #commit(change) {
    this.model.apply(change);
    if (change.type === 'connection') this.store.set('clock_offset', this.clock.offset).catch(() => {});
    else if (!('user_id' in change)) this.store.write(change).catch((error) => console.warn('not kept', error));
    this.tabs.post({ change });
    this.#changed(change);
  }

  /** @param {Change} change */
  #share(change) {
    this.model.apply(change);
    this.tabs.post({ change });
    this.sync?.outbox.pump();
    this.#changed(change);
  }

  /** @param {any} message */
  #heard(message) {
    if (message.ask) return this.sync && this.#asked(message);
    this.env.clearTimeout(this.asleep);
    // What a leading tab says that was replaced a moment ago is stale.
    const stale = this.sync && ('row' in message.change || message.change.type === 'connection');
    if (!stale) this.model.apply(message.change);
    this.sync?.outbox.pump();
    return this.#changed(message.change);
  }

  /** @param {any} message */
  #asked({ ask, args }) {
    Promise.resolve(/** @type {any} */ (this.sync)[ask](...args)).catch(() => {});
  }

  /** @param {Change} [change] */
  #changed(change) {
    for (const call of this.listeners) call(change);
  }
}
