/** @import {Client} from '../sdk/index.js' */
import { Account } from './account.js';
import { Chat } from './chat.js';
import { html, useEffect, useState } from './html.js';
import { Logo } from './icons.js';
import { NewGroup } from './new_group.js';
import { Sidebar } from './sidebar.js';

const SAYS = { online: 'Connected', connecting: 'Connecting…', offline: 'You’re offline. What you write is sent once you’re back.' };

const routed = () => /^#\/c\/([0-9a-f-]{36})$/.exec(location.hash)?.[1] ?? null;

/** @param {string} conversation_id */
export function go(conversation_id) {
  location.hash = `#/c/${conversation_id}`;
  // The browser tells later, in a task of its own: until then keys would go to the conversation before.
  dispatchEvent(new Event('hashchange'));
}

/** Everything behind the sign-in. @param {{client: Client, signOut: () => void}} props */
export function Shell({ client, signOut }) {
  const [, redraw] = useState(0);
  const [open, setOpen] = useState(routed);
  const [starting, setStarting] = useState(false);
  const [dialog, setDialog] = useState(/** @type {"group" | "account" | null} */ (null));
  useEffect(() => client.subscribe(() => redraw((turn) => turn + 1)), [client]);
  useEffect(() => {
    const follow = () => setOpen(routed());
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  const { rows, connection } = client.model;
  const row = open ? rows.get(open) : undefined;
  const unread = [...rows.values()].reduce((sum, { unread }) => sum + unread, 0);
  document.title = unread ? `(${unread}) Parlor` : 'Parlor';
  const close = () => setDialog(null);

  return html`<div class="shell" data-pane=${row ? 'chat' : 'list'}>
    <p class="connection" role="status" data-testid="connection" data-state=${connection}><span>${SAYS[connection]}</span></p>
    <${Sidebar} client=${client} open=${open} starting=${setStarting}
      newGroup=${() => setDialog('group')} account=${() => setDialog('account')} />
    ${row
      ? html`<${Chat} key=${open} client=${client} row=${row} starting=${starting} />`
      : html`<main class="nothing"><${Logo} /><h2>Good to see you</h2>
          <p>Choose a conversation, or start one with somebody’s username.</p></main>`}
    ${dialog === 'group' && html`<${NewGroup} client=${client} close=${close} />`}
    ${dialog === 'account' && html`<${Account} client=${client} close=${close} signOut=${signOut} />`}
  </div>`;
}
