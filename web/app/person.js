/** @import {Client} from '../sdk/index.js' */
import { isBlocked, setBlocked } from './blocks.js';
import { Dialog } from './dialog.js';
import { html, useEffect } from './html.js';
import { Icon } from './icons.js';
import { Avatar, nameOf } from './names.js';
import { refusalText, userOf, writeTo } from './people.js';
import { statusOf, usePresenceText } from './presence.js';
import { go } from './routes.js';
import { say } from './toast.js';

/** Somebody, and what may be done about them. @param {{client: Client, user_id: string, close: () => void}} props */
export function Person({ client, user_id, close }) {
  useEffect(() => client.watch([user_id]), [user_id]);
  const user = userOf(client, user_id);
  const name = nameOf(client, user_id);
  const presence = usePresenceText(client, user_id);
  const blocked = isBlocked(user_id);
  const shared = [...client.model.rows.values()].filter((row) => row.kind === 'group' && !row.left && row.members?.some((member) => member.user_id === user_id));
  const write = async () => {
    try {
      const id = await writeTo(client, user_id);
      close();
      go(id);
    } catch (refusal) {
      say(refusalText(refusal));
    }
  };
  return html`<${Dialog} title=${name} close=${close}>
    <div class="profile"><${Avatar} name=${name} id=${user_id} client=${client} media_id=${user?.avatar_media_id} status=${statusOf(client, user_id)} />
      <p><strong dir="auto">${name}</strong>${user?.username && html`<span>@${user.username}</span>`}${presence && html`<span>${presence}</span>`}</p></div>
    ${shared.length > 0 && html`<p class="quiet">In common: ${shared.map((row) => row.title).join(', ')}</p>`}
    ${user?.username && html`<button class="button wide" onClick=${write}><${Icon} name="send" />Write a message</button>
    <button class=${`button wide ${blocked ? '' : 'danger'}`} data-testid="person-block" onClick=${() => setBlocked(client, user_id, !blocked)}>
      <${Icon} name="block" />${blocked ? 'Unblock' : 'Block'}</button>`}
  <//>`;
}
