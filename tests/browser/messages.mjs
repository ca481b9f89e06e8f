// What may be done with a message, and what everybody sees of it.
import { check, same } from './check.mjs';

/** @param {import('./people.mjs').World} world */
export async function messages({ ann, bo }) {
  await check('a reaction is seen by both, counted, and taken back', async () => {
    await ann.open(bo.username);
    await bo.open(ann.username);
    await ann.say('Shall we go out?');
    await bo.sees('Shall we go out?');
    await bo.choose('Shall we go out?', 'React with 👍');
    const seen = ann.message('Shall we go out?').getByTestId('reaction');
    await seen.filter({ hasText: '👍' }).waitFor();
    await seen.click();
    await bo.message('Shall we go out?').getByTestId('reaction').filter({ hasText: '👍2' }).waitFor();
    await seen.click();
    await bo.page.waitForFunction(() => document.querySelector('[data-testid="reaction"]')?.textContent?.trim() === '👍');
  });

  await check('a reply quotes, and leads to what it quotes', async () => {
    await bo.choose('Shall we go out?', 'Reply');
    await bo.say('Gladly');
    await ann.sees('Gladly');
    const quote = ann.message('Gladly').getByTestId('quote');
    same(await quote.locator('span').textContent(), 'Shall we go out?', 'the quoted text');
    await quote.click();
    await ann.page.locator('[data-testid="message"][data-found="true"]', { hasText: 'Shall we go out?' }).waitFor();
  });

  await check('an edit replaces the text, is marked, and is no news', async () => {
    await bo.home();
    await ann.choose('Shall we go out?', 'Edit');
    await ann.say('Shall we go out on Friday?');
    await ann.sees('Shall we go out on Friday?');
    await ann.message('on Friday?').getByText('Edited').waitFor();
    same(await bo.line(ann.username).locator('.badge').count(), 0, 'unread of an edit');
    await bo.open(ann.username);
    await bo.sees('Shall we go out on Friday?');
    same(await bo.message('Gladly').getByTestId('quote').locator('span').textContent(), 'Shall we go out on Friday?', 'the quotation');
  });

  await check('the arrow key edits the last own message, Esc leaves it as it was', async () => {
    await ann.at('message-input').press('ArrowUp');
    same(await ann.at('message-input').inputValue(), 'Shall we go out on Friday?', 'what is edited');
    await ann.at('message-input').press('Escape');
    same(await ann.at('message-input').inputValue(), '', 'the field');
  });

  await check('a pinned message stands above the conversation', async () => {
    await bo.choose('Shall we go out on Friday?', 'Pin');
    await ann.at('pinned').filter({ hasText: 'Shall we go out on Friday?' }).waitFor();
    await ann.picture('reply-edit-pin');
    await ann.choose('Shall we go out on Friday?', 'Unpin');
    await bo.at('pinned').waitFor({ state: 'detached' });
  });

  await check('a deleted message leaves its place, for both, and in quotations', async () => {
    await ann.say('Oh, that was for someone else');
    await bo.sees('Oh, that was for someone else');
    await bo.choose('Oh, that was', 'Reply');
    await bo.say('No harm done');
    await ann.sees('No harm done');
    await ann.choose('for someone else', 'Delete');
    await ann.at('delete-sure').click();
    await ann.sees('Message deleted');
    await bo.sees('Message deleted');
    same(await bo.message('No harm done').getByTestId('quote').locator('span').textContent(), 'Message deleted', 'the quotation');
    same(await bo.page.locator('[data-testid="message"]', { hasText: 'for someone else' }).count(), 0, 'the text');
  });

  await check('a message is copied', async () => {
    await ann.page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await ann.choose('Gladly', 'Copy text');
    await ann.page.locator('.toast', { hasText: 'Copied' }).waitFor();
    same(await ann.page.evaluate(() => navigator.clipboard.readText()), 'Gladly', 'the clipboard');
  });

  await check('keys do what the menu does', async () => {
    await ann.message('Gladly').focus();
    await ann.page.keyboard.press('r');
    await ann.page.locator('.composer-mode', { hasText: 'Gladly' }).waitFor();
    await ann.page.keyboard.press('Escape');
    await ann.message('Gladly').focus();
    await ann.page.keyboard.press('Enter');
    await ann.page.getByRole('menu', { name: 'Message actions' }).waitFor();
    await ann.picture('message-menu');
    await ann.page.keyboard.press('Escape');
    await ann.page.getByRole('menu').waitFor({ state: 'detached' });
    await ann.page.keyboard.press('Escape');
    await ann.at('message-input').waitFor({ state: 'detached' });
    await ann.page.keyboard.press('?');
    await ann.at('help').waitFor();
    await ann.close();
    await ann.open(bo.username);
  });

  await check('what is changed offline waits visibly, and happens once the network is back', async () => {
    await bo.say('Friday at eight?');
    await ann.sees('Friday at eight?');
    await ann.network(false);
    await ann.choose('Friday at eight?', 'React with ❤️');
    await ann.say('I am on the train');
    await ann.at('outbox').filter({ hasText: 'wait to be sent' }).waitFor();
    await ann.at('outbox').click();
    same(await ann.at('outbox-entry').count(), 2, 'what waits');
    await ann.picture('outbox');
    await ann.close();
    await ann.network(true);
    await bo.sees('I am on the train');
    await bo.message('Friday at eight?').getByTestId('reaction').filter({ hasText: '❤️' }).waitFor();
    await ann.at('outbox').waitFor({ state: 'detached' });
  });

  await check('a picture goes with a message, and is seen by the other', async () => {
    await ann.attach('sunset.png');
    await ann.say('look!');
    await bo.sees('look!');
    const picture = bo.message('look!').getByRole('img', { name: 'sunset.png' });
    await picture.waitFor();
    await bo.page.waitForFunction(() => /** @type {HTMLImageElement | null} */ (document.querySelector('.picture img'))?.naturalWidth === 16);
  });
}
