// One check after another, each told when it is over.

let passed = 0;
let failed = 0;

/** @param {string} what @param {() => Promise<void>} story */
export async function check(what, story) {
  const started = Date.now();
  try {
    await story();
    passed++;
    console.log(`ok      ${what} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failed++;
    console.log(`FAILED  ${what}\n        ${String(error).split('\n').slice(0, 8).join('\n        ')}`);
  }
}

/** Ends the run: a failed check fails it. */
export function finish() {
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed ? 1 : 0;
}

/** @param {unknown} found @param {unknown} wanted @param {string} what */
export function same(found, wanted, what) {
  const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (a !== b) throw new Error(`${what}: found ${a}, wanted ${b}`);
}

/** Every message once, in the order of `seq`. @param {import('./people.mjs').Shown[]} shown @param {string[]} texts */
export function inOrderOnce(shown, texts) {
  same(shown.map((message) => message.text), texts, 'the messages');
  const seqs = shown.map((message) => message.seq);
  same(seqs, [...new Set(seqs)].sort((a, b) => a - b), 'their order');
}
