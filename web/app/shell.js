/** @import {Client} from '../sdk/index.js' */
import { loadBlocks } from './blocks.js';
import { Chat } from './chat.js';
import { tellDrafts } from './drafts.js';
import { html, useEffect, useState } from './html.js';
import { Logo } from './icons.js';
import { isMuted } from './conversation_menu.js';
import { NewGroup } from './new_group.js';
import { useNotifications } from './notify.js';
import { useRefusals } from './outbox.js';
import { useAttendance, useWatch } from './presence.js';
import { useRoute } from './routes.js';
import { Settings } from './settings.js';
import { Help, useShortcuts } from './shortcuts.js';
import { Sidebar } from './sidebar.js';
import { Toast } from './toast.js';

const SAYS = { online: 'Connected', connecting: 'Connecting…', offline: 'You’re offline. What you write is sent once you’re back.' };

/** A page in the background paints no frames: it draws after this time, in ms. */
const UNSEEN_MS = 100;

/** However many changes come in, each frame is drawn once. @param {() => void} draw */
function onceAFrame(draw) {
  let frame = 0;
  let timer = 0;
  const now = () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    frame = timer = 0;
    draw();
  };
  return () => {
    frame ||= requestAnimationFrame(now);
    timer ||= Number(setTimeout(now, UNSEEN_MS));
  };
}

/** Everything behind the sign-in. @param {{client: Client, signOut: () => void}} props */
export function Shell({ client, signOut }) {
  const [, redraw] = useState(0);
  const { open, jump } = useRoute();
  const [starting, setStarting] = useState(false);
  const [searching, setSearching] = useState(/** @type {{within: string | null} | null} */ (null));
  const [dialog, setDialog] = useState(/** @type {"group" | "settings" | "help" | null} */ (null));
  useEffect(() => client.subscribe(onceAFrame(() => redraw((turn) => turn + 1))), [client]);
  useEffect(() => {
    const tell = () => document.visibilityState === 'hidden' && tellDrafts(client);
    document.addEventListener('visibilitychange', tell);
    return () => document.removeEventListener('visibilitychange', tell);
  }, [client]);
  useEffect(() => void loadBlocks(client).catch(() => {}), [client]);
  useWatch(client);
  useAttendance(client);
  useNotifications(client);
  useRefusals(client);
  useShortcuts(client, { open, search: () => setSearching({ within: null }), help: () => setDialog('help') });

  const { rows, connection } = client.model;
  const row = open ? rows.get(open) : undefined;
  const unread = [...rows.values()].reduce((sum, row) => sum + (isMuted(client, row) ? 0 : row.unread || Number(!!row.view?.marked_unread)), 0);
  document.title = unread ? `(${unread}) Parlor` : 'Parlor';
  useEffect(() => {
    const { setAppBadge, clearAppBadge } = /** @type {any} */ (navigator);
    (unread ? setAppBadge : clearAppBadge)?.call(navigator, unread || undefined).catch(() => {});
  }, [unread]);
  const close = () => setDialog(null);

  return html`<div class="shell" data-pane=${searching ? 'list' : row ? 'chat' : 'list'} data-searching=${!!searching}>
    <p class="connection" role="status" data-testid="connection" data-state=${connection}><span>${SAYS[connection]}</span></p>
    <${Sidebar} client=${client} open=${open} starting=${setStarting} searching=${searching} search=${setSearching}
      newGroup=${() => setDialog('group')} settings=${() => setDialog('settings')} />
    ${row
      ? html`<${Chat} key=${open} client=${client} row=${row} starting=${starting} jump=${jump} search=${(/** @type {string} */ within) => setSearching({ within })} />`
      : html`<main class="nothing"><${Logo} /><h2>Good to see you</h2>
          <p>Choose a conversation, or start one with somebody’s username.</p>
          <p class="quiet"><kbd>?</kbd> shows the keyboard shortcuts</p></main>`}
    ${dialog === 'group' && html`<${NewGroup} client=${client} close=${close} />`}
    ${dialog === 'settings' && html`<${Settings} client=${client} close=${close} signOut=${signOut} help=${() => setDialog('help')} />`}
    ${dialog === 'help' && html`<${Help} close=${close} />`}
    <${Toast} />
  </div>`;
}
