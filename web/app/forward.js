/** @import {Client} from '../sdk/index.js' */
/** @import {Message} from '../sdk/fold.js' */
/** @import {Row} from '../sdk/types.js' */
import { Dialog } from './dialog.js';
import { html, useState } from './html.js';
import { Icon } from './icons.js';
import { Avatar, titleOf } from './names.js';
import { inBrief } from './text.js';
import { say } from './toast.js';

/** Chooses where a message goes, too. @param {{client: Client, row: Row, message: Message, close: () => void}} props */
export function Forward({ client, row, message, close }) {
  const [wanted, setWanted] = useState('');
  const [chosen, setChosen] = useState(/** @type {string[]} */ ([]));
  const rows = [...client.model.rows.values()]
    .filter((other) => other.kind && !other.left && titleOf(client, other).toLowerCase().includes(wanted.toLowerCase()))
    .sort((a, b) => (a.at < b.at ? 1 : -1));

  /** @param {Event} event */
  function submit(event) {
    event.preventDefault();
    if (!chosen.length) return;
    const { text, media } = message.body;
    const forwarded_from = { conversation_id: row.conversation_id, seq: message.record.seq };
    for (const id of chosen) client.send(id, { ...(text ? { text } : {}), ...(media?.length ? { media } : {}), forwarded_from });
    close();
    say(chosen.length === 1 ? 'Forwarded.' : `Forwarded to ${chosen.length} conversations.`);
  }
  const turn = (/** @type {string} */ id) => setChosen(chosen.includes(id) ? chosen.filter((known) => known !== id) : [...chosen, id]);

  return html`<${Dialog} title="Forward to" close=${close}>
    <form onSubmit=${submit}>
      <p class="forward-what" dir="auto">${inBrief(message.body)}</p>
      <label class="field"><span class="hidden">Find a conversation</span>
        <input type="search" placeholder="Find a conversation" autofocus value=${wanted} dir="auto"
          onInput=${(/** @type {any} */ event) => setWanted(event.currentTarget.value)} /></label>
      <ul class="people choices">${rows.slice(0, 50).map((other) => html`<li key=${other.conversation_id}><label data-testid="forward-to">
        <input type="checkbox" checked=${chosen.includes(other.conversation_id)} onChange=${() => turn(other.conversation_id)} />
        <${Avatar} name=${titleOf(client, other)} id=${other.conversation_id} group=${other.kind === 'group'} />
        <strong dir="auto">${titleOf(client, other)}</strong></label></li>`)}</ul>
      ${!rows.length && html`<p class="quiet">No conversation is called that.</p>`}
      <button class="button primary wide" data-testid="forward-send" disabled=${!chosen.length}><${Icon} name="forward" />Forward${chosen.length > 1 ? ` to ${chosen.length}` : ''}</button>
    </form><//>`;
}
