/** @import {Client} from '../sdk/index.js' */
/** @import {Message, Shown} from '../sdk/fold.js' */
/** @import {Record, Row} from '../sdk/types.js' */
import { Fold } from '../sdk/index.js';
import { useEffect, useRef, useState } from './html.js';

/** Messages read at once from the past. */
const PAGE = 80;
/** A jump to something this close above what is loaded loads what is between, too. */
const CLOSE = 300;
/** How often a jump waits for older records before it reads the past on its own. */
const TURNS = 8;

/** @typedef {Message & {counts?: {[emoji: string]: {count: number, mine: boolean}}}} PastMessage as the server folded it */
/** A part of the past, read away from the log: everything in (from, to]. @typedef {{from: number, to: number, items: Shown[]}} Past */

/** One of `/messages`. @param {any} item @returns {Shown} */
export function folded(item) {
  if (item.kind !== 'message') return { record: item, system: true };
  const { body, deleted, redacted, edited_at, pinned, reactions } = item;
  const gone = !!(deleted || redacted);
  return /** @type {PastMessage} */ ({
    record: item, body: gone ? {} : body, text: gone ? '' : (body.text ?? ''), deleted: gone, edited: !!edited_at,
    pinned: !!pinned, reactions: {}, counts: gone ? {} : (reactions ?? {}),
  });
}

/** Messages as the server has them, ascending. @param {Client} client @param {string} id @param {number} before @param {number} limit */
async function read(client, id, before, limit) {
  const { items } = await client.api.messages(id, { before, limit });
  return items.map(folded).reverse();
}

/** The messages of an open conversation: the log, and what a jump into the past has read.
 * @param {Client} client @param {Row} row */
export function useTimeline(client, row) {
  const { conversation_id } = row;
  const log = client.model.logs.get(conversation_id);
  const live = useFold(client, log, conversation_id);
  const [past, setPast] = useState(/** @type {Past | null} */ (null));
  const busy = useRef('');
  const start = log?.start ?? row.cursor;
  useEffect(() => {
    setPast(null);
    busy.current = '';
  }, [conversation_id, row.epoch]);
  // An answer that never came (the connection broke) may be asked for again once there is one.
  useEffect(() => {
    busy.current = '';
  }, [client.model.connection]);
  useEffect(() => client.subscribe((change) => {
    if (change?.type !== 'applied' || change.row.conversation_id !== conversation_id) return;
    for (const { body } of change.items) if (body.target) renew(body.target);
  }), [conversation_id]);

  /** A message of the past changed: it is read again. @param {number} seq */
  async function renew(seq) {
    const [item] = await read(client, conversation_id, seq + 1, 1).catch(() => []);
    if (item?.record.seq !== seq) return;
    setPast((known) => known && { ...known, items: known.items.map((old) => (old.record.seq === seq ? item : old)) });
  }

  /** One page at a time. @param {string} what @param {() => Promise<void>} call */
  async function once(what, call) {
    if (busy.current === what) return;
    busy.current = what;
    await call().catch(() => {});
    if (busy.current === what && what !== `older ${start}`) busy.current = '';
  }

  const joined = past && past.to >= start;
  const shown = past ? [...past.items.filter(({ record }) => record.seq <= start), ...(joined ? live : [])] : live;
  const bottom = past ? past.from : start;

  return {
    shown,
    more: bottom > row.floor,
    /** Whether the end of what is shown is the present. */
    present: !past || !!joined,
    /** The first seq of what is loaded. */
    bottom,
    older() {
      if (bottom <= row.floor) return;
      if (!past) return void once(`older ${start}`, () => client.older(conversation_id));
      once(`past ${past.from}`, async () => {
        const items = await read(client, conversation_id, past.from + 1, PAGE);
        const from = items.length < PAGE ? row.floor : items[0].record.seq - 1;
        setPast((known) => known && { ...known, from, items: [...items, ...known.items] });
      });
    },
    newer() {
      if (!past || joined) return;
      once(`newer ${past.to}`, async () => {
        const items = await read(client, conversation_id, past.to + PAGE + 1, PAGE);
        const fresh = items.filter(({ record }) => record.seq > past.to);
        setPast((known) => known && { ...known, to: past.to + PAGE, items: [...known.items, ...fresh] });
      });
    },
    /** Loads what stands around a message; false if there is nothing. @param {number} seq */
    async around(seq) {
      const reaches = () => (client.model.logs.get(conversation_id)?.start ?? Infinity) < seq;
      if (!reaches() && start - seq < CLOSE) {
        for (let turn = 0; turn < TURNS && !reaches(); turn++) await later(client, conversation_id);
      }
      if (reaches()) {
        setPast(null);
        return true;
      }
      const to = seq + PAGE / 2;
      const items = await read(client, conversation_id, to + 1, PAGE);
      if (!items.length) return false;
      setPast({ from: items.length < PAGE ? row.floor : items[0].record.seq - 1, to, items });
      return true;
    },
    present_again: () => setPast(null),
  };
}

/** Older records, once they are there, or not in time. @param {Client} client @param {string} id */
function later(client, id) {
  const before = client.model.logs.get(id)?.start;
  return /** @type {Promise<void>} */ (new Promise((resolve) => {
    const end = () => (stop(), clearTimeout(timer), resolve());
    const timer = setTimeout(end, 2000);
    const stop = client.subscribe(() => client.model.logs.get(id)?.start !== before && end());
    client.older(id);
  }));
}

/** The fold of the conversation that is open. @type {{key: string, fold: Fold}} */
let open = { key: '', fold: new Fold(0) };
/** A message of the open conversation that is loaded. @param {string} conversation_id @param {number} seq */
export const loaded = (conversation_id, seq) => (open.key === conversation_id ? open.fold.messages.get(seq) : undefined);

/** Folds the log as it grows at both ends; what is folded once stays.
 * @param {Client} client @param {{start: number, items: Record[]} | undefined} log @param {string} key @returns {Shown[]} */
function useFold(client, log, key) {
  const kept = useRef({ key: '', fold: new Fold(0), start: 0, items: /** @type {Record[]} */ ([]) });
  const was = kept.current;
  if (!log) return [];
  const { start, items } = log;
  if (was.key === key && was.items === items) return was.fold.shown;
  const end = was.start + was.items.length;
  const grows = was.key === key && was.items.length > 0 && start <= was.start && start + items.length >= end &&
    items[end - start - 1] === was.items.at(-1);
  const fold = grows ? was.fold : new Fold(client.clock.now());
  if (!grows) fold.append(items);
  else {
    if (start < was.start) fold.prepend(items.slice(0, was.start - start));
    if (start + items.length > end) fold.append(items.slice(end - start));
  }
  kept.current = { key, fold, start, items };
  open = { key, fold };
  return fold.shown;
}

/** The seq of the first message at or after a time: by halving, since `at` rises with `seq`.
 * @param {Client} client @param {Row} row @param {number} time in ms */
export async function seqAt(client, row, time) {
  let low = row.floor + 1;
  let high = row.head_seq;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const { items } = await client.api.records(row.conversation_id, { before: middle + 1, limit: 1 });
    const at = items.at(-1)?.at;
    if (at && Date.parse(at) >= time) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** @type {Map<string, Promise<Shown | null>>} */
const single = new Map();
/** One message that is not loaded, for a quotation. @param {Client} client @param {string} id @param {number} seq */
export function oneMessage(client, id, seq) {
  const key = `${id} ${seq}`;
  const known = single.get(key) ?? read(client, id, seq + 1, 1).then(
    ([item]) => (item?.record.seq === seq ? item : null),
    () => {
      single.delete(key);
      return null;
    },
  );
  single.set(key, known);
  return known;
}
