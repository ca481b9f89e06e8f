const DAY_MS = 86_400_000;
const time = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: 'long' });
const short = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const long = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long', year: 'numeric' });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'short' });

/** @param {string} at */
export const clockTime = (at) => time.format(new Date(at));
/** @param {string} at */
export const fullTime = (at) => full.format(new Date(at));

/** Whole days between a time and now, by the calendar. @param {string} at @param {Date} now */
function daysAgo(at, now) {
  const midnight = (/** @type {Date} */ date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
  return Math.round((midnight(now) - midnight(new Date(at))) / DAY_MS);
}

/** A day as a separator names it. @param {string} at */
export function dayName(at, now = new Date()) {
  const days = daysAgo(at, now);
  if (days <= 0) return 'Today';
  if (days === 1) return 'Yesterday';
  return days < 7 ? weekday.format(new Date(at)) : long.format(new Date(at));
}

/** The time of the last message, as short as the list needs it. @param {string} at */
export function listTime(at, now = new Date()) {
  if (!at) return '';
  const days = daysAgo(at, now);
  if (days <= 0) return clockTime(at);
  if (days === 1) return 'Yesterday';
  return days < 7 ? weekday.format(new Date(at)).slice(0, 3) : short.format(new Date(at));
}

/** A moment, as short as a line about it allows. @param {string} at */
export function momentOf(at, now = new Date()) {
  const days = daysAgo(at, now);
  if (days <= 0) return `Today, ${clockTime(at)}`;
  return `${days === 1 ? 'Yesterday' : days < 7 ? weekday.format(new Date(at)) : short.format(new Date(at))}, ${clockTime(at)}`;
}

const day = new Intl.DateTimeFormat('en', { month: 'long', day: 'numeric' });
const year = new Intl.DateTimeFormat('en', { month: 'long', day: 'numeric', year: 'numeric' });
const hour = new Intl.DateTimeFormat('en', { hour: 'numeric', minute: '2-digit', hour12: true });

/** What PROTOCOL §3 says about presence, as of now: the server tells changes, and time goes on.
 * @param {{status: string, last_seen: string | null} | undefined} presence @param {Date} now */
export function presenceText(presence, now) {
  if (!presence || (presence.status === 'offline' && !presence.last_seen)) return '';
  if (presence.status === 'online') return 'Online';
  if (presence.status === 'away') return 'Away';
  const then = new Date(/** @type {string} */ (presence.last_seen));
  const seconds = (now.getTime() - then.getTime()) / 1000;
  if (seconds < 60) return 'Last seen just now';
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `Last seen ${minutes} ${minutes === 1 ? 'minute' : 'minutes'} ago`;
  if (daysAgo(then.toISOString(), now) === 0) return `Last seen today at ${hour.format(then)}`;
  return `Last seen on ${(then.getFullYear() === now.getFullYear() ? day : year).format(then)}`;
}
