/** @import {Client} from '../sdk/index.js' */
/** @import {Own} from '../sdk/types.js' */
import { html, useState } from './html.js';
import { nameOf } from './names.js';
import { Picture } from './picture.js';

/** The own name and picture. @param {{client: Client, own: Own | null, change: import('./settings.js').Change}} props */
export function Profile({ client, own, change }) {
  const [done, setDone] = useState(false);
  if (!own) return html`<p class="quiet">One moment…</p>`;
  /** @param {SubmitEvent} event */
  async function submit(event) {
    event.preventDefault();
    const display_name = String(new FormData(/** @type {HTMLFormElement} */ (event.currentTarget)).get('display_name')).trim();
    setDone(false);
    setDone(await change({ display_name: display_name || own?.username }));
  }
  return html`<${Picture} client=${client} id=${client.me} name=${nameOf(client, client.me)} media_id=${own.avatar_media_id}
      change=${(/** @type {string | null} */ avatar_media_id) => change({ avatar_media_id })} />
    <form onSubmit=${submit}>
      <label class="field"><span>Display name</span><input name="display_name" data-testid="display-name" maxlength="64" dir="auto" autocomplete="name"
        value=${own.display_name ?? ''} onInput=${() => setDone(false)} /></label>
      <label class="field"><span>Username</span><input value=${own.username} readonly /></label>
      <button class="button primary wide" data-testid="profile-save">Save</button>
      <p class="quiet" role="status">${done ? 'Saved.' : ''}</p></form>`;
}
