// Long conversations: unread, dates, quotations far back, and a hundred thousand messages.
import { check, inOrderOnce, same } from './check.mjs';
import { Person } from './people.mjs';
import { Writer } from './seed.mjs';

/** How many messages the long conversation has, and how many the one that a browser has kept. */
const LONG = 3000;
const KEPT = 100_000;
/** More than so many messages are never on the page at once. */
const ON_PAGE_MAX = 300;

/** @param {import('./people.mjs').World} world */
export async function history({ browser, url, run, ann, bo, said }) {
  /** @type {Writer} */ let writer;
  await check('a history longer than a page reads back to its start, on a new device', async () => {
    await ann.open(bo.username);
    const before = await ann.shown();
    const many = Array.from({ length: 70 }, (_, index) => `line ${index + 1}`);
    for (const text of many) await ann.say(text);
    await ann.sees('line 70', 'sent', 'delivered', 'read');
    const fresh = await ann.again(browser, url);
    await fresh.open(bo.username);
    await fresh.sees('line 70');
    // Reading upwards, as one does, until the first message is there.
    await fresh.page.waitForFunction((first) => {
      const box = /** @type {HTMLElement} */ (document.querySelector('.messages'));
      if (document.querySelector('[data-testid="message"] .text')?.textContent === first) return true;
      box.scrollTop = box.scrollTop === 0 ? 1 : 0;
      return false;
    }, said[0]);
    const texts = before.map((message) => message.text).filter((text) => !many.includes(text));
    inOrderOnce((await fresh.shown()).slice(0, texts.length), texts);
    await fresh.page.context().close();
  });

  await check('unread messages begin at a line, in sight', async () => {
    await bo.open(ann.username);
    await bo.sees('line 70');
    await bo.home();
    for (const text of ['news 1', 'news 2', 'news 3', 'news 4', 'news 5']) await ann.say(text);
    await bo.line(ann.username).filter({ hasText: '5 unread' }).waitFor();
    await bo.open(ann.username);
    await bo.at('unread-divider').waitFor();
    same(await bo.page.evaluate(() => document.querySelector('[data-testid="unread-divider"]')?.closest('.block')?.querySelector('.text')?.textContent), 'news 1', 'the first unread');
    await bo.picture('unread');
  });

  await check(`a conversation of ${LONG} messages opens at its end and reads upwards, with few of them on the page`, async () => {
    writer = await Writer.begin(await Person.register(browser, url, `writer_${run}`), ann.username, 'The long one');
    await writer.write(LONG);
    await ann.open('The long one');
    await ann.sees(`message ${LONG}`);
    await readUpwards(ann, 60);
    if ((await numbers(ann)).at(-1) === LONG) throw new Error('nothing was scrolled');
  });

  await check('what is read stays in its place while news come in below', async () => {
    const place = () => ann.page.evaluate(() => {
      const box = /** @type {HTMLElement} */ (document.querySelector('.messages'));
      const top = box.getBoundingClientRect().top;
      const first = [...document.querySelectorAll('[data-testid="message"]')].find((node) => node.getBoundingClientRect().top > top);
      return [first?.getAttribute('data-seq'), Math.round((first?.getBoundingClientRect().top ?? 0) - top)];
    });
    // The older ones that scrolling asked for have come by then.
    await ann.page.waitForFunction(() => {
      const now = document.querySelector('[data-testid="message"]')?.getAttribute('data-seq');
      const was = document.body.dataset.first;
      document.body.dataset.first = now ?? '';
      return now === was;
    }, undefined, { polling: 1000 });
    const before = await place();
    await writer.write(3);
    await ann.at('to-end').filter({ hasText: '3 new messages' }).waitFor();
    same(await place(), before, 'the first message in sight');
    await ann.at('to-end').click();
    await ann.sees(`message ${LONG + 3}`);
  });

  await check('a jump far back shows what stood there, reads on both ways, and comes back', async () => {
    await ann.page.evaluate(() => void (location.hash += '/1000'));
    await ann.page.locator('[data-testid="message"][data-seq="1000"][data-found="true"]').waitFor();
    const around = (await ann.shown()).map((message) => message.seq);
    if (!around.includes(990) || !around.includes(1010)) throw new Error(`around it: ${around[0]} to ${around.at(-1)}`);
    await ann.page.waitForFunction(() => {
      const box = /** @type {HTMLElement} */ (document.querySelector('.messages'));
      box.scrollTop -= 700;
      return Number(document.querySelector('[data-testid="message"]')?.getAttribute('data-seq')) < 900;
    });
    await ann.page.waitForFunction(() => {
      const box = /** @type {HTMLElement} */ (document.querySelector('.messages'));
      box.scrollTop += 700;
      return Number([...document.querySelectorAll('[data-testid="message"]')].at(-1)?.getAttribute('data-seq')) > 1100;
    });
    await ann.at('to-end').click();
    await ann.sees(`message ${LONG + 3}`);
    await ann.at('to-end').waitFor({ state: 'detached' });
  });

  await check(`${KEPT} messages kept by the browser scroll as three do`, async () => {
    const old = await bo.again(browser, url);
    await old.open(ann.username);
    await old.sees('news 5');
    await old.page.goto(`${url}/icon.svg`);
    await old.page.evaluate(fill, KEPT);
    await old.page.goto(url);
    await old.open(ann.username);
    await old.sees(`message ${KEPT}`);
    await readUpwards(old, 400);
    const first = (await numbers(old))[0];
    if (first > KEPT - 5000) throw new Error(`read up to ${first} only`);
    await old.at('to-end').click();
    await old.sees(`message ${KEPT}`);
    await old.page.context().close();
  });

  await check('a date leads to its first message', async () => {
    await ann.open(bo.username);
    await ann.chooseHere('Go to a date');
    await ann.at('jump-go').click();
    await ann.page.locator('[data-testid="message"][data-found="true"], .day').first().waitFor();
    await ann.sees(said[0]);
    await ann.home();
  });
}

/** The numbers of the messages on the page, which must be an unbroken run. @param {Person} person */
async function numbers(person) {
  const found = (await person.shown()).map((message) => Number(message.text.split(' ')[1]));
  same(found, found.map((_, index) => found[0] + index), 'an unbroken run');
  return found;
}

/** Scrolls up frame by frame; what is on the page stays within bounds. @param {Person} person @param {number} frames */
async function readUpwards(person, frames) {
  const most = await person.page.evaluate(async (frames) => {
    const box = /** @type {HTMLElement} */ (document.querySelector('.messages'));
    let most = 0;
    for (let turn = 0; turn < frames; turn++) {
      box.scrollTop -= 1500;
      await new Promise((next) => requestAnimationFrame(next));
      most = Math.max(most, document.querySelectorAll('[data-testid="message"]').length);
    }
    return most;
  }, frames);
  if (most > ON_PAGE_MAX || most < 50) throw new Error(`${most} messages on the page`);
}

/** Puts a long log into the store of this browser, as if it had been read over years. @param {number} count */
async function fill(count) {
  const [{ name }] = await indexedDB.databases();
  const done = (/** @type {IDBRequest | IDBTransaction} */ of) => new Promise((resolve, reject) => {
    Object.assign(of, { onsuccess: () => resolve(/** @type {any} */ (of).result), oncomplete: resolve, onerror: () => reject(of.error) });
  });
  const db = await done(indexedDB.open(/** @type {string} */ (name)));
  const tx = db.transaction(['rows', 'records'], 'readwrite');
  const [row] = (await done(tx.objectStore('rows').getAll())).filter((/** @type {any} */ row) => row.kind === 'direct');
  const { conversation_id } = row;
  const record = (/** @type {number} */ seq) => ({
    conversation_id, seq, ord: seq, message_id: '', kind: 'message', at: new Date(Date.now() - (count - seq) * 60_000).toISOString(),
    sender_id: row.members[seq % 2].user_id, body: { text: `message ${seq}` },
  });
  tx.objectStore('records').delete(IDBKeyRange.bound([conversation_id, 0], [conversation_id, Infinity]));
  for (let seq = 1; seq <= count; seq++) tx.objectStore('records').put(record(seq));
  const whole = { base: 0, floor: 0, cursor: count, head_seq: count, head_ord: count, read_seq: count, read_ord: count, cursor_ord: count, mark_seq: count, seen_seq: count };
  tx.objectStore('rows').put({ ...row, ...whole, unread: 0, last: record(count) });
  await done(tx);
  db.close();
}
