/** @import {Client} from '../sdk/index.js' */
/** @import {Row} from '../sdk/types.js' */
import { Dialog } from './dialog.js';
import { html, useState } from './html.js';
import { refusalText } from './people.js';
import { seqAt } from './timeline.js';

/** Goes to the first message of a day. @param {{client: Client, row: Row, close: () => void, jump: (seq: number) => void}} props */
export function JumpToDate({ client, row, close, jump }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState('');
  const today = new Date(client.clock.now() - new Date().getTimezoneOffset() * 60_000).toISOString().slice(0, 10);

  /** @param {SubmitEvent} event */
  async function submit(event) {
    event.preventDefault();
    const day = String(new FormData(/** @type {HTMLFormElement} */ (event.currentTarget)).get('day'));
    if (!day || busy) return;
    setBusy(true);
    try {
      jump(await seqAt(client, row, new Date(`${day}T00:00`).getTime()));
      close();
    } catch (refusal) {
      setError(refusalText(refusal));
      setBusy(false);
    }
  }
  return html`<${Dialog} title="Go to a date" close=${close}><form onSubmit=${submit}>
    <label class="field"><span>Day</span><input type="date" name="day" max=${today} defaultValue=${today} required autofocus data-testid="jump-day" /></label>
    <p class="complaint" role="alert">${error}</p>
    <button class="button primary wide" data-testid="jump-go" aria-busy=${busy}>Show that day</button></form><//>`;
}
