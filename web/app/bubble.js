/** @import {Client} from '../sdk/index.js' */
/** @import {Message} from '../sdk/fold.js' */
/** @import {Entry, Row} from '../sdk/types.js' */
import { reach } from '../sdk/index.js';
import { html } from './html.js';
import { Icon, Tick } from './icons.js';
import { Media } from './media.js';
import { hueOf, nameOf } from './names.js';
import { reactionsOf, withChanges } from './overlay.js';
import { Quote } from './quote.js';
import { isBig, words } from './text.js';
import { clockTime, fullTime } from './times.js';

const REASONS = /** @type {{[code: string]: string}} */ ({
  blocked: 'this person does not take your messages',
  not_a_member: 'you are not in this group any more',
  not_found: 'this conversation does not exist any more',
  too_large: 'it is too long',
  conflict: 'it contradicts an earlier message',
});
/** @param {Entry} entry */
export const reasonOf = ({ error }) => REASONS[error?.code ?? ''] ?? error?.message ?? 'refused';

/** What happens to messages. @typedef {{
 *   open(message: Message, place: import('./menu.js').Place, part?: "menu" | "emoji" | "forward" | "delete"): void, jump(seq: number): void,
 *   react(message: Message, emoji: string, on: boolean): void, receipts(message: Message): void,
 * }} Deeds */

/** @param {{client: Client, row: Row, message: Message, joined: boolean, changes: Entry[], deeds: Deeds, found: boolean, index: number}} props */
export function Bubble({ client, row, message: plain, joined, changes, deeds, found, index }) {
  const message = withChanges(plain, changes, client.clock.now());
  const { record, text, body, deleted, edited, pinned } = message;
  const mine = record.sender_id === client.me;
  const seen = record.seq <= row.mark_seq ? 'read' : 'delivered';
  const state = mine ? (changes.length ? 'pending' : reach(row, record.seq, client.me)) : seen;
  const name = nameOf(client, record.sender_id);
  const reactions = deleted ? [] : reactionsOf(client, message, changes);
  const menu = (/** @type {any} */ event) => {
    if (event.target.closest('a, .menu') || String(getSelection()) || deleted) return;
    event.preventDefault();
    deeds.open(plain, { x: event.clientX, y: event.clientY, opener: event.currentTarget });
  };
  const more = (/** @type {any} */ event) => {
    const { left, right, bottom } = event.currentTarget.getBoundingClientRect();
    deeds.open(plain, { x: mine ? right : left, y: bottom + 4, opener: event.currentTarget.closest('.message') });
  };
  return html`<div class="message" data-testid="message" data-seq=${record.seq} data-state=${state} data-mine=${mine} data-index=${index}
    data-joined=${joined} data-big=${!deleted && isBig(text) && !body.reply_to} data-deleted=${deleted} data-found=${found} tabindex="-1" onContextMenu=${menu}>
    <div class="bubble-line">
      <div class="bubble">
        ${row.kind === 'group' && !mine && !joined && html`<strong class="sender" data-hue=${hueOf(record.sender_id)} dir="auto">${name}</strong>`}
        <span class="hidden">${mine ? 'You' : name}:</span>
        ${body.forwarded_from && html`<p class="forwarded"><${Icon} name="forward" />Forwarded</p>`}
        ${body.reply_to > 0 && html`<${Quote} client=${client} row=${row} seq=${body.reply_to} jump=${deeds.jump} />`}
        ${body.media?.length > 0 && html`<${Media} client=${client} media=${body.media} />`}
        <div class="line">
        ${deleted ? html`<p class="text gone">Message deleted</p>` : text && html`<p class="text" dir="auto">${words(client, text, body.mentions)}</p>`}
        <span class="stamp">${pinned && html`<span class="pinned" title="Pinned"><${Icon} name="pin" /><span class="hidden">Pinned</span></span>`}
          ${edited && html`<span>Edited</span>`}
          <time datetime=${record.at} title=${fullTime(record.at)}>${clockTime(record.at)}</time>
          ${mine && !deleted && html`<${Tick} state=${state} />`}</span>
        </div>
      </div>
      ${!deleted && html`<button class="more" type="button" tabindex="-1" aria-label="Message actions" aria-haspopup="menu" data-testid="message-menu" onClick=${more}><${Icon} name="more" /></button>`}
    </div>
    ${reactions.length > 0 && html`<ul class="reactions" aria-label="Reactions">
      ${reactions.map(({ emoji, count, mine, who }) => html`<li key=${emoji}><button type="button" aria-pressed=${mine} disabled=${row.left}
        data-testid="reaction" title=${who.map((id) => (id === client.me ? 'You' : nameOf(client, id))).join(', ') || undefined}
        aria-label=${`${emoji} ${count}${mine ? ', yours too' : ''}`} onClick=${() => deeds.react(plain, emoji, !mine)}>${emoji}
        ${count > 1 && html`<span>${count}</span>`}</button></li>`)}</ul>`}
  </div>`;
}

/** A message that has no record yet. @param {{client: Client, row: Row, entry: Entry, joined: boolean, jump: (seq: number) => void}} props */
export function Echo({ client, row, entry, joined, jump }) {
  const failed = entry.state === 'failed';
  const state = entry.state === 'sequenced' ? 'sent' : 'pending';
  const { text = '', reply_to, media, mentions, forwarded_from } = entry.fields.body;
  return html`<li class="message" data-testid="message" data-seq=${entry.seq ?? ''} data-state=${state} data-mine="true"
    data-joined=${joined} data-failed=${failed} data-big=${isBig(text) && !reply_to}>
    <div class="bubble"><span class="hidden">You:</span>
      ${forwarded_from && html`<p class="forwarded"><${Icon} name="forward" />Forwarded</p>`}
      ${reply_to > 0 && html`<${Quote} client=${client} row=${row} seq=${reply_to} jump=${jump} />`}
      ${media?.length > 0 && html`<${Media} client=${client} media=${media} />`}
      <div class="line">${text && html`<p class="text" dir="auto">${words(client, text, mentions)}</p>`}
      <span class="stamp"><time datetime=${entry.at}>${clockTime(entry.at)}</time>${!failed && html`<${Tick} state=${state} />`}</span></div>
    </div>
    ${failed && html`<p class="failed" role="alert">Not sent: ${reasonOf(entry)}.
      <button type="button" onClick=${() => client.retry(entry)}>Try again</button><button type="button" onClick=${() => client.discard(entry)}>Discard</button></p>`}
  </li>`;
}
