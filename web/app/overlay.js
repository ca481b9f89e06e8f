/** @import {Client} from '../sdk/index.js' */
/** @import {Message} from '../sdk/fold.js' */
/** @import {Entry} from '../sdk/types.js' */
/** @import {PastMessage} from './timeline.js' */

/** What was asked for a message and has no record yet, by its seq. @param {Client} client @param {string} conversation_id
 * @returns {Map<number, Entry[]>} */
export function pendingChanges(client, conversation_id) {
  const changes = new Map();
  for (const entry of client.model.outbox.values()) {
    if (entry.conversation_id !== conversation_id || entry.type === 'send' || entry.state === 'failed') continue;
    const { target } = entry.fields;
    changes.set(target, [...(changes.get(target) ?? []), entry]);
  }
  return changes;
}

/**
 * Reactions, ready to be shown.
 * @param {Client} client @param {PastMessage} message @param {Entry[]} changes
 * @returns {{emoji: string, count: number, mine: boolean, who: string[]}[]}
 */
export function reactionsOf(client, { reactions, counts }, changes) {
  const shown = new Map(Object.entries(reactions).map(([emoji, who]) => [emoji, { count: who.size, mine: who.has(client.me), who: [...who] }]));
  for (const [emoji, of] of Object.entries(counts ?? {})) shown.set(emoji, { ...of, who: [] });
  for (const { type, fields: { emoji, op } } of changes) {
    if (type !== 'react') continue;
    const { count = 0, mine = false, who = [] } = shown.get(emoji) ?? {};
    const adds = op === 'add';
    const others = who.filter((id) => id !== client.me);
    shown.set(emoji, { count: count + Number(adds) - Number(mine), mine: adds, who: adds ? [...others, client.me] : others });
  }
  return [...shown].filter(([, { count }]) => count > 0).map(([emoji, of]) => ({ emoji, ...of }));
}

/** When a message ends by itself, in ms. @param {Message} message */
export const endOf = ({ record: { at, body } }) => (body.ttl_ms > 0 ? Date.parse(at) + body.ttl_ms : Infinity);

/** A message with what was asked for it already done. @param {Message} message @param {Entry[]} changes @param {number} now
 * @returns {Message} */
export function withChanges(message, changes, now) {
  if (endOf(message) <= now) return { ...message, deleted: true, text: '', body: {} };
  for (const { type, fields } of changes) {
    if (type === 'delete') return { ...message, deleted: true, text: '', body: {} };
    if (type === 'edit') message = { ...message, edited: true, text: fields.body.text, body: { ...message.body, ...fields.body } };
    if (type === 'pin') message = { ...message, pinned: fields.op === 'add' };
  }
  return message;
}
