/** @import {Client} from '../sdk/index.js' */
/** @import {Row} from '../sdk/types.js' */
import { html, useRef, useState } from './html.js';
import { Icon, Logo, Tick } from './icons.js';
import { Avatar, nameOf, preview, titleOf } from './names.js';
import { findUser, refusalText } from './people.js';
import { go } from './shell.js';
import { reach } from '../sdk/index.js';
import { fullTime, listTime } from './times.js';

/** @param {{client: Client, open: string | null, starting: (is: boolean) => void, newGroup: () => void,
 * account: () => void}} props */
export function Sidebar({ client, open, starting, newGroup, account }) {
  const rows = [...client.model.rows.values()].filter((row) => row.kind).sort((a, b) => (a.at < b.at ? 1 : -1));
  const me = nameOf(client, client.me);
  return html`<aside class="sidebar" aria-label="Conversations">
    <header class="sidebar-head">
      <${Logo} /><h1>Parlor</h1>
      <button class="round" title="New group" aria-label="New group" onClick=${newGroup}><${Icon} name="group" /></button>
      <button class="round plain" title=${me} aria-label="Your account" onClick=${account}>
        <${Avatar} name=${me} id=${client.me} /></button>
    </header>
    <${NewDirect} client=${client} starting=${starting} />
    ${rows.length ? html`<${List} client=${client} rows=${rows} open=${open} />` : html`<div class="list-empty">
      <p><strong>No conversations yet</strong></p>
      <p>Type a username above to write to somebody, or gather a group.</p>
      <button class="button" onClick=${newGroup}>New group</button></div>`}
  </aside>`;
}

/** @param {{client: Client, starting: (is: boolean) => void}} props */
function NewDirect({ client, starting }) {
  const [error, setError] = useState('');
  const [busy, setBusy] = useState(false);

  /** @param {SubmitEvent} event */
  async function submit(event) {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.currentTarget);
    const username = String(new FormData(form).get('username')).trim();
    if (!username || busy) return;
    setBusy(true);
    starting(true);
    try {
      const user = await findUser(client, username);
      const view = await client.session.call('POST', '/conversations', { body: { kind: 'direct', member_ids: [user.user_id] } });
      client.accept(view);
      form.reset();
      setError('');
      go(view.conversation_id);
    } catch (refusal) {
      setError(refusalText(refusal, username));
    }
    setBusy(false);
    starting(false);
  }

  return html`<form class="start" onSubmit=${submit}>
    <div class="start-field">
      <span aria-hidden="true">@</span>
      <input name="username" data-testid="conversation-peer" aria-label="Start a conversation: username"
        placeholder="Write to a username" autocomplete="off" autocapitalize="none" spellcheck="false" maxlength="33"
        aria-describedby="start-error" aria-invalid=${!!error} onInput=${() => setError('')} />
      <button data-testid="conversation-start" aria-label="Start conversation" aria-busy=${busy}><${Icon} name="arrow" /></button>
    </div>
    <p id="start-error" class="complaint" role="alert">${error}</p>
  </form>`;
}

/** @param {{client: Client, rows: Row[], open: string | null}} props */
function List({ client, rows, open }) {
  const list = useRef(/** @type {HTMLElement | null} */ (null));
  const [focused, setFocused] = useState('');
  const tabbed = [focused, open].find((id) => rows.some((row) => row.conversation_id === id)) ?? rows[0].conversation_id;

  /** Arrows move through the list; Tab passes it. @param {KeyboardEvent} event */
  function steer(event) {
    const links = [...(list.current?.querySelectorAll('a') ?? [])];
    const at = links.indexOf(/** @type {any} */ (document.activeElement));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: links.length - 1 }[event.key];
    if (to === undefined || at < 0) return;
    event.preventDefault();
    links[Math.max(0, Math.min(to, links.length - 1))].focus();
  }

  return html`<nav class="list" aria-label="Conversations" ref=${list} onKeyDown=${steer}><ul>
    ${rows.map((row) => html`<li key=${row.conversation_id}>
      <a class="item" data-testid="conversation" data-conversation-id=${row.conversation_id} href=${`#/c/${row.conversation_id}`}
        aria-current=${row.conversation_id === open ? 'page' : undefined} data-unread=${row.unread > 0}
        tabindex=${row.conversation_id === tabbed ? 0 : -1} onFocus=${() => setFocused(row.conversation_id)}>
        <${Item} client=${client} row=${row} /></a></li>`)}
  </ul></nav>`;
}

/** @param {{client: Client, row: Row}} props */
function Item({ client, row }) {
  const name = titleOf(client, row);
  const pending = [...client.model.outbox.values()].filter((entry) => entry.conversation_id === row.conversation_id).at(-1);
  const { last } = row;
  const own = last?.kind === 'message' && last.sender_id === client.me && !last.redacted;
  const failed = pending?.state === 'failed';
  const tick = failed ? null : pending ? 'pending' : own && last ? reach(row, last.seq, client.me) : null;
  const line = pending?.fields.body?.text ? `${failed ? 'Not sent' : 'You'}: ${pending.fields.body.text}` : preview(client, row);
  return html`<${Avatar} name=${name} id=${row.conversation_id} group=${row.kind === 'group'} />
    <span class="item-name" dir="auto">${name}</span>
    <time class="item-time" datetime=${row.at} title=${row.at && fullTime(row.at)}>${listTime(last?.at ?? row.at)}</time>
    <span class="item-line" data-failed=${failed}>${tick && html`<${Tick} state=${tick} />`}<span dir="auto">${line}</span></span>
    ${row.unread > 0 && html`<span class="badge"><span aria-hidden="true">${row.unread > 999 ? '999+' : row.unread}</span>
      <span class="hidden">${row.unread} unread</span></span>`}`;
}
