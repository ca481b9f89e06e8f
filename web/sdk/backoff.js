/** Exponential backoff with full jitter: anything between nothing and a doubling, capped ceiling. */
export class Backoff {
  /** @param {() => number} random @param {number} first_ms @param {number} cap_ms */
  constructor(random, first_ms = 300, cap_ms = 30_000) {
    this.random = random;
    this.first_ms = first_ms;
    this.cap_ms = cap_ms;
    this.attempts = 0;
  }
  next() {
    return this.random() * Math.min(this.cap_ms, this.first_ms * 2 ** this.attempts++);
  }
  reset() {
    this.attempts = 0;
  }
}

/** The wait for records the server knows of but can't read yet: 1 s doubling to 10 s (PROTOCOL §3, `fetch`).
 * @param {number} attempts */
export function notYet(attempts) {
  return Math.min(10_000, 1000 * 2 ** attempts);
}
