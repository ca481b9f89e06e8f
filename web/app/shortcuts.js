/** @import {Client} from '../sdk/index.js' */
import { Dialog } from './dialog.js';
import { html, useEffect } from './html.js';
import { go } from './routes.js';

const mac = /Mac|iPhone|iPad/.test(navigator.platform);
const MOD = mac ? '⌘' : 'Ctrl';

const KEYS = [
  ['Anywhere', [[[MOD, 'K'], 'Find or start a conversation'], [[MOD, 'Shift', 'F'], 'Search messages'], [['Alt', '↑'], 'Conversation above'],
    [['Alt', '↓'], 'Conversation below'], [['?'], 'This help'], [['Esc'], 'Close, or leave the conversation']]],
  ['Writing', [[['Enter'], 'Send'], [['Shift', 'Enter'], 'New line'], [['↑'], 'Edit your last message, when the field is empty'], [['@'], 'Mention a member']]],
  ['On a message (arrows move between them)', [[['Enter'], 'All actions'], [['R'], 'Reply'], [['C'], 'Copy'], [['F'], 'Forward'], [['E'], 'Edit'], [['Del'], 'Delete']]],
];

/** Keys that work everywhere. @param {Client} client @param {{open: string | null, search: () => void, help: () => void}} on */
export function useShortcuts(client, { open, search, help }) {
  useEffect(() => {
    /** @param {KeyboardEvent} event */
    function key(event) {
      if (event.defaultPrevented || document.querySelector('dialog[open], .menu')) return;
      const typing = /** @type {HTMLElement} */ (event.target).matches?.('input, textarea');
      const mod = mac ? event.metaKey : event.ctrlKey;
      const deed = mod && event.shiftKey && event.key.toLowerCase() === 'f' ? search
        : mod && !event.shiftKey && event.key.toLowerCase() === 'k' ? find
        : event.altKey && event.key === 'ArrowUp' ? () => step(client, open, -1)
        : event.altKey && event.key === 'ArrowDown' ? () => step(client, open, 1)
        : !typing && !mod && event.key === '?' ? help
        : event.key === 'Escape' && open ? leave : null;
      if (!deed) return;
      event.preventDefault();
      deed();
    }
    addEventListener('keydown', key);
    return () => removeEventListener('keydown', key);
  });
}

function find() {
  /** @type {HTMLElement | null} */ (document.querySelector('[data-testid="conversation-peer"]'))?.focus();
}
function leave() {
  location.hash = '#/';
  requestAnimationFrame(() => /** @type {HTMLElement | null} */ (document.querySelector('.list a[tabindex="0"]'))?.focus());
}

/** @param {Client} client @param {string | null} open @param {number} by */
function step(client, open, by) {
  const all = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('[data-testid="conversation"]'));
  const ids = [...all].map((node) => node.dataset.conversationId ?? '');
  const at = open ? ids.indexOf(open) : by > 0 ? -1 : ids.length;
  const next = ids[Math.max(0, Math.min(ids.length - 1, at + by))];
  if (next && next !== open && client.model.rows.has(next)) go(next);
}

/** @param {{close: () => void}} props */
export function Help({ close }) {
  return html`<${Dialog} title="Keyboard shortcuts" close=${close}><div data-testid="help">${KEYS.map(([title, keys]) => html`
    <h3>${title}</h3><dl class="keys">${/** @type {any[]} */ (keys).map(([keys, what]) => html`<div><dt>${keys.map((/** @type {string} */ key) => html`<kbd>${key}</kbd>`)}</dt><dd>${what}</dd></div>`)}</dl>`)}</div><//>`;
}
