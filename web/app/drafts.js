/** @import {Client} from '../sdk/index.js' */
/** @import {Row} from '../sdk/types.js' */

/** A pause in typing after which the other devices hear of a draft. */
const PAUSE_MS = 1000;
/** What was typed and not sent, by conversation. @type {Map<string, string>} */
const drafts = new Map();
/** Told last, by conversation. @type {Map<string, string>} */
const told = new Map();
/** @type {Map<string, any>} */
const timers = new Map();

/** What stands in the composer when a conversation opens, and below its name in the list. @param {Row} row */
export const draftOf = (row) => drafts.get(row.conversation_id) ?? row.view?.draft ?? '';

/** @param {Client} client @param {string} conversation_id @param {string} text */
export function keepDraft(client, conversation_id, text) {
  drafts.set(conversation_id, text);
  clearTimeout(timers.get(conversation_id));
  timers.set(conversation_id, setTimeout(() => tell(client, conversation_id), PAUSE_MS));
}

/** @param {Client} client @param {string} conversation_id */
function tell(client, conversation_id) {
  timers.delete(conversation_id);
  const text = drafts.get(conversation_id) ?? '';
  if ((told.get(conversation_id) ?? client.model.rows.get(conversation_id)?.view?.draft ?? '') === text) return;
  told.set(conversation_id, text);
  client.api.settings(conversation_id, { draft: text || null }).then(
    (view) => client.accept(view),
    () => told.delete(conversation_id),
  );
}

/** A draft that another device has changed. @param {Row} row @returns {string | null} null: nothing new */
export function draftFromElsewhere(row) {
  const { conversation_id, view } = row;
  if (!view || timers.has(conversation_id)) return null;
  const remote = view.draft ?? '';
  const known = told.get(conversation_id);
  if (remote === (known ?? drafts.get(conversation_id) ?? '')) return null;
  // The first word of the server about a conversation does not take away what is being written here.
  if (known === undefined && drafts.get(conversation_id)) return null;
  told.set(conversation_id, remote);
  drafts.set(conversation_id, remote);
  return remote;
}

/** The page goes: what waits is told now. @param {Client} client */
export function tellDrafts(client) {
  for (const [conversation_id, timer] of timers) {
    clearTimeout(timer);
    tell(client, conversation_id);
  }
}
