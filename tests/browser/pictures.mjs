// The pictures of web/screenshots, taken anew: PARLOR_URL names a server that knows nobody yet.
import playwright from '../../web/node_modules/playwright-core/index.js';
import { Person } from './people.mjs';

const url = process.env.PARLOR_URL ?? 'http://127.0.0.1:8080';
process.env.PARLOR_SCREENSHOTS ??= new URL('../../web/screenshots', import.meta.url).pathname;
const browser = await playwright.chromium.launch({ executablePath: process.env.PARLOR_CHROMIUM ?? '/usr/bin/chromium', headless: true, args: ['--no-sandbox', '--disable-gpu'] });

/** @param {string} name @param {string} display_name @param {object} [options] */
async function person(name, display_name, options) {
  const somebody = await Person.register(browser, url, name, options);
  await somebody.page.evaluate(async (display_name) => {
    const { access_token } = JSON.parse(localStorage.getItem('parlor.session') ?? '');
    const headers = { Authorization: `Bearer ${access_token}`, 'Content-Type': 'application/json' };
    await fetch('/v1/me', { method: 'PATCH', headers, body: JSON.stringify({ display_name }) });
  }, display_name);
  return somebody;
}

const ann = await person('ann', 'Ann Lindgren');
const bo = await person('bo.adeyemi', 'Bo Adeyemi', { viewport: { width: 390, height: 844 } });
const cleo = await person('cleo', 'Cleo Haddad', { viewport: { width: 390, height: 844 }, colorScheme: 'dark' });

await ann.writeTo('bo.adeyemi');
await ann.say('Did you get the tickets?');
await bo.open('Ann');
await bo.say('Two of them! Row 7 🎉');
await bo.say('The concert begins at eight, the doors open at half past six.');
await ann.sees('The concert begins at eight, the doors open at half past six.');
await ann.choose('Row 7', 'React with ❤️');
await ann.choose('The concert begins', 'Reply');
await ann.say('Then let us meet at seven, by the fountain');
await bo.sees('Then let us meet at seven, by the fountain');
await bo.choose('by the fountain', 'React with 👍');
await bo.choose('by the fountain', 'Pin');
await ann.at('pinned').waitFor();
await cleo.writeTo('ann');
await cleo.say('مساء الخير! هل نلتقي غداً؟');
await ann.line('Cleo').waitFor();

await ann.page.getByRole('button', { name: 'New group' }).first().click();
await ann.at('group-title').fill('Supper club');
for (const name of ['bo.adeyemi', 'cleo']) {
  await ann.at('member-username').fill(name);
  await ann.at('member-add').click();
  await ann.page.locator('.chip').nth(name === 'cleo' ? 1 : 0).waitFor();
}
await ann.at('group-create').click();
await ann.page.getByRole('heading', { name: 'Supper club' }).waitFor();
await ann.say('Who brings the soup on Friday?');
await Promise.all([bo, cleo].map((one) => one.open('Supper club')));
await cleo.say('I do. Lentils, as always');
await bo.say('Then I bring bread 🥖');
await bo.choose('Lentils', 'React with 😂');
await ann.sees('Then I bring bread 🥖');
await ann.at('message-input').click();
await ann.page.keyboard.type('Perfect! @cl');
await ann.at('mention').first().waitFor();
await ann.picture('mention');
await ann.page.keyboard.press('Enter');
await ann.page.keyboard.type('yours is the best soup in town');
await ann.at('message-send').click();
await ann.sees('Perfect! @cleo yours is the best soup in town', 'read');
await bo.at('message-input').pressSequentially('And dessert');
await ann.at('typing').waitFor();
await ann.picture('chat');
await cleo.picture('phone-dark');
await ann.choose('best soup', 'Read by');
await ann.at('receipts').locator('time').nth(1).waitFor();
await ann.picture('read-by');
await ann.close();
await ann.at('members').click();
await ann.picture('group');
await ann.close();

await ann.open('Bo');
await bo.home();
await bo.open('Ann');
await bo.message('Row 7').click({ button: 'right' });
await bo.page.getByRole('menu').waitFor();
await bo.page.mouse.move(5, 5);
await bo.picture('message-menu-phone');
await bo.page.keyboard.press('Escape');
await bo.home();
await bo.picture('list-phone');
await ann.at('search-open').click();
await ann.at('search-field').fill('sou');
await ann.at('found').nth(1).waitFor();
await ann.picture('search');
await ann.page.getByRole('button', { name: 'End the search' }).click();
await ann.at('settings').click();
await ann.picture('settings');
await ann.close();
await ann.network(false);
await ann.say('On my way, the tunnel is long');
await ann.at('outbox').waitFor();
await ann.picture('offline');
await browser.close();
