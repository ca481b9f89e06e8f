/** @import {Client} from '../sdk/index.js' */
/** @import {Row} from '../sdk/types.js' */
import { html, useState } from './html.js';
import { Icon, Logo } from './icons.js';
import { List } from './list.js';
import { Avatar, nameOf, titleOf } from './names.js';
import { Waiting } from './outbox.js';
import { findUser, refusalText, userOf, writeTo } from './people.js';
import { go } from './routes.js';
import { Search } from './search.js';

/** @typedef {"" | "here" | "all"} Searching */

/** @param {{client: Client, open: string | null, starting: (is: boolean) => void, newGroup: () => void, settings: () => void,
 * searching: {within: string | null} | null, search: (of: {within: string | null} | null) => void}} props */
export function Sidebar({ client, open, starting, newGroup, settings, searching, search }) {
  const rows = [...client.model.rows.values()].filter((row) => row.kind).sort((a, b) => (a.at < b.at ? 1 : -1));
  const me = nameOf(client, client.me);
  return html`<aside class="sidebar" aria-label="Conversations">
    <header class="sidebar-head">
      <${Logo} /><h1>Parlor</h1>
      <button type="button" class="round plain" title="Search messages" aria-label="Search messages" data-testid="search-open" aria-expanded=${!!searching}
        onClick=${() => search(searching ? null : { within: null })}><${Icon} name="search" /></button>
      <button type="button" class="round plain" title="New group" aria-label="New group" onClick=${newGroup}><${Icon} name="group" /></button>
      <button type="button" class="round plain" title="Settings" data-testid="settings" onClick=${settings}><span class="hidden">Your account and settings</span>
        <${Avatar} name=${me} id=${client.me} client=${client} media_id=${userOf(client, client.me)?.avatar_media_id} /></button>
    </header>
    ${searching
      ? html`<${Search} client=${client} within=${searching.within} key=${searching.within} close=${() => search(null)} />`
      : html`<${NewDirect} client=${client} starting=${starting} />
        <${Waiting} client=${client} />
        ${rows.length ? html`<${List} client=${client} rows=${rows} open=${open} />` : html`<div class="list-empty">
          <p><strong>No conversations yet</strong></p>
          <p>Type a username above to write to somebody, or gather a group.</p>
          <button type="button" class="button" onClick=${newGroup}>New group</button></div>`}`}
  </aside>`;
}

/** One field for both: a username starts a conversation, a name that is in the list leads to it.
 * @param {{client: Client, starting: (is: boolean) => void}} props */
function NewDirect({ client, starting }) {
  const [error, setError] = useState('');
  const [busy, setBusy] = useState(false);
  const [typed, setTyped] = useState('');
  const wanted = typed.replace(/^@/, '').trim().toLowerCase();
  const known = wanted.length > 1 ? matches(client, wanted) : [];

  /** @param {SubmitEvent} event */
  async function submit(event) {
    event.preventDefault();
    const username = typed.trim();
    if (!username || busy) return;
    setBusy(true);
    starting(true);
    try {
      const user = await findUser(client, username);
      const id = await writeTo(client, user.user_id);
      setTyped('');
      setError('');
      go(id);
    } catch (refusal) {
      setError(refusalText(refusal, username));
    }
    setBusy(false);
    starting(false);
  }

  return html`<form class="start" onSubmit=${submit} role="search">
    <div class="start-field">
      <span aria-hidden="true">@</span>
      <input name="username" data-testid="conversation-peer" aria-label="Start or find a conversation: username"
        placeholder="Write to a username" autocomplete="off" autocapitalize="none" spellcheck="false" maxlength="64"
        aria-describedby="start-error" aria-invalid=${!!error} value=${typed}
        onInput=${(/** @type {any} */ event) => (setError(''), setTyped(event.currentTarget.value))} />
      <button data-testid="conversation-start" aria-label="Start conversation" aria-busy=${busy}><${Icon} name="arrow" /></button>
    </div>
    <p id="start-error" class="complaint" role="alert">${error}</p>
    ${known.length > 0 && html`<ul class="known" aria-label="Conversations called that">${known.map((row) => html`<li key=${row.conversation_id}>
      <button type="button" onClick=${() => (setTyped(''), go(row.conversation_id))}><${Avatar} name=${titleOf(client, row)} id=${row.conversation_id} group=${row.kind === 'group'} />
        <span dir="auto">${titleOf(client, row)}</span></button></li>`)}</ul>`}
  </form>`;
}

/** @param {Client} client @param {string} wanted @returns {Row[]} */
function matches(client, wanted) {
  return [...client.model.rows.values()].filter((row) => row.kind && titleOf(client, row).toLowerCase().includes(wanted)).slice(0, 5);
}
