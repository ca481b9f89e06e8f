/** @import {Client} from '../sdk/index.js' */
/** @import {Own} from '../sdk/types.js' */
import { Blocked, Privacy } from './privacy.js';
import { Data, Password, SignOut } from './account.js';
import { Devices } from './devices.js';
import { Dialog } from './dialog.js';
import { html, useEffect, useState } from './html.js';
import { Icon } from './icons.js';
import { Avatar } from './names.js';
import { Notifications } from './notify.js';
import { know, refusalText } from './people.js';
import { Profile } from './profile.js';

/** One change of one's own account; whether it was done. @typedef {(fields: any) => Promise<boolean>} Change */

const PARTS = /** @type {[string, string, string, any][]} */ ([
  ['profile', 'Profile', 'user', Profile],
  ['privacy', 'Privacy', 'shield', Privacy],
  ['blocked', 'Blocked people', 'block', Blocked],
  ['notifications', 'Notifications', 'bell', Notifications],
  ['devices', 'Devices', 'device', Devices],
  ['password', 'Password', 'lock', Password],
  ['data', 'Your data', 'file', Data],
]);

/** @param {{client: Client, close: () => void, signOut: () => void, help: () => void}} props */
export function Settings({ client, close, signOut, help }) {
  const [part, setPart] = useState('');
  const [own, setOwn] = useState(/** @type {Own | null} */ (null));
  const [error, setError] = useState('');
  useEffect(() => {
    let live = true;
    client.api.me().then((me) => live && setOwn(me), (refusal) => live && setError(refusalText(refusal)));
    return () => void (live = false);
  }, []);

  /** @type {Change} */
  async function change(fields) {
    setError('');
    try {
      const me = await client.api.change(fields);
      setOwn({ .../** @type {Own} */ (own), ...fields, ...me });
      know(client, [me]);
      return true;
    } catch (refusal) {
      setError(refusalText(refusal));
      return false;
    }
  }
  const [, title = 'Settings', , Part] = PARTS.find(([key]) => key === part) ?? [];
  return html`<${Dialog} title=${title} close=${close} back=${part ? () => (setPart(''), setError('')) : undefined}>
    ${Part
      ? html`<${Part} client=${client} own=${own} change=${change} signOut=${signOut} />`
      : html`<${Head} client=${client} own=${own} />
        <ul class="settings">${PARTS.map(([key, label, icon]) => html`<li key=${key}><button type="button" data-testid=${`settings-${key}`} onClick=${() => setPart(key)}>
          <${Icon} name=${icon} /><span>${label}</span><${Icon} name="next" /></button></li>`)}
          <li><button type="button" onClick=${() => (close(), help())}><${Icon} name="keyboard" /><span>Keyboard shortcuts</span><${Icon} name="next" /></button></li></ul>
        <${SignOut} client=${client} signOut=${signOut} />`}
    <p class="complaint" role="alert">${error}</p><//>`;
}

/** @param {{client: Client, own: Own | null}} props */
function Head({ client, own }) {
  const user = own ?? client.session.tokens?.user;
  return html`<div class="profile"><${Avatar} name=${user?.display_name || user?.username} id=${client.me} client=${client} media_id=${user?.avatar_media_id} />
    <p><strong dir="auto">${user?.display_name || user?.username}</strong><span>@${user?.username}</span></p></div>`;
}
