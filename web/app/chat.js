/** @import {Client} from '../sdk/index.js' */
/** @import {Row} from '../sdk/types.js' */
/** @import {Mode} from './composer.js' */
import { Composer } from './composer.js';
import { conversationMenu } from './conversation_menu.js';
import { Group } from './group.js';
import { html, useEffect, useState } from './html.js';
import { Icon } from './icons.js';
import { JumpToDate } from './jump.js';
import { below, Menu } from './menu.js';
import { Messages } from './messages.js';
import { Avatar, peerOf, titleOf } from './names.js';
import { userOf } from './people.js';
import { Person } from './person.js';
import { Pinned } from './pinned.js';
import { statusOf, typingText, usePresenceText } from './presence.js';

/** One open conversation; `starting`: another one is about to take its place; `jump`: the message to show.
 * @param {{client: Client, row: Row, starting: boolean, jump: {seq: number} | null, search: (conversation_id: string) => void}} props */
export function Chat({ client, row, starting, jump: asked, search }) {
  const { conversation_id } = row;
  const [dialog, setDialog] = useState(/** @type {"about" | "date" | null} */ (null));
  const [menu, setMenu] = useState(/** @type {import('./menu.js').Place | null} */ (null));
  const [mode, setMode] = useState(/** @type {Mode} */ (null));
  const [jump, setJump] = useState(asked);
  useEffect(() => setJump(asked), [asked]);
  // Where reading stopped before: the line "new messages" stays there while the conversation is open.
  const [read_seq] = useState(row.unread ? row.read_seq : Infinity);
  useEffect(() => void client.open(conversation_id), [client, conversation_id, client.model.connection === 'online']);
  useReading(client, row);

  const name = titleOf(client, row);
  const peer = peerOf(client, row);
  const group = row.kind === 'group';
  const close = () => setDialog(null);
  return html`<main class="chat" aria-label=${`Conversation with ${name}`}>
    <header class="chat-head">
      <a class="round plain back" href="#/" aria-label="Back to the list"><${Icon} name="back" /></a>
      <button type="button" class="chat-about" data-testid=${group ? 'members' : 'about'} onClick=${() => setDialog('about')} disabled=${!group && !peer}>
        <${Avatar} name=${name} id=${group ? conversation_id : (peer ?? conversation_id)} group=${group} client=${client}
          media_id=${group ? row.avatar_media_id : userOf(client, peer ?? '')?.avatar_media_id} status=${statusOf(client, peer)} />
        <span class="chat-title"><h2 dir="auto">${name}</h2><${Status} client=${client} row=${row} peer=${peer} /></span></button>
      <button type="button" class="round plain" aria-label="Search in this conversation" title="Search in this conversation" data-testid="search-here"
        onClick=${() => search(conversation_id)}><${Icon} name="search" /></button>
      <button type="button" class="round plain" aria-label="Conversation menu" title="More" aria-haspopup="menu" data-testid="conversation-menu"
        onClick=${(/** @type {Event} */ event) => setMenu(below(event))}><${Icon} name="more" /></button>
    </header>
    <${Pinned} client=${client} row=${row} jump=${(/** @type {number} */ seq) => setJump({ seq })} />
    <${Messages} client=${client} row=${row} read_seq=${read_seq} jump=${jump} setMode=${setMode} />
    ${row.left
      ? html`<p class="chat-closed">You are no longer part of this group. You can still read what was written before.</p>`
      : html`<${Composer} client=${client} row=${row} name=${name} held=${starting} mode=${mode} setMode=${setMode} />`}
    ${menu && html`<${Menu} label="Conversation" at=${menu} close=${() => setMenu(null)} items=${[
      (group || peer) && { label: group ? 'Group info' : 'About this person', icon: 'info', act: () => setDialog('about') },
      { label: 'Go to a date…', icon: 'calendar', id: 'go-to-date', act: () => setDialog('date') },
      ...conversationMenu(client, row),
    ]} />`}
    ${dialog === 'about' && (group
      ? html`<${Group} client=${client} row=${row} close=${close} />`
      : html`<${Person} client=${client} user_id=${/** @type {string} */ (peer)} close=${close} />`)}
    ${dialog === 'date' && html`<${JumpToDate} client=${client} row=${row} close=${close} jump=${(/** @type {number} */ seq) => setJump({ seq })} />`}
  </main>`;
}

/** The line below the name: who types, who is there, else what it is. @param {{client: Client, row: Row, peer: string | undefined}} props */
function Status({ client, row, peer }) {
  const typing = typingText(client, row);
  const presence = usePresenceText(client, peer);
  const username = peer && `@${userOf(client, peer)?.username ?? '…'}`;
  if (typing) return html`<span class="status" data-testid="typing">${typing}</span>`;
  if (row.kind === 'group') return html`<span class="status">${row.members_count} ${row.members_count === 1 ? 'member' : 'members'}</span>`;
  if (!peer) return html`<span class="status">Only you see what you write here</span>`;
  return html`<span class="status"><span class="username">${username}</span>${presence && html`<span data-testid="presence">${presence}</span>`}</span>`;
}

/** What stands on a page that is looked at is read. @param {Client} client @param {Row} row */
function useReading(client, { conversation_id, cursor, unread, view, left }) {
  useEffect(() => {
    const read = () => document.visibilityState === 'visible' && document.hasFocus() && client.read(conversation_id);
    read();
    addEventListener('focus', read);
    document.addEventListener('visibilitychange', read);
    return () => {
      removeEventListener('focus', read);
      document.removeEventListener('visibilitychange', read);
    };
  }, [client, conversation_id, cursor, unread]);
  useEffect(() => {
    if (view?.marked_unread && !left) client.api.settings(conversation_id, { marked_unread: false }).then((next) => client.accept(next), () => {});
  }, [conversation_id]);
}
