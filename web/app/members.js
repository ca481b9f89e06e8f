/** @import {Client} from '../sdk/index.js' */
/** @import {Member, Row, User} from '../sdk/types.js' */
import { uuidv7 } from '../sdk/index.js';
import { Dialog } from './dialog.js';
import { html, useRef, useState } from './html.js';
import { Icon } from './icons.js';
import { Avatar, nameOf, titleOf } from './names.js';
import { refusalText } from './people.js';
import { Picker } from './picker.js';

/** @typedef {(method: string, path: string, body?: any) => Promise<boolean>} Act */

/** What a role may do to another (PROTOCOL §1). @param {string | undefined} role @param {Member} member */
function powers(role, member) {
  if (member.role === 'owner') return [];
  if (role === 'owner')
    return [
      member.role === 'admin' ? ['Make a member', 'member'] : ['Make an admin', 'admin'],
      ['Hand the group over', 'owner'], ['Remove from the group', ''],
    ];
  return role === 'admin' && member.role === 'member' ? [['Remove from the group', '']] : [];
}

/** The people of a group and what may be done about them. @param {{client: Client, row: Row, close: () => void}} props */
export function Members({ client, row, close }) {
  const [error, setError] = useState('');
  const members = row.members ?? [];
  const role = row.left ? undefined : members.find((member) => member.user_id === client.me)?.role;
  const leads = role === 'owner' || role === 'admin';

  /** @type {Act} */
  async function act(method, path, body) {
    try {
      const key = uuidv7(client.clock.now());
      const answer = await client.session.call(method, `/conversations/${row.conversation_id}${path}`, { body, key });
      const skipped = answer.skipped?.length;
      setError(skipped ? `${skipped === 1 ? 'One person' : `${skipped} people`} could not be added.` : '');
      return true;
    } catch (refusal) {
      setError(refusalText(refusal));
      return false;
    }
  }

  const order = ['owner', 'admin', 'member'];
  const sorted = [...members].sort((a, b) => order.indexOf(a.role) - order.indexOf(b.role));
  return html`<${Dialog} title=${titleOf(client, row)} close=${close}>
    ${leads && html`<${Rename} row=${row} act=${act} />`}
    ${leads && html`<${Add} client=${client} act=${act} />`}
    <p class="complaint" role="alert">${error}</p>
    <h3>${members.length} ${members.length === 1 ? 'member' : 'members'}</h3>
    <ul class="people">${sorted.map((member) => html`<${Person} key=${member.user_id} client=${client} member=${member}
      powers=${member.user_id === client.me ? [] : powers(role, member)} act=${act} />`)}</ul>
    ${role && html`<button class="button wide danger" data-testid="group-leave"
      onClick=${async () => (await act('POST', '/leave')) && close()}><${Icon} name="leave" />Leave group</button>`}
  <//>`;
}

/** @param {{row: Row, act: Act}} props */
function Rename({ row, act }) {
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const title = String(new FormData(/** @type {HTMLFormElement} */ (event.currentTarget)).get('title')).trim();
    if (title && title !== row.title) act('PATCH', '', { title });
  };
  return html`<form class="inline" onSubmit=${submit}>
    <label class="field"><span>Name</span><input name="title" maxlength="120" dir="auto" value=${row.title ?? ''} /></label>
    <button class="button">Rename</button></form>`;
}

/** @param {{client: Client, act: Act}} props */
function Add({ client, act }) {
  const [users, setUsers] = useState(/** @type {User[]} */ ([]));
  const typed = useRef(/** @type {() => Promise<User[] | null>} */ (async () => []));
  const submit = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const people = await typed.current();
    if (!people?.length) return;
    if (await act('POST', '/members', { user_ids: people.map((user) => user.user_id) })) setUsers([]);
  };
  return html`<form class="inline" onSubmit=${submit}>
    <${Picker} client=${client} users=${users} change=${setUsers} hold=${(/** @type {any} */ call) => (typed.current = call)} />
    ${users.length > 0 && html`<button class="button primary">Add to group</button>`}</form>`;
}

/** @param {{client: Client, member: Member, powers: string[][], act: Act}} props */
function Person({ client, member, powers, act }) {
  const { user_id, role } = member;
  const name = nameOf(client, user_id);
  const username = client.user(user_id)?.username;
  /** @param {string} to */
  const change = (to) => act(to ? 'PATCH' : 'DELETE', `/members/${user_id}`, to ? { role: to } : undefined);
  return html`<li><${Avatar} name=${name} id=${user_id} />
    <p><strong dir="auto">${name}${user_id === client.me && html` <em>you</em>`}</strong><span>@${username}</span></p>
    ${role !== 'member' && html`<span class="role">${role}</span>`}
    ${powers.length > 0 && html`<details class="menu"><summary class="round plain small" aria-label=${`Change ${name}`}><${Icon} name="more" /></summary>
      <div>${powers.map(([label, to]) => html`<button data-danger=${!to} onClick=${(/** @type {any} */ event) => {
        event.currentTarget.closest('details').open = false;
        change(to);
      }}>${label}</button>`)}</div></details>`}</li>`;
}
