/** @import {Client} from '../sdk/index.js' */
import { html } from './html.js';
import { userOf } from './people.js';

const LINK = /https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]}]/;
const NAME = /(?<![\p{L}\p{N}_.@])@[a-z0-9_.]{3,32}/u;
const PARTS = new RegExp(`${LINK.source}|${NAME.source}`, 'giu');
const EMOJI_ONLY = /^(?:\p{Extended_Pictographic}(?:\p{Emoji_Modifier}|\u200d\p{Extended_Pictographic}|\ufe0f)*|\p{Regional_Indicator}{2}|\s){1,12}$/u;

/** Nothing but a few emoji. @param {string} text */
export const isBig = (text) => text.length < 40 && text.trim() !== '' && EMOJI_ONLY.test(text);

/** The names a text calls, without the `@`. @param {string} text @returns {string[]} */
export function called(text) {
  return [...text.matchAll(new RegExp(NAME.source, 'giu'))].flatMap(([name]) => {
    const whole = name.slice(1).toLowerCase();
    // "Hello @bo." calls bo, unless somebody is called "bo.".
    return whole.endsWith('.') ? [whole, whole.replace(/\.+$/, '')] : [whole];
  });
}

/** Text with its links and the people it mentions. @param {Client} client @param {string} text @param {string[]} [mentions] user ids */
export function words(client, text, mentions = []) {
  const names = new Map(mentions.map((id) => [userOf(client, id)?.username ?? '', id]));
  const parts = [];
  let at = 0;
  for (const { 0: part, index } of text.matchAll(PARTS)) {
    if (part[0] !== '@') {
      parts.push(text.slice(at, index), html`<a href=${part} target="_blank" rel="noopener noreferrer">${part}</a>`);
      at = index + part.length;
      continue;
    }
    const name = [part.slice(1).toLowerCase(), part.slice(1).toLowerCase().replace(/\.+$/, '')].find((name) => names.has(name));
    if (!name) continue;
    parts.push(text.slice(at, index), html`<span class="mention" data-me=${names.get(name) === client.me}>@${name}</span>`);
    at = index + name.length + 1;
  }
  return [...parts, text.slice(at)];
}

/** The first line of a message, for places with room for one. @param {any} body @param {boolean} [deleted] */
export function inBrief(body, deleted) {
  if (deleted) return 'Message deleted';
  return body?.text || (body?.media?.length > 1 ? `${body.media.length} files` : 'Attachment');
}
