/** @import {Record, Row} from './types.js' */

/**
 * A message as it is to be shown: its record with what later records made of it.
 * @typedef {{
 *   record: Record, body: any, text: string, deleted: boolean, edited: boolean, pinned: boolean,
 *   reactions: {[emoji: string]: Set<string>},
 * }} Message
 * @typedef {Message | {record: Record, system: true}} Shown
 */

/** Kinds that stand in the conversation as a sentence. */
export const SYSTEM = ['created', 'members_added', 'member_removed', 'member_left', 'role_changed', 'conversation_changed'];

/** Folds a run of records into what is shown, ascending; the run may grow at both ends. */
export class Fold {
  /** @param {number} now server time, for `ttl_ms` */
  constructor(now) {
    this.now = now;
    /** @type {Shown[]} */
    this.shown = [];
    /** @type {Map<number, Message>} */
    this.messages = new Map();
    /** @type {Map<number, Record[]>} what happened to messages below the run, by their seq */
    this.orphans = new Map();
  }

  /** @param {Record[]} records those that follow */
  append(records) {
    for (const record of records) {
      const { seq, kind, body } = record;
      if (SYSTEM.includes(kind)) this.shown.push({ record, system: true });
      if (kind === 'message') {
        const message = show(record, this.now);
        this.messages.set(seq, message);
        this.shown.push(message);
      }
      const { target } = body;
      if (target) this.#touch(target, record);
    }
    return this;
  }

  /** @param {Record[]} records those that precede */
  prepend(records) {
    const { shown, orphans } = this;
    this.shown = [];
    this.orphans = new Map();
    this.append(records);
    for (const touches of orphans.values()) for (const record of touches) this.#touch(record.body.target, record);
    this.shown = [...this.shown, ...shown];
    return this;
  }

  /** @param {number} seq @param {Record} record */
  #touch(seq, record) {
    const target = this.messages.get(seq);
    if (target) return touch(target, record);
    const known = this.orphans.get(seq);
    if (known) known.push(record);
    else this.orphans.set(seq, [record]);
  }
}

/** @param {Record[]} records @param {number} now */
export const fold = (records, now) => new Fold(now).append(records).shown;

/** @param {Message} target moved in place @param {Record} record */
function touch(target, { kind, body, redacted, sender_id }) {
  if (target.deleted) return;
  if (kind === 'delete') Object.assign(target, show({ ...target.record, redacted: true }, 0));
  if (kind === 'edit' && !redacted) {
    const { text, mentions, media } = body;
    Object.assign(target, { text: text ?? '', edited: true, body: { ...target.body, text, mentions, media } });
  }
  if (kind === 'pin') target.pinned = body.op === 'add';
  if (kind === 'reaction') {
    const who = (target.reactions[body.emoji] ??= new Set());
    if (body.op === 'add') who.add(sender_id);
    else who.delete(sender_id);
    if (!who.size) delete target.reactions[body.emoji];
  }
}

/** @param {Record} record @param {number} now @returns {Message} */
function show(record, now) {
  const { body, redacted, at } = record;
  const deleted = !!redacted || (body.ttl_ms > 0 && Date.parse(at) + body.ttl_ms < now);
  return { record, body: deleted ? {} : body, text: deleted ? '' : (body.text ?? ''), deleted, edited: false, pinned: false, reactions: {} };
}

/** The record that stands for a conversation in the list, after one more. @param {Record | null} last
 * @param {Record} record */
export function latest(last, record) {
  if (record.kind === 'message' || SYSTEM.includes(record.kind)) return record;
  if (!last || record.body.target !== last.seq) return last;
  if (record.kind === 'delete') return { ...last, body: {}, redacted: true };
  if (record.kind === 'edit' && !record.redacted) return { ...last, body: { ...last.body, text: record.body.text } };
  return last;
}

/** A membership record's effect on the members known. @param {Row} row moved in place @param {Record} record
 * @param {string} me */
export function enrol(row, { kind, body, at }, me) {
  if (!SYSTEM.includes(kind)) return;
  const { by, user_id, role, owner_id, members, ...changed } = body;
  row.members_at = at;
  if (kind === 'created') row.members = members;
  if (kind === 'conversation_changed') Object.assign(row, changed);
  const out = ['member_removed', 'member_left'].includes(kind) && user_id;
  if (out === me) row.left = true;
  const added = kind === 'members_added' ? members : [];
  if (added.some((/** @type {any} */ member) => member.user_id === me)) row.left = false;
  if (!row.members) return;
  const roles = new Map(row.members.map((member) => [member.user_id, member.role]));
  for (const member of added) roles.set(member.user_id, member.role);
  if (role) roles.set(user_id, role);
  if (owner_id) for (const [id, role] of roles) if (role === 'owner') roles.set(id, 'admin');
  if (owner_id) roles.set(owner_id, 'owner');
  roles.delete(out);
  row.members = Array.from(roles, ([user_id, role]) => ({ user_id, role }));
  row.members_count = roles.size;
  row.role = roles.get(me) ?? row.role;
}

/** How far the newest reader but oneself has come with an own message. @param {Row} row @param {number} seq
 * @param {string} me @returns {"sent" | "delivered" | "read"} in a group the slowest member decides */
export function reach(row, seq, me) {
  const others = (row.members ?? []).filter((member) => member.user_id !== me).map((member) => row.marks[member.user_id]);
  const far = (/** @type {"read_seq" | "delivered_seq"} */ mark) =>
    others.length && others.every((marks) => marks && Math.max(marks[mark], marks.read_seq) >= seq);
  return far('read_seq') ? 'read' : far('delivered_seq') ? 'delivered' : 'sent';
}
