/** @import {Client} from '../sdk/index.js' */
/** @import {Message} from '../sdk/fold.js' */
/** @import {Row} from '../sdk/types.js' */
/** @import {Deeds} from './bubble.js' */
/** @import {Mode} from './composer.js' */
import { Forward } from './forward.js';
import { html } from './html.js';
import { Icon } from './icons.js';
import { Menu } from './menu.js';
import { pendingChanges, reactionsOf } from './overlay.js';
import { say } from './toast.js';

/** PROTOCOL §1: own messages may be changed for so long. */
const WINDOW_MS = 48 * 3_600_000;
const QUICK = ['👍', '❤️', '😂', '😮', '😢', '🙏'];
const MORE = [...'😀😁😅🤣😊😍😘😎🤔🤨😐🙄😴😭😡🤯🥳🤗🤝👎👏🙌💪👀🔥✨🎉💯✅❌⭐💡☕🍕🎂🌈🐶🐱🚀'];

/** What may be done with a message (PROTOCOL §1). @param {Client} client @param {Row} row @param {Message} message */
export function powersOver(client, row, { record, deleted }) {
  const mine = record.sender_id === client.me;
  const young = client.clock.now() - Date.parse(record.at) < WINDOW_MS;
  const leads = row.kind === 'group' && (row.role === 'owner' || row.role === 'admin');
  const may = !deleted && !row.left;
  return { reply: may, react: may, edit: may && mine && young, delete: may && ((mine && young) || leads), pin: may && (row.kind === 'direct' || leads) };
}

/** What is open about a message. @typedef {{message: Message, place: import('./menu.js').Place, part: "menu" | "emoji" | "forward" | "delete"}} Open */

/** @param {Open & {client: Client, row: Row, deeds: Deeds, setMode: (mode: Mode) => void, close: () => void}} props */
export function MessageMenu({ client, row, message, place, part, deeds, setMode, close }) {
  const { conversation_id } = row;
  const { record, text } = message;
  const may = powersOver(client, row, message);
  const mine = record.sender_id === client.me;
  const used = new Map(reactionsOf(client, message, pendingChanges(client, conversation_id).get(record.seq) ?? []).map(({ emoji, mine }) => [emoji, mine]));
  const react = (/** @type {string} */ emoji) => () => {
    close();
    place.opener?.focus({ preventScroll: true });
    deeds.react(message, emoji, !used.get(emoji));
  };
  const emoji = (/** @type {string} */ face) => html`<button type="button" role="menuitemcheckbox" class="emoji" key=${face} aria-checked=${!!used.get(face)}
    aria-label=${`React with ${face}`} data-testid="react" onClick=${react(face)}>${face}</button>`;
  if (part === 'forward') return html`<${Forward} client=${client} row=${row} message=${message} close=${close} />`;
  if (part === 'delete')
    return html`<${Menu} label="Delete for everyone?" at=${place} close=${close} items=${[
      { label: 'Delete for everyone', icon: 'trash', danger: true, id: 'delete-sure', act: () => client.delete(conversation_id, record.seq) },
      { label: 'Keep it', icon: 'close', act: () => {} },
    ]} />`;
  if (part === 'emoji')
    return html`<${Menu} label="React" at=${place} items=${[]} close=${close}><div class="emojis">${[...QUICK, ...MORE].map(emoji)}</div><//>`;

  const then = (/** @type {"forward" | "delete" | "emoji"} */ next) => () => deeds.open(message, place, next);
  const items = [
    may.reply && { label: 'Reply', icon: 'reply', hint: 'R', act: () => setMode({ reply: message }) },
    text && { label: 'Copy text', icon: 'copy', hint: 'C', act: () => copy(text) },
    { label: 'Forward', icon: 'forward', hint: 'F', act: then('forward') },
    may.edit && { label: 'Edit', icon: 'edit', hint: 'E', act: () => setMode({ edit: message }) },
    may.pin && { label: message.pinned ? 'Unpin' : 'Pin', icon: 'pin', act: () => client.pin(conversation_id, record.seq, !message.pinned) },
    mine && row.members && row.members.length > 1 && { label: 'Read by…', icon: 'info', act: () => deeds.receipts(message) },
    may.delete && { label: 'Delete…', icon: 'trash', danger: true, hint: 'Del', act: then('delete') },
  ];
  return html`<${Menu} label="Message actions" at=${place} items=${items} close=${close}>
    ${may.react && html`<div class="emojis quick">${QUICK.map(emoji)}
      <button type="button" role="menuitem" class="emoji" aria-label="More reactions" onClick=${then('emoji')}><${Icon} name="plus" /></button></div>`}<//>`;
}

/** @param {string} text */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    say('Copied.');
  } catch {
    say('The browser does not allow copying here.');
  }
}
