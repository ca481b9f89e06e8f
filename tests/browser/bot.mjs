// The example of the SDK: a program that says everything back.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { check, same } from './check.mjs';

const BOT = fileURLToPath(new URL('../../web/sdk/examples/bot.mjs', import.meta.url));

/** A bot that listens. @param {string} url @param {string} name */
async function start(url, name) {
  const bot = spawn(process.execPath, ['--experimental-websocket', BOT, url, name, 'a long password'], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve, reject) => {
    bot.stdout.on('data', (text) => String(text).includes('is listening') && resolve(undefined));
    bot.on('exit', (code) => reject(new Error(`the bot ended with ${code}`)));
  });
  return bot;
}

/** @param {import('./people.mjs').World} world */
export async function bot({ url, run, ann }) {
  const name = `echo_${run}`;
  await check('a bot of ten lines answers, and after a restart answers what it missed, once', async () => {
    const first = await start(url, name);
    await ann.writeTo(name);
    await ann.say('Is anybody there?');
    await ann.sees('You said: Is anybody there?');
    first.kill();
    await new Promise((resolve) => first.on('exit', resolve));
    await ann.say('And now?');
    await ann.sees('And now?', 'sent');
    const second = await start(url, name);
    await ann.sees('You said: And now?');
    await ann.say('Good');
    await ann.sees('You said: Good');
    second.kill();
    const answers = (await ann.shown()).map((message) => message.text).filter((text) => text.startsWith('You said'));
    same(answers, ['You said: Is anybody there?', 'You said: And now?', 'You said: Good'], 'the answers');
  });
}
