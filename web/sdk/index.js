/** @import {DeviceAsked, Env, Tokens} from './types.js' */
import { Client } from './client.js';
import { Session } from './session.js';
import { MemoryStore } from './store.js';
import { alone } from './tabs.js';

export { Client, MemoryStore, Session };
export { ApiError } from './rest.js';
export { Fold, fold, reach } from './fold.js';
export { uuidv7 } from './ids.js';

/**
 * Signs in and stays connected: all a program needs (a page has `browser.js`). What it knows lives in memory.
 * @param {string} base the server, as `https://chat.example.org`
 * @param {{username: string, password: string, display_name?: string, device?: DeviceAsked}} credentials
 * @param {Partial<Env> & {register?: boolean, ended?: () => void}} [options] `register`: as a new user; the rest replaces
 * what the platform has, such as a `WebSocket` where there is none (Node before 22)
 * @returns {Promise<Client>}
 */
export async function connect(base, credentials, { register, ended = () => {}, ...more } = {}) {
  /** @type {Env} */
  const env = {
    now: Date.now, random: Math.random, setTimeout: (...args) => setTimeout(...args), clearTimeout: (timer) => clearTimeout(timer),
    fetch: (...args) => fetch(...args), WebSocket: globalThis.WebSocket, base, ...more,
  };
  /** @type {Tokens | null} */
  let kept = null;
  const session = new Session(env, { get: () => kept, set: (tokens) => (kept = tokens) }, (call) => call());
  const device = credentials.device ?? { kind: 'desktop', name: 'Parlor SDK' };
  await session.enter(register ? 'register' : 'login', { ...credentials, device });
  const client = new Client(env, session, new MemoryStore(), alone(), { ended, device });
  await client.start();
  return client;
}
