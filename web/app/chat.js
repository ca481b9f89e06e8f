/** @import {Client} from '../sdk/index.js' */
/** @import {Row} from '../sdk/types.js' */
import { Composer } from './composer.js';
import { html, useEffect, useState } from './html.js';
import { Icon } from './icons.js';
import { Members } from './members.js';
import { Messages } from './messages.js';
import { Avatar, peerOf, titleOf } from './names.js';

/** One open conversation; `starting`: another one is about to take its place.
 * @param {{client: Client, row: Row, starting: boolean}} props */
export function Chat({ client, row, starting }) {
  const { conversation_id } = row;
  const [members, setMembers] = useState(false);
  // Where reading stopped before: the line "new messages" stays there while the conversation is open.
  const [read_seq] = useState(row.unread ? row.read_seq : Infinity);
  useEffect(() => void client.open(conversation_id), [client, conversation_id, client.model.connection === 'online']);

  const { cursor, unread } = row;
  useEffect(() => {
    const read = () => document.visibilityState === 'visible' && document.hasFocus() && client.tell({ ask: 'read', conversation_id });
    read();
    addEventListener('focus', read);
    document.addEventListener('visibilitychange', read);
    return () => {
      removeEventListener('focus', read);
      document.removeEventListener('visibilitychange', read);
    };
  }, [client, conversation_id, cursor, unread]);

  const name = titleOf(client, row);
  const peer = peerOf(client, row);
  const about = row.kind === 'group'
    ? `${row.members_count} ${row.members_count === 1 ? 'member' : 'members'}`
    : peer ? `@${client.user(peer)?.username ?? '…'}` : 'Only you see what you write here';
  return html`<main class="chat" aria-label=${`Conversation with ${name}`}>
    <header class="chat-head">
      <a class="round plain back" href="#/" aria-label="Back to the list"><${Icon} name="back" /></a>
      <${Avatar} name=${name} id=${conversation_id} group=${row.kind === 'group'} />
      <div class="chat-title"><h2 dir="auto">${name}</h2><p>${about}</p></div>
      ${row.kind === 'group' && html`<button class="round" data-testid="members" aria-label="Members" title="Members"
        onClick=${() => setMembers(true)}><${Icon} name="group" /></button>`}
    </header>
    <${Messages} client=${client} row=${row} read_seq=${read_seq} />
    ${row.left
      ? html`<p class="chat-closed">You are no longer part of this group. You can still read what was written before.</p>`
      : html`<${Composer} client=${client} conversation_id=${conversation_id} name=${name} held=${starting} />`}
    ${members && html`<${Members} client=${client} row=${row} close=${() => setMembers(false)} />`}
  </main>`;
}
