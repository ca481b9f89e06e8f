/**
 * Timers that keep their time in a hidden page: browsers let a page in the background wake once a minute, too seldom for
 * a `ping` every 30 s, but leave its workers alone. Each timer runs in both places, and the first to end counts: without
 * a worker (an old browser, a blocked file) the page's own remain.
 */
export function steadyTimers() {
  /** @type {Map<number, {call: () => void, native: any}>} */
  const waiting = new Map();
  let last = 0;
  /** @type {Worker | null} */
  let worker = null;

  /** @param {number} timer */
  function end(timer) {
    const { call, native } = waiting.get(timer) ?? {};
    clearTimeout(native);
    waiting.delete(timer);
    call?.();
  }

  try {
    worker = new Worker(new URL('./timers_worker.js', import.meta.url), { type: 'module' });
    worker.onmessage = (event) => end(event.data);
  } catch {
    worker = null;
  }
  return {
    /** @param {() => void} call @param {number} ms */
    setTimeout(call, ms) {
      const timer = ++last;
      waiting.set(timer, { call, native: setTimeout(end, ms, timer) });
      worker?.postMessage([timer, ms]);
      return timer;
    },
    /** @param {any} timer */
    clearTimeout(timer) {
      clearTimeout(waiting.get(timer)?.native);
      waiting.delete(timer);
    },
  };
}
