// What is one's own, at every device: presence, typing, drafts, settings of conversations, blocks, search.
import { check, same } from './check.mjs';

/** @param {import('./people.mjs').World} world */
export async function own({ browser, url, ann, bo }) {
  await check('who is there is seen, who types, and who was here last', async () => {
    await ann.open(bo.username);
    await ann.at('presence').filter({ hasText: 'Online' }).waitFor();
    await bo.open(ann.username);
    await bo.at('message-input').pressSequentially('let me think');
    await ann.at('typing').filter({ hasText: 'typing…' }).waitFor();
    await ann.picture('typing');
    await bo.at('message-input').fill('');
    await ann.at('typing').waitFor({ state: 'detached' });
    const { page } = bo;
    const address = page.url();
    await page.goto('about:blank');
    await ann.at('presence').filter({ hasText: 'Last seen just now' }).waitFor({ timeout: 80_000 });
    await page.goto(address);
    await ann.at('presence').filter({ hasText: 'Online' }).waitFor();
  });

  await check('a draft follows to the other device', async () => {
    const other = await ann.again(browser, url);
    await ann.open(bo.username);
    await ann.at('message-input').fill('half a tho');
    await other.line(bo.username).filter({ hasText: /Draft:\s*half a tho/ }).waitFor();
    await other.open(bo.username);
    same(await other.at('message-input').inputValue(), 'half a tho', 'the draft');
    await other.say('half a thought, whole');
    await ann.page.waitForFunction(() => /** @type {any} */ (document.querySelector('[data-testid="message-input"]'))?.value === '');
    await ann.sees('half a thought, whole');
    await other.page.context().close();
  });

  await check('a conversation is muted, pinned to the top, archived and marked as unread', async () => {
    await ann.chooseHere('Mute');
    await ann.line(bo.username).getByText('Muted').waitFor({ state: 'attached' });
    await ann.chooseHere('Unmute');
    await ann.chooseHere('Pin to the top');
    same(await ann.at('conversation').first().locator('.item-name').textContent(), bo.username, 'the first in the list');
    await ann.chooseHere('Unpin from the top');
    await ann.chooseHere('Archive');
    await ann.line(bo.username).waitFor({ state: 'detached' });
    await ann.at('archived').click();
    await ann.line(bo.username).click({ button: 'right' });
    await ann.page.getByRole('menuitem', { name: 'Take out of the archive' }).click();
    await ann.page.getByRole('button', { name: 'Back to the list' }).click();
    await ann.open(bo.username);
    await ann.chooseHere('Mark as unread');
    await ann.line(bo.username).getByText('Marked as unread').waitFor({ state: 'attached' });
    await ann.open(bo.username);
    await ann.line(bo.username).getByText('Marked as unread').waitFor({ state: 'detached' });
  });

  await check('who is blocked can’t write, and can again', async () => {
    await ann.chooseHere('Block');
    await ann.page.locator('.toast', { hasText: 'is blocked' }).waitFor();
    await bo.open(ann.username);
    await bo.say('are you cross?');
    await bo.page.locator('.failed', { hasText: 'does not take your messages' }).waitFor();
    await bo.page.getByRole('button', { name: 'Discard' }).click();
    await ann.settings('blocked');
    await ann.at('blocked').getByRole('button', { name: 'Unblock' }).click();
    await ann.page.getByText('Nobody is blocked').waitFor();
    await ann.close();
    await bo.say('good that you are not');
    await ann.sees('good that you are not');
  });

  await check('a message is found by the beginning of a word, and shown', async () => {
    await ann.home();
    await ann.at('search-open').click();
    await ann.at('search-field').fill('gladl');
    await ann.at('found').filter({ hasText: 'Gladly' }).first().waitFor();
    await ann.picture('search');
    await ann.at('found').filter({ hasText: 'Gladly' }).first().click();
    await ann.page.locator('[data-testid="message"][data-found="true"]', { hasText: 'Gladly' }).waitFor();
    await ann.page.getByRole('button', { name: 'End the search' }).click();
  });

  await check('a message is notified while nobody looks, not when its conversation is muted', async () => {
    await ann.page.context().grantPermissions(['notifications']);
    await ann.open(bo.username);
    await ann.page.evaluate(() => {
      document.hasFocus = () => false;
      const told = /** @type {string[]} */ ([]);
      class Recorder {
        static permission = 'granted';
        /** @param {string} title @param {{body: string}} options */
        constructor(title, { body }) {
          told.push(`${title}: ${body}`);
          document.body.dataset.told = told.join('; ');
        }
      }
      Object.assign(globalThis, { Notification: Recorder });
    });
    await bo.say('are you there?');
    await ann.page.waitForFunction((told) => document.body.dataset.told === told, `${bo.username}: are you there?`);
    await ann.chooseHere('Mute');
    await ann.line(bo.username).getByText('Muted').waitFor({ state: 'attached' });
    await bo.say('it is not urgent');
    await ann.sees('it is not urgent');
    same(await ann.page.evaluate(() => document.body.dataset.told), `${bo.username}: are you there?`, 'what was notified');
    await ann.chooseHere('Unmute');
    await ann.page.reload();
    await ann.connection('online');
  });
}
