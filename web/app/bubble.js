/** @import {Client} from '../sdk/index.js' */
/** @import {Message} from '../sdk/fold.js' */
/** @import {Entry, Row} from '../sdk/types.js' */
import { reach } from '../sdk/index.js';
import { html } from './html.js';
import { Tick } from './icons.js';
import { nameOf } from './names.js';
import { clockTime, fullTime } from './times.js';

const LINK = /https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]}]/g;
const EMOJI_ONLY = /^(?:\p{Extended_Pictographic}(?:\p{Emoji_Modifier}|\u200d\p{Extended_Pictographic}|\ufe0f)*|\p{Regional_Indicator}{2}|\s){1,12}$/u;
const REASONS = /** @type {{[code: string]: string}} */ ({
  blocked: 'this person does not take your messages',
  not_a_member: 'you are not in this group any more',
  not_found: 'this conversation does not exist any more',
  too_large: 'it is too long',
  conflict: 'it contradicts an earlier message',
});

/** Text with its links. @param {string} text */
function words(text) {
  const parts = [];
  let at = 0;
  for (const { 0: link, index } of text.matchAll(LINK)) {
    parts.push(text.slice(at, index), html`<a href=${link} target="_blank" rel="noopener noreferrer">${link}</a>`);
    at = index + link.length;
  }
  return [...parts, text.slice(at)];
}

/** @param {{client: Client, row: Row, message: Message, joined: boolean}} props */
export function Bubble({ client, row, message, joined }) {
  const { record, text, deleted, edited, pinned, reactions } = message;
  const mine = record.sender_id === client.me;
  const seen = record.seq <= row.mark_seq ? 'read' : 'delivered';
  const state = mine ? reach(row, record.seq, client.me) : seen;
  const name = nameOf(client, record.sender_id);
  const big = !deleted && text.length < 40 && EMOJI_ONLY.test(text);
  return html`<li class="message" data-testid="message" data-seq=${record.seq} data-state=${state} data-mine=${mine}
    data-joined=${joined} data-big=${big} data-deleted=${deleted}>
    <div class="bubble">
      ${row.kind === 'group' && !mine && !joined && html`<strong class="sender" data-hue=${hueOf(record.sender_id)} dir="auto">${name}</strong>`}
      <span class="hidden">${mine ? 'You' : name}:</span>
      <div class="line">
      ${deleted ? html`<p class="text gone">Message deleted</p>` : html`<p class="text" dir="auto">${words(text)}</p>`}
      <span class="stamp">${pinned && html`<span>Pinned</span>`}${edited && html`<span>Edited</span>`}
        <time datetime=${record.at} title=${fullTime(record.at)}>${clockTime(record.at)}</time>
        ${mine && !deleted && html`<${Tick} state=${state} />`}</span>
      </div>
    </div>
    ${Object.keys(reactions).length > 0 && html`<ul class="reactions" aria-label="Reactions">
      ${Object.entries(reactions).map(([emoji, who]) => html`<li key=${emoji} data-mine=${who.has(client.me)}
        title=${[...who].map((id) => nameOf(client, id)).join(', ')}>${emoji}${who.size > 1 && html` <span>${who.size}</span>`}</li>`)}</ul>`}
  </li>`;
}

/** A message that has no record yet. @param {{client: Client, entry: Entry, joined: boolean}} props */
export function Echo({ client, entry, joined }) {
  const failed = entry.state === 'failed';
  const state = entry.state === 'sequenced' ? 'sent' : 'pending';
  const text = entry.fields.body.text;
  const big = text.length < 40 && EMOJI_ONLY.test(text);
  return html`<li class="message" data-testid="message" data-seq=${entry.seq ?? ''} data-state=${state} data-mine="true"
    data-joined=${joined} data-failed=${failed} data-big=${big}>
    <div class="bubble"><span class="hidden">You:</span><div class="line"><p class="text" dir="auto">${words(text)}</p>
      <span class="stamp"><time datetime=${entry.at}>${clockTime(entry.at)}</time>${!failed && html`<${Tick} state=${state} />`}</span></div>
    </div>
    ${failed && html`<p class="failed" role="alert">Not sent: ${REASONS[entry.error?.code ?? ''] ?? entry.error?.message ?? 'refused'}.
      <button onClick=${() => client.retry(entry)}>Try again</button><button onClick=${() => client.discard(entry)}>Discard</button></p>`}
  </li>`;
}

/** @param {string} id */
function hueOf(id) {
  let hue = 0;
  for (const char of id) hue = (hue * 31 + char.charCodeAt(0)) % 8;
  return hue;
}
