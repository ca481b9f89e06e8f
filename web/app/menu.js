/** @import {Child} from './html.js' */
import { html, useLayoutEffect, useRef } from './html.js';
import { Icon } from './icons.js';

/** @typedef {{label: string, icon?: any, act: () => void, danger?: boolean, hint?: string, checked?: boolean, id?: string}} Item */
/** Where a menu opens: at a button, or where the pointer was. @typedef {{x: number, y: number, opener: HTMLElement | null}} Place */

/** @param {Event} event of a button @returns {Place} */
export function below(event) {
  const opener = /** @type {HTMLElement} */ (event.currentTarget);
  const { right, bottom } = opener.getBoundingClientRect();
  return { x: right, y: bottom + 4, opener };
}

/** A menu: arrows move, Enter chooses, Esc and a click elsewhere close.
 * @param {{label: string, at: Place, items: (Item | false | null | undefined)[], close: () => void, children?: Child}} props */
export function Menu({ label, at, items, close, children }) {
  const menu = useRef(/** @type {HTMLElement | null} */ (null));
  const chosen = useRef(false);
  const buttons = () => [.../** @type {NodeListOf<HTMLElement>} */ (menu.current?.querySelectorAll('button') ?? [])];

  useLayoutEffect(() => {
    const node = menu.current;
    if (!node) return;
    const { width, height } = node.getBoundingClientRect();
    const left = at.x + width > innerWidth - 8 ? at.x - width : at.x;
    const top = at.y + height > innerHeight - 8 ? Math.max(8, Math.min(at.y - height, innerHeight - height - 8)) : at.y;
    Object.assign(node.style, { left: `${Math.max(8, left)}px`, top: `${top}px` });
  }, [at]);
  // Before the next key, which may come before the next frame.
  useLayoutEffect(() => {
    menu.current?.querySelector('button')?.focus({ preventScroll: true });
    const away = (/** @type {Event} */ event) => !menu.current?.contains(/** @type {Node} */ (event.target)) && close();
    addEventListener('pointerdown', away, true);
    addEventListener('resize', close);
    addEventListener('blur', close);
    return () => {
      removeEventListener('pointerdown', away, true);
      removeEventListener('resize', close);
      removeEventListener('blur', close);
      if (!chosen.current) at.opener?.focus({ preventScroll: true });
    };
  }, []);

  /** @param {KeyboardEvent} event */
  function key(event) {
    const all = buttons();
    const now = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const to = { ArrowDown: now + 1, ArrowRight: now + 1, ArrowUp: now - 1, ArrowLeft: now - 1, Home: 0, End: all.length - 1 }[event.key];
    event.stopPropagation();
    if (event.key === 'Escape' || event.key === 'Tab') {
      event.preventDefault();
      close();
    }
    if (to === undefined) return;
    event.preventDefault();
    all[(to + all.length) % all.length]?.focus();
  }

  const choose = (/** @type {Item} */ item) => () => {
    at.opener?.focus({ preventScroll: true });
    chosen.current = true;
    close();
    item.act();
  };
  return html`<div class="menu" role="menu" aria-label=${label} ref=${menu} onKeyDown=${key}
    onContextMenu=${(/** @type {Event} */ event) => event.preventDefault()}>
    ${children}
    ${items.map((item) => item && html`<button key=${item.label} type="button" role=${item.checked === undefined ? 'menuitem' : 'menuitemcheckbox'}
      aria-checked=${item.checked} data-danger=${!!item.danger} data-testid=${item.id} onClick=${choose(item)}>
      ${item.icon ? html`<${Icon} name=${item.icon} />` : null}<span>${item.label}</span>
      ${item.checked ? html`<${Icon} name="check" />` : null}${item.hint && html`<kbd aria-hidden="true">${item.hint}</kbd>`}</button>`)}
  </div>`;
}
