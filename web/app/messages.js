/** @import {Client} from '../sdk/index.js' */
/** @import {Entry, Row} from '../sdk/types.js' */
import { fold } from '../sdk/index.js';
import { Bubble, Echo } from './bubble.js';
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from './html.js';
import { Icon } from './icons.js';
import { nameOf, sentence } from './names.js';
import { dayName } from './times.js';

/** Messages of one sender closer than this stand together. */
const GROUP_MS = 5 * 60_000;
/** This close to the end counts as being there, and this close to the top asks for more, in px. */
const NEAR_END = 120;
const NEAR_TOP = 400;

/** Commands that show as a message of their own. @param {Client} client @param {string} conversation_id @returns {Entry[]} */
function echoes(client, conversation_id) {
  return [...client.model.outbox.values()]
    .filter((entry) => entry.conversation_id === conversation_id && entry.type === 'send')
    .sort((a, b) => (a.seq ?? Infinity) - (b.seq ?? Infinity) || a.order - b.order);
}

/** The log of a conversation, from the oldest record loaded to the echo of the last thing written.
 * @param {{client: Client, row: Row, read_seq: number}} props */
export function Messages({ client, row, read_seq }) {
  const { conversation_id } = row;
  const log = client.model.logs.get(conversation_id);
  const shown = useMemo(() => fold(log?.items ?? [], client.clock.now()), [log?.items]);
  const pending = echoes(client, conversation_id);
  const last = shown.at(-1)?.record.seq ?? 0;
  const { box, missed, toEnd, scrolled } = useScroll(client, row, log?.start ?? 0, last, pending.length);

  let unread = false;
  const lines = shown.map((message, index) => {
    const { record } = message;
    const before = shown[index - 1]?.record;
    const day = !before || dayName(before.at) !== dayName(record.at);
    const fresh = !unread && record.seq > read_seq && record.sender_id !== client.me && record.kind === 'message';
    if (fresh) unread = true;
    const system = 'system' in message;
    const joined = !day && !fresh && before?.kind === 'message' && before.sender_id === record.sender_id &&
      Date.parse(record.at) - Date.parse(before.at) < GROUP_MS;
    return html`${day && html`<li class="day" key=${`day${record.seq}`}><span>${dayName(record.at)}</span></li>`}
      ${fresh && html`<li class="fresh" key="fresh"><span>New messages</span></li>`}
      ${system
        ? html`<li class="system" key=${record.seq}><span dir="auto">${sentence(client, record)}</span></li>`
        : html`<${Bubble} key=${record.seq} client=${client} row=${row} message=${message} joined=${joined} />`}`;
  });
  return html`<div class="messages" ref=${box} onScroll=${scrolled} tabindex="0" role="region" aria-label="Messages">
      <ol>
        ${log && log.start > row.floor && html`<li class="older" key="older"><span>Loading earlier messages…</span></li>`}
        ${lines}
        ${pending.map((entry, index) => html`<${Echo} key=${entry.client_msg_id} client=${client} entry=${entry}
          joined=${index > 0 || shown.at(-1)?.record.sender_id === client.me} />`)}
      </ol>
    </div>
    ${missed !== null && html`<button class="to-end" onClick=${toEnd} data-count=${missed}>
      <${Icon} name="down" />${missed ? `${missed} new ${missed === 1 ? 'message' : 'messages'}` : 'Latest'}</button>`}
    <${Announcer} client=${client} shown=${shown} />`;
}

/** Keeps the end in view while it is in view, and the place when older messages come in above.
 * @param {Client} client @param {Row} row @param {number} start @param {number} last @param {number} pending */
function useScroll(client, row, start, last, pending) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const kept = useRef({ end: true, start, pending, height: 0, seen: 0 });
  const [missed, setMissed] = useState(/** @type {number | null} */ (null));
  const asked = useRef(-1);

  function scrolled() {
    const area = box.current;
    if (!area) return;
    kept.current.end = area.scrollHeight - area.scrollTop - area.clientHeight < NEAR_END;
    if (kept.current.end) kept.current.seen = last;
    const far = !kept.current.end && area.scrollHeight - area.scrollTop - area.clientHeight > area.clientHeight;
    setMissed(kept.current.end ? null : last > kept.current.seen ? last - kept.current.seen : far ? 0 : null);
    if (area.scrollTop < NEAR_TOP && start > row.floor && asked.current !== start) {
      asked.current = start;
      client.older(row.conversation_id);
    }
  }
  function toEnd() {
    const area = box.current;
    if (area) area.scrollTop = area.scrollHeight;
  }
  useLayoutEffect(() => {
    const area = box.current;
    if (!area) return;
    const was = kept.current;
    if (start < was.start && !was.end) area.scrollTop += area.scrollHeight - was.height;
    if (was.end || pending > was.pending) toEnd();
    Object.assign(was, { start, pending, height: area.scrollHeight });
    scrolled();
  }, [start, last, pending]);
  useEffect(() => {
    // A keyboard that opens, or a longer composer, must not push the end out of sight.
    const watch = new ResizeObserver(() => kept.current.end && toEnd());
    if (box.current) watch.observe(box.current);
    return () => watch.disconnect();
  }, []);
  // An answer that never came (the connection broke) may be asked for again once there is one.
  useEffect(() => {
    asked.current = -1;
  }, [client.model.connection]);
  return { box, missed, toEnd, scrolled };
}

/** Says new messages aloud, and only those. @param {{client: Client, shown: ReturnType<typeof fold>}} props */
function Announcer({ client, shown }) {
  const said = useRef(Infinity);
  const latest = shown.at(-1);
  const seq = latest?.record.seq ?? 0;
  const fresh = latest && !('system' in latest) && seq > said.current && latest.record.sender_id !== client.me ? latest : null;
  const [words, setWords] = useState('');
  useEffect(() => {
    if (fresh) setWords(`${nameOf(client, fresh.record.sender_id)}: ${fresh.text}`);
    if (seq) said.current = seq;
  }, [seq]);
  return html`<p class="hidden" role="log" aria-live="polite">${words}</p>`;
}
