/** @import {Client} from '../sdk/index.js' */
/** @import {Record, Row} from '../sdk/types.js' */
import { html } from './html.js';
import { useFile } from './media.js';
import { nameOfUser as nameOf } from './people.js';
import { inBrief } from './text.js';

export { nameOfUser as nameOf, userName } from './people.js';

/** The other one of a direct conversation; undefined in a notebook. @param {Client} client @param {Row} row */
export const peerOf = (client, row) =>
  row.kind === 'direct' ? row.members?.find((member) => member.user_id !== client.me)?.user_id : undefined;

/** @param {Client} client @param {Row} row */
export function titleOf(client, row) {
  if (row.kind === 'group') return row.title || 'Untitled group';
  if (!row.members) return '…';
  const peer = peerOf(client, row);
  return peer ? nameOf(client, peer) : 'Notes to self';
}

/** A membership record as a sentence. @param {Client} client @param {Record} record */
export function sentence(client, { kind, body, sender_id }) {
  const who = (/** @type {string} */ id, start = false) => (id === client.me ? (start ? 'You' : 'you') : nameOf(client, id));
  const list = (/** @type {{user_id: string}[]} */ members) =>
    new Intl.ListFormat('en').format(members.map((member) => who(member.user_id)));
  const by = who(body.by ?? sender_id, true);
  const owner = body.owner_id && body.owner_id !== body.user_id ? `. ${who(body.owner_id, true)} ${body.owner_id === client.me ? 'are' : 'is'} now the owner` : '';
  if (kind === 'created') {
    if (body.conversation_kind === 'direct') return 'This is where the conversation begins';
    const others = body.members.filter((/** @type {any} */ member) => member.user_id !== sender_id);
    return `${who(sender_id, true)} created “${body.title || 'Untitled group'}”${others.length ? ` with ${list(others)}` : ''}`;
  }
  if (kind === 'members_added') return body.members.length ? `${by} added ${list(body.members)}` : `${by} added nobody new`;
  if (kind === 'member_removed') return `${by} removed ${who(body.user_id)}${owner}`;
  if (kind === 'member_left') return `${who(body.user_id, true)} left${owner}`;
  if (kind === 'role_changed') {
    if (body.role === 'owner') return `${by} handed the group over to ${who(body.user_id)}`;
    return `${by} made ${who(body.user_id)} ${body.role === 'admin' ? 'an admin' : 'a member'}`;
  }
  if ('title' in body) return `${by} renamed the group to “${body.title}”`;
  return `${by} changed the group’s settings`;
}

/** The line below a conversation's name. @param {Client} client @param {Row} row */
export function preview(client, row) {
  const { last } = row;
  if (!last) return row.left ? 'You left' : 'No messages yet';
  if (last.kind !== 'message') return last.body.conversation_kind === 'direct' ? 'Say hello' : sentence(client, last);
  const text = inBrief(last.body, last.redacted);
  if (last.sender_id === client.me) return `You: ${text}`;
  return row.kind === 'group' ? `${nameOf(client, last.sender_id)}: ${text}` : text;
}

/** The colour of a person or group. @param {string} id */
export function hueOf(id) {
  let hue = 0;
  for (const char of id) hue = (hue * 31 + char.charCodeAt(0)) % 8;
  return hue;
}

/** @param {{name: string, id: string, group?: boolean, client?: Client, media_id?: string | null, status?: string}} props
 * `client` and `media_id`: a picture, if there is one; `status`: online or away */
export function Avatar({ name, id, group, client, media_id, status }) {
  const words = name.match(/[\p{L}\p{N}]+/gu) ?? ['?'];
  const letters = words.length > 1 ? [...words[0]][0] + [...words[1]][0] : [...words[0]].slice(0, group ? 2 : 1).join('');
  return html`<span class="avatar" data-hue=${hueOf(id)} data-shape=${group ? 'group' : 'person'} aria-hidden=${status ? undefined : 'true'}>
    <span class="avatar-face" aria-hidden="true">${client && media_id ? html`<${Face} client=${client} media_id=${media_id} letters=${letters} />` : letters}</span>
    ${status && status !== 'offline' && html`<span class="dot" data-status=${status}><span class="hidden">${status}</span></span>`}</span>`;
}

/** @param {{client: Client, media_id: string, letters: string}} props */
function Face({ client, media_id, letters }) {
  const file = useFile(client, media_id);
  return file ? html`<img src=${file.url} alt="" />` : letters;
}
