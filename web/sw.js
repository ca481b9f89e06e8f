// The page without a network: one complete version of its files, and never an older one than the server has.
//
// A visit asks the server which version there is. It is the kept one: its files come from the cache, one question in
// all. It is another: all its files are fetched anew, and only when they are complete do they take the place of the
// kept ones. Only if the server can't be asked is the kept version shown without asking. Calls of the API pass by.
/// <reference lib="webworker" />
const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));
const PREFIX = 'parlor-shell-';

/** The version that is kept, if it is complete. @returns {Promise<string | undefined>} its cache's name */
async function kept() {
  for (const name of await caches.keys())
    if (name.startsWith(PREFIX) && (await caches.open(name).then((cache) => cache.match('/complete')))) return name;
  return undefined;
}

/** What the server has. @returns {Promise<{version: string, files: string[]}>} */
async function asked() {
  const answer = await fetch('/shell.json', { cache: 'no-store' });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.json();
}

/** Fetches a version whole; undefined if the server changed its version meanwhile. @param {{version: string, files: string[]}} shell */
async function keep({ version, files }) {
  const name = PREFIX + version;
  const cache = await caches.open(name);
  await cache.addAll(files.map((file) => new Request(file, { cache: 'no-cache' })));
  if ((await asked()).version !== version) {
    return forget();
  }
  await cache.put('/complete', new Response(''));
  for (const other of await caches.keys()) if (other.startsWith(PREFIX) && other !== name) await caches.delete(other);
  return name;
}

/** Another version that can't be had whole: better none than the old one. */
async function forget() {
  for (const name of await caches.keys()) if (name.startsWith(PREFIX)) await caches.delete(name);
  return undefined;
}

/** A visit: the page's first file. @param {Request} request */
async function visit(request) {
  let name = await kept();
  // No network, or no server behind it: what is kept is all there is.
  const shell = await asked().catch(() => null);
  if (shell && name !== PREFIX + shell.version) name = await keep(shell).catch(forget);
  const found = name && (await caches.open(name).then((cache) => cache.match('/index.html')));
  return found || fetch(request);
}

/** @param {Request} request */
async function file(request) {
  const name = await kept();
  const found = name && (await caches.open(name).then((cache) => cache.match(request, { ignoreSearch: true })));
  return found || fetch(request);
}

worker.addEventListener('install', (event) => {
  worker.skipWaiting();
  event.waitUntil(asked().then(keep));
});
worker.addEventListener('fetch', (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== 'GET' || origin !== location.origin || pathname.startsWith('/v1/') || pathname === '/shell.json') return;
  if (request.mode === 'navigate') {
    if (pathname === '/' || pathname === '/index.html') event.respondWith(visit(request));
  } else event.respondWith(file(request));
});
worker.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(worker.clients.matchAll({ type: 'window' }).then(async ([page]) => {
    const { hash } = event.notification.data;
    if (!page) return worker.clients.openWindow(`/${hash}`);
    page.postMessage({ hash });
    return page.focus();
  }));
});
