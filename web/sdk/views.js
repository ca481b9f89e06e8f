/** @import {Env} from './types.js' */
/** @import {ServerClock} from './ids.js' */
/** @import {Log} from './log.js' */
/** @import {Session} from './session.js' */

/** Lists may be this old (PROTOCOL §3: 10 s, and some way): records are the truth about membership. */
const STALE_MS = 12_000;
const AGAIN_MS = 2000;

/** What records alone don't tell: the view of a conversation and its members with their marks, by REST. */
export class Views {
  /**
   * @param {Env} env @param {Session} session @param {ServerClock} clock
   * @param {{log(conversation_id: string): Log, view(view: any): void, changed(log: Log): void}} on
   */
  constructor(env, session, clock, on) {
    this.env = env;
    this.clock = clock;
    this.session = session;
    this.on = on;
    /** @type {Map<string, Promise<any>>} calls under way */
    this.calls = new Map();
    /** @type {Map<string, any>} lists to be read again */
    this.timers = new Map();
  }

  halt() {
    for (const timer of this.timers.values()) this.env.clearTimeout(timer);
  }

  /** Every conversation, page by page. */
  list() {
    return this.#once('list', async () => {
      for (let cursor = null, first = true; first || cursor; first = false) {
        const query = cursor ? `?cursor=${encodeURIComponent(cursor)}` : '';
        const { items, next } = await this.session.call('GET', `/conversations${query}`);
        for (const view of items) this.on.view(view);
        cursor = next;
      }
    });
  }

  /** Completes a conversation that is known by its head or a record only. @param {string} conversation_id */
  async complete(conversation_id) {
    await this.calls.get('list')?.catch(() => {});
    const { row } = this.on.log(conversation_id);
    if (!row.kind) {
      await this.#once(conversation_id, async () =>
        this.on.view(await this.session.call('GET', `/conversations/${conversation_id}`)),
      );
    }
    if (row.kind === 'direct' && !row.members) await this.members(conversation_id);
  }

  /** @param {string} conversation_id */
  members(conversation_id) {
    return this.#once(`members ${conversation_id}`, async () => {
      const items = [];
      for (let cursor = null, first = true; first || cursor; first = false) {
        const query = cursor ? `?cursor=${encodeURIComponent(cursor)}` : '';
        const page = await this.session.call('GET', `/conversations/${conversation_id}/members${query}`);
        items.push(...page.items);
        cursor = page.next;
      }
      const log = this.on.log(conversation_id);
      const { row } = log;
      const fresh = this.clock.now() - Date.parse(row.members_at || '1970-01-01') < STALE_MS;
      const whole = items.length >= (row.kind === 'direct' ? row.members_count : 1);
      if (whole && (!row.members || (!fresh && row.kind !== 'direct'))) {
        row.members = items.map(({ user_id, role }) => ({ user_id, role }));
        row.members_count = items.length;
      }
      // A membership that just changed may be missing in the list: it is read again when it can't be any more.
      if (!row.members || (fresh && row.kind !== 'direct')) {
        const again = () => void this.members(conversation_id).catch(() => {});
        this.env.clearTimeout(this.timers.get(conversation_id));
        this.timers.set(conversation_id, this.env.setTimeout(again, row.members ? STALE_MS : AGAIN_MS));
      }
      for (const { user_id, delivered_seq, read_seq } of items) mark(log, user_id, { delivered_seq, read_seq });
      this.on.changed(log);
    });
  }

  /** @param {string} key @param {() => Promise<void>} call */
  #once(key, call) {
    const under_way = this.calls.get(key) ?? call().finally(() => this.calls.delete(key));
    this.calls.set(key, under_way);
    return under_way;
  }
}

/** Marks only rise. @param {Log} log @param {string} user_id
 * @param {{delivered_seq?: number | null, read_seq?: number | null}} marks */
export function mark(log, user_id, { delivered_seq, read_seq }) {
  const known = log.row.marks[user_id] ?? { delivered_seq: 0, read_seq: 0 };
  log.row.marks[user_id] = {
    delivered_seq: Math.max(known.delivered_seq, delivered_seq ?? 0),
    read_seq: Math.max(known.read_seq, read_seq ?? 0),
  };
}
