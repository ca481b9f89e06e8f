/** @import {Client} from '../sdk/index.js' */
/** @import {Member, Row, User} from '../sdk/types.js' */
import { Dialog } from './dialog.js';
import { Picture } from './picture.js';
import { html, useEffect, useRef, useState } from './html.js';
import { Icon } from './icons.js';
import { below, Menu } from './menu.js';
import { Avatar, nameOf, titleOf } from './names.js';
import { refusalText, userOf } from './people.js';
import { Person as About } from './person.js';
import { Picker } from './picker.js';
import { statusOf } from './presence.js';

/** So many members are watched for their dots. */
const WATCHED = 200;
/** A call that makes a record, with its key; whether it was done. @typedef {(call: (key: string) => Promise<any>) => Promise<boolean>} Act */

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
export function Group({ client, row, close }) {
  const [error, setError] = useState('');
  const [leaving, setLeaving] = useState(false);
  const members = row.members ?? [];
  const role = row.left ? undefined : members.find((member) => member.user_id === client.me)?.role;
  const leads = role === 'owner' || role === 'admin';
  const id = row.conversation_id;
  useEffect(() => client.watch(members.slice(0, WATCHED).map((member) => member.user_id)), [members.length]);

  /** @type {Act} */
  async function act(call) {
    try {
      const skipped = (await call(client.key())).skipped?.length;
      setError(skipped ? `${skipped === 1 ? 'One person' : `${skipped} people`} could not be added.` : '');
      return true;
    } catch (refusal) {
      setError(refusalText(refusal));
      return false;
    }
  }
  const change = (/** @type {any} */ fields) => act((key) => client.api.changeConversation(id, fields, key));

  const order = ['owner', 'admin', 'member'];
  const sorted = [...members].sort((a, b) => order.indexOf(a.role) - order.indexOf(b.role));
  return html`<${Dialog} title=${titleOf(client, row)} close=${close}>
    ${leads && html`<${Picture} client=${client} id=${id} name=${titleOf(client, row)} group=${true} media_id=${row.avatar_media_id}
      change=${(/** @type {string | null} */ avatar_media_id) => change({ avatar_media_id })} />
      <${Rename} row=${row} change=${change} />`}
    ${leads && html`<label class="switch"><span>New members see what was written before</span>
      <input type="checkbox" role="switch" checked=${row.history === 'all'} onChange=${(/** @type {any} */ event) => change({ history: event.currentTarget.checked ? 'all' : 'joined' })} /></label>`}
    ${leads && html`<${Add} client=${client} row=${row} act=${act} />`}
    <p class="complaint" role="alert">${error}</p>
    <h3>${members.length} ${members.length === 1 ? 'member' : 'members'}</h3>
    <ul class="people">${sorted.map((member) => html`<${Person} key=${member.user_id} client=${client} row=${row} member=${member}
      powers=${member.user_id === client.me ? [] : powers(role, member)} act=${act} />`)}</ul>
    ${role && !leaving && html`<button class="button wide danger" data-testid="group-leave" onClick=${() => setLeaving(true)}><${Icon} name="leave" />Leave group</button>`}
    ${leaving && html`<div class="sure"><p>${role === 'owner' && members.length > 1 ? 'The group goes to its oldest admin, else to its oldest member.' : 'You will not get its messages any more.'}</p>
      <button class="button danger" data-testid="group-leave-sure" onClick=${async () => (await act((key) => client.api.leave(id, key))) && close()}>Leave</button>
      <button class="button" onClick=${() => setLeaving(false)}>Stay</button></div>`}
  <//>`;
}

/** @param {{row: Row, change: (fields: any) => void}} props */
function Rename({ row, change }) {
  // What is being typed stays, whatever arrives meanwhile.
  const [typed, setTyped] = useState(/** @type {string | null} */ (null));
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const title = (typed ?? '').trim();
    setTyped(null);
    if (title && title !== row.title) change({ title });
  };
  return html`<form class="inline" onSubmit=${submit}>
    <label class="field"><span>Name</span><input name="title" data-testid="group-rename" maxlength="120" dir="auto"
      value=${typed ?? row.title ?? ''} onInput=${(/** @type {any} */ event) => setTyped(event.currentTarget.value)} /></label>
    <button class="button">Rename</button></form>`;
}

/** @param {{client: Client, row: Row, act: Act}} props */
function Add({ client, row, act }) {
  const [users, setUsers] = useState(/** @type {User[]} */ ([]));
  const typed = useRef(/** @type {() => Promise<User[] | null>} */ (async () => []));
  const submit = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const people = await typed.current();
    if (!people?.length) return;
    const ids = people.map((user) => user.user_id);
    if (await act((key) => client.api.add(row.conversation_id, ids, key))) setUsers([]);
  };
  return html`<form class="inline" onSubmit=${submit}>
    <${Picker} client=${client} users=${users} change=${setUsers} hold=${(/** @type {any} */ call) => (typed.current = call)} />
    ${users.length > 0 && html`<button class="button primary" data-testid="group-add">Add to group</button>`}</form>`;
}

/** @param {{client: Client, row: Row, member: Member, powers: string[][], act: Act}} props */
function Person({ client, row, member, powers, act }) {
  const { user_id, role } = member;
  const [menu, setMenu] = useState(/** @type {import('./menu.js').Place | null} */ (null));
  const [about, setAbout] = useState(false);
  const user = userOf(client, user_id);
  const name = nameOf(client, user_id);
  const own = user_id === client.me;
  /** @param {any} to */
  const change = (to) => act((key) => (to ? client.api.role(row.conversation_id, user_id, to, key) : client.api.remove(row.conversation_id, user_id, key)));
  return html`<li data-testid="member"><${Avatar} name=${name} id=${user_id} client=${client} media_id=${user?.avatar_media_id} status=${statusOf(client, user_id)} />
    <p><strong dir="auto">${name}${own && html` <em>you</em>`}</strong><span>${user?.username ? `@${user.username}` : ''}</span></p>
    ${role !== 'member' && html`<span class="role">${role}</span>`}
    ${!own && html`<button type="button" class="round plain small" aria-label=${`More about ${name}`} aria-haspopup="menu" data-testid="member-menu"
      onClick=${(/** @type {Event} */ event) => setMenu(below(event))}><${Icon} name="more" /></button>`}
    ${menu && html`<${Menu} label=${name} at=${menu} close=${() => setMenu(null)} items=${[
      { label: 'About this person', icon: 'info', act: () => setAbout(true) },
      ...powers.map(([label, to]) => ({ label, icon: to ? 'shield' : 'leave', danger: !to, act: () => void change(to) })),
    ]} />`}
    ${about && html`<${About} client=${client} user_id=${user_id} close=${() => setAbout(false)} />`}</li>`;
}
