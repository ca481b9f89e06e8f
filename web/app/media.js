/** @import {Client} from '../sdk/index.js' */
import { html, useEffect, useState } from './html.js';
import { Icon } from './icons.js';

/** Where files are to be read from, until shortly before the address ends. @type {Map<string, {file: Promise<any>, until: number}>} */
const addresses = new Map();
const SPARE_MS = 30_000;

/** @param {Client} client @param {string} media_id @returns {Promise<{url: string, name: string, content_type: string, size: number}>} */
export function address(client, media_id) {
  const known = addresses.get(media_id);
  if (known && known.until > Date.now()) return known.file;
  const entry = { file: client.api.media(media_id), until: Date.now() + SPARE_MS };
  addresses.set(media_id, entry);
  entry.file.then((file) => (entry.until = Date.parse(file.expires_at) - SPARE_MS), () => addresses.delete(media_id));
  return entry.file;
}

/** @param {Client} client @param {string | null | undefined} media_id */
export function useFile(client, media_id) {
  const [file, setFile] = useState(/** @type {any} */ (undefined));
  useEffect(() => {
    let live = true;
    if (media_id) address(client, media_id).then((found) => live && setFile(found), () => live && setFile(null));
    else setFile(undefined);
    return () => void (live = false);
  }, [media_id]);
  return file;
}

/** @param {number} bytes */
export function sizeOf(bytes) {
  const [unit, name] = bytes < 1e6 ? [1e3, 'kB'] : [1e6, 'MB'];
  return `${Math.max(0.1, bytes / Number(unit)).toFixed(bytes < 1e4 ? 1 : 0)} ${name}`;
}

/** The files of a message. @param {{client: Client, media: {media_id: string}[]}} props */
export function Media({ client, media }) {
  return html`<div class="media">${media.map(({ media_id }) => html`<${File} key=${media_id} client=${client} media_id=${media_id} />`)}</div>`;
}

/** @param {{client: Client, media_id: string}} props */
function File({ client, media_id }) {
  const file = useFile(client, media_id);
  if (!file) return html`<p class="file"><${Icon} name="file" /><span>${file === null ? 'This file is not available' : '…'}</span></p>`;
  if (/^image\/(png|jpeg|gif|webp|avif)$/.test(file.content_type))
    return html`<a class="picture" href=${file.url} target="_blank" rel="noopener noreferrer"><img src=${file.url} alt=${file.name} loading="lazy" /></a>`;
  return html`<a class="file" href=${file.url} target="_blank" rel="noopener noreferrer" download=${file.name}><${Icon} name="file" />
    <span><strong dir="auto">${file.name}</strong><em>${sizeOf(file.size)}</em></span></a>`;
}
