// What a person does in a browser, in the words of the handles of PROTOCOL §6.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

/** @typedef {import('../../web/node_modules/playwright-core/types/types.d.ts').Page} Page */
/** @typedef {import('../../web/node_modules/playwright-core/types/types.d.ts').Browser} Browser */
/** @typedef {{seq: number, state: string, text: string, mine: boolean}} Shown */
/** What the chapters hand on. @typedef {{browser: Browser, url: string, run: string, said: string[], ann: Person, bo: Person, cleo: Person}} World */

/** A picture of 16 points square. */
export const PICTURE = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAGUlEQVR4nGM8UWHDQApgIkn1qIZRDUNKAwC9oAGcJiUjwwAAAABJRU5ErkJggg==', 'base64');
const PATIENCE_MS = 45_000;

export class Person {
  /** @param {Browser} browser @param {string} url @param {string} username @param {object} [options] */
  static async register(browser, url, username, options = {}) {
    const context = await browser.newContext({ viewport: { width: 1180, height: 780 }, ...options });
    context.setDefaultTimeout(PATIENCE_MS);
    const person = new Person(await context.newPage(), username);
    await person.page.goto(url);
    await person.at('register-username').fill(username);
    await person.at('register-password').fill(person.password);
    await person.at('register-submit').click();
    await person.connection('online');
    return person;
  }

  /** The same person at another device. @param {Browser} browser @param {string} url @param {object} [options] @returns {Promise<Person>} */
  async again(browser, url, options = {}) {
    const context = await browser.newContext({ viewport: { width: 1180, height: 780 }, ...options });
    context.setDefaultTimeout(PATIENCE_MS);
    const person = new Person(await context.newPage(), this.username);
    person.password = this.password;
    await person.page.goto(url);
    await person.signIn();
    return person;
  }

  async signIn() {
    await this.page.getByRole('button', { name: 'Sign in' }).first().click();
    await this.at('register-username').fill(this.username);
    await this.at('register-password').fill(this.password);
    await this.at('register-submit').click();
    await this.connection('online');
  }

  /** @param {Page} page @param {string} username */
  constructor(page, username) {
    this.page = page;
    this.username = username;
    this.password = `${username} likes long passwords`;
    /** @type {string[]} what the page complained about */
    this.errors = [];
    this.sockets = 0;
    page.on('pageerror', (error) => this.errors.push(String(error)));
    page.on('websocket', () => this.sockets++);
  }

  /** @param {string} handle */
  at(handle) {
    return this.page.locator(`[data-testid="${handle}"]`);
  }

  /** @param {"online" | "connecting" | "offline"} state */
  connection(state) {
    return this.page.waitForSelector(`[data-testid="connection"][data-state="${state}"]`, { state: 'attached' });
  }

  /** Waits until the connection is anything but online. */
  disconnected() {
    return this.page.waitForSelector('[data-testid="connection"]:not([data-state="online"])', { state: 'attached' });
  }

  /** @param {string} username */
  async writeTo(username) {
    await this.at('conversation-peer').fill(username);
    await this.at('conversation-start').click();
    await this.page.locator('.chat-title', { hasText: `@${username}` }).waitFor();
    await this.at('message-input').waitFor();
  }

  /** @param {string} title a part of the conversation's name */
  async open(title) {
    // In a small window the list stands behind the conversation.
    if ((await this.page.locator('.chat').count()) && !(await this.page.locator('.sidebar').isVisible())) await this.home();
    await this.line(title).click();
    await this.at('message-input').waitFor();
  }

  /** @param {string} text */
  async say(text) {
    await this.at('message-input').fill(text);
    await this.at('message-send').click();
  }

  /** The messages on the page, top to bottom. @returns {Promise<Shown[]>} */
  shown() {
    return this.at('message').evaluateAll((nodes) =>
      nodes.map((node) => ({
        seq: Number(node.getAttribute('data-seq')),
        state: node.getAttribute('data-state') ?? '',
        text: node.querySelector('.text')?.textContent ?? '',
        mine: node.getAttribute('data-mine') === 'true',
      })),
    );
  }

  /** @param {string} text a part of a message */
  message(text) {
    return this.at('message').filter({ has: this.page.locator('.text', { hasText: text }) }).last();
  }

  /** Chooses from a message's menu. @param {string} text @param {string} item */
  async choose(text, item) {
    const message = this.message(text);
    await message.hover();
    await message.locator('[data-testid="message-menu"]').click();
    await this.page.getByRole('menu').getByRole(item.startsWith('React') ? 'menuitemcheckbox' : 'menuitem', { name: item }).click();
  }

  /** Chooses from the menu of the open conversation. @param {string} item */
  async chooseHere(item) {
    await this.at('conversation-menu').click();
    await this.page.getByRole('menuitem', { name: item }).click();
  }

  /** Opens a part of the settings. @param {string} part */
  async settings(part) {
    if (!(await this.page.locator('.sidebar').isVisible())) await this.home();
    await this.at('settings').click();
    await this.at(`settings-${part}`).click();
  }

  /** Attaches a small picture to the next message. @param {string} name */
  async attach(name) {
    await this.at('attach').setInputFiles({ name, mimeType: 'image/png', buffer: PICTURE });
    await this.page.locator('[data-testid="attached"]:not([aria-busy="true"])', { hasText: name }).waitFor();
  }

  /** Closes whatever dialog is open. */
  async close() {
    await this.page.getByRole('button', { name: 'Close' }).click();
    await this.page.locator('dialog').waitFor({ state: 'detached' });
  }

  /** Leaves the open conversation for the list. */
  async home() {
    await this.page.evaluate(() => void (location.hash = '#/'));
    await this.at('message-input').waitFor({ state: 'detached' });
  }

  /** The conversation's line in the list. @param {string} title */
  line(title) {
    return this.at('conversation').filter({ has: this.page.locator('.item-name', { hasText: title }) }).first();
  }

  /** Waits for a message in one of these states. @param {string} text @param {...string} states */
  async sees(text, ...states) {
    await this.page.waitForFunction(
      ({ text, states }) =>
        [...document.querySelectorAll('[data-testid="message"]')].some(
          (node) =>
            node.querySelector('.text')?.textContent === text &&
            (!states.length || states.includes(node.getAttribute('data-state') ?? '')),
        ),
      { text, states },
    );
  }

  /** The network as the browser knows it. @param {boolean} there */
  async network(there) {
    await this.page.context().setOffline(!there);
    if (there) await this.connection('online');
    else await this.disconnected();
  }

  /** @param {string} name */
  async picture(name) {
    const folder = process.env.PARLOR_SCREENSHOTS;
    if (!folder) return;
    mkdirSync(folder, { recursive: true });
    await this.page.waitForFunction(() => document.getAnimations().every(({ playState, effect }) => playState !== 'running' || effect?.getComputedTiming().endTime === Infinity));
    await this.page.screenshot({ path: join(folder, `${name}.png`) });
  }
}
