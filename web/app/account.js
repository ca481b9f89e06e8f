/** @import {Client} from '../sdk/index.js' */
/** @import {Own} from '../sdk/types.js' */
import { html, useState } from './html.js';
import { Icon } from './icons.js';
import { refusalText } from './people.js';

/** @param {{client: Client}} props */
export function Password({ client }) {
  const [says, setSays] = useState({ text: '', wrong: false });
  /** @param {SubmitEvent} event */
  async function submit(event) {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.currentTarget);
    const [old, fresh, again] = ['old', 'new', 'again'].map((name) => String(new FormData(form).get(name)));
    if (new TextEncoder().encode(fresh).length < 8) return setSays({ text: 'A password has at least 8 characters.', wrong: true });
    if (fresh !== again) return setSays({ text: 'The new password was not typed twice alike.', wrong: true });
    try {
      await client.api.password(old, fresh);
      form.reset();
      setSays({ text: 'Changed. Your other devices are signed out.', wrong: false });
    } catch (refusal) {
      const { code } = /** @type {any} */ (refusal);
      setSays({ text: code === 'forbidden' ? 'That is not your present password.' : refusalText(refusal), wrong: true });
    }
  }
  const field = (/** @type {string} */ name, /** @type {string} */ label, /** @type {string} */ kind) =>
    html`<label class="field"><span>${label}</span><input name=${name} type="password" autocomplete=${kind} required data-testid=${`password-${name}`} /></label>`;
  return html`<form onSubmit=${submit}>
    <input type="text" autocomplete="username" value=${client.session.tokens?.user.username} class="hidden" tabindex="-1" aria-hidden="true" readonly />
    ${field('old', 'Present password', 'current-password')}${field('new', 'New password', 'new-password')}${field('again', 'New password, once more', 'new-password')}
    <p class=${says.wrong ? 'complaint' : 'quiet'} role="alert">${says.text}</p>
    <button class="button primary wide" data-testid="password-save">Change password</button></form>`;
}

/** What the server keeps, and the end of it. @param {{client: Client, own: Own | null, signOut: () => void}} props */
export function Data({ client, own, signOut }) {
  const [says, setSays] = useState('');
  const [typed, setTyped] = useState('');
  const [sure, setSure] = useState(false);
  async function save() {
    setSays('');
    try {
      const all = await client.api.export();
      const link = document.createElement('a');
      link.href = URL.createObjectURL(new Blob([JSON.stringify(all, null, 2)], { type: 'application/json' }));
      link.download = `parlor-${own?.username}.json`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    } catch (refusal) {
      setSays(refusalText(refusal));
    }
  }
  /** @param {Event} event */
  async function end(event) {
    event.preventDefault();
    if (typed !== own?.username) return setSays('Type your username to confirm.');
    try {
      await client.api.goodbye();
      signOut();
    } catch (refusal) {
      setSays(refusalText(refusal));
    }
  }
  return html`<p class="quiet">Everything the server keeps about you: profile, devices, conversations, and what you wrote.</p>
    <button type="button" class="button wide" data-testid="export" onClick=${save}><${Icon} name="down" />Export my data</button>
    <hr />
    ${!sure
      ? html`<button type="button" class="button wide danger" data-testid="delete-account" onClick=${() => setSure(true)}><${Icon} name="trash" />Delete my account…</button>`
      : html`<form onSubmit=${end}><p class="warning">Your account, profile and devices are deleted for good. What you wrote stays, by a “deleted user”.</p>
        <label class="field"><span>Type <b>${own?.username}</b> to confirm</span><input value=${typed} autocomplete="off" autocapitalize="none" spellcheck="false" data-testid="delete-confirm"
          onInput=${(/** @type {any} */ event) => setTyped(event.currentTarget.value)} /></label>
        <button class="button wide danger" data-testid="delete-sure">Delete my account</button></form>`}
    <p class="complaint" role="alert">${says}</p>`;
}

/** @param {{client: Client, signOut: () => void}} props */
export function SignOut({ client, signOut }) {
  const [busy, setBusy] = useState(false);
  const waiting = client.model.outbox.size;
  return html`${waiting > 0 && html`<p class="warning">${waiting === 1 ? 'One message has' : `${waiting} messages have`} not been sent yet.
      Signing out discards ${waiting === 1 ? 'it' : 'them'}.</p>`}
    <button type="button" class="button wide" aria-busy=${busy} disabled=${busy} onClick=${() => (setBusy(true), signOut())}><${Icon} name="leave" />Sign out</button>`;
}
