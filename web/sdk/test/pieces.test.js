import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Backoff, notYet } from '../backoff.js';
import { enrol, fold, latest, reach } from '../fold.js';
import { ServerClock, uuidv7 } from '../ids.js';
import { newRow } from '../log.js';
import { record } from './fake_env.js';

test('backoff: full jitter under a ceiling of 0.3 s doubling to 30 s', () => {
  const most = new Backoff(() => 1);
  assert.deepEqual(Array.from({ length: 9 }, () => most.next()), [300, 600, 1200, 2400, 4800, 9600, 19_200, 30_000, 30_000]);
  most.reset();
  assert.equal(most.next(), 300);
  assert.equal(new Backoff(() => 0).next(), 0);
  assert.deepEqual([0, 1, 2, 3, 4, 9].map(notYet), [1000, 2000, 4000, 8000, 10_000, 10_000]);
});

test('ids are UUIDv7 of the server’s time', () => {
  const clock = new ServerClock(() => 1_000_000);
  clock.learn('2026-11-20T10:00:00.123Z');
  const id = uuidv7(clock.now());
  assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(parseInt(id.replace('-', '').slice(0, 12), 16), Date.parse('2026-11-20T10:00:00.123Z'));
  assert.notEqual(uuidv7(5), uuidv7(5));
});

test('edits, deletes, reactions and redaction are folded into their message', () => {
  const shown = fold([
    record(1), record(2), record(3, { body: {}, redacted: true }),
    record(4, { kind: 'edit', body: { target: 1, text: 'better' } }),
    record(5, { kind: 'reaction', body: { target: 1, emoji: '👍', op: 'add' } }),
    record(6, { kind: 'reaction', body: { target: 1, emoji: '👍', op: 'add' } }),
    record(7, { kind: 'delete', body: { target: 2 } }),
    record(8, { kind: 'edit', body: { target: 2, text: 'back?' } }),
    record(9, { kind: 'edit', body: { target: 77, text: 'not loaded' } }),
    record(10, { kind: 'from_the_future', body: {} }),
    record(11, { body: { text: 'short-lived', ttl_ms: 1000 } }),
  ], Date.parse('2026-11-20T10:00:05Z'));
  const seen = shown.map((message) => ('system' in message ? 'system' : message.deleted ? 'deleted' : message.text));
  assert.deepEqual(seen, ['better', 'deleted', 'deleted', 'deleted']);
  assert.equal(/** @type {any} */ (shown[0]).reactions['👍'].size, 1);
});

test('the list shows the last message as it is now', () => {
  const last = latest(null, record(1));
  assert.equal(latest(last, record(2, { kind: 'edit', body: { target: 1, text: 'new' } }))?.body.text, 'new');
  assert.equal(latest(last, record(2, { kind: 'delete', body: { target: 1 } }))?.redacted, true);
  assert.equal(latest(last, record(2, { kind: 'reaction', body: { target: 1 } })), last);
});

test('membership records move the members', () => {
  const row = newRow('c');
  const members = ['ann', 'bo'].map((user_id, index) => ({ user_id, role: index ? 'member' : 'owner' }));
  enrol(row, record(1, { kind: 'created', body: { members } }), 'bo');
  enrol(row, record(2, { kind: 'members_added', body: { members: [{ user_id: 'cleo', role: 'member' }] } }), 'bo');
  enrol(row, record(3, { kind: 'member_left', body: { user_id: 'ann', owner_id: 'bo' } }), 'bo');
  assert.deepEqual(row.members, [{ user_id: 'bo', role: 'owner' }, { user_id: 'cleo', role: 'member' }]);
  assert.equal(row.role, 'owner');
  enrol(row, record(4, { kind: 'member_removed', body: { user_id: 'bo' } }), 'bo');
  assert.equal(row.left, true);
});

test('in a group the slowest other member decides the tick', () => {
  const row = { ...newRow('c'), members: ['me', 'a', 'b'].map((user_id) => ({ user_id, role: 'member' })) };
  assert.equal(reach(row, 5, 'me'), 'sent');
  row.marks = { a: { delivered_seq: 0, read_seq: 9 }, b: { delivered_seq: 5, read_seq: 0 } };
  assert.equal(reach(row, 5, 'me'), 'delivered');
  row.marks.b.read_seq = 5;
  assert.equal(reach(row, 5, 'me'), 'read');
  assert.equal(reach(row, 6, 'me'), 'sent');
});
