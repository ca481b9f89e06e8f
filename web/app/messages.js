/** @import {Client} from '../sdk/index.js' */
/** @import {Message} from '../sdk/fold.js' */
/** @import {Entry, Row} from '../sdk/types.js' */
/** @import {Mode} from './composer.js' */
import { Bubble, Echo } from './bubble.js';
import { html, useEffect, useRef, useState } from './html.js';
import { Icon } from './icons.js';
import { copy, MessageMenu, powersOver } from './message_menu.js';
import { nameOf, sentence } from './names.js';
import { endOf, pendingChanges } from './overlay.js';
import { Receipts } from './receipts.js';
import { useTimeline } from './timeline.js';
import { say } from './toast.js';
import { dayName } from './times.js';
import { useVirtual } from './virtual.js';

/** Messages of one sender closer than this stand together. */
const GROUP_MS = 5 * 60_000;
/** How long a message that was jumped to stands out. */
const FOUND_MS = 2500;

/** Commands that show as a message of their own. @param {Client} client @param {string} conversation_id @returns {Entry[]} */
function echoes(client, conversation_id) {
  return [...client.model.outbox.values()]
    .filter((entry) => entry.conversation_id === conversation_id && entry.type === 'send')
    .sort((a, b) => (a.seq ?? Infinity) - (b.seq ?? Infinity) || a.order - b.order);
}

/** The log of a conversation, from the oldest record loaded to the echo of the last thing written.
 * @param {{client: Client, row: Row, read_seq: number, jump: {seq: number} | null, setMode: (mode: Mode) => void}} props */
export function Messages({ client, row, read_seq, jump, setMode }) {
  const { conversation_id } = row;
  const timeline = useTimeline(client, row);
  const { shown } = timeline;
  const pending = timeline.present ? echoes(client, conversation_id) : [];
  const changes = pendingChanges(client, conversation_id);
  const [menu, setMenu] = useState(/** @type {import('./message_menu.js').Open | null} */ (null));
  const [info, setInfo] = useState(/** @type {Message | null} */ (null));
  const [found, setFound] = useState(0);
  const edge = (/** @type {boolean} */ up) => (up ? timeline.older() : timeline.newer());
  const fresh = shown.find(({ record }) => record.seq > read_seq && record.sender_id !== client.me && record.kind === 'message')?.record.seq;
  const list = useVirtual(shown, { key: conversation_id, edge, first: fresh && row.unread > 3 ? { seq: fresh, from_top: 90 } : null });
  const missed = useMissed(row, list.end && timeline.present, pending.length, list.toEnd);

  useEndings(client, shown.slice(list.from, list.until));

  /** @param {number} seq */
  async function show(seq) {
    if (!(await timeline.around(seq).catch(() => false))) return say('That message is not available.');
    list.to(seq);
    setFound(seq);
  }
  useEffect(() => void (jump && show(jump.seq)), [jump]);
  useEffect(() => {
    const timer = setTimeout(() => setFound(0), FOUND_MS);
    return () => clearTimeout(timer);
  }, [found]);

  /** @type {import('./bubble.js').Deeds} */
  const deeds = {
    open: (message, place, part = 'menu') => setMenu({ message, place, part }),
    jump: show,
    react: ({ record }, emoji, on) => client.react(conversation_id, record.seq, emoji, on),
    receipts: setInfo,
  };
  /** @param {KeyboardEvent} event */
  function key(event) {
    const at = /** @type {HTMLElement | null} */ (document.activeElement?.closest('.message') ?? null);
    const all = [.../** @type {NodeListOf<HTMLElement>} */ (list.list.current?.querySelectorAll('.message[data-index]') ?? [])];
    const now = at ? all.indexOf(at) : all.length;
    const to = { ArrowUp: now - 1, ArrowDown: now + 1 }[event.key];
    if (to !== undefined && !event.altKey && (event.target === at || event.target === list.box.current)) {
      event.preventDefault();
      all[Math.max(0, Math.min(to, all.length - 1))]?.focus();
    }
    if (!at || event.target !== at || event.ctrlKey || event.metaKey) return;
    const message = shown[Number(at.dataset.index)];
    if (event.key === 'Enter') {
      // The menu takes the focus at once: the rest of this key is not for it.
      event.preventDefault();
      /** @type {HTMLElement} */ (at.querySelector('.more'))?.click();
    } else if (message && !('system' in message)) shortcut(event, message, at);
  }

  /** @param {KeyboardEvent} event @param {Message} message @param {HTMLElement} opener */
  function shortcut(event, message, opener) {
    const may = powersOver(client, row, message);
    const { left: x, bottom: y } = opener.getBoundingClientRect();
    const deed = /** @type {{[key: string]: false | (() => void)}} */ ({
      r: may.reply && (() => setMode({ reply: message })),
      e: may.edit && (() => setMode({ edit: message })),
      c: !message.deleted && (() => copy(message.text)),
      f: !message.deleted && (() => deeds.open(message, { x, y, opener }, 'forward')),
      Delete: may.delete && (() => deeds.open(message, { x, y, opener }, 'delete')),
    })[event.key];
    if (!deed) return;
    event.preventDefault();
    deed();
  }

  const lines = shown.slice(list.from, list.until).map((message, offset) => {
    const index = list.from + offset;
    const { record } = message;
    const before = shown[index - 1]?.record;
    const day = !before || dayName(before.at) !== dayName(record.at);
    const system = 'system' in message;
    const joined = !day && record.seq !== fresh && before?.kind === 'message' && before.sender_id === record.sender_id &&
      Date.parse(record.at) - Date.parse(before.at) < GROUP_MS;
    return html`<li class="block" key=${record.seq} data-index=${index}>
      ${day && html`<p class="day"><span>${dayName(record.at)}</span></p>`}
      ${record.seq === fresh && html`<p class="fresh" data-testid="unread-divider"><span>New messages</span></p>`}
      ${system
        ? html`<p class="system"><span dir="auto">${sentence(client, record)}</span></p>`
        : html`<${Bubble} client=${client} row=${row} message=${message} joined=${joined} index=${index}
            changes=${changes.get(record.seq) ?? []} deeds=${deeds} found=${found === record.seq} />`}</li>`;
  });
  return html`<div class="messages" ref=${list.box} onScroll=${list.scrolled} tabindex="0" role="region" aria-label="Messages" onKeyDown=${key}>
      <div class="messages-inside">
        ${timeline.more && html`<p class="older"><span>Loading earlier messages…</span></p>`}
        <ol ref=${list.list}>
          <li class="spacer" aria-hidden="true" style=${{ height: `${list.above}px` }}></li>
          ${lines}
          <li class="spacer" aria-hidden="true" style=${{ height: `${list.below}px` }}></li>
          ${pending.map((entry, index) => html`<${Echo} key=${entry.client_msg_id} client=${client} row=${row} entry=${entry} jump=${show}
            joined=${index > 0 || shown.at(-1)?.record.sender_id === client.me} />`)}
        </ol>
      </div>
    </div>
    ${!(list.end && timeline.present) && html`<button class="to-end" type="button" data-testid="to-end" data-count=${missed}
      onClick=${() => (timeline.present_again(), list.toEnd())}>
      <${Icon} name="down" />${missed ? `${missed} new ${missed === 1 ? 'message' : 'messages'}` : 'Latest'}</button>`}
    ${menu && html`<${MessageMenu} client=${client} row=${row} ...${menu} deeds=${deeds} setMode=${setMode} close=${() => setMenu(null)} />`}
    ${info && html`<${Receipts} client=${client} row=${row} message=${info} close=${() => setInfo(null)} />`}
    <${Announcer} client=${client} row=${row} />`;
}

/** How many messages came in below what is read. Something of one's own leads to the end.
 * @param {Row} row @param {boolean} end @param {number} pending @param {() => void} toEnd */
function useMissed(row, end, pending, toEnd) {
  const kept = useRef({ ord: row.cursor_ord, pending });
  if (end) kept.current.ord = row.cursor_ord;
  useEffect(() => {
    if (pending > kept.current.pending) toEnd();
    kept.current.pending = pending;
  }, [pending]);
  return Math.max(0, row.cursor_ord - kept.current.ord);
}

/** Draws again when the next message in sight ends by itself. @param {Client} client @param {import('../sdk/fold.js').Shown[]} shown */
function useEndings(client, shown) {
  const [, redraw] = useState(0);
  const now = client.clock.now();
  const next = shown.reduce((next, message) => {
    const end = 'system' in message || message.deleted ? Infinity : endOf(message);
    return end > now ? Math.min(next, end) : next;
  }, Infinity);
  useEffect(() => {
    // A timer knows no longer time than this.
    const timer = next < Infinity && setTimeout(() => redraw((turn) => turn + 1), Math.min(next - now, 2 ** 31 - 1));
    return () => clearTimeout(timer || undefined);
  }, [next]);
}

/** Says new messages aloud, and only those. @param {{client: Client, row: Row}} props */
function Announcer({ client, row }) {
  const said = useRef(row.cursor);
  const [words, setWords] = useState('');
  const { last } = row;
  useEffect(() => {
    if (last && last.seq > said.current && last.kind === 'message' && last.sender_id !== client.me)
      setWords(`${nameOf(client, last.sender_id)}: ${last.body.text ?? 'Attachment'}`);
    said.current = Math.max(said.current, last?.seq ?? 0);
  }, [last?.seq]);
  return html`<p class="hidden" role="log" aria-live="polite">${words}</p>`;
}
