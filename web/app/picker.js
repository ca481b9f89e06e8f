/** @import {Client} from '../sdk/index.js' */
/** @import {User} from '../sdk/types.js' */
import { html, useRef, useState } from './html.js';
import { Icon } from './icons.js';
import { userName } from './names.js';
import { findUser, refusalText } from './people.js';

/** Gathers people by username. `hold` gets a call that resolves what stands in the field, for a form that is submitted
 * with a name still typed. @param {{client: Client, users: User[], change: (users: User[]) => void,
 * hold?: (call: () => Promise<User[] | null>) => void}} props */
export function Picker({ client, users, change, hold }) {
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  const [error, setError] = useState('');

  /** @returns {Promise<User[] | null>} */
  async function add() {
    const username = field.current?.value.trim();
    if (!username) return users;
    try {
      const user = await findUser(client, username);
      if (user.user_id === client.me) throw Object.assign(new Error('You are part of it anyway.'), { code: '' });
      const next = [...users.filter((known) => known.user_id !== user.user_id), user];
      change(next);
      if (field.current) field.current.value = '';
      setError('');
      return next;
    } catch (refusal) {
      setError(refusalText(refusal, username));
      return null;
    }
  }
  hold?.(add);

  /** @param {KeyboardEvent} event */
  function key(event) {
    if (event.key !== 'Enter' && event.key !== ',') return;
    if (event.key === 'Enter' && !field.current?.value.trim()) return;
    event.preventDefault();
    add();
  }

  return html`<div class="field"><label for="picker"><span>People</span></label>
    <div class="chips">
      ${users.map((user) => html`<span class="chip" key=${user.user_id}>${userName(user)}
        <button type="button" aria-label=${`Take ${userName(user)} out`}
          onClick=${() => change(users.filter((known) => known !== user))}><${Icon} name="close" /></button></span>`)}
      <input id="picker" ref=${field} placeholder=${users.length ? 'Another username' : 'Username, then Enter'} onKeyDown=${key}
        autocomplete="off" autocapitalize="none" spellcheck="false" data-testid="member-username" onInput=${() => setError('')} />
      <button type="button" class="round small" data-testid="member-add" aria-label="Add" onClick=${add}><${Icon} name="plus" /></button>
    </div>
    <p class="complaint" role="alert">${error}</p></div>`;
}
