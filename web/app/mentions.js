/** @import {Client} from '../sdk/index.js' */
/** @import {Row, User} from '../sdk/types.js' */
import { html } from './html.js';
import { Avatar, userName } from './names.js';
import { userOf } from './people.js';
import { called } from './text.js';

const SHOWN = 6;

/** The word before the caret, if it calls somebody. @param {HTMLTextAreaElement} area @returns {{from: number, to: number, name: string} | null} */
export function calling(area) {
  const to = area.selectionStart;
  const found = /(?:^|[\s(])@([\p{L}\p{N}_.]{0,32})$/u.exec(area.value.slice(0, to));
  return found && area.selectionEnd === to ? { from: to - found[1].length - 1, to, name: found[1].toLowerCase() } : null;
}

/** Members that a name may mean. @param {Client} client @param {Row} row @param {string} name @returns {User[]} */
export function candidates(client, row, name) {
  const users = (row.members ?? []).filter((member) => member.user_id !== client.me).map((member) => userOf(client, member.user_id));
  const known = /** @type {User[]} */ (users.filter((user) => user?.username));
  const begins = (/** @type {User} */ user) => [user.username, ...(user.display_name ?? '').toLowerCase().split(/\s+/)].some((word) => word.startsWith(name));
  return known.filter(begins).slice(0, SHOWN);
}

/** The members that a text mentions. @param {Client} client @param {Row} row @param {string} text */
export function mentionsIn(client, row, text) {
  const names = new Set(called(text));
  if (!names.size) return [];
  return (row.members ?? []).map((member) => member.user_id).filter((id) => names.has(userOf(client, id)?.username ?? ''));
}

/** The list above the composer. @param {{users: User[], chosen: number, choose: (user: User) => void}} props */
export function Suggestions({ users, chosen, choose }) {
  return html`<ul class="suggestions" role="listbox" id="suggestions" aria-label="People to mention">
    ${users.map((user, index) => html`<li key=${user.user_id} id=${`suggestion-${index}`} role="option" aria-selected=${index === chosen}
      data-testid="mention" onMouseDown=${(/** @type {Event} */ event) => (event.preventDefault(), choose(user))}>
      <${Avatar} name=${userName(user)} id=${user.user_id} /><strong dir="auto">${userName(user)}</strong><span>@${user.username}</span></li>`)}</ul>`;
}
