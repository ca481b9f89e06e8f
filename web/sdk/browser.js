// What a page needs besides: a store that outlives it, one socket for all its tabs, timers that go on in the background.
/** @import {Env, Store, Tokens} from './types.js' */
import { IndexedStore } from './idb.js';
import { Client, MemoryStore, Session } from './index.js';
import { browserTabs } from './tabs.js';
import { steadyTimers } from './timers.js';

export { IndexedStore };

const KEY = 'parlor.session';

/** The environment of a page. @returns {Env} */
export function browserEnv() {
  return {
    now: () => Date.now(),
    random: () => Math.random(),
    ...steadyTimers(),
    fetch: (...request) => fetch(...request),
    WebSocket,
    base: location.origin,
  };
}

/** The session of this browser: its tokens are shared by all tabs, which hear of each other's sign-in and sign-out by
 * the `storage` event of the key. @param {Env} env */
export function browserSession(env) {
  const vault = {
    get: () => /** @type {Tokens | null} */ (JSON.parse(localStorage.getItem(KEY) ?? 'null')),
    set: (/** @type {Tokens | null} */ tokens) =>
      tokens ? localStorage.setItem(KEY, JSON.stringify(tokens)) : localStorage.removeItem(KEY),
  };
  // Web Locks need a secure context. Without them a refresh that meets another one gets the same successor (30 s).
  const lock = (/** @type {() => Promise<any>} */ call) =>
    navigator.locks ? navigator.locks.request('parlor-refresh', call) : call();
  return new Session(env, vault, lock);
}

/** The client of the signed-in user. @param {Env} env @param {Session} session
 * @param {{ended(): void, device?: import('./types.js').DeviceAsked}} on */
export async function browserClient(env, session, on) {
  const name = `parlor-${session.tokens?.user.user_id}`;
  // Tabs that can't find each other must not share a store either: two leaders would tear each other's log.
  const shared = 'locks' in navigator && 'BroadcastChannel' in globalThis && 'indexedDB' in globalThis;
  /** @type {Store} */
  const store = shared ? await IndexedStore.open(name).catch(() => new MemoryStore()) : new MemoryStore();
  return new Client(env, session, store, browserTabs(name), on);
}
