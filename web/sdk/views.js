/** @import {Env} from './types.js' */
/** @import {ServerClock} from './ids.js' */
/** @import {Log} from './log.js' */
/** @import {Api} from './api.js' */

/** Lists may be this old (PROTOCOL §3: 10 s, and some way): records are the truth about membership. */
const STALE_MS = 12_000;
const AGAIN_MS = 2000;

/** What records alone don't tell: the view of a conversation and its members with their marks, by REST. */
export class Views {
  /**
   * @param {Env} env @param {Api} api @param {ServerClock} clock
   * @param {{log(conversation_id: string): Log, view(view: any): void, moved(log: Log): void}} on
   */
  constructor(env, api, clock, on) {
    this.env = env;
    this.clock = clock;
    this.api = api;
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
    return this.#once('', () => pages(this.api.conversations, (view) => this.on.view(view)));
  }

  /** Completes a conversation that is known by its head or a record only. @param {string} conversation_id */
  async complete(conversation_id) {
    await this.calls.get('');
    const { row } = this.on.log(conversation_id);
    if (!row.kind) await this.#once(conversation_id, async () => this.on.view(await this.api.conversation(conversation_id)));
    if (row.kind === 'direct' && !row.members) await this.members(conversation_id);
  }

  /** @param {string} conversation_id */
  members(conversation_id) {
    return this.#once(`members ${conversation_id}`, async () => {
      /** @type {any[]} */
      const items = [];
      await pages((page) => this.api.members(conversation_id, page), (item) => items.push(item));
      const log = this.on.log(conversation_id);
      const { row } = log;
      const direct = row.kind === 'direct';
      const fresh = !direct && this.clock.now() - Date.parse(row.members_at || '1970') < STALE_MS;
      if (items.length >= (direct ? row.members_count : 1) && !(row.members && (direct || fresh))) {
        row.members = items.map(({ user_id, role }) => ({ user_id, role }));
        row.members_count = items.length;
      }
      // A membership that just changed may be missing in the list: it is read again when it can't be any more.
      this.env.clearTimeout(this.timers.get(conversation_id));
      if (!row.members || fresh)
        this.timers.set(conversation_id, this.env.setTimeout(() => this.members(conversation_id), row.members ? STALE_MS : AGAIN_MS));
      for (const item of items) mark(log, item.user_id, item);
      this.on.moved(log);
    });
  }

  /** What fails is asked again when it is wanted again. @param {string} key @param {() => Promise<void>} call */
  #once(key, call) {
    const under_way = this.calls.get(key) ?? call().catch(() => {}).finally(() => this.calls.delete(key));
    this.calls.set(key, under_way);
    return under_way;
  }
}

/** @template T @param {(page: {cursor?: string}) => Promise<{items: T[], next: string | null}>} read @param {(item: T) => void} call */
async function pages(read, call) {
  /** @type {any} */
  let cursor;
  do {
    const { items, next } = await read({ cursor });
    items.forEach(call);
    cursor = next;
  } while (cursor);
}

/** Marks only rise. @param {Log} log @param {string} user_id
 * @param {{delivered_seq?: number | null, read_seq?: number | null}} marks */
export function mark({ row: { marks } }, user_id, { delivered_seq, read_seq }) {
  const known = marks[user_id];
  marks[user_id] = {
    delivered_seq: Math.max(known?.delivered_seq ?? 0, delivered_seq ?? 0),
    read_seq: Math.max(known?.read_seq ?? 0, read_seq ?? 0),
  };
}
