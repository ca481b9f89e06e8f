/** @import {Client} from '../sdk/index.js' */
/** @import {Record, Row} from '../sdk/types.js' */
import { isMuted } from './conversation_menu.js';
import { html, useEffect, useState } from './html.js';
import { nameOf, titleOf } from './names.js';
import { go } from './routes.js';
import { inBrief } from './text.js';

const KEY = 'parlor.notifications';
const there = 'Notification' in globalThis;
const wanted = () => there && Notification.permission === 'granted' && localStorage.getItem(KEY) !== 'off';

/** Says new messages while nobody looks at the page; the tab that leads says them. @param {Client} client */
export function useNotifications(client) {
  useEffect(() => client.subscribe((change) => {
    if (change?.type !== 'applied' || !client.sync || !wanted() || client.model.connection !== 'online') return;
    for (const record of change.items) if (concerns(client, change.row, record)) show(client, change.row, record);
  }), [client]);
}

/** @param {Client} client @param {Row} row @param {Record} record */
function concerns(client, row, { kind, sender_id, seq, body, redacted, at }) {
  if (kind !== 'message' || redacted || sender_id === client.me || seq <= row.read_seq) return false;
  if (document.visibilityState === 'visible' && document.hasFocus()) return false;
  // What comes with a catch-up is no news.
  if (client.clock.now() - Date.parse(at) > 60_000) return false;
  return !isMuted(client, row) || body.mentions?.includes(client.me);
}

/** @param {Client} client @param {Row} row @param {Record} record */
function show(client, row, { sender_id, body, seq }) {
  const text = inBrief(body);
  const options = {
    body: row.kind === 'group' ? `${nameOf(client, sender_id)}: ${text}` : text,
    tag: row.conversation_id, icon: '/icon.svg', data: { hash: `#/c/${row.conversation_id}` },
  };
  try {
    const notice = new Notification(titleOf(client, row), options);
    notice.onclick = () => {
      focus();
      go(row.conversation_id, seq);
      notice.close();
    };
  } catch {
    // Android's Chrome: only a service worker may.
    navigator.serviceWorker?.ready.then((worker) => worker.showNotification(titleOf(client, row), options));
  }
}

/** The part of the settings. */
export function Notifications() {
  const [on, setOn] = useState(wanted);
  const denied = there && Notification.permission === 'denied';
  async function turn() {
    if (on) localStorage.setItem(KEY, 'off');
    else if ((await Notification.requestPermission()) === 'granted') localStorage.removeItem(KEY);
    setOn(wanted());
  }
  if (!there) return html`<p class="quiet">This browser shows no notifications.</p>`;
  return html`<label class="switch"><span><strong>Notify me of new messages</strong><em>While this page is open in the background. Muted conversations notify of mentions alone.</em></span>
      <input type="checkbox" role="switch" checked=${on} disabled=${denied} data-testid="notifications" onChange=${turn} /></label>
    ${denied && html`<p class="warning">The browser does not allow it. You can change that in its settings for this site.</p>`}`;
}
