/** @import {Child} from './html.js' */
import { html, useEffect, useId, useRef } from './html.js';
import { Icon } from './icons.js';

/** A modal dialog: focus stays inside, Esc and a click beside it close it.
 * @param {{title: string, close: () => void, back?: () => void, children?: Child}} props
 * `back`: leads to where this part of it was opened */
export function Dialog({ title, close, back, children }) {
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
      <header class="dialog-head">${back && html`<button class="round plain small" type="button" aria-label="Back" onClick=${back}><${Icon} name="back" /></button>`}<h2 id=${id} dir="auto">${title}</h2>
        <button class="round plain" type="button" aria-label="Close" onClick=${close}><${Icon} name="close" /></button></header>
      ${children}
    </div>
  </dialog>`;
}
