/** @import {Client} from '../sdk/index.js' */
import { say } from './toast.js';

/** The version this page is of. */
let version = '';

/** @returns {Promise<string>} */
async function present() {
  const answer = await fetch('/shell.json', { cache: 'no-store' });
  return answer.ok ? (await answer.json()).version : version;
}

/** Keeps the page for times without a network, and says when the server has another one.
 * @param {Client} client */
export async function keepUp(client) {
  const { serviceWorker } = navigator;
  serviceWorker?.register('/sw.js').catch(() => {});
  serviceWorker?.addEventListener('message', ({ data }) => data?.hash && (location.hash = data.hash));
  version = await present().catch(() => '');
  let online = client.model.connection === 'online';
  client.subscribe(async () => {
    const was = online;
    online = client.model.connection === 'online';
    // A server that came back may be a new one.
    if (!online || was) return;
    const now = await present().catch(() => version);
    if (version && now !== version) say('There is a new version of Parlor.', 'Reload', () => location.reload());
    version ||= now;
  });
}
