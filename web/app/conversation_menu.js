/** @import {Client} from '../sdk/index.js' */
/** @import {Row} from '../sdk/types.js' */
import { peerOf } from './names.js';
import { isBlocked, setBlocked } from './blocks.js';
import { refusalText } from './people.js';
import { say } from './toast.js';

/** Muted until somebody unmutes: a time that is far enough. */
const FOR_EVER = '9999-01-01T00:00:00.000Z';

/** @param {Client} client @param {Row} row */
export const isMuted = (client, row) => Date.parse(row.view?.muted_until ?? '') > client.clock.now();

/** Moves the own settings of a conversation. @param {Client} client @param {string} conversation_id @param {any} fields @param {string} [done] */
export async function set(client, conversation_id, fields, done) {
  try {
    client.accept(await client.api.settings(conversation_id, fields));
    if (done) say(done);
  } catch (refusal) {
    say(refusalText(refusal));
  }
}

/** What a member may do with a conversation for themselves. @param {Client} client @param {Row} row @returns {import('./menu.js').Item[]} */
export function conversationMenu(client, row) {
  const { conversation_id, view } = row;
  const muted = isMuted(client, row);
  const peer = row.kind === 'direct' ? peerOf(client, row) : undefined;
  const blocked = peer && isBlocked(peer);
  const turn = (/** @type {any} */ fields, /** @type {string} */ done) => () => void set(client, conversation_id, fields, done);
  return [
    view?.pinned
      ? { label: 'Unpin from the top', icon: 'pin', act: turn({ pinned: false }, 'Unpinned.') }
      : { label: 'Pin to the top', icon: 'pin', act: turn({ pinned: true }, 'Pinned to the top.') },
    muted
      ? { label: 'Unmute', icon: 'bell', act: turn({ muted_until: null }, 'Unmuted.') }
      : { label: 'Mute', icon: 'mute', act: turn({ muted_until: FOR_EVER }, 'Muted: only mentions notify.') },
    view?.archived
      ? { label: 'Take out of the archive', icon: 'archive', act: turn({ archived: false }, 'Back in the list.') }
      : { label: 'Archive', icon: 'archive', act: turn({ archived: true }, 'Archived.') },
    { label: 'Mark as unread', icon: 'unread', act: () => {
      location.hash = '#/';
      set(client, conversation_id, { marked_unread: true });
    } },
    ...(peer ? [{ label: blocked ? 'Unblock' : 'Block', icon: 'block', danger: !blocked, id: 'block', act: () => void setBlocked(client, peer, !blocked) }] : []),
  ];
}
