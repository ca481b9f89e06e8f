/** @import {Client} from '../sdk/index.js' */
import { know, nameOfUser, refusalText } from './people.js';
import { say } from './toast.js';

/** Whom this user blocks, as the server told last. @type {Set<string>} */
const blocked = new Set();

/** @param {string} user_id */
export const isBlocked = (user_id) => blocked.has(user_id);
export const allBlocked = () => [...blocked];

/** Asks the server for the list, page by page. @param {Client} client */
export async function loadBlocks(client) {
  const users = [];
  /** @type {string | undefined} */
  let cursor;
  do {
    const { items, next } = await client.api.blocks({ cursor });
    users.push(...items);
    cursor = next ?? undefined;
  } while (cursor);
  blocked.clear();
  for (const { user_id } of users) blocked.add(user_id);
  know(client, users.filter((user) => user.username));
}

/** @param {Client} client @param {string} user_id @param {boolean} on */
export async function setBlocked(client, user_id, on) {
  try {
    await client.api.block(user_id, on);
    if (on) blocked.add(user_id);
    else blocked.delete(user_id);
    know(client, []);
    say(`${nameOfUser(client, user_id)} ${on ? 'is blocked.' : 'is not blocked any more.'}`, on ? 'Undo' : undefined, () => setBlocked(client, user_id, false));
  } catch (refusal) {
    say(refusalText(refusal));
  }
}
