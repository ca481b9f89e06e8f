/** @import {Client} from '../sdk/index.js' */
/** @import {Entry} from '../sdk/types.js' */
import { reasonOf } from './bubble.js';
import { Dialog } from './dialog.js';
import { html, useEffect, useState } from './html.js';
import { Icon, Tick } from './icons.js';
import { titleOf } from './names.js';
import { go } from './routes.js';
import { inBrief } from './text.js';
import { clockTime } from './times.js';
import { say } from './toast.js';

/** What is sent at once needs no line of its own: only what still waits after this time. */
const PATIENCE_MS = 2500;
const WORDS = /** @type {{[type: string]: string}} */ ({ edit: 'Edit', delete: 'Deletion', react: 'Reaction', pin: 'Pin' });

/** The line above the list: what was written and is not on the server yet. @param {{client: Client}} props */
export function Waiting({ client }) {
  const [open, setOpen] = useState(false);
  const [, redraw] = useState(0);
  const entries = [...client.model.outbox.values()].filter((entry) => entry.state !== 'sequenced').sort((a, b) => a.order - b.order);
  const late = entries.filter((entry) => entry.state === 'failed' || client.clock.now() - Date.parse(entry.at) > PATIENCE_MS);
  useEffect(() => {
    if (!entries.length) return;
    const timer = setTimeout(() => redraw((turn) => turn + 1), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [entries.length]);
  const failed = late.filter((entry) => entry.state === 'failed').length;
  if (!late.length && !open) return null;
  const count = late.length;
  return html`${count > 0 && html`<button type="button" class="waiting" data-testid="outbox" data-failed=${failed > 0} onClick=${() => setOpen(true)}>
      <${Tick} state="pending" />${failed ? `${failed} not sent` : `${count} ${count === 1 ? 'waits' : 'wait'} to be sent`}</button>`}
    ${open && html`<${Dialog} title="Waiting to be sent" close=${() => setOpen(false)}>
      ${!entries.length && html`<p class="quiet">Everything has been sent.</p>`}
      <ul class="outbox">${entries.map((entry) => html`<${Line} key=${entry.client_msg_id} client=${client} entry=${entry} close=${() => setOpen(false)} />`)}</ul><//>`}`;
}

/** @param {{client: Client, entry: Entry, close: () => void}} props */
function Line({ client, entry, close }) {
  const row = client.model.rows.get(entry.conversation_id);
  const failed = entry.state === 'failed';
  return html`<li data-testid="outbox-entry" data-state=${entry.state}>
    <button type="button" class="outbox-what" onClick=${() => (close(), go(entry.conversation_id))}>
      <strong dir="auto">${row ? titleOf(client, row) : '…'}</strong>
      <span dir="auto">${WORDS[entry.type] ?? inBrief(entry.fields.body)}</span>
      <em>${failed ? `Not sent: ${reasonOf(entry)}` : `Written ${clockTime(entry.at)}, waits for the connection`}</em></button>
    ${failed && html`<button type="button" class="button" onClick=${() => client.retry(entry)}>Try again</button>`}
    <button type="button" class="round plain small" aria-label="Discard" onClick=${() => client.discard(entry)} hidden=${!failed}><${Icon} name="trash" /></button></li>`;
}

/** A refused change of a message has no bubble of its own: it is said, and forgotten. @param {Client} client */
export function useRefusals(client) {
  const refused = [...client.model.outbox.values()].find((entry) => entry.state === 'failed' && entry.type !== 'send');
  useEffect(() => {
    if (!refused) return;
    client.discard(refused);
    say(`${WORDS[refused.type] ?? 'Change'} not possible: ${reasonOf(refused)}.`);
  }, [refused?.client_msg_id]);
}
