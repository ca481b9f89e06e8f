/** @import {Ack, Device, MemberItem, Own, Page, Presence, Receipts, Records, Found, User, View} from './types.js' */
/** @import {Session} from './session.js' */

import { ApiError } from './rest.js';

const gone = { ok: false, status: 0 };

/**
 * The REST calls (PROTOCOL §4), by name; each rejects with an `ApiError`. Those that make a record take a `key`, the
 * `Idempotency-Key`: given the same one again, a call does nothing twice.
 * @param {Session} session
 */
export function api(session) {
  const { env } = session;
  /** @param {string} method @returns {(path: string, body?: any, key?: string) => Promise<any>} */
  const by = (method) => (path, body, key) => session.call(method, path, { body, key });
  const [get, post, put, patch, del] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].map(by);
  /** @param {string} path @param {{[name: string]: any}} [of] */
  const ask = (path, of = {}) => {
    const query = new URLSearchParams(Object.entries(of).filter(([, value]) => value !== undefined && value !== null));
    return get(query.size ? `${path}?${query}` : path);
  };
  const of = (/** @type {string} */ conversation_id, rest = '') => `/conversations/${conversation_id}${rest}`;

  return {
    /** @returns {Promise<Own>} */
    me: () => get('/me'),
    /** @param {{display_name?: string, avatar_media_id?: string | null, last_seen_to?: "everyone" | "contacts" | "nobody", read_receipts?: boolean}} fields
     * @returns {Promise<Own>} */
    change: (fields) => patch('/me', fields),
    /** Ends all other sessions. @param {string} old @param {string} password @returns {Promise<void>} */
    password: (old, password) => put('/me/password', { old, new: password }),
    /** Deletes the account, for good. @returns {Promise<void>} */
    goodbye: () => del('/me'),
    /** @returns {Promise<any>} everything the server keeps of this user */
    export: () => get('/me/export'),

    /** @returns {Promise<Page<Device>>} */
    devices: () => get('/devices'),
    /** Signs a device out. @param {string} device_id @returns {Promise<void>} */
    endDevice: (device_id) => del(`/devices/${device_id}`),
    /** Opens one socket without a token (`/v1/ws?ticket=`). @returns {Promise<{ticket: string, expires_in_ms: number}>} */
    ticket: () => post('/ws-tickets'),
    /** @param {string} device_id @param {any} token as the push service gave it @returns {Promise<void>} */
    pushToken: (device_id, token) => (token ? put : del)(`/push-tokens/${device_id}`, token ?? undefined),

    /** @param {string} user_id @returns {Promise<User>} */
    user: (user_id) => get(`/users/${user_id}`),
    /** @param {string} username @returns {Promise<User>} */
    find: (username) => ask('/users', { username }),
    /** @param {string[]} user_ids @returns {Promise<{items: Presence[]}>} */
    presence: (user_ids) => post('/presence', { user_ids }),
    /** @param {string} user_id @param {string} [tz] the viewer's time zone, for the text @returns {Promise<Presence>} */
    seen: (user_id, tz) => ask(`/users/${user_id}/presence`, { tz }),
    /** @param {{cursor?: string}} [page] @returns {Promise<Page<User>>} */
    blocks: (page) => ask('/me/blocks', page),
    /** @param {string} user_id @param {boolean} [on] @returns {Promise<void>} */
    block: (user_id, on = true) => (on ? put : del)(`/me/blocks/${user_id}`),

    /** @param {{cursor?: string, limit?: number}} [page] @returns {Promise<Page<View>>} */
    conversations: (page) => ask('/conversations', page),
    /** @param {string} conversation_id @returns {Promise<View>} */
    conversation: (conversation_id) => get(of(conversation_id)),
    /** @param {{kind: "direct" | "group", member_ids: string[], title?: string, history?: "joined" | "all"}} body
     * @param {string} [key] @returns {Promise<View>} */
    create: (body, key) => post('/conversations', body, key),
    /** @param {string} conversation_id @param {{title?: string, avatar_media_id?: string | null, history?: "joined" | "all"}} fields
     * @param {string} [key] @returns {Promise<Ack>} */
    changeConversation: (conversation_id, fields, key) => patch(of(conversation_id), fields, key),
    /** The own settings of it: absent stays, null clears. @param {string} conversation_id
     * @param {{muted_until?: string | null, archived?: boolean, pinned?: boolean, draft?: string | null, marked_unread?: boolean}} fields
     * @returns {Promise<View>} */
    settings: (conversation_id, fields) => put(of(conversation_id, '/settings'), fields),
    /** @param {string} conversation_id @param {{cursor?: string, limit?: number}} [page] @returns {Promise<Page<MemberItem>>} */
    members: (conversation_id, page) => ask(of(conversation_id, '/members'), page),
    /** @param {string} conversation_id @param {string[]} user_ids @param {string} [key] @returns {Promise<Ack>} */
    add: (conversation_id, user_ids, key) => post(of(conversation_id, '/members'), { user_ids }, key),
    /** @param {string} conversation_id @param {string} user_id @param {"owner" | "admin" | "member"} role @param {string} [key]
     * @returns {Promise<Ack>} */
    role: (conversation_id, user_id, role, key) => patch(of(conversation_id, `/members/${user_id}`), { role }, key),
    /** @param {string} conversation_id @param {string} user_id @param {string} [key] @returns {Promise<Ack>} */
    remove: (conversation_id, user_id, key) => del(of(conversation_id, `/members/${user_id}`), undefined, key),
    /** @param {string} conversation_id @param {string} [key] @returns {Promise<Ack>} */
    leave: (conversation_id, key) => post(of(conversation_id, '/leave'), undefined, key),

    /** Records as they are. @param {string} conversation_id @param {{after?: number, before?: number, limit?: number}} [range]
     * @returns {Promise<Records>} */
    records: (conversation_id, range) => ask(of(conversation_id, '/records'), range),
    /** Messages as they have become, newest first. @param {string} conversation_id
     * @param {{before?: number, limit?: number}} [range] @returns {Promise<Page<any>>} */
    messages: (conversation_id, range) => ask(of(conversation_id, '/messages'), range),
    /** Everything up to a message is read. @param {string} conversation_id @param {number} seq @returns {Promise<void>} */
    read: (conversation_id, seq) => put(of(conversation_id, '/read'), { seq }),
    /** Who has it, and who has read it, since when. @param {string} conversation_id @param {number} seq
     * @param {{cursor?: string}} [page] @returns {Promise<Receipts>} */
    receipts: (conversation_id, seq, page) => ask(of(conversation_id, `/messages/${seq}/receipts`), page),
    /** @param {string} q @param {{conversation_id?: string, cursor?: string}} [within] @returns {Promise<Page<Found>>} */
    search: (q, within) => ask('/search', { q, ...within }),

    /** Stores a file. @param {Blob} file @param {string} name @returns {Promise<string>} its `media_id`, for a message's `media` */
    async upload(file, name) {
      const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', await file.arrayBuffer()));
      const sha256 = Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
      const content_type = file.type || 'application/octet-stream';
      const { media_id, upload } = await post('/media', { name, content_type, size: file.size, sha256 });
      const { url, method, headers } = upload;
      const { ok, status } = await env.fetch(new URL(url, env.base).href, { method, headers, body: file }).catch(() => gone);
      if (!ok) throw new ApiError(status, 'unavailable', 'The file could not be stored.');
      return media_id;
    },
    /** Where a file is to be read from, for a while. @param {string} media_id
     * @returns {Promise<{media_id: string, url: string, expires_at: string, name: string, content_type: string, size: number}>} */
    media: (media_id) => get(`/media/${media_id}`),
  };
}
/** @typedef {ReturnType<typeof api>} Api */
