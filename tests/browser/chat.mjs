// People in browsers, told by what they see. `PARLOR_URL` names a running server; `PARLOR_SCREENSHOTS` a folder for
// pictures of the way; `PARLOR_CHROMIUM` a browser other than Debian's. Arguments name the chapters to run.
import playwright from '../../web/node_modules/playwright-core/index.js';
import { account } from './account.mjs';
import { bot } from './bot.mjs';
import { check, finish, same } from './check.mjs';
import { groups } from './groups.mjs';
import { history } from './history.mjs';
import { installed } from './installed.mjs';
import { looks } from './looks.mjs';
import { messages } from './messages.mjs';
import { own } from './own.mjs';
import { talk } from './talk.mjs';

const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];
const browser = await playwright.chromium.launch({ executablePath: process.env.PARLOR_CHROMIUM ?? '/usr/bin/chromium', headless: true, args });
// Names of this run only: the server may have seen others.
const world = /** @type {import('./people.mjs').World} */ ({
  browser, url: process.env.PARLOR_URL ?? 'http://127.0.0.1:8080', run: Date.now().toString(36), said: /** @type {string[]} */ ([]),
});
const chapters = { talk, messages, groups, own, looks, installed, bot, history, account };
const wanted = process.argv.slice(2);

for (const [name, chapter] of Object.entries(chapters)) {
  if (wanted.length && name !== 'talk' && !wanted.includes(name)) continue;
  console.log(`--- ${name}`);
  await check(`${name}: to its end`, () => chapter(world));
}
await check('no page complained', async () => {
  same([world.ann, world.bo, world.cleo].flatMap((person) => person?.errors ?? []), [], 'errors');
});

await browser.close();
finish();
