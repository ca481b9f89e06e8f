/** @import {Client} from '../sdk/index.js' */
/** @import {Row} from '../sdk/types.js' */
import { reach } from '../sdk/index.js';
import { conversationMenu, isMuted } from './conversation_menu.js';
import { draftOf } from './drafts.js';
import { html, useRef, useState } from './html.js';
import { Icon, Tick } from './icons.js';
import { Menu } from './menu.js';
import { Avatar, peerOf, preview, titleOf } from './names.js';
import { userOf } from './people.js';
import { statusOf, typingText } from './presence.js';
import { fullTime, listTime } from './times.js';

/** Further ones come when the list is scrolled to its end. */
const PAGE = 100;

/** The conversations: pinned ones first, archived ones behind a line. @param {{client: Client, rows: Row[], open: string | null}} props */
export function List({ client, rows, open }) {
  const list = useRef(/** @type {HTMLElement | null} */ (null));
  const [focused, setFocused] = useState('');
  const [archive, setArchive] = useState(false);
  const [limit, setLimit] = useState(PAGE);
  const [menu, setMenu] = useState(/** @type {{row: Row, place: import('./menu.js').Place} | null} */ (null));
  const archived = rows.filter((row) => row.view?.archived);
  const present = rows.filter((row) => !row.view?.archived);
  const shown = archive ? archived : [...present.filter((row) => row.view?.pinned), ...present.filter((row) => !row.view?.pinned)];
  const tabbed = [focused, open].find((id) => shown.some((row) => row.conversation_id === id)) ?? shown[0]?.conversation_id;
  const unread = archived.reduce((sum, row) => sum + row.unread, 0);

  /** Arrows move through the list; Tab passes it. @param {KeyboardEvent} event */
  function steer(event) {
    const links = [.../** @type {NodeListOf<HTMLElement>} */ (list.current?.querySelectorAll('a') ?? [])];
    const at = links.indexOf(/** @type {any} */ (document.activeElement));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: links.length - 1 }[event.key];
    if (to === undefined || at < 0 || event.altKey) return;
    event.preventDefault();
    links[Math.max(0, Math.min(to, links.length - 1))].focus();
  }
  /** @param {any} event */
  function more(event) {
    const { scrollTop, clientHeight, scrollHeight } = event.currentTarget;
    if (scrollHeight - scrollTop - clientHeight < 400 && limit < shown.length) setLimit(limit + PAGE);
  }
  /** @param {Row} row */
  const ask = (row) => (/** @type {any} */ event) => {
    event.preventDefault();
    const { left, bottom } = event.currentTarget.getBoundingClientRect();
    // The menu key says no place.
    const place = event.clientX ? { x: event.clientX, y: event.clientY } : { x: left + 40, y: bottom - 10 };
    setMenu({ row, place: { ...place, opener: event.currentTarget } });
  };

  return html`<nav class="list" aria-label="Conversations" ref=${list} onKeyDown=${steer} onScroll=${more}>
    ${archive && html`<button type="button" class="archive-line" onClick=${() => setArchive(false)}><${Icon} name="back" />Back to the list</button>`}
    <ul>${shown.slice(0, limit).map((row) => html`<li key=${row.conversation_id}>
      <a class="item" data-testid="conversation" data-conversation-id=${row.conversation_id} href=${`#/c/${row.conversation_id}`}
        aria-current=${row.conversation_id === open ? 'page' : undefined} data-unread=${row.unread > 0 || !!row.view?.marked_unread}
        tabindex=${row.conversation_id === tabbed ? 0 : -1} onFocus=${() => setFocused(row.conversation_id)} onContextMenu=${ask(row)}>
        <${Item} client=${client} row=${row} /></a></li>`)}</ul>
    ${!archive && archived.length > 0 && html`<button type="button" class="archive-line" data-testid="archived" onClick=${() => setArchive(true)}>
      <${Icon} name="archive" />Archived · ${archived.length}${unread > 0 && html`<span class="badge">${unread}</span>`}</button>`}
    ${menu && html`<${Menu} label="Conversation" at=${menu.place} items=${conversationMenu(client, menu.row)} close=${() => setMenu(null)} />`}
  </nav>`;
}

/** @param {{client: Client, row: Row}} props */
function Item({ client, row }) {
  const name = titleOf(client, row);
  const { last, view } = row;
  const pending = [...client.model.outbox.values()].filter((entry) => entry.conversation_id === row.conversation_id && entry.type === 'send').at(-1);
  const own = last?.kind === 'message' && last.sender_id === client.me && !last.redacted;
  const failed = pending?.state === 'failed';
  const draft = pending ? '' : draftOf(row);
  const typing = typingText(client, row);
  const tick = failed || draft || typing ? null : pending ? 'pending' : own && last ? reach(row, last.seq, client.me) : null;
  const line = pending?.fields.body?.text ? `${failed ? 'Not sent' : 'You'}: ${pending.fields.body.text}` : preview(client, row);
  const peer = peerOf(client, row);
  return html`<${Avatar} name=${name} id=${row.kind === 'direct' ? (peer ?? row.conversation_id) : row.conversation_id} group=${row.kind === 'group'} client=${client}
      media_id=${row.kind === 'group' ? row.avatar_media_id : peer && userOf(client, peer)?.avatar_media_id} status=${statusOf(client, peer)} />
    <span class="item-name" dir="auto">${name}</span>
    <span class="item-time">${view?.pinned && html`<${Icon} name="pin" /><span class="hidden">Pinned</span>`}
      ${isMuted(client, row) && html`<${Icon} name="mute" /><span class="hidden">Muted</span>`}
      <time datetime=${row.at} title=${row.at && fullTime(row.at)}>${listTime(last?.at ?? row.at)}</time></span>
    <span class="item-line" data-failed=${failed} data-typing=${!!typing}>${tick && html`<${Tick} state=${tick} />`}
      ${draft && !typing && html`<em class="draft">Draft:</em>`}<span dir="auto">${typing || draft || line}</span></span>
    ${row.unread > 0
      ? html`<span class="badge" data-muted=${isMuted(client, row)}><span aria-hidden="true">${row.unread > 999 ? '999+' : row.unread}</span><span class="hidden">${row.unread} unread</span></span>`
      : view?.marked_unread && html`<span class="badge marked"><span class="hidden">Marked as unread</span></span>`}`;
}
