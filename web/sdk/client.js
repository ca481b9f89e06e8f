/** @import {Change, Entry, Env, Store, User} from './types.js' */
/** @import {Session} from './session.js' */
/** @import {Tabs} from './tabs.js' */
import { ServerClock, uuidv7 } from './ids.js';
import { Model } from './model.js';
import { Sync } from './sync.js';

/** A leading tab that answers no call for this long is asleep. */
const ASLEEP_MS = 3000;

/**
 * What a page talks to: reads from `model`, writes by the methods below. Every tab has one; the one of the leading tab
 * also runs `Sync`. What a tab writes goes to the store before anything else, so no tab's end can lose it.
 */
export class Client {
  /**
   * @param {Env} env @param {Session} session @param {Store} store @param {Tabs} tabs
   * @param {{ended(): void, device?: any}} on
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
    /** @type {Map<string, User | null>} null: being asked for */
    this.users = new Map();
    /** @type {Set<() => void>} */
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
    for (const user of (await this.store.get('users')) ?? []) this.users.set(user.user_id, user);
    await this.model.load();
    this.tabs.lead(() => this.#lead(), () => this.#follow());
    this.wake();
    this.#changed();
  }

  /** @param {() => void} call @returns {() => void} */
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
      client_msg_id: uuidv7(this.clock.now()), conversation_id, type, fields, state: 'pending',
      order: this.order, at: new Date(this.clock.now()).toISOString(),
    };
    // Shown and sent once it is kept, some milliseconds later: what is on the page outlives the page.
    await this.store.write({ type: 'entry', entry }).catch((error) => console.warn('outbox not kept', error));
    this.#share({ type: 'entry', entry });
  }

  /** @param {string} conversation_id @param {string} text */
  send(conversation_id, text) {
    return this.write(conversation_id, 'send', { body: { text } });
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
    this.tell({ ask: 'members', conversation_id });
  }

  /** Reads older records, from the store, else from the server. @param {string} conversation_id */
  async older(conversation_id) {
    const found = await this.model.older(conversation_id);
    const log = this.model.logs.get(conversation_id);
    const row = this.model.rows.get(conversation_id);
    if (!found && log && row && log.start > row.floor) this.tell({ ask: 'older', conversation_id, start: log.start });
    this.#changed();
  }

  /** Asks the leading tab, which may be this one. @param {{ask: string, [field: string]: any}} message */
  tell(message) {
    if (this.sync) this.#asked(message);
    else this.tabs.post(message);
  }

  /** The page was looked at, or the network came back. */
  wake() {
    this.tell({ ask: 'nudge' });
    if (this.sync) return;
    this.env.clearTimeout(this.asleep);
    this.asleep = this.env.setTimeout(() => this.tabs.steal(), ASLEEP_MS);
  }

  /** The name of a user, asked for once. @param {string} user_id @returns {User | undefined} */
  user(user_id) {
    const known = this.users.get(user_id);
    if (known === undefined) {
      this.users.set(user_id, null);
      this.session.call('GET', `/users/${user_id}`).then(
        (user) => this.know([user]),
        (error) => {
          // Told off for good: a deleted user. Else ask again when the name is wanted next.
          if (error.status === 404) this.know([{ user_id, username: '' }]);
          else this.env.setTimeout(() => this.users.delete(user_id), 3000);
        },
      );
    }
    return known ?? undefined;
  }

  /** @param {User[]} users */
  know(users) {
    for (const user of users) this.users.set(user.user_id, user);
    this.store.set('users', [...this.users.values()].filter((user) => user?.username)).catch(() => {});
    this.#changed();
  }

  /** A view that a REST answer brought. @param {any} view */
  accept(view) {
    this.tell({ ask: 'view', view });
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
    this.sync = new Sync(this.env, this.model, this.session, this.clock, {
      device: this.on.device,
      commit: (change) => this.#commit(change),
      ended: () => this.on.ended(),
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
    if (change.type !== 'connection') this.store.write(change).catch((error) => console.warn('not kept', error));
    else this.store.set('clock_offset', this.clock.offset).catch(() => {});
    this.tabs.post({ change });
    this.#changed();
  }

  /** @param {Change} change */
  #share(change) {
    this.model.apply(change);
    this.tabs.post({ change });
    this.sync?.outbox.pump();
    this.#changed();
  }

  /** @param {any} message */
  #heard(message) {
    if (message.ask) return this.sync && this.#asked(message);
    this.env.clearTimeout(this.asleep);
    // What a leading tab says that was replaced a moment ago is stale.
    const stale = this.sync && ('row' in message.change || message.change.type === 'connection');
    if (!stale) this.model.apply(message.change);
    this.sync?.outbox.pump();
    return this.#changed();
  }

  /** @param {any} message */
  #asked({ ask, conversation_id, start, view }) {
    const sync = /** @type {Sync} */ (this.sync);
    if (ask === 'read') sync.read(conversation_id);
    if (ask === 'view') sync.view(view);
    if (ask === 'offline') sync.socket.drop();
    if (ask === 'older') sync.older(conversation_id, start).catch(() => {});
    if (ask === 'members') sync.views.members(conversation_id).catch(() => {});
    if (ask !== 'nudge') return;
    sync.socket.nudge();
    this.tabs.post({ change: { type: 'connection', state: this.model.connection } });
  }

  #changed() {
    for (const call of this.listeners) call();
  }
}
