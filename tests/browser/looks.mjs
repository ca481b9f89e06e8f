// Whether everybody can use it: contrast, names and roles (axe-core), large text, other directions, small windows.
import { readFileSync } from 'node:fs';
import { check, same } from './check.mjs';

const AXE = readFileSync(new URL('../../web/node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
const SCHEMES = /** @type {const} */ (['light', 'dark']);
/** A window of 1280 × 800 with everything twice as large. */
const ZOOMED = { width: 640, height: 400 };
const PHONE = { width: 390, height: 844 };

/** @typedef {import('./people.mjs').Person} Person */

/** What axe-core finds, of what matters. @param {Person} person @param {string} where */
async function findings({ page }, where) {
  // Nothing is judged in mid-air.
  await page.waitForFunction(() => document.getAnimations().every((animation) => animation.playState !== 'running' || animation.effect?.getComputedTiming().endTime === Infinity));
  await page.evaluate(AXE);
  const found = await page.evaluate(async () => {
    const { axe } = /** @type {any} */ (globalThis);
    const { violations } = await axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] });
    return violations.filter((/** @type {any} */ { impact }) => ['serious', 'critical'].includes(impact))
      .flatMap((/** @type {any} */ { id, nodes }) => nodes.slice(0, 3).map((/** @type {any} */ { html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary.split('\n')[1] ?? ''}`));
  });
  same(found, [], where);
}

/** @param {Person} person @param {string} where */
async function inBothSchemes(person, where) {
  for (const colorScheme of SCHEMES) {
    await person.page.emulateMedia({ colorScheme });
    await findings(person, `${where}, ${colorScheme}`);
  }
  await person.page.emulateMedia({ colorScheme: 'light' });
}

/** @param {Person} person @param {string} where */
async function fits({ page }, where) {
  const wide = await page.evaluate(() => [...document.querySelectorAll('body *')]
    .filter((node) => node.getBoundingClientRect().right > innerWidth + 1 && !node.closest('.hidden, [hidden]') && /** @type {HTMLElement} */ (node).offsetParent)
    .map((node) => `${node.tagName}.${node.className}`).slice(0, 5));
  same(wide, [], `wider than the window: ${where}`);
}

/** @param {import('./people.mjs').World} world */
export async function looks({ ann, bo, cleo }) {
  await check('no serious finding by axe-core: list, conversation, menus, dialogs; light and dark', async () => {
    await ann.open(bo.username);
    await inBothSchemes(ann, 'a conversation');
    await ann.choose('Gladly', 'Reply');
    await inBothSchemes(ann, 'a reply being written');
    await ann.at('message-input').press('Escape');
    await ann.message('Gladly').hover();
    await ann.message('Gladly').getByTestId('message-menu').click();
    await inBothSchemes(ann, 'the menu of a message');
    await ann.page.keyboard.press('Escape');
    await ann.at('conversation-menu').click();
    await inBothSchemes(ann, 'the menu of a conversation');
    await ann.page.keyboard.press('Escape');
    await bo.open('Soup club');
    await bo.at('members').click();
    await inBothSchemes(bo, 'a group');
    await bo.close();
    await ann.at('settings').click();
    await inBothSchemes(ann, 'settings');
    for (const part of ['profile', 'privacy', 'blocked', 'notifications', 'devices', 'password', 'data']) {
      await ann.at(`settings-${part}`).click();
      await inBothSchemes(ann, part);
      await ann.page.getByRole('button', { name: 'Back', exact: true }).click();
    }
    await ann.close();
    await ann.page.getByRole('button', { name: 'New group' }).first().click();
    await inBothSchemes(ann, 'a new group');
    await ann.close();
  });

  await check('the same on a phone', async () => {
    await cleo.page.emulateMedia({ colorScheme: 'dark' });
    await cleo.open('Soup club');
    await findings(cleo, 'a conversation on a phone');
    await fits(cleo, 'a conversation on a phone');
    await cleo.at('members').click();
    await findings(cleo, 'a group on a phone');
    await fits(cleo, 'a group on a phone');
    await cleo.picture('members-phone-dark');
    await cleo.close();
    await cleo.home();
    await findings(cleo, 'the list on a phone');
    await fits(cleo, 'the list on a phone');
  });

  await check('at 200 % everything is there, and nothing runs out of the window', async () => {
    const size = ann.page.viewportSize();
    await ann.page.setViewportSize(ZOOMED);
    await ann.open(bo.username);
    await fits(ann, 'a conversation');
    await ann.at('message-send').waitFor();
    await ann.message('Gladly').hover();
    await ann.message('Gladly').getByTestId('message-menu').click();
    await fits(ann, 'a menu');
    await ann.page.keyboard.press('Escape');
    await ann.picture('zoomed');
    await ann.home();
    await ann.at('settings').click();
    await fits(ann, 'settings');
    await ann.page.getByRole('button', { name: 'Sign out' }).scrollIntoViewIfNeeded();
    await ann.close();
    await ann.page.setViewportSize(size ?? PHONE);
  });

  await check('right to left: a text runs its own way, and the whole page can', async () => {
    await ann.open(bo.username);
    await ann.say('שלום לכולם');
    await bo.open(ann.username);
    await bo.sees('שלום לכולם');
    const direction = await bo.message('שלום').locator('.text').evaluate((node) => getComputedStyle(node).direction);
    same(direction, 'rtl', 'the direction of a Hebrew text');
    await bo.page.evaluate(() => void (document.documentElement.dir = 'rtl'));
    await fits(bo, 'right to left');
    const [list, chat] = await bo.page.evaluate(() => ['.sidebar', '.chat'].map((name) => document.querySelector(name)?.getBoundingClientRect().left ?? 0));
    if (list < chat) throw new Error('the list stands on the left');
    await bo.picture('right-to-left');
    await bo.page.evaluate(() => void (document.documentElement.dir = ''));
  });
}
