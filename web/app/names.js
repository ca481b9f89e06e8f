/** @import {Client} from '../sdk/index.js' */
/** @import {Record, Row, User} from '../sdk/types.js' */
import { html } from './html.js';

/** @param {User | undefined} user */
export function userName(user) {
  if (!user) return '…';
  return user.display_name || user.username || 'Deleted user';
}

/** @param {Client} client @param {string} user_id */
export const nameOf = (client, user_id) => userName(client.user(user_id));

/** The other one of a direct conversation; undefined in a notebook. @param {Client} client @param {Row} row */
export const peerOf = (client, row) => row.members?.find((member) => member.user_id !== client.me)?.user_id;

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
  const text = last.redacted ? 'Message deleted' : last.body.text || 'Attachment';
  if (last.sender_id === client.me) return `You: ${text}`;
  return row.kind === 'group' ? `${nameOf(client, last.sender_id)}: ${text}` : text;
}

/** @param {{name: string, id: string, group?: boolean}} props */
export function Avatar({ name, id, group }) {
  let hue = 0;
  for (const char of id) hue = (hue * 31 + char.charCodeAt(0)) % 8;
  const words = name.match(/[\p{L}\p{N}]+/gu) ?? ['?'];
  const letters = words.length > 1 ? [...words[0]][0] + [...words[1]][0] : [...words[0]].slice(0, group ? 2 : 1).join('');
  return html`<span class="avatar" data-hue=${hue} data-shape=${group ? 'group' : 'person'} aria-hidden="true">${letters}</span>`;
}
