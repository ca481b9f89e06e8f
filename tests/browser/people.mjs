// What a person does in a browser, in the words of the handles of PROTOCOL §6.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

/** @typedef {import('../../web/node_modules/playwright-core/types/types.d.ts').Page} Page */
/** @typedef {import('../../web/node_modules/playwright-core/types/types.d.ts').Browser} Browser */
/** @typedef {{seq: number, state: string, text: string, mine: boolean}} Shown */

const PATIENCE_MS = 20_000;

export class Person {
  /** @param {Browser} browser @param {string} url @param {string} username @param {object} [options] */
  static async register(browser, url, username, options = {}) {
    const context = await browser.newContext({ viewport: { width: 1180, height: 780 }, ...options });
    context.setDefaultTimeout(PATIENCE_MS);
    const person = new Person(await context.newPage(), username);
    await person.page.goto(url);
    await person.at('register-username').fill(username);
    await person.at('register-password').fill(`${username} likes long passwords`);
    await person.at('register-submit').click();
    await person.connection('online');
    return person;
  }

  /** @param {Page} page @param {string} username */
  constructor(page, username) {
    this.page = page;
    this.username = username;
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

  /** @param {string} title a part of what stands in the list */
  async open(title) {
    await this.at('conversation').filter({ hasText: title }).first().click();
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
    await this.page.screenshot({ path: join(folder, `${name}.png`) });
  }
}
