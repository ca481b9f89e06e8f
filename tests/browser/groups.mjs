// A group and its administration.
import { check, inOrderOnce, same } from './check.mjs';
import { Person } from './people.mjs';

/** @param {import('./people.mjs').World} world */
export async function groups(world) {
  const { browser, url, run, ann, bo } = world;
  /** @type {Person} */ let cleo;

  await check('three people in a group', async () => {
    cleo = world.cleo = await Person.register(browser, url, `cleo_${run}`, { viewport: { width: 390, height: 844 }, colorScheme: 'dark' });
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
  });

  await check('a mention is offered while it is typed, and stands out for whom it means', async () => {
    await ann.at('message-input').click();
    await ann.page.keyboard.type(`Thank you @${cleo.username.slice(0, 4)}`);
    await ann.at('mention').first().waitFor();
    await ann.page.keyboard.press('Enter');
    await ann.page.keyboard.type('and all');
    await ann.at('message-send').click();
    await cleo.sees(`Thank you @${cleo.username} and all`);
    await cleo.page.locator('.mention[data-me="true"]', { hasText: cleo.username }).waitFor();
    await bo.page.locator('.mention[data-me="false"]', { hasText: cleo.username }).waitFor();
    await Promise.all([ann.picture('group'), cleo.picture('group-phone-dark')]);
  });

  await check('who has read a message, of how many', async () => {
    await ann.sees(`Thank you @${cleo.username} and all`, 'read');
    await ann.choose('and all', 'Read by');
    await ann.page.getByRole('heading', { name: 'Read by 2 of 2' }).waitFor();
    const people = ann.at('receipts').locator('.people li');
    same((await people.allTextContents()).filter((text) => text.includes(bo.username) || text.includes(cleo.username)).length, 2, 'the readers');
    await ann.picture('read-by');
    await ann.close();
  });

  await check('a message goes to another conversation, too', async () => {
    await ann.choose('I do', 'Forward');
    await ann.at('forward-to').filter({ hasText: bo.username }).click();
    await ann.at('forward-send').click();
    await bo.open(ann.username);
    await bo.sees('I do');
    await bo.message('I do').getByText('Forwarded').waitFor();
    await bo.open('Supper club');
  });

  await check('the group is renamed, and an admin is made', async () => {
    await ann.open('Supper club');
    await ann.at('members').click();
    await ann.at('group-rename').fill('Soup club');
    await ann.page.getByRole('button', { name: 'Rename' }).click();
    await cleo.page.getByRole('heading', { name: 'Soup club' }).waitFor();
    await inMenu(ann, cleo.username, 'Make an admin');
    await ann.at('member').filter({ hasText: cleo.username }).getByText('admin').waitFor();
    await ann.picture('members');
    await cleo.page.locator('.system', { hasText: 'made you an admin' }).waitFor();
  });

  await check('a removed member reads on, but no further; added again it is back', async () => {
    await inMenu(ann, bo.username, 'Remove from the group');
    await ann.at('member').filter({ hasText: bo.username }).waitFor({ state: 'detached' });
    await ann.close();
    await bo.page.locator('.chat-closed').waitFor();
    await ann.say('Only the two of us');
    await cleo.sees('Only the two of us');
    same((await bo.shown()).at(-1)?.text, `Thank you @${cleo.username} and all`, 'the last message of the removed');
    await ann.at('members').click();
    await ann.at('member-username').fill(bo.username);
    await ann.at('member-add').click();
    await ann.at('group-add').click();
    await ann.at('member').filter({ hasText: bo.username }).waitFor();
    await ann.close();
    await ann.say('Welcome back');
    await bo.sees('Welcome back');
    same((await bo.shown()).some((message) => message.text === 'Only the two of us'), false, 'what was said without the removed');
  });

  await check('the group is handed over, and left', async () => {
    await ann.at('members').click();
    await inMenu(ann, cleo.username, 'Hand the group over');
    await ann.at('member').filter({ hasText: cleo.username }).getByText('owner').waitFor();
    await ann.at('group-leave').click();
    await ann.at('group-leave-sure').click();
    await ann.page.locator('.chat-closed').waitFor();
    await cleo.page.locator('.system', { hasText: `${ann.username} left` }).waitFor();
  });
}

/** @param {Person} person @param {string} who @param {string} what */
async function inMenu(person, who, what) {
  await person.at('member').filter({ hasText: who }).getByTestId('member-menu').click();
  await person.page.getByRole('menuitem', { name: what }).click();
}
