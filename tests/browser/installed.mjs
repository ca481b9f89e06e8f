// The page without a network, and the page after a new version.
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { check, same } from './check.mjs';

/** A file of the page, as the server of a test reads it: from the folder. */
const FILE = new URL('../../web/app/times.js', import.meta.url);

/** @param {import('./people.mjs').World} world */
export async function installed({ browser, url, ann, bo }) {
  /** @type {import('./people.mjs').Person} */ let kept;

  await check('the page can be installed', async () => {
    const manifest = await (await fetch(`${url}/manifest.webmanifest`)).json();
    for (const { src, type } of manifest.icons) {
      const icon = await fetch(url + src);
      same([icon.status, icon.headers.get('content-type')], [200, type], src);
    }
  });

  await check('it opens without a network, with what was read, and sends later what is written then', async () => {
    kept = await ann.again(browser, url);
    await kept.open(bo.username);
    await kept.page.evaluate(() => navigator.serviceWorker.ready);
    await kept.page.waitForFunction(async () => {
      for (const name of await caches.keys()) if (await (await caches.open(name)).match('/complete')) return true;
      return false;
    });
    const last = (await kept.shown()).at(-1)?.text ?? '';
    await kept.page.context().setOffline(true);
    await kept.page.reload();
    await kept.disconnected();
    await kept.sees(last);
    await kept.say('written in a tunnel');
    await kept.sees('written in a tunnel', 'pending');
    await kept.network(true);
    await bo.open(ann.username);
    await bo.sees('written in a tunnel');
  });

  await check('a new version is shown at the next visit, whole, and never the old one', async () => {
    const source = readFileSync(FILE, 'utf8');
    const versions = () => kept.page.evaluate(() => caches.keys());
    const [before] = await versions();
    try {
      appendFileSync(FILE, "\nglobalThis.document?.documentElement.setAttribute('data-version', 'next');\n");
      const next = (await (await fetch(`${url}/shell.json`)).json()).version;
      if (before.endsWith(next)) {
        // This server has its page in the binary: there is no other version to be had.
        console.log('        (the page of this server can’t change)');
        return;
      }
      await kept.page.reload();
      await kept.page.locator('html[data-version="next"]').waitFor();
      await kept.connection('online');
      same((await versions()).map((name) => name.endsWith(next)), [true], 'what is kept');
    } finally {
      writeFileSync(FILE, source);
    }
    await kept.page.reload();
    await kept.page.locator('html:not([data-version])').waitFor();
    await kept.connection('online');
    await kept.page.context().close();
  });
}
