import { html } from './html.js';

const PATHS = {
  send: 'M4 12 20 4l-5 16-3.5-6.500z M11.5 13.5 20 4',
  back: 'M15 5l-7 7 7 7',
  group: 'M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7z M2.5 20c.4-4 3-6 6.5-6s6.1 2 6.5 6 M16 4.300a3.5 3.5 0 0 1 0 6.4 M18 14.300c2 .8 3.3 2.7 3.5 5.7',
  close: 'M6 6l12 12M18 6 6 18',
  plus: 'M12 5v14M5 12h14',
  down: 'M12 5v14M6 13l6 6 6-6',
  leave: 'M14 4H6a1 1 0 0 0-1 1v14a1 1 0 0 0 1 1h8 M10 12h10 M17 8.5 20.5 12 17 15.5',
  more: 'M6 12h.01M12 12h.01M18 12h.01',
  arrow: 'M5 12h14M13 6l6 6-6 6',
  check: 'M5 12.5 10 17.5 19 7',
};

/** @param {{name: keyof typeof PATHS}} props */
export function Icon({ name }) {
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d=${PATHS[name]} /></svg>`;
}

const TICKS = {
  pending: ['Waiting to be sent', 'M8 4.500V8l2.3 1.5 M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0z'],
  sent: ['Sent', 'M4 8.5 7 11.5 13 5'],
  delivered: ['Delivered', 'M1.5 8.5 4.5 11.5 10.5 5 M7.7 10.500l1 1L15 5'],
  read: ['Read', 'M1.5 8.5 4.5 11.5 10.5 5 M7.7 10.500l1 1L15 5'],
};

/** @param {{state: keyof typeof TICKS}} props */
export function Tick({ state }) {
  const [label, path] = TICKS[state];
  return html`<svg class="tick" data-tick=${state} viewBox="0 0 16 16" role="img" aria-label=${label}>
    <title>${label}</title><path d=${path} /></svg>`;
}

/** The mark of the house. */
export function Logo() {
  return html`<svg class="logo" viewBox="0 0 64 64" aria-hidden="true">
    <rect width="64" height="64" rx="16" /><path d="M20 14h16a14 14 0 0 1 0 28h-7l-9 9z" />
    <circle cx="28.5" cy="28" r="2.7" /><circle cx="36.5" cy="28" r="2.7" /></svg>`;
}
