/**
 * How the tabs of one browser share one socket: the tab that holds the lock leads, and all of them hear each other.
 * @typedef {{
 *   lead(won: () => void, lost: () => void): void, steal(): void,
 *   post(message: any): void, hear(call: (message: any) => void): void, close(): void,
 * }} Tabs
 */

/** A page without other tabs, or without the means to find them. @returns {Tabs} */
export function alone() {
  return { lead: (won) => won(), steal() {}, post() {}, hear() {}, close() {} };
}

/** @param {string} name one per user @returns {Tabs} */
export function browserTabs(name) {
  if (!globalThis.navigator?.locks || !globalThis.BroadcastChannel) return alone();
  const channel = new BroadcastChannel(name);
  const closed = new AbortController();
  /** @type {() => void} */
  let won = () => {};
  /** @type {() => void} */
  let lost = () => {};
  let leading = false;

  /** @param {LockOptions} options */
  async function hold(options) {
    try {
      await navigator.locks.request(name, options, async () => {
        leading = true;
        won();
        await new Promise((_, reject) => closed.signal.addEventListener('abort', reject));
      });
    } catch {
      // Aborted: this page closes, or another tab took the lock over; then this one queues up again.
      if (!leading || closed.signal.aborted) return;
      leading = false;
      lost();
      hold({ signal: closed.signal });
    }
  }

  return {
    lead(onWon, onLost) {
      won = onWon;
      lost = onLost;
      hold({ signal: closed.signal });
    },
    /** The leading tab is asleep: take over. */
    steal() {
      if (!leading) hold({ steal: true });
    },
    post: (message) => channel.postMessage(message),
    hear: (call) => (channel.onmessage = (event) => call(event.data)),
    close() {
      closed.abort();
      channel.close();
    },
  };
}
