import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from '../client.js';
import { Session } from '../session.js';
import { MemoryStore } from '../store.js';
import { alone } from '../tabs.js';
import { FakeEnv, settle } from './fake_env.js';
import { FakeServer } from './fake_server.js';

/** @param {FakeEnv} env @param {MemoryStore} [store] */
async function page(env, store = new MemoryStore()) {
  const user = { user_id: 'me', username: 'me' };
  const tokens = { user, device_id: 'd', access_token: 'a', refresh_token: 'r', expires_at: env.time + 1e9 };
  const session = new Session(env, { get: () => tokens, set() {} }, (call) => call());
  const client = new Client(env, session, store, alone(), { ended() {} });
  await client.start();
  await client.open('c');
  return client;
}

/** @param {number} seed */
function world(seed) {
  const env = new FakeEnv(seed);
  return { env, server: new FakeServer(env), store: new MemoryStore() };
}

const texts = (/** @type {Client} */ client) => (client.model.logs.get('c')?.items ?? []).map((record) => record.body.text);

for (const seed of [1, 2, 3, 4, 5, 6, 7, 8])
  test(`whatever the network does, nothing is lost, doubled or out of order (seed ${seed})`, async () => {
    const { env, server, store } = world(seed);
    server.append('bo', 'first', 'bo 0');
    let client = await page(env, store);
    server.trouble = 0.12;
    for (let turn = 1; turn <= 40; turn++) {
      if (env.random() < 0.5) await client.send('c', `mine ${turn}`);
      else server.append('bo', `theirs ${turn}`, `bo ${turn}`);
      if (env.random() < 0.15) for (const socket of [...server.sockets]) socket.cut(1006);
      if (env.random() < 0.08) {
        // The page is closed and opened again: only what the store kept is left.
        client.stop();
        client = await page(env, store);
      }
      await env.pass(env.random() * 2000);
    }
    server.trouble = 0;
    for (const socket of [...server.sockets]) socket.cut(1006);
    await env.pass(120_000);
    const all = server.log.map((record) => record.body.text);
    assert.equal(new Set(all).size, 41, 'every message is on the server, once');
    const mine = all.filter((text) => text.startsWith('mine')).map((text) => Number(text.slice(5)));
    assert.deepEqual(mine, [...mine].sort((a, b) => a - b), 'in the order of writing');
    assert.deepEqual(texts(client), all, 'the page shows what the server has');
    assert.deepEqual((await store.records('c', Infinity, 1000)).map((record) => record.body.text), all, 'so does the store');
    assert.equal(client.model.outbox.size + store.outbox.size, 0, 'nothing is left in the outbox');
    client.stop();
  });

test('an echo is pending, then sent, then replaced by its record, and never shown beside it', async () => {
  const { env, server } = world(1);
  server.append('bo', 'first', 'bo 0');
  const client = await page(env);
  await env.pass(1000);
  /** @type {string[]} */
  const seen = [];
  client.subscribe(() => {
    const echo = [...client.model.outbox.values()].map((entry) => entry.state);
    const shown = texts(client).filter((text) => text === 'hello').length;
    seen.push(echo.join() || (shown ? 'record' : 'nothing'));
    assert.ok(echo.length + shown <= 1);
  });
  await client.send('c', 'hello');
  await env.pass(5000);
  assert.deepEqual(seen.filter((state, index) => state !== seen[index - 1]).slice(0, 2), ['pending', 'record']);
  client.stop();
});

test('a restore from backup: the local log is dropped, and what it lost of one’s own is sent again', async () => {
  const { env, server, store } = world(3);
  const client = await page(env, store);
  await env.pass(500);
  for (const text of ['a', 'b', 'c']) server.append('bo', text, text);
  await env.pass(2000);
  assert.deepEqual(texts(client), ['a', 'b', 'c']);
  server.epoch = 'e2';
  server.log.length = 1;
  for (const socket of [...server.sockets]) socket.cut(1012, '{"retry_after_ms":2000}');
  await env.pass(10_000);
  assert.deepEqual(texts(client), ['a']);
  await client.send('c', 'd');
  await env.pass(2000);
  assert.deepEqual(texts(client), ['a', 'd']);
  assert.equal((await store.records('c', Infinity, 10)).length, 2);
  client.stop();
});

test('silence is a dead connection: it is given up after 60 s and made anew', async () => {
  const { env, server } = world(4);
  const client = await page(env);
  await env.pass(1000);
  assert.equal(client.model.connection, 'online');
  const [first] = server.sockets;
  first.tell = () => {};
  await env.pass(95_000);
  assert.equal(first.readyState, 3);
  assert.equal(client.model.connection, 'online');
  client.stop();
});

test('an ended session stops everything; a bad token is refreshed and the socket comes back', async () => {
  const { env, server } = world(5);
  let asked = 0;
  let ended = 0;
  const user = { user_id: 'me', username: 'me' };
  /** @type {any} */
  let tokens = { user, device_id: 'd', access_token: 'a', refresh_token: 'r', expires_at: env.time + 1e9 };
  const rest = env.fetch;
  env.fetch = async (/** @type {string} */ url) => {
    if (!url.endsWith('/auth/refresh')) return rest(url);
    asked++;
    return new Response(JSON.stringify({ access_token: 'b', refresh_token: 's', expires_in_ms: 1e9 }));
  };
  const session = new Session(env, { get: () => tokens, set: (next) => (tokens = next) }, (call) => call());
  const client = new Client(env, session, new MemoryStore(), alone(), { ended: () => ended++ });
  await client.start();
  await env.pass(1000);
  [...server.sockets][0].cut(4001);
  await env.pass(1000);
  assert.equal(client.model.connection, 'online');
  assert.deepEqual([asked, tokens.access_token, tokens.refresh_token, tokens.user], [1, 'b', 's', user]);
  [...server.sockets][0].cut(4003);
  await settle();
  await env.pass(120_000);
  assert.deepEqual([ended, server.sockets.size], [1, 0]);
  client.stop();
});
