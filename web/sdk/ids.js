/** UUIDv7: `ms` is the server's time, so that a wrong local clock makes no id the server refuses. @param {number} ms */
export function uuidv7(ms) {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  for (let i = 5; i >= 0; i--, ms = Math.floor(ms / 256)) bytes[i] = ms % 256;
  bytes[6] = 0x70 | (bytes[6] & 15);
  bytes[8] = 0x80 | (bytes[8] & 63);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5');
}

/** The server's time as this machine knows it. */
export class ServerClock {
  /** @param {() => number} now */
  constructor(now) {
    this.local = now;
    this.offset = 0;
  }
  /** @param {string} now the server's `now` */
  learn(now) {
    const offset = Date.parse(now) - this.local();
    if (offset === offset) this.offset = offset;
  }
  now() {
    return Math.max(0, Math.round(this.local() + this.offset));
  }
}
