import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fetcher } from '../fetcher.js';
import { Log, newRow } from '../log.js';
import { FakeEnv, record, settle } from './fake_env.js';

/** @param {(frame: any) => any} serve an answer, or an error to throw */
function world(serve) {
  const env = new FakeEnv();
  /** @type {Map<string, Log>} */
  const logs = new Map();
  const log = (/** @type {string} */ id) => {
    if (!logs.has(id)) logs.set(id, new Log({ ...newRow(id), epoch: 'e1' }));
    return /** @type {Log} */ (logs.get(id));
  };
  /** @type {{at: number, after: number}[]} */
  const asked = [];
  /** @type {number[]} */
  const applied = [];
  const fetcher = new Fetcher(env, {
    async ask(frame) {
      asked.push({ at: env.time, after: frame.after });
      const answer = await serve(frame);
      if (answer.code) throw answer;
      return answer;
    },
    log,
    applied: (_, items) => void applied.push(...items.map((item) => item.seq)),
  });
  return { env, log, fetcher, asked, applied };
}
const frame = (/** @type {number[]} */ seqs, more = {}) => ({
  type: 'records', items: seqs.map((seq) => record(seq)), upto: seqs.at(-1) ?? 0, more: false, head_seq: 9, floor: 0, epoch: 'e1', ...more,
});

test('it asks on while there is more, and stops at the head', async () => {
  const { log, fetcher, asked, applied } = world(({ after }) =>
    after < 8 ? frame([after + 1, after + 2], { more: true }) : frame([9]));
  log('c').row.head_seq = 9;
  fetcher.kick('c');
  await settle();
  await settle();
  await settle();
  assert.deepEqual(applied, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.deepEqual(asked.map(({ after }) => after), [0, 2, 4, 6, 8]);
});

test('"not yet" is asked again after 1 s, doubling to 10 s, until it is there', async () => {
  let there = false;
  const { env, log, fetcher, asked, applied } = world(() => (there ? frame([1, 2, 3, 4, 5, 6, 7, 8, 9]) : frame([])));
  log('c').row.head_seq = 9;
  const start = env.time;
  fetcher.kick('c');
  await env.pass(40_000);
  assert.deepEqual(asked.map(({ at }) => at - start), [0, 1000, 3000, 7000, 15_000, 25_000, 35_000]);
  there = true;
  await env.pass(10_000);
  assert.equal(applied.length, 9);
});

test('`rate_limited` waits as long as it is told, a refusal is not repeated', async () => {
  let answer = { code: 'rate_limited', retry_after_ms: 5000 };
  const { env, log, fetcher, asked } = world(() => answer);
  log('c').row.head_seq = 9;
  fetcher.kick('c');
  await env.pass(4999);
  assert.equal(asked.length, 1);
  answer = { code: 'not_found', retry_after_ms: 0 };
  await env.pass(60_000);
  assert.equal(asked.length, 2);
});

test('eight conversations at once, the others after them', async () => {
  /** @type {(() => void)[]} */
  const release = [];
  const { log, fetcher, asked } = world(() => new Promise((resolve) => release.push(() => resolve(frame([1], { head_seq: 1 })))));
  for (let index = 0; index < 12; index++) {
    log(`c${index}`).row.head_seq = 1;
    fetcher.kick(`c${index}`);
  }
  assert.equal(asked.length, 8);
  release[0]();
  await settle();
  assert.equal(asked.length, 9);
});

test('answers of a connection that is gone change nothing', async () => {
  /** @type {(answer: any) => void} */
  let answer = () => {};
  const { log, fetcher, applied } = world(() => new Promise((resolve) => (answer = resolve)));
  log('c').row.head_seq = 9;
  fetcher.kick('c');
  fetcher.halt();
  answer(frame([1]));
  await settle();
  assert.deepEqual(applied, []);
  assert.equal(log('c').row.cursor, 0);
});
