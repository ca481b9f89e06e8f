import { browserClient, browserEnv, browserSession } from '../sdk/browser.js';
import { Entry } from './entry.js';
import { know, recall } from './people.js';
import { html, render } from './html.js';
import { Shell } from './shell.js';
import { keepUp } from './version.js';

const root = /** @type {HTMLElement} */ (document.getElementById('app'));
root.textContent = '';
const env = browserEnv();
const session = browserSession(env);
const device = { kind: /** @type {'web'} */ ('web'), name: deviceName() };

/** @returns {string} what the device list calls this browser */
function deviceName() {
  const agent = navigator.userAgent;
  const browser = /Firefox|Edg|Chrome|Safari/.exec(agent)?.[0].replace('Edg', 'Edge') ?? 'Browser';
  const system = /Android|iPhone|iPad|Windows|Mac|Linux/.exec(agent)?.[0] ?? '';
  return system ? `${browser} on ${system}` : browser;
}

async function start() {
  if (!session.tokens) {
    render(html`<${Entry} session=${session} device=${device} done=${start} />`, root);
    return;
  }
  const user_id = session.tokens.user.user_id;
  // Another tab signed out, or in as someone else: this one begins anew.
  addEventListener('storage', () => session.tokens?.user.user_id !== user_id && location.reload());
  const client = await browserClient(env, session, { device, ended: () => leave(client) });
  await recall(client);
  know(client, [session.tokens.user]);
  await client.start();
  addEventListener('online', () => client.wake());
  addEventListener('offline', () => client.tell('offline'));
  document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && client.wake());
  keepUp(client);
  render(html`<${Shell} client=${client} signOut=${() => signOut(client)} />`, root);
}

/** The server ended the session: what was written and not sent stays for the next sign-in of the same user.
 * @param {import('../sdk/index.js').Client} client */
function leave(client) {
  client.stop();
  session.vault.set(null);
  location.replace('/');
}

/** @param {import('../sdk/index.js').Client} client */
async function signOut(client) {
  client.stop();
  await session.leave();
  await client.store.clear().catch(() => {});
  location.replace('/');
}

// Signed in from another tab while the sign-in page is open here.
addEventListener('storage', () => session.tokens && root.querySelector('.entry') && location.reload());
start();
