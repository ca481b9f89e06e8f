/** @import {Client} from '../sdk/index.js' */
/** @import {Row} from '../sdk/types.js' */
import { html, useState } from './html.js';
import { Icon } from './icons.js';
import { useMessage } from './quote.js';
import { inBrief } from './text.js';

/** Messages that are pinned as far as the log is known, the newest pin first. @param {Client} client @param {Row} row @returns {number[]} */
function pins(client, row) {
  const { items = [], start = 0 } = client.model.logs.get(row.conversation_id) ?? {};
  const known = cache.get(row.conversation_id);
  if (known?.items === items) return known.pins;
  /** @type {Set<number>} */
  const pins = new Set();
  for (const { kind, body, redacted, seq } of items) {
    if (redacted) pins.delete(seq);
    if (kind === 'pin' || kind === 'delete') pins.delete(body.target);
    if (kind === 'pin' && body.op === 'add' && !items[body.target - start - 1]?.redacted) pins.add(body.target);
  }
  const newest = [...pins].reverse();
  cache.set(row.conversation_id, { items, pins: newest });
  return newest;
}
/** @type {Map<string, {items: any[], pins: number[]}>} */
const cache = new Map();

/** The pinned message above the conversation; each click shows it and turns to the next one.
 * @param {{client: Client, row: Row, jump: (seq: number) => void}} props */
export function Pinned({ client, row, jump }) {
  const [turn, setTurn] = useState(0);
  const all = pins(client, row);
  const at = all.length ? turn % all.length : 0;
  const message = useMessage(client, row, all[at] ?? 0);
  if (!all.length || !message || message.deleted) return null;
  return html`<button type="button" class="pinned-bar" data-testid="pinned" onClick=${() => (jump(all[at]), setTurn(at + 1))}>
    <${Icon} name="pin" /><span><strong>Pinned message${all.length > 1 ? ` ${at + 1} of ${all.length}` : ''}</strong>
    <span dir="auto">${inBrief(message.body)}</span></span></button>`;
}
