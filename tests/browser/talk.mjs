// Two people write to each other, over good and bad networks.
import { check, inOrderOnce, same } from './check.mjs';
import { Person } from './people.mjs';

/** @param {import('./people.mjs').World} world */
export async function talk(world) {
  const { browser, url, run, said } = world;
  /** @type {Person} */ let ann;
  /** @type {Person} */ let bo;

  await check('two people register and are online', async () => {
    [ann, bo] = await Promise.all([Person.register(browser, url, `ann_${run}`), Person.register(browser, url, `bo_${run}`)]);
  });

  await check('one finds the other by name, and both see the conversation', async () => {
    await ann.writeTo(bo.username);
    await ann.say('Hello Bo');
    said.push('Hello Bo');
    await bo.open(ann.username);
    await bo.sees('Hello Bo');
  });

  await check('they chat both ways and the ticks reach read', async () => {
    await ann.sees('Hello Bo', 'read');
    for (const text of ['مرحبا، كيف حالك؟', 'ça va 👩‍👩‍👧‍👦', '  spaces  stay  ']) {
      await bo.say(text);
      said.push(text);
      await ann.sees(text);
      await bo.sees(text, 'read');
    }
    inOrderOnce(await ann.shown(), said);
    inOrderOnce(await bo.shown(), said);
    await ann.picture('chat');
  });

  await check('a message is sent while the other is away, delivered when here, read when looked at', async () => {
    await bo.page.evaluate(() => void (location.hash = '#/'));
    await bo.at('message-input').waitFor({ state: 'detached' });
    await ann.say('are you looking?');
    said.push('are you looking?');
    await ann.sees('are you looking?', 'delivered');
    await bo.at('conversation').filter({ hasText: '1 unread' }).waitFor();
    await bo.open(ann.username);
    await ann.sees('are you looking?', 'read');
  });

  await check('who was offline has missed nothing, and what was written offline is sent exactly once', async () => {
    await bo.network(false);
    const missed = ['one', 'two', 'three', 'four', 'five'];
    for (const text of missed) await ann.say(text);
    await ann.sees('five', 'sent');
    const kept = ['from afar', 'and again'];
    for (const text of kept) await bo.say(text);
    await bo.sees('and again', 'pending');
    same((await bo.shown()).slice(-2).map((message) => message.state), ['pending', 'pending'], 'states offline');
    await bo.picture('offline');
    await bo.network(true);
    await bo.sees('five');
    await ann.sees('and again');
    await bo.sees('and again', 'read');
    said.push(...missed, ...kept);
    inOrderOnce(await ann.shown(), said);
    inOrderOnce(await bo.shown(), said);
  });

  await check('what was written offline outlives a closed page', async () => {
    await bo.network(false);
    await bo.say('written, then closed');
    await bo.sees('written, then closed', 'pending');
    const context = bo.page.context();
    await bo.page.close();
    await context.setOffline(false);
    bo = new Person(await context.newPage(), bo.username);
    await bo.page.goto(url);
    await bo.open(ann.username);
    said.push('written, then closed');
    await bo.sees('written, then closed', 'read');
    inOrderOnce(await bo.shown(), said);
    inOrderOnce(await ann.shown(), said);
  });

  await check('a reload keeps the log', async () => {
    await bo.page.reload();
    await bo.sees('written, then closed');
    await bo.connection('online');
    inOrderOnce(await bo.shown(), said);
  });

  await check('a second tab shares the socket, and takes over when the first one closes', async () => {
    const second = new Person(await bo.page.context().newPage(), bo.username);
    await second.page.goto(bo.page.url());
    await second.connection('online');
    await second.sees('written, then closed');
    await ann.say('to both tabs');
    await Promise.all([bo.sees('to both tabs'), second.sees('to both tabs')]);
    await second.say('from the second tab');
    await Promise.all([bo.sees('from the second tab', 'read'), ann.sees('from the second tab')]);
    said.push('to both tabs', 'from the second tab');
    same(second.sockets, 0, 'sockets of the second tab');
    await bo.page.close();
    await ann.say('after the takeover');
    await second.sees('after the takeover');
    await second.say('still here');
    await ann.sees('still here');
    said.push('after the takeover', 'still here');
    same(second.sockets, 1, 'sockets after the takeover');
    inOrderOnce(await second.shown(), said);
    inOrderOnce(await ann.shown(), said);
    bo = second;
  });

  // @ts-ignore Both are there when the first check is.
  Object.assign(world, { ann, bo });
}
