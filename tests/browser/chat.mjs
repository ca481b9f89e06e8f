// Two people in two browsers, told by what they see. `PARLOR_URL` names a running server; `PARLOR_SCREENSHOTS` a folder
// for pictures of the way; `PARLOR_CHROMIUM` a browser other than Debian's.
import playwright from '../../web/node_modules/playwright-core/index.js';
import { Person } from './people.mjs';

const url = process.env.PARLOR_URL ?? 'http://127.0.0.1:8080';
const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];
const browser = await playwright.chromium.launch({ executablePath: process.env.PARLOR_CHROMIUM ?? '/usr/bin/chromium', headless: true, args });
// Names of this run only: the server may have seen others.
const run = Date.now().toString(36);
let passed = 0;
let failed = 0;

/** @param {string} what @param {() => Promise<void>} story */
async function check(what, story) {
  try {
    await story();
    passed++;
    console.log(`ok      ${what}`);
  } catch (error) {
    failed++;
    console.log(`FAILED  ${what}\n        ${String(error).split('\n').slice(0, 6).join('\n        ')}`);
  }
}

/** @param {unknown} found @param {unknown} wanted @param {string} what */
function same(found, wanted, what) {
  const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (a !== b) throw new Error(`${what}: found ${a}, wanted ${b}`);
}

/** Every message once, in the order of `seq`. @param {import('./people.mjs').Shown[]} shown @param {string[]} texts */
function inOrderOnce(shown, texts) {
  same(shown.map((message) => message.text), texts, 'the messages');
  const seqs = shown.map((message) => message.seq);
  same(seqs, [...new Set(seqs)].sort((a, b) => a - b), 'their order');
}

/** @type {Person} */ let ann;
/** @type {Person} */ let bo;
/** @type {Person} */ let cleo;
const said = /** @type {string[]} */ ([]);

await check('two people register and are online', async () => {
  [ann, bo] = await Promise.all([Person.register(browser, url, `ann_${run}`), Person.register(browser, url, `bo_${run}`)]);
});

await check('one finds the other by name, and both see the conversation', async () => {
  await ann.writeTo(bo.username);
  await ann.say('Hello Bo');
  said.push('Hello Bo');
  await bo.open(ann.username);
  await bo.sees('Hello Bo');
});

await check('they chat both ways and the ticks reach read', async () => {
  await ann.sees('Hello Bo', 'read');
  for (const text of ['مرحبا، كيف حالك؟', 'ça va 👩‍👩‍👧‍👦', '  spaces  stay  ']) {
    await bo.say(text);
    said.push(text);
    await ann.sees(text);
    await bo.sees(text, 'read');
  }
  inOrderOnce(await ann.shown(), said);
  inOrderOnce(await bo.shown(), said);
  await ann.picture('chat');
});

await check('a message is sent while the other is away, delivered when here, read when looked at', async () => {
  await bo.page.evaluate(() => void (location.hash = '#/'));
  await bo.at('message-input').waitFor({ state: 'detached' });
  await ann.say('are you looking?');
  said.push('are you looking?');
  await ann.sees('are you looking?', 'delivered');
  await bo.at('conversation').filter({ hasText: '1 unread' }).waitFor();
  await bo.open(ann.username);
  await ann.sees('are you looking?', 'read');
});

await check('who was offline has missed nothing, and what was written offline is sent exactly once', async () => {
  await bo.network(false);
  const missed = ['one', 'two', 'three', 'four', 'five'];
  for (const text of missed) await ann.say(text);
  await ann.sees('five', 'sent');
  const kept = ['from afar', 'and again'];
  for (const text of kept) await bo.say(text);
  await bo.sees('and again', 'pending');
  same((await bo.shown()).slice(-2).map((message) => message.state), ['pending', 'pending'], 'states offline');
  await bo.picture('offline');
  await bo.network(true);
  await bo.sees('five');
  await ann.sees('and again');
  await bo.sees('and again', 'read');
  said.push(...missed, ...kept);
  inOrderOnce(await ann.shown(), said);
  inOrderOnce(await bo.shown(), said);
});

await check('what was written offline outlives a closed page', async () => {
  await bo.network(false);
  await bo.say('written, then closed');
  await bo.sees('written, then closed', 'pending');
  const context = bo.page.context();
  await bo.page.close();
  await context.setOffline(false);
  bo = new Person(await context.newPage(), bo.username);
  await bo.page.goto(url);
  await bo.open(ann.username);
  said.push('written, then closed');
  await bo.sees('written, then closed', 'read');
  inOrderOnce(await bo.shown(), said);
  inOrderOnce(await ann.shown(), said);
});

await check('a reload keeps the log', async () => {
  await bo.page.reload();
  await bo.sees('written, then closed');
  await bo.connection('online');
  inOrderOnce(await bo.shown(), said);
});

await check('a second tab shares the socket, and takes over when the first one closes', async () => {
  const second = new Person(await bo.page.context().newPage(), bo.username);
  await second.page.goto(bo.page.url());
  await second.connection('online');
  await second.sees('written, then closed');
  await ann.say('to both tabs');
  await Promise.all([bo.sees('to both tabs'), second.sees('to both tabs')]);
  await second.say('from the second tab');
  await Promise.all([bo.sees('from the second tab', 'read'), ann.sees('from the second tab')]);
  said.push('to both tabs', 'from the second tab');
  same(second.sockets, 0, 'sockets of the second tab');
  await bo.page.close();
  await ann.say('after the takeover');
  await second.sees('after the takeover');
  await second.say('still here');
  await ann.sees('still here');
  said.push('after the takeover', 'still here');
  same(second.sockets, 1, 'sockets after the takeover');
  inOrderOnce(await second.shown(), said);
  inOrderOnce(await ann.shown(), said);
  bo = second;
});

await check('three people in a group', async () => {
  cleo = await Person.register(browser, url, `cleo_${run}`, { viewport: { width: 390, height: 844 }, colorScheme: 'dark' });
  await ann.page.getByRole('button', { name: 'New group' }).first().click();
  await ann.at('group-title').fill('Supper club');
  for (const { username } of [bo, cleo]) {
    await ann.at('member-username').fill(username);
    await ann.at('member-add').click();
    await ann.page.locator('.chip', { hasText: username }).waitFor();
  }
  await ann.at('group-create').click();
  await ann.page.getByRole('heading', { name: 'Supper club' }).waitFor();
  await ann.say('Who brings the soup?');
  await Promise.all([bo, cleo].map((person) => person.open('Supper club')));
  await Promise.all([bo, cleo].map((person) => person.sees('Who brings the soup?')));
  await ann.sees('Who brings the soup?', 'read');
  await cleo.say('I do');
  await bo.sees('I do');
  await bo.say('Then I bring bread');
  for (const person of [ann, bo, cleo]) {
    await person.sees('Then I bring bread');
    inOrderOnce(await person.shown(), ['Who brings the soup?', 'I do', 'Then I bring bread']);
  }
  await Promise.all([ann.picture('group'), cleo.picture('group-phone-dark')]);
});

await check('a removed member reads on, but no further', async () => {
  await ann.at('members').click();
  const bread = ann.page.locator('.people li', { hasText: bo.username });
  await bread.locator('summary').click();
  await ann.picture('members');
  await bread.getByRole('button', { name: 'Remove' }).click();
  await bread.waitFor({ state: 'detached' });
  await ann.page.keyboard.press('Escape');
  await bo.page.locator('.chat-closed').waitFor();
  await ann.say('Only the two of us');
  await cleo.sees('Only the two of us');
  same((await bo.shown()).at(-1)?.text, 'Then I bring bread', 'the last message of the removed');
});

await check('a history longer than a page reads back to its start', async () => {
  await ann.open(bo.username);
  const many = Array.from({ length: 70 }, (_, index) => `line ${index + 1}`);
  for (const text of many) await ann.say(text);
  said.push(...many);
  await ann.sees('line 70', 'sent', 'delivered', 'read');
  const context = await browser.newContext();
  context.setDefaultTimeout(20_000);
  const fresh = new Person(await context.newPage(), ann.username);
  await fresh.page.goto(url);
  await fresh.page.getByRole('button', { name: 'Sign in' }).first().click();
  await fresh.at('register-username').fill(ann.username);
  await fresh.at('register-password').fill(`${ann.username} likes long passwords`);
  await fresh.at('register-submit').click();
  await fresh.open(bo.username);
  await fresh.sees('line 70');
  // Reading upwards, as one does, until the first message is there.
  await fresh.page.waitForFunction((first) => {
    const box = /** @type {HTMLElement} */ (document.querySelector('.messages'));
    if (document.querySelector('[data-testid="message"] .text')?.textContent === first) return true;
    box.scrollTop = box.scrollTop === 0 ? 1 : 0;
    return false;
  }, said[0]);
  inOrderOnce(await fresh.shown(), said);
  await context.close();
});

await check('signing out leads to the sign-in page and leaves nothing behind', async () => {
  await cleo.page.locator('.back').click();
  await cleo.page.getByRole('button', { name: 'Your account' }).click();
  await cleo.page.getByRole('button', { name: 'Sign out' }).click();
  await cleo.at('register-submit').waitFor();
  same(await cleo.page.evaluate(() => localStorage.length), 0, 'kept keys');
  same(await cleo.page.evaluate(async () => (await indexedDB.databases()).length), 0, 'kept databases');
});

await check('no page complained', async () => {
  same([ann, bo, cleo].flatMap((person) => person?.errors ?? []), [], 'errors');
});

await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
