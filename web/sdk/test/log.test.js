import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Log, newRow, WINDOW } from '../log.js';
import { record } from './fake_env.js';

const head = (/** @type {object} */ more) => ({
  conversation_id: 'c', epoch: 'e1', head_seq: 0, head_ord: 0, floor: 0, read_seq: 0, read_ord: 0, left: false, at: '', ...more,
});
const records = (/** @type {number} */ from, /** @type {number} */ to, more = {}) => ({
  items: Array.from({ length: to - from + 1 }, (_, index) => record(from + index)),
  upto: to, more: false, head_seq: to, floor: 0, epoch: 'e1', ...more,
});
const seqs = (/** @type {{seq: number}[]} */ items) => items.map((item) => item.seq);

/** A log that has applied the records up to `cursor`. @param {number} cursor */
function logAt(cursor) {
  const log = new Log(newRow('c'));
  for (let seq = 1; seq <= cursor; seq++) log.live(record(seq), 'e1');
  return log;
}

test('the next record is applied, a smaller one dropped', () => {
  const log = logAt(3);
  assert.deepEqual(seqs(log.live(record(4), 'e1')), [4]);
  assert.deepEqual(log.live(record(4), 'e1'), []);
  assert.deepEqual(log.live(record(2), 'e1'), []);
  assert.equal(log.row.cursor, 4);
  assert.equal(log.behind, false);
});

test('a larger record is held, and follows when the hole is fetched', () => {
  const log = logAt(3);
  assert.deepEqual(log.live(record(6), 'e1'), []);
  assert.equal(log.behind, true);
  assert.deepEqual(seqs(log.fetched(records(4, 5, { head_seq: 6 }))), [4, 5, 6]);
  assert.equal(log.behind, false);
  assert.equal(log.held.size, 0);
});

test('a hole is closed by live records too, in any order, each once', () => {
  const log = logAt(0);
  const applied = [5, 3, 1, 2, 2, 5, 4, 1].flatMap((seq) => log.live(record(seq), 'e1'));
  assert.deepEqual(seqs(applied), [1, 2, 3, 4, 5]);
});

test('a fetch that overlaps what came live applies the rest only', () => {
  const log = logAt(3);
  log.live(record(4), 'e1');
  assert.deepEqual(seqs(log.fetched(records(2, 6))), [5, 6]);
});

test('an answer with a hole of its own is applied up to the hole', () => {
  const log = logAt(1);
  const frame = records(2, 5);
  frame.items.splice(1, 1);
  assert.deepEqual(seqs(log.fetched(frame)), [2]);
  assert.equal(log.behind, true);
});

test('a larger head means behind, a smaller one nothing', () => {
  const log = logAt(3);
  log.head(head({ head_seq: 2 }));
  assert.equal(log.behind, false);
  log.head(head({ head_seq: 9 }));
  assert.equal(log.behind, true);
});

test('a cursor below the floor is set to the floor', () => {
  const log = new Log(newRow('c'));
  log.live(record(18), 'e1');
  assert.deepEqual(seqs(log.fetched({ ...records(17, 18), floor: 16 })), [17, 18]);
  assert.equal(log.row.base, 16);
});

test('a floor above the local log (a re-join) drops it and starts there', () => {
  const log = logAt(5);
  log.head(head({ head_seq: 12, floor: 10 }));
  assert.equal(log.takeReset(), true);
  assert.equal(log.row.cursor, 10);
  assert.deepEqual(seqs(log.fetched({ ...records(11, 12), floor: 10 })), [11, 12]);
});

test('another epoch drops the local log and reads it anew', () => {
  const log = logAt(7);
  log.live(record(9), 'e1');
  log.head(head({ epoch: 'e2', head_seq: 5 }));
  assert.equal(log.takeReset(), true);
  assert.equal(log.held.size, 0);
  assert.equal(log.row.head_seq, 5);
  assert.deepEqual(seqs(log.fetched(records(1, 5, { epoch: 'e2' }))), [1, 2, 3, 4, 5]);
  assert.equal(log.behind, false);
});

test('a long history starts a window below its head, and grows downwards only by a run that fits', () => {
  const log = new Log(newRow('c'));
  log.head(head({ head_seq: 500 }));
  assert.equal(log.row.cursor, 500 - WINDOW);
  const { base } = log.row;
  assert.deepEqual(log.older(records(base - 20, base - 1)), []);
  assert.deepEqual(log.older(records(base - 20, base, { epoch: 'e0' })), []);
  assert.equal(log.older(records(base - 9, base)).length, 10);
  assert.equal(log.row.base, base - 10);
});

test('reading never goes backwards', () => {
  const log = logAt(3);
  log.head(head({ head_seq: 3, head_ord: 3, read_seq: 3, read_ord: 3 }));
  log.head(head({ head_seq: 3, head_ord: 3, read_seq: 1, read_ord: 1 }));
  assert.equal(log.row.read_seq, 3);
});
