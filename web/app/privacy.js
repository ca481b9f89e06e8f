/** @import {Client} from '../sdk/index.js' */
/** @import {Own} from '../sdk/types.js' */
import { allBlocked, loadBlocks, setBlocked } from './blocks.js';
import { html, useEffect, useState } from './html.js';
import { Avatar, nameOf } from './names.js';
import { refusalText, userOf } from './people.js';

const CHOICES = [
  ['everyone', 'Everyone'],
  ['contacts', 'People I share a conversation with'],
  ['nobody', 'Nobody'],
];

/** Who sees what. @param {{own: Own | null, change: import('./settings.js').Change}} props */
export function Privacy({ own, change }) {
  if (!own) return html`<p class="quiet">One moment…</p>`;
  const { last_seen_to = 'contacts', read_receipts = true } = own;
  return html`<fieldset class="choice"><legend>Who sees when I am online and was last seen</legend>
      ${CHOICES.map(([value, label]) => html`<label key=${value}><input type="radio" name="last_seen_to" value=${value} checked=${last_seen_to === value}
        data-testid=${`last-seen-${value}`} onChange=${() => change({ last_seen_to: value })} />${label}</label>`)}
    </fieldset>
    <label class="switch"><span><strong>Read receipts</strong><em>Without them others don’t see what you have read, and you don’t see what they have.</em></span>
      <input type="checkbox" role="switch" checked=${read_receipts} data-testid="read-receipts"
        onChange=${(/** @type {any} */ event) => change({ read_receipts: event.currentTarget.checked })} /></label>`;
}

/** Whom this user blocks. @param {{client: Client}} props */
export function Blocked({ client }) {
  const [state, setState] = useState('One moment…');
  useEffect(() => {
    let live = true;
    loadBlocks(client).then(() => live && setState(''), (refusal) => live && setState(refusalText(refusal)));
    return () => void (live = false);
  }, []);
  const ids = allBlocked();
  return html`<p class="quiet">Somebody you block can’t write to you or see when you are here. You block people from their conversation’s menu.</p>
    ${state ? html`<p class="quiet" role="status">${state}</p>` : html`<ul class="people" data-testid="blocked">${ids.map((id) => html`<li key=${id}>
      <${Avatar} name=${nameOf(client, id)} id=${id} /><p><strong dir="auto">${nameOf(client, id)}</strong><span>@${userOf(client, id)?.username ?? ''}</span></p>
      <button type="button" class="button" onClick=${() => setBlocked(client, id, false)}>Unblock</button></li>`)}</ul>
      ${!ids.length && html`<p class="quiet">Nobody is blocked.</p>`}`}`;
}
