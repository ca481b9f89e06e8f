import { html, useEffect, useLayoutEffect, useRef, useState } from './html.js';

/** How long a notice stays, in ms. */
const STAYS_MS = 6000;
/** @typedef {{text: string, action?: string, act?: () => void, key: number}} Notice */
/** @type {Notice | null} */
let notice = null;
/** @type {(next: Notice | null) => void} */
let tell = () => {};
let count = 0;

/** Says something in passing. @param {string} text @param {string} [action] @param {() => void} [act] */
export function say(text, action, act) {
  notice = { text, action, act, key: ++count };
  tell(notice);
}

/** Where notices stand; one at a time. */
export function Toast() {
  const [now, set] = useState(notice);
  const place = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    tell = set;
    return () => void (tell = () => {});
  }, []);
  useEffect(() => {
    if (!now) return;
    const timer = setTimeout(() => set(null), STAYS_MS);
    return () => clearTimeout(timer);
  }, [now]);
  // Above everything, an open dialog included.
  useLayoutEffect(() => {
    place.current?.hidePopover?.();
    if (now) place.current?.showPopover?.();
  }, [now]);
  return html`<div class="toast-place" popover="manual" ref=${place} role="status" aria-live="polite">${now && html`<p class="toast" key=${now.key}><span>${now.text}</span>
    ${now.action && html`<button onClick=${() => (now.act?.(), set(null))}>${now.action}</button>`}</p>`}</div>`;
}
