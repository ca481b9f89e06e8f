/** @import {Client} from '../sdk/index.js' */
import { html, useRef, useState } from './html.js';
import { Icon } from './icons.js';
import { sizeOf } from './media.js';
import { refusalText } from './people.js';
import { say } from './toast.js';

/** PROTOCOL §4: no larger file. */
const SIZE_MAX = 100 * 1024 * 1024;
/** @typedef {{key: number, name: string, size: number, media_id: string}} Sending `media_id` is empty while it is on its way */

/** Files that go with the next message. @param {Client} client */
export function useFiles(client) {
  const [items, setItems] = useState(/** @type {Sending[]} */ ([]));
  const last = useRef(0);

  /** @param {Iterable<File>} files */
  function add(files) {
    for (const file of files) {
      if (file.size > SIZE_MAX) {
        say(`“${file.name}” is larger than ${sizeOf(SIZE_MAX)}.`);
        continue;
      }
      const key = ++last.current;
      setItems((known) => [...known, { key, name: file.name, size: file.size, media_id: '' }]);
      client.api.upload(file, file.name || 'file').then(
        (media_id) => setItems((known) => known.map((item) => (item.key === key ? { ...item, media_id } : item))),
        (refusal) => {
          setItems((known) => known.filter((item) => item.key !== key));
          say(`“${file.name}” could not be stored. ${refusalText(refusal)}`);
        },
      );
    }
  }
  return {
    items,
    busy: items.some((item) => !item.media_id),
    ready: items.map((item) => item.media_id).filter(Boolean),
    clear: () => setItems([]),
    remove: (/** @type {number} */ key) => setItems((known) => known.filter((item) => item.key !== key)),
    chosen(/** @type {any} */ event) {
      add([...event.currentTarget.files]);
      event.currentTarget.value = '';
    },
    pasted(/** @type {ClipboardEvent} */ event) {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length) event.preventDefault();
      add(files);
    },
    over: (/** @type {DragEvent} */ event) => event.preventDefault(),
    dropped(/** @type {DragEvent} */ event) {
      event.preventDefault();
      add([...(event.dataTransfer?.files ?? [])]);
    },
  };
}

/** @param {{files: ReturnType<typeof useFiles>}} props */
export function Attached({ files }) {
  if (!files.items.length) return null;
  return html`<ul class="attached" aria-label="Files to be sent">${files.items.map(({ key, name, size, media_id }) => html`<li key=${key} aria-busy=${!media_id} data-testid="attached">
    <${Icon} name="file" /><span dir="auto">${name}</span><em>${media_id ? sizeOf(size) : 'Uploading…'}</em>
    <button type="button" aria-label=${`Take ${name} out`} onClick=${() => files.remove(key)}><${Icon} name="close" /></button></li>`)}</ul>`;
}
