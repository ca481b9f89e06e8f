/** @import {Client} from '../sdk/index.js' */
import { html, useState } from './html.js';
import { Icon } from './icons.js';
import { Avatar } from './names.js';
import { refusalText } from './people.js';
import { say } from './toast.js';

/** A picture is made this small before it is stored, in px. */
const SIDE = 512;

/** The middle square of a picture, as a JPEG. @param {File} file @returns {Promise<Blob>} */
async function square(file) {
  const image = await createImageBitmap(file);
  const side = Math.min(image.width, image.height);
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = Math.min(SIDE, side);
  const paint = canvas.getContext('2d');
  paint?.drawImage(image, (image.width - side) / 2, (image.height - side) / 2, side, side, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('no picture'))), 'image/jpeg', 0.85));
}

/** The picture of a person or group, and how to change it.
 * @param {{client: Client, id: string, name: string, group?: boolean, media_id?: string | null, change: (media_id: string | null) => void}} props */
export function Picture({ client, id, name, group, media_id, change }) {
  const [busy, setBusy] = useState(false);
  /** @param {any} event */
  async function chosen(event) {
    const [file] = event.currentTarget.files;
    if (!file) return;
    setBusy(true);
    try {
      change(await client.api.upload(await square(file), 'picture.jpg'));
    } catch (refusal) {
      say(refusal instanceof DOMException ? 'That is no picture this browser can read.' : refusalText(refusal));
    }
    setBusy(false);
  }
  return html`<div class="picture-choice" aria-busy=${busy}><${Avatar} name=${name} id=${id} group=${group} client=${client} media_id=${media_id} />
    <label class="button"><${Icon} name="camera" />${media_id ? 'Another picture' : 'Add a picture'}
      <input type="file" accept="image/*" class="hidden" data-testid="picture" onChange=${chosen} /></label>
    ${media_id && html`<button type="button" class="button" onClick=${() => change(null)}>Remove</button>`}</div>`;
}
