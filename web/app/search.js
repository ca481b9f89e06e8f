/** @import {Client} from '../sdk/index.js' */
/** @import {Found} from '../sdk/types.js' */
import { html, useEffect, useRef, useState } from './html.js';
import { Icon } from './icons.js';
import { Avatar, nameOf, titleOf } from './names.js';
import { refusalText } from './people.js';
import { go } from './routes.js';
import { listTime } from './times.js';

/** A pause in typing that asks the server. */
const PAUSE_MS = 250;

/** Search in all conversations, or within one. @param {{client: Client, within: string | null, close: () => void}} props */
export function Search({ client, within, close }) {
  const [q, setQ] = useState('');
  const [result, setResult] = useState(/** @type {{q: string, items: Found[], next: string | null} | null} */ (null));
  const [error, setError] = useState('');
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  const wanted = q.trim();
  const row = within ? client.model.rows.get(within) : undefined;
  useEffect(() => field.current?.focus(), []);

  /** @param {string | null} [cursor] */
  async function ask(cursor) {
    const { items, next } = await client.api.search(wanted, { conversation_id: within ?? undefined, cursor: cursor ?? undefined });
    return { q: wanted, items: cursor && result ? [...result.items, ...items] : items, next };
  }
  useEffect(() => {
    setError('');
    if (!wanted) return setResult(null);
    let live = true;
    const timer = setTimeout(() => ask().then((found) => live && setResult(found), (refusal) => live && setError(refusalText(refusal))), PAUSE_MS);
    return () => {
      live = false;
      clearTimeout(timer);
    };
  }, [wanted]);

  return html`<div class="search" role="search" onKeyDown=${(/** @type {KeyboardEvent} */ event) => event.key === 'Escape' && close()}>
    <div class="start"><div class="start-field"><${Icon} name="search" />
      <input ref=${field} type="search" dir="auto" data-testid="search-field" value=${q} aria-label=${row ? `Search in ${titleOf(client, row)}` : 'Search messages'}
        placeholder=${row ? `Search in ${titleOf(client, row)}` : 'Search messages'} autocomplete="off" onInput=${(/** @type {any} */ event) => setQ(event.currentTarget.value)} />
      <button type="button" aria-label="End the search" onClick=${close}><${Icon} name="close" /></button></div>
      <p class="complaint" role="alert">${error}</p></div>
    <p class="hidden" role="status">${result ? `${result.items.length} found` : ''}</p>
    <ul class="list found">${result?.items.map((item) => html`<${Hit} key=${`${item.conversation_id}${item.seq}`} client=${client} item=${item} q=${wanted} />`)}
      ${result?.next && html`<li><button type="button" class="archive-line" onClick=${() => ask(result.next).then(setResult, (refusal) => setError(refusalText(refusal)))}>More</button></li>`}</ul>
    ${result && !result.items.length && html`<p class="quiet centre">Nothing found for “${result.q}”.</p>`}
    ${!wanted && html`<p class="quiet centre">Words, or how they begin.</p>`}</div>`;
}

/** @param {{client: Client, item: Found, q: string}} props */
function Hit({ client, item, q }) {
  const row = client.model.rows.get(item.conversation_id);
  const title = row ? titleOf(client, row) : '…';
  return html`<li><a class="item" data-testid="found" href=${`#/c/${item.conversation_id}/${item.seq}`} onClick=${(/** @type {Event} */ event) => {
      event.preventDefault();
      go(item.conversation_id, item.seq);
    }}>
    <${Avatar} name=${title} id=${item.conversation_id} group=${row?.kind === 'group'} />
    <span class="item-name" dir="auto">${title}</span><span class="item-time">${listTime(item.at)}</span>
    <span class="item-line"><span dir="auto">${nameOf(client, item.sender_id)}: ${marked(item.snippet, q)}</span></span></a></li>`;
}

/** The words that were looked for stand out. @param {string} text @param {string} q */
function marked(text, q) {
  const words = q.split(/[^\p{L}\p{N}]+/u).filter(Boolean).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  if (!words.length) return text;
  return text.split(new RegExp(`(${words.join('|')})`, 'giu')).map((part, index) => (index % 2 ? html`<mark>${part}</mark>` : part));
}
