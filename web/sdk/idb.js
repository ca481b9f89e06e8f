/** @import {Change, Store} from './types.js' */

const STORES = ['rows', 'records', 'outbox'];

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** @param {IDBOpenDBRequest} request */
function make({ result: db }) {
  ['conversation_id', ['conversation_id', 'seq'], 'client_msg_id'].forEach((keyPath, i) => db.createObjectStore(STORES[i], { keyPath }));
  db.createObjectStore('meta');
}

/** The store in IndexedDB: a change is one transaction, so a cursor is never ahead of its records. @implements {Store} */
export class IndexedStore {
  /** @param {string} name one database per user @returns {Promise<IndexedStore>} */
  static async open(name) {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => make(request);
    return new IndexedStore(await done(request));
  }

  /** @param {IDBDatabase} db */
  constructor(db) {
    this.db = db;
    this.broken = false;
    // Another tab that deletes the database at log out must not wait for this one.
    db.onversionchange = () => db.close();
  }

  async load() {
    const tx = this.db.transaction(STORES);
    const all = (/** @type {string} */ name) => done(tx.objectStore(name).getAll());
    return { rows: await all('rows'), outbox: await all('outbox') };
  }

  /** @param {Change} change @returns {Promise<void>} */
  write(change) {
    // After one lost write (a full disk) later ones would leave a hole below their cursor: the disk stays as it was.
    if (this.broken) return Promise.reject(new Error('the browser keeps no more data'));
    return new Promise((resolve, reject) => {
      const tx = this.db.transaction(STORES, 'readwrite');
      tx.oncomplete = () => resolve();
      tx.onabort = () => {
        this.broken = true;
        reject(tx.error);
      };
      this.#put(tx, change);
      // At once, not when the page gets round to it: it may be closed in the next moment.
      tx.commit();
    });
  }

  /** @param {IDBTransaction} tx @param {Change} change */
  #put(tx, change) {
    const [rows, records, outbox] = STORES.map((name) => tx.objectStore(name));
    if (change.type === 'entry') outbox.put(change.entry);
    if (change.type === 'gone') outbox.delete(change.client_msg_id);
    if (!('row' in change)) return;
    rows.put(change.row);
    const id = change.row.conversation_id;
    if (change.type === 'applied') {
      if (change.reset) records.delete(IDBKeyRange.bound([id, 0], [id, Infinity]));
      for (const gone of change.gone) outbox.delete(gone);
    }
    if (change.type !== 'row') for (const record of change.items) records.put(record);
  }

  /** Without holes below `before`, so a range by arithmetic. @param {string} id @param {number} before @param {number} limit */
  records(id, before, limit) {
    const range = IDBKeyRange.bound([id, before - limit], [id, before], false, true);
    return done(this.db.transaction('records').objectStore('records').getAll(range));
  }

  /** @param {string} key */
  get(key) {
    return done(this.db.transaction('meta').objectStore('meta').get(key));
  }
  /** @param {string} key @param {any} value */
  async set(key, value) {
    await done(this.db.transaction('meta', 'readwrite').objectStore('meta').put(value, key));
  }
  async clear() {
    this.db.close();
    await done(indexedDB.deleteDatabase(this.db.name));
  }
}
