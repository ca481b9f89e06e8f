/** @import {Client} from '../sdk/index.js' */
/** @import {User} from '../sdk/types.js' */

/** @param {Client} client @param {string} username @returns {Promise<User>} */
export async function findUser(client, username) {
  const name = username.replace(/^@/, '').toLowerCase();
  const found = await client.session.call('GET', `/users?username=${encodeURIComponent(name)}`);
  client.know([found]);
  return found;
}

/** A refusal in the words of the page. @param {any} refusal @param {string} [username] */
export function refusalText(refusal, username) {
  if (refusal.code === 'not_found' || (refusal.code === 'invalid_request' && username)) return `There is nobody called “${username}”.`;
  if (refusal.code === 'blocked') return 'You can’t write to this person.';
  if (refusal.code === 'forbidden') return 'You may not do that here.';
  if (refusal.code === 'rate_limited') return 'That was a bit fast. Please wait a moment.';
  return refusal.message || 'That did not work. Please try again.';
}
