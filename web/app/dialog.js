/** @import {Child} from './html.js' */
import { html, useEffect, useId, useRef } from './html.js';
import { Icon } from './icons.js';

/** A modal dialog: focus stays inside, Esc and a click beside it close it.
 * @param {{title: string, close: () => void, children?: Child}} props */
export function Dialog({ title, close, children }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const id = useId();
  useEffect(() => {
    const opener = /** @type {HTMLElement | null} */ (document.activeElement);
    dialog.current?.showModal();
    return () => opener?.focus();
  }, []);
  const beside = (/** @type {MouseEvent} */ event) => event.target === dialog.current && close();
  return html`<dialog class="dialog" ref=${dialog} aria-labelledby=${id} onClose=${close} onMouseDown=${beside}>
    <div class="dialog-body">
      <header class="dialog-head"><h2 id=${id} dir="auto">${title}</h2>
        <button class="round plain" type="button" aria-label="Close" onClick=${close}><${Icon} name="close" /></button></header>
      ${children}
    </div>
  </dialog>`;
}
