/** @import {Client} from '../sdk/index.js' */
/** @import {Device} from '../sdk/types.js' */
import { html, useEffect, useState } from './html.js';
import { Icon } from './icons.js';
import { refusalText } from './people.js';
import { momentOf } from './times.js';

/** The devices that are signed in. @param {{client: Client}} props */
export function Devices({ client }) {
  const [devices, setDevices] = useState(/** @type {Device[] | null} */ (null));
  const [error, setError] = useState('');
  const load = () => client.api.devices().then(({ items }) => setDevices(items), (refusal) => setError(refusalText(refusal)));
  useEffect(() => void load(), []);

  /** @param {string[]} ids */
  async function end(ids) {
    try {
      for (const id of ids) await client.api.endDevice(id);
      setError('');
    } catch (refusal) {
      setError(refusalText(refusal));
    }
    load();
  }
  if (!devices) return html`<p class="quiet" role="status">${error || 'One moment…'}</p>`;
  const sorted = [...devices].sort((a, b) => Number(b.current) - Number(a.current) || (a.last_used_at < b.last_used_at ? 1 : -1));
  const others = devices.filter((device) => !device.current).map((device) => device.device_id);
  return html`<ul class="people devices">${sorted.map(({ device_id, name, kind, last_used_at, current }) => html`<li key=${device_id} data-testid="device" data-current=${current}>
      <span class="device-kind"><${Icon} name=${kind === 'mobile' ? 'mobile' : 'device'} /></span>
      <p><strong dir="auto">${name || kind}</strong><span>${current ? 'This device' : `Last used ${momentOf(last_used_at)}`}</span></p>
      ${!current && html`<button type="button" class="button" data-testid="device-end" onClick=${() => end([device_id])}>Log out</button>`}</li>`)}</ul>
    ${others.length > 1 && html`<button type="button" class="button wide danger" data-testid="devices-end" onClick=${() => end(others)}>Log out all other devices</button>`}
    <p class="complaint" role="alert">${error}</p>`;
}
