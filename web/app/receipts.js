/** @import {Client} from '../sdk/index.js' */
/** @import {Message} from '../sdk/fold.js' */
/** @import {ReceiptItem, Row} from '../sdk/types.js' */
import { Dialog } from './dialog.js';
import { html, useEffect, useState } from './html.js';
import { Tick } from './icons.js';
import { Avatar, nameOf } from './names.js';
import { fullTime, momentOf } from './times.js';

/** Who has read a message, who only has it, and since when. @param {{client: Client, row: Row, message: Message, close: () => void}} props */
export function Receipts({ client, row, message, close }) {
  const { seq } = message.record;
  const [told, setTold] = useState(/** @type {{delivered: ReceiptItem[], read: ReceiptItem[]} | null} */ (null));
  const others = (row.members ?? []).filter((member) => member.user_id !== client.me);
  useEffect(() => {
    let live = true;
    everyone(client, row.conversation_id, seq).then((all) => live && setTold(all), () => {});
    return () => void (live = false);
  }, [seq, JSON.stringify(row.marks)]);

  const times = (/** @type {ReceiptItem[]} */ items = []) => new Map(items.map(({ user_id, at }) => [user_id, at]));
  const read = times(told?.read);
  const got = times(told?.delivered);
  // The marks are there at once; the times come from the server.
  for (const { user_id } of others) {
    const { read_seq = 0, delivered_seq = 0 } = row.marks[user_id] ?? {};
    if (read_seq >= seq && !read.has(user_id)) read.set(user_id, '');
    if (delivered_seq >= seq && !got.has(user_id)) got.set(user_id, '');
  }
  const only = new Map([...got].filter(([id]) => !read.has(id)));
  const waiting = others.filter(({ user_id }) => !read.has(user_id) && !got.has(user_id)).map(({ user_id }) => /** @type {[string, string]} */ ([user_id, '']));
  return html`<${Dialog} title=${`Read by ${read.size} of ${Math.max(others.length, read.size)}`} close=${close}>
    <div data-testid="receipts">
      <${People} client=${client} title="Read" tick="read" items=${[...read]} />
      <${People} client=${client} title="Delivered" tick="delivered" items=${[...only]} />
      <${People} client=${client} title="Not yet delivered" tick="sent" items=${waiting} />
    </div><//>`;
}

/** All pages. @param {Client} client @param {string} id @param {number} seq */
async function everyone(client, id, seq) {
  /** @type {{delivered: ReceiptItem[], read: ReceiptItem[]}} */
  const all = { delivered: [], read: [] };
  /** @type {string | undefined} */
  let cursor;
  do {
    const { delivered, read, next } = await client.api.receipts(id, seq, { cursor });
    all.delivered.push(...delivered);
    all.read.push(...read);
    cursor = next ?? undefined;
  } while (cursor);
  return all;
}

/** @param {{client: Client, title: string, tick: string, items: [string, string][]}} props */
function People({ client, title, tick, items }) {
  if (!items.length) return null;
  return html`<h3 class="people-title"><${Tick} state=${tick} />${title} · ${items.length}</h3>
    <ul class="people">${items.map(([user_id, at]) => html`<li key=${user_id}><${Avatar} name=${nameOf(client, user_id)} id=${user_id} />
      <p><strong dir="auto">${nameOf(client, user_id)}</strong>${at && html`<time datetime=${at} title=${fullTime(at)}>${momentOf(at)}</time>`}</p></li>`)}</ul>`;
}
