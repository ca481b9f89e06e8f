/** @import {Client} from '../sdk/index.js' */
/** @import {Row} from '../sdk/types.js' */
import { useEffect, useState } from './html.js';
import { nameOf, peerOf } from './names.js';
import { presenceText } from './times.js';

/** Texts such as "5 minutes ago" are made anew this often. */
const MINUTE_MS = 30_000;
/** Without a key or a click for so long, a user is away (PROTOCOL §3). */
const AWAY_MS = 5 * 60_000;
/** So many of the newest conversations are watched for the dots in the list. */
const WATCHED = 100;

/** Follows who is there: the peers of the newest conversations. @param {Client} client */
export function useWatch(client) {
  const peers = [...client.model.rows.values()]
    .filter((row) => row.kind === 'direct')
    .sort((a, b) => (a.at < b.at ? 1 : -1))
    .slice(0, WATCHED)
    .flatMap((row) => peerOf(client, row) ?? []);
  const { connection } = client.model;
  useEffect(() => {
    if (connection === 'online' && peers.length) client.watch(peers.reverse());
  }, [connection, peers.join()]);
}

/** Tells the server whether somebody sits here. @param {Client} client */
export function useAttendance(client) {
  useEffect(() => {
    let away = false;
    /** @type {any} */
    let timer;
    const turn = (/** @type {boolean} */ gone) => {
      if (gone !== away) client.status((away = gone) ? 'away' : 'online');
    };
    const here = () => {
      clearTimeout(timer);
      timer = setTimeout(() => turn(true), AWAY_MS);
      turn(false);
    };
    here();
    const signs = ['pointerdown', 'pointermove', 'keydown', 'focus'];
    for (const sign of signs) addEventListener(sign, here, { passive: true });
    return () => {
      clearTimeout(timer);
      for (const sign of signs) removeEventListener(sign, here);
    };
  }, [client]);
}

/** @param {Client} client @param {string | undefined} user_id */
export function statusOf(client, user_id) {
  return client.model.connection === 'online' && user_id ? client.model.presence.get(user_id)?.status : undefined;
}

/** Who types in a conversation. @param {Client} client @param {Row} row @returns {string} */
export function typingText(client, row) {
  const who = [...(client.model.typing.get(row.conversation_id) ?? [])].filter((id) => id !== client.me);
  if (!who.length || client.model.connection !== 'online') return '';
  if (row.kind === 'direct') return 'typing…';
  if (who.length > 2) return `${who.length} people are typing…`;
  return `${who.map((id) => nameOf(client, id)).join(' and ')} ${who.length === 1 ? 'is' : 'are'} typing…`;
}

/** When somebody was here last, in words that keep up with the time. @param {Client} client @param {string | undefined} user_id */
export function usePresenceText(client, user_id) {
  const [, redraw] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => redraw((turn) => turn + 1), MINUTE_MS);
    return () => clearInterval(timer);
  }, []);
  if (!user_id || client.model.connection !== 'online') return '';
  return presenceText(client.model.presence.get(user_id), new Date(client.clock.now()));
}
