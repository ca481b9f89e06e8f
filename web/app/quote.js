/** @import {Client} from '../sdk/index.js' */
/** @import {Row} from '../sdk/types.js' */
import { html, useEffect, useState } from './html.js';
import { hueOf, nameOf } from './names.js';
import { inBrief } from './text.js';
import { loaded, oneMessage } from './timeline.js';

/** A message by its seq, from the log, else from the server. @param {Client} client @param {Row} row @param {number} seq
 * @returns {import('../sdk/fold.js').Message | null | undefined} undefined: not known yet */
export function useMessage(client, row, seq) {
  const here = loaded(row.conversation_id, seq);
  const [read, setRead] = useState(/** @type {any} */ (undefined));
  useEffect(() => {
    let live = true;
    if (!here && seq) oneMessage(client, row.conversation_id, seq).then((found) => live && setRead(found));
    return () => void (live = false);
  }, [!here, seq]);
  return here ?? (read?.record.seq === seq ? read : read === null ? null : undefined);
}

/** What a message replies to. @param {{client: Client, row: Row, seq: number, jump: (seq: number) => void}} props */
export function Quote({ client, row, seq, jump }) {
  const message = useMessage(client, row, seq);
  const { sender_id = '' } = message?.record ?? {};
  const who = message ? (sender_id === client.me ? 'You' : nameOf(client, sender_id)) : '';
  return html`<button type="button" class="quote" data-testid="quote" data-hue=${hueOf(sender_id)} onClick=${() => jump(seq)}>
    <em class="hidden">In reply to</em><strong dir="auto">${who || '…'}</strong>
    <span dir="auto">${message ? inBrief(message.body, message.deleted) : message === null ? 'Not available' : '…'}</span></button>`;
}
