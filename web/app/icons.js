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
  next: 'M9 5l7 7-7 7',
  search: 'M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13z M15.5 15.5 20.5 20.5',
  reply: 'M9 7 4 12l5 5 M4 12h9a7 7 0 0 1 7 7',
  forward: 'M15 7l5 5-5 5 M20 12h-9a7 7 0 0 0-7 7',
  copy: 'M9 9h10a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1H9a1 1 0 0 1-1-1V10a1 1 0 0 1 1-1z M5 15H4V4a1 1 0 0 1 1-1h10v1.5',
  edit: 'M4 20h4L19.5 8.5a2 2 0 0 0 0-2.800l-1.200-1.200a2 2 0 0 0-2.800 0L4 16z M13.500 6.500l4 4',
  trash: 'M5 7h14M10 7V4.500h4V7M7 7l.8 12.500h8.4L17 7M10.300 11v5M13.700 11v5',
  pin: 'M9 4h6l-.8 6 3.300 3.500H6.500L9.800 10z M12 13.500V20.500',
  info: 'M12 20.500a8.500 8.500 0 1 0 0-17 8.500 8.500 0 0 0 0 17z M12 11v5.500M12 7.800v.1',
  file: 'M7 3.500h7l4.500 4.500V20a.5.5 0 0 1-.5.5H7a.5.5 0 0 1-.5-.5V4a.5.5 0 0 1 .5-.5z M14 3.500V8h4.500',
  clip: 'M19 11.500l-7.300 7.300a4.500 4.500 0 0 1-6.400-6.400l8-8a3 3 0 0 1 4.300 4.300l-8 8a1.500 1.500 0 0 1-2.200-2.200l7.100-7',
  camera: 'M4 8h3.500L9 5.500h6L16.500 8H20a.8.8 0 0 1 .8.8v9.400a.8.8 0 0 1-.8.8H4a.8.8 0 0 1-.8-.8V8.800A.8.8 0 0 1 4 8z M12 16.500a3.200 3.200 0 1 0 0-6.400 3.200 3.200 0 0 0 0 6.400z',
  bell: 'M6 16.500V11a6 6 0 0 1 12 0v5.500l1.500 1.500h-15z M10 20.500h4',
  mute: 'M6 16.500V11c0-1 .2-1.900.7-2.700M9 5.800A6 6 0 0 1 18 11v4M4.500 18H16M10 20.500h4M4 4l16 16',
  archive: 'M4 5h16v4H4z M5.500 9v10h13V9 M10 13h4',
  unread: 'M20 11.500a8 8 0 1 1-5.500-7 M18.500 7.500a2 2 0 1 0 0-4 2 2 0 0 0 0 4z',
  block: 'M12 20.500a8.500 8.500 0 1 0 0-17 8.500 8.500 0 0 0 0 17z M6 6l12 12',
  calendar: 'M5 6h14v14H5z M5 10.500h14M8.500 3.500V7M15.500 3.500V7',
  user: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8z M4.500 20.500c.5-4 3.600-6 7.500-6s7 2 7.500 6',
  shield: 'M12 3.500l7 2.500v5.500c0 4.500-3 7.700-7 9-4-1.300-7-4.500-7-9V6z',
  lock: 'M6 11h12v9H6z M8.500 11V8a3.500 3.500 0 0 1 7 0v3',
  device: 'M4 5h16v11H4z M9 20h6M12 16v4',
  mobile: 'M8 3h8a1 1 0 0 1 1 1v16a1 1 0 0 1-1 1H8a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1z M11 18h2',
  keyboard: 'M3 7h18v11H3z M7 11h.01M11 11h.01M15 11h.01M8 14.500h8',
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
