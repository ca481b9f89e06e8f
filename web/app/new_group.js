/** @import {Client} from '../sdk/index.js' */
/** @import {User} from '../sdk/types.js' */
import { Dialog } from './dialog.js';
import { html, useRef, useState } from './html.js';
import { refusalText } from './people.js';
import { Picker } from './picker.js';
import { go } from './routes.js';

/** @param {{client: Client, close: () => void}} props */
export function NewGroup({ client, close }) {
  const [users, setUsers] = useState(/** @type {User[]} */ ([]));
  const [error, setError] = useState('');
  const [busy, setBusy] = useState(false);
  const typed = useRef(/** @type {() => Promise<User[] | null>} */ (async () => []));
  // One key for all attempts of this dialog: a lost answer makes no second group. Another payload needs another key.
  const key = useRef({ payload: '', id: '' });

  /** @param {SubmitEvent} event */
  async function submit(event) {
    event.preventDefault();
    const title = String(new FormData(/** @type {HTMLFormElement} */ (event.currentTarget)).get('title')).trim();
    if (!title) return setError('Give the group a name.');
    if (busy) return;
    setBusy(true);
    try {
      const people = await typed.current();
      if (!people) return;
      /** @type {{kind: 'group', title: string, member_ids: string[]}} */
      const body = { kind: 'group', title, member_ids: people.map((user) => user.user_id) };
      const payload = JSON.stringify(body);
      if (key.current.payload !== payload) key.current = { payload, id: client.key() };
      const view = await client.api.create(body, key.current.id);
      client.accept(view);
      close();
      go(view.conversation_id);
    } catch (refusal) {
      setError(refusalText(refusal));
    } finally {
      setBusy(false);
    }
  }

  return html`<${Dialog} title="New group" close=${close}>
    <form onSubmit=${submit} novalidate>
      <label class="field"><span>Name</span>
        <input name="title" maxlength="120" dir="auto" autofocus data-testid="group-title" onInput=${() => setError('')} /></label>
      <${Picker} client=${client} users=${users} change=${setUsers} hold=${(/** @type {any} */ call) => (typed.current = call)} />
      <p class="complaint" role="alert">${error}</p>
      <button class="button primary wide" data-testid="group-create" aria-busy=${busy}>Create group</button>
    </form>
  <//>`;
}
