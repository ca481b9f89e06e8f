/** @import {Client} from '../sdk/index.js' */
/** @import {Row} from '../sdk/types.js' */

/** A pause in typing after which the other devices hear of a draft. */
const PAUSE_MS = 1000;
/** What was typed here and is not on the server yet, by conversation. @type {Map<string, string>} */
const drafts = new Map();
/** @type {Map<string, any>} */
const timers = new Map();

/** What stands in the composer when a conversation opens, and below its name in the list. @param {Row} row */
export const draftOf = (row) => drafts.get(row.conversation_id) ?? row.view?.draft ?? '';

/** What is typed here comes before what another device has typed. @param {string} conversation_id */
export const isTyped = (conversation_id) => drafts.has(conversation_id);

/** @param {Client} client @param {string} conversation_id @param {string} text */
export function keepDraft(client, conversation_id, text) {
  drafts.set(conversation_id, text);
  clearTimeout(timers.get(conversation_id));
  timers.set(conversation_id, setTimeout(() => tell(client, conversation_id), PAUSE_MS));
}

/** @param {Client} client @param {string} conversation_id */
async function tell(client, conversation_id) {
  timers.delete(conversation_id);
  const text = drafts.get(conversation_id) ?? '';
  if ((client.model.rows.get(conversation_id)?.view?.draft ?? '') !== text) {
    try {
      client.accept(await client.api.settings(conversation_id, { draft: text || null }));
    } catch {
      // It stays a draft of this page; the next word typed tries again.
      return;
    }
  }
  if (drafts.get(conversation_id) === text) drafts.delete(conversation_id);
}

/** The page goes: what waits is told now. @param {Client} client */
export function tellDrafts(client) {
  for (const [conversation_id, timer] of timers) {
    clearTimeout(timer);
    tell(client, conversation_id);
  }
}
