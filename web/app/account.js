/** @import {Client} from '../sdk/index.js' */
import { Dialog } from './dialog.js';
import { html, useState } from './html.js';
import { Icon } from './icons.js';
import { Avatar, nameOf } from './names.js';

/** @param {{client: Client, close: () => void, signOut: () => void}} props */
export function Account({ client, close, signOut }) {
  const [busy, setBusy] = useState(false);
  const name = nameOf(client, client.me);
  const waiting = client.model.outbox.size;
  return html`<${Dialog} title="Your account" close=${close}>
    <div class="profile"><${Avatar} name=${name} id=${client.me} />
      <p><strong dir="auto">${name}</strong><span>@${client.user(client.me)?.username}</span></p></div>
    ${waiting > 0 && html`<p class="warning">${waiting === 1 ? 'One message has' : `${waiting} messages have`} not been sent yet.
      Signing out discards ${waiting === 1 ? 'it' : 'them'}.</p>`}
    <button class="button wide" aria-busy=${busy} disabled=${busy} onClick=${() => (setBusy(true), signOut())}>
      <${Icon} name="leave" />Sign out</button>
  <//>`;
}
