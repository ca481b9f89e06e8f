/** @import {Record, Row} from './types.js' */

/**
 * A message as it is to be shown: its record with what later records made of it.
 * @typedef {{
 *   record: Record, text: string, deleted: boolean, edited: boolean, pinned: boolean,
 *   reactions: {[emoji: string]: Set<string>},
 * }} Message
 */

/** Kinds that stand in the conversation as a sentence. */
export const SYSTEM = ['created', 'members_added', 'member_removed', 'member_left', 'role_changed', 'conversation_changed'];

/** Folds records into what is shown, ascending. @param {Record[]} records @param {number} now server time, for `ttl_ms`
 * @returns {(Message | {record: Record, system: true})[]} */
export function fold(records, now) {
  /** @type {Map<number, Message>} */
  const messages = new Map();
  const shown = [];
  for (const record of records) {
    const { kind, body, redacted, sender_id } = record;
    if (SYSTEM.includes(kind)) shown.push({ record, system: /** @type {true} */ (true) });
    if (kind === 'message') {
      const message = show(record, now);
      messages.set(record.seq, message);
      shown.push(message);
    }
    const target = messages.get(body.target);
    if (!target || target.deleted) continue;
    if (kind === 'delete') Object.assign(target, { deleted: true, text: '', reactions: {} });
    if (kind === 'edit' && !redacted) Object.assign(target, { text: body.text ?? '', edited: true });
    if (kind === 'pin') target.pinned = body.op === 'add';
    if (kind === 'reaction') {
      const who = (target.reactions[body.emoji] ??= new Set());
      if (body.op === 'add') who.add(sender_id);
      else who.delete(sender_id);
      if (!who.size) delete target.reactions[body.emoji];
    }
  }
  return shown;
}

/** @param {Record} record @param {number} now @returns {Message} */
function show(record, now) {
  const { body, redacted, at } = record;
  const deleted = !!redacted || (body.ttl_ms > 0 && Date.parse(at) + body.ttl_ms < now);
  return { record, text: deleted ? '' : (body.text ?? ''), deleted, edited: false, pinned: false, reactions: {} };
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
  if (SYSTEM.includes(kind)) row.members_at = at;
  if (kind === 'created') row.members = body.members;
  if (kind === 'conversation_changed' && 'title' in body) row.title = body.title;
  if (row.members) {
    const { members } = row;
    const without = (/** @type {string} */ id) => members.filter((member) => member.user_id !== id);
    if (kind === 'members_added')
      for (const added of body.members) row.members = [...row.members.filter((m) => m.user_id !== added.user_id), added];
    if (kind === 'member_removed' || kind === 'member_left') row.members = without(body.user_id);
    if (kind === 'role_changed') row.members = members.map((m) => (m.user_id === body.user_id ? { ...m, role: body.role } : m));
    if (body.owner_id)
      row.members = row.members.map((member) =>
        member.user_id === body.owner_id
          ? { ...member, role: 'owner' }
          : member.role === 'owner' ? { ...member, role: 'admin' } : member,
      );
    row.members_count = row.members.length;
    row.role = row.members.find((member) => member.user_id === me)?.role ?? row.role;
  }
  if (kind === 'members_added' && body.members.some((/** @type {any} */ member) => member.user_id === me)) row.left = false;
  if ((kind === 'member_removed' || kind === 'member_left') && body.user_id === me) row.left = true;
}

/** How far the newest reader but oneself has come with an own message. @param {Row} row @param {number} seq
 * @param {string} me @returns {"sent" | "delivered" | "read"} in a group the slowest member decides */
export function reach(row, seq, me) {
  const others = (row.members ?? []).filter((member) => member.user_id !== me).map((member) => row.marks[member.user_id]);
  if (!others.length) return 'sent';
  if (others.every((marks) => marks?.read_seq >= seq)) return 'read';
  return others.every((marks) => Math.max(marks?.delivered_seq ?? 0, marks?.read_seq ?? 0) >= seq) ? 'delivered' : 'sent';
}
