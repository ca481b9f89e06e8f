/** @import {Client} from '../sdk/index.js' */
/** @import {User} from '../sdk/types.js' */

/** Users by id, as this page knows them. @type {Map<string, User | null>} null: being asked for */
const users = new Map();
/** An answer that did not come is asked for again after this time. */
const AGAIN_MS = 3000;

/** The names kept from the last visit. @param {Client} client */
export async function recall(client) {
  for (const user of (await client.store.get('users')) ?? []) users.set(user.user_id, user);
}

/** @param {Client} client @param {User[]} known */
export function know(client, known) {
  for (const user of known) users.set(user.user_id, user);
  client.store.set('users', [...users.values()].filter((user) => user?.username)).catch(() => {});
  for (const call of client.listeners) call();
}

/** A user by id, asked for once. @param {Client} client @param {string} user_id @returns {User | undefined} */
export function userOf(client, user_id) {
  const known = users.get(user_id);
  if (known === undefined) {
    users.set(user_id, null);
    client.api.user(user_id).then(
      (user) => know(client, [user]),
      (error) => {
        // Told off for good: a deleted user. Else ask again when the name is wanted next.
        if (error.status === 404) know(client, [{ user_id, username: '' }]);
        else setTimeout(() => users.delete(user_id), AGAIN_MS);
      },
    );
  }
  return known ?? undefined;
}

/** @param {User | undefined} user */
export function userName(user) {
  if (!user) return '…';
  return user.display_name || user.username || 'Deleted user';
}
/** @param {Client} client @param {string} user_id */
export const nameOfUser = (client, user_id) => userName(userOf(client, user_id));

/** @param {Client} client @param {string} username @returns {Promise<User>} */
export async function findUser(client, username) {
  const found = await client.api.find(username.replace(/^@/, '').toLowerCase());
  know(client, [found]);
  return found;
}

/** Opens the direct conversation with somebody. @param {Client} client @param {string} user_id @returns {Promise<string>} its id */
export async function writeTo(client, user_id) {
  const view = await client.api.create({ kind: 'direct', member_ids: [user_id] });
  client.accept(view);
  return view.conversation_id;
}

/** A refusal in the words of the page. @param {any} refusal @param {string} [username] */
export function refusalText(refusal, username) {
  if (refusal.code === 'not_found' || (refusal.code === 'invalid_request' && username)) return username ? `There is nobody called “${username}”.` : 'That is not there any more.';
  if (refusal.code === 'blocked') return 'You can’t write to this person.';
  if (refusal.code === 'forbidden') return 'You may not do that here.';
  if (refusal.code === 'edit_window_over') return 'It is too old to be changed.';
  if (refusal.code === 'conflict') return 'It was changed or deleted in the meantime.';
  if (refusal.code === 'not_a_member') return 'You are not part of this group any more.';
  if (refusal.code === 'too_large') return 'That is too large.';
  if (refusal.code === 'rate_limited') return 'That was a bit fast. Please wait a moment.';
  if (refusal.code === 'unavailable') return 'The server can’t be reached. Please try again.';
  return refusal.message || 'That did not work. Please try again.';
}
