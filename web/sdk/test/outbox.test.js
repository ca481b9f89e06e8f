import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { Outbox, RESEND_MS } from '../outbox.js';
import { FakeEnv } from './fake_env.js';

/** @import {Entry, Frame} from '../types.js' */
/** @type {FakeEnv} */ let env;
/** @type {Map<string, Entry>} */ let entries;
/** @type {Frame[]} */ let sent;
/** @type {Outbox} */ let outbox;
let connected = true;

beforeEach(() => {
  env = new FakeEnv();
  entries = new Map();
  sent = [];
  connected = true;
  outbox = new Outbox(env, {
    entries: () => entries.values(),
    send: (frame) => connected && sent.push(frame) > 0,
    update: (entry) => void entries.set(entry.client_msg_id, entry),
  });
});

/** @param {string} id @param {number} order @param {string} [conversation_id] */
function write(id, order, conversation_id = 'c') {
  entries.set(id, {
    client_msg_id: id, conversation_id, type: 'send', fields: { body: { text: id } }, order, at: '', state: 'pending',
  });
  outbox.pump();
}
const ids = () => sent.map((frame) => frame.client_msg_id);
const state = (/** @type {string} */ id) => entries.get(id)?.state;

test('an unanswered command is sent again after 10 s, with the same id', async () => {
  write('a', 1);
  await env.pass(RESEND_MS - 1);
  assert.deepEqual(ids(), ['a']);
  await env.pass(1);
  assert.deepEqual(ids(), ['a', 'a']);
  assert.deepEqual(sent[0], sent[1]);
});

test('`accepted` is no end: only `sequenced` is', async () => {
  write('a', 1);
  outbox.answer({ type: 'sequenced', client_msg_id: 'a', seq: 4 });
  assert.equal(state('a'), 'sequenced');
  await env.pass(60_000);
  assert.deepEqual(ids(), ['a']);
});

test('one conversation sends in the order of writing, each after the answer to the one before', () => {
  write('b', 2);
  write('a', 1);
  write('c', 3);
  write('x', 4, 'other');
  assert.deepEqual(ids(), ['b', 'x']);
  outbox.answer({ type: 'sequenced', client_msg_id: 'b', seq: 1 });
  outbox.answer({ type: 'sequenced', client_msg_id: 'a', seq: 2 });
  assert.deepEqual(ids(), ['b', 'x', 'a', 'c']);
});

for (const code of ['unavailable', 'rate_limited'])
  test(`\`${code}\` means later, the same id, and nothing overtakes`, async () => {
    write('a', 1);
    write('b', 2);
    outbox.answer({ type: 'error', id: 'a', code, message: '', retry_after_ms: 3000 });
    assert.equal(state('a'), 'pending');
    await env.pass(2999);
    assert.deepEqual(ids(), ['a']);
    await env.pass(1);
    assert.deepEqual(ids(), ['a', 'a']);
  });

test('a definite error ends it with its reason, and the next one goes', async () => {
  write('a', 1);
  write('b', 2);
  outbox.answer({ type: 'error', id: 'a', code: 'blocked', message: 'no' });
  assert.equal(state('a'), 'failed');
  assert.deepEqual(entries.get('a')?.error, { code: 'blocked', message: 'no' });
  assert.deepEqual(ids(), ['a', 'b']);
});

test('after a reconnect everything open is sent at once, in order', async () => {
  connected = false;
  write('a', 1);
  write('b', 2);
  await env.pass(60_000);
  assert.deepEqual(ids(), []);
  connected = true;
  outbox.halt();
  outbox.pump();
  assert.deepEqual(ids(), ['a']);
  outbox.answer({ type: 'sequenced', client_msg_id: 'a', seq: 1 });
  assert.deepEqual(ids(), ['a', 'b']);
});

test('a record that arrives before its ack lets the next one go, and the late ack changes nothing', () => {
  write('a', 1);
  write('b', 2);
  const entry = /** @type {Entry} */ (entries.get('a'));
  entries.delete('a');
  outbox.settled(entry);
  assert.deepEqual(ids(), ['a', 'b']);
  outbox.answer({ type: 'sequenced', client_msg_id: 'a', seq: 1 });
  assert.equal(entries.size, 1);
});
