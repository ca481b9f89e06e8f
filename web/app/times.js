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
