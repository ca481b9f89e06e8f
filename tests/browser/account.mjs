// The own account: profile, privacy, devices, password, data, and its end.
import { readFileSync } from 'node:fs';
import { check, same } from './check.mjs';
import { Person, PICTURE } from './people.mjs';

/** @param {import('./people.mjs').World} world */
export async function account({ browser, url, run, ann, bo, cleo }) {
  await check('a name and a picture are changed, and others see them', async () => {
    await bo.settings('profile');
    await bo.at('picture').setInputFiles({ name: 'bo.png', mimeType: 'image/png', buffer: PICTURE });
    await bo.page.locator('.picture-choice img').waitFor();
    await bo.at('display-name').fill('Bo the Baker');
    await bo.at('profile-save').click();
    await bo.page.getByText('Saved.').waitFor();
    await bo.close();
    const fresh = await ann.again(browser, url);
    await fresh.line('Bo the Baker').locator('.avatar img').waitFor();
    await fresh.page.context().close();
  });

  await check('who hides when they were here is not seen', async () => {
    await bo.settings('privacy');
    await bo.at('last-seen-nobody').check();
    await bo.picture('privacy');
    await bo.close();
    await ann.open(bo.username);
    await ann.page.reload();
    await ann.connection('online');
    await ann.page.locator('.status', { hasText: `@${bo.username}` }).waitFor();
    same(await ann.at('presence').count(), 0, 'what is seen of somebody who hides it');
  });

  await check('devices are listed, and one is logged out', async () => {
    const lost = await ann.again(browser, url);
    await ann.settings('devices');
    await ann.at('device').nth(1).waitFor();
    await ann.picture('devices');
    const others = await ann.at('device-end').count();
    if (others > 1) await ann.at('devices-end').click();
    else await ann.at('device-end').click();
    await lost.at('register-submit').waitFor();
    await ann.at('device').nth(1).waitFor({ state: 'detached' });
    await ann.close();
    await lost.page.context().close();
  });

  await check('a password is changed: the old one is over', async () => {
    await cleo.settings('password');
    await cleo.at('password-old').fill('not the right one');
    for (const name of ['new', 'again']) await cleo.at(`password-${name}`).fill('an even longer password');
    await cleo.at('password-save').click();
    await cleo.page.getByText('That is not your present password.').waitFor();
    await cleo.at('password-old').fill(cleo.password);
    await cleo.at('password-save').click();
    await cleo.page.getByText('Your other devices are signed out.').waitFor();
    cleo.password = 'an even longer password';
    await cleo.close();
    const again = await cleo.again(browser, url);
    await again.page.context().close();
  });

  await check('everything kept about oneself is exported', async () => {
    await ann.settings('data');
    const [download] = await Promise.all([ann.page.waitForEvent('download'), ann.at('export').click()]);
    const text = readFileSync(await download.path(), 'utf8');
    if (!text.includes(ann.username) || !text.includes('Shall we go out on Friday?')) throw new Error('the export lacks what ann wrote');
    await ann.close();
  });

  await check('an account is deleted: what was written stays, without a name', async () => {
    const dora = await Person.register(browser, url, `dora_${run}`);
    await dora.writeTo(ann.username);
    await dora.say('remember me');
    await ann.open(dora.username);
    await ann.sees('remember me');
    await dora.settings('data');
    await dora.at('delete-account').click();
    await dora.at('delete-confirm').fill(dora.username);
    await dora.at('delete-sure').click();
    await dora.at('register-submit').waitFor();
    await ann.page.waitForFunction(async () => {
      const { access_token } = JSON.parse(localStorage.getItem('parlor.session') ?? '');
      const headers = { Authorization: `Bearer ${access_token}` };
      const { items } = await (await fetch('/v1/conversations', { headers })).json();
      return items.length > 0;
    });
    await ann.sees('remember me');
    await dora.page.context().close();
  });

  await check('signing out leads to the sign-in page and leaves nothing behind', async () => {
    await cleo.home();
    await cleo.at('settings').click();
    await cleo.page.getByRole('button', { name: 'Sign out' }).click();
    await cleo.at('register-submit').waitFor();
    same(await cleo.page.evaluate(() => localStorage.length), 0, 'kept keys');
    same(await cleo.page.evaluate(async () => (await indexedDB.databases()).length), 0, 'kept databases');
  });
}
