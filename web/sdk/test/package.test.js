import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

/** What the SDK may weigh on the wire, in bytes. */
const WEIGHT_MAX = 10_000;
const sdk = fileURLToPath(new URL('..', import.meta.url));
const home = mkdtempSync(join(tmpdir(), 'parlor-sdk-'));
const installed = join(home, 'node_modules', 'parlor-sdk');
after(() => rmSync(home, { recursive: true, force: true }));

/** Packed as for the registry, and unpacked as npm would. */
before(() => {
  execFileSync('npm', ['pack', '--silent', '--pack-destination', home], { cwd: sdk });
  mkdirSync(installed, { recursive: true });
  const [file] = readdirSync(home).filter((name) => name.endsWith('.tgz'));
  execFileSync('tar', ['xzf', join(home, file), '-C', installed, '--strip-components=1']);
});

/** @param {string} entry */
async function weigh(entry) {
  const { outputFiles } = await build({
    entryPoints: [join(installed, entry)], bundle: true, minify: true, write: false, format: 'esm', target: 'es2022',
  });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

test('minified and gzipped it is below 10 kB', async (context) => {
  const weight = await weigh('index.js');
  context.diagnostic(`${weight} bytes; ${await weigh('browser.js')} with the store and the tabs of a page`);
  assert.ok(weight < WEIGHT_MAX, `${weight} bytes`);
});

test('the package holds what it exports, its types and its licence, and no tests', () => {
  const files = /** @type {string[]} */ (readdirSync(installed, { recursive: true }));
  for (const wanted of ['index.js', 'browser.js', 'types/index.d.ts', 'types/browser.d.ts', 'README.md', 'LICENSE', 'examples/bot.mjs'])
    assert.ok(files.includes(wanted), wanted);
  assert.deepEqual(files.filter((name) => name.includes('test')), []);
});

test('a program of another house type-checks against it, and a mistake is found', () => {
  const check = (/** @type {string} */ text) => {
    writeFileSync(join(home, 'bot.mts'), text);
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', '--lib', 'es2023,dom', '--ignoreConfig'];
    const tsc = fileURLToPath(new URL('../../node_modules/.bin/tsc', import.meta.url));
    return execFileSync(tsc, [...options, 'bot.mts'], { cwd: home, encoding: 'utf8' });
  };
  const text = `import { connect } from 'parlor-sdk';
    export const bot = await connect('http://parlor.test', { username: 'a', password: 'b' });
    const { read } = await bot.api.receipts('c', 17);
    export const who: string = read[0].user_id;
    bot.subscribe((change) => { if (change?.type === 'applied') bot.send(change.row.conversation_id, { text: 'hi' }); });`;
  assert.equal(check(text), '');
  assert.throws(() => check(text.replace('user_id;', 'username;')));
});

test('Node can import it', () => {
  const program = "import('parlor-sdk').then(({ connect, uuidv7 }) => console.log(typeof connect, uuidv7(0).length))";
  assert.equal(execFileSync(process.execPath, ['-e', program], { cwd: home, encoding: 'utf8' }), 'function 36\n');
});
