/** @import {Session} from '../sdk/session.js' */
import { html, useEffect, useState } from './html.js';
import { Logo } from './icons.js';

const SAYS = /** @type {{[code: string]: string}} */ ({
  username_taken: 'That username is taken. Try another one.',
  unauthenticated: 'Username and password don’t match.',
  rate_limited: 'Too many attempts. Please wait a moment.',
  unavailable: 'The server can’t be reached. Please try again.',
});

/** @param {string} username @param {string} password */
function complaint(username, password) {
  if (!/^[a-z0-9_.]{3,32}$/.test(username.toLowerCase()))
    return 'A username has 3 to 32 letters (a–z), digits, dots or underscores.';
  if (new TextEncoder().encode(password).length < 8) return 'A password has at least 8 characters.';
  return '';
}

/** The page of those who are not signed in. @param {{session: Session, device: any, done: () => void}} props */
export function Entry({ session, device, done }) {
  const [how, setHow] = useState(/** @type {"register" | "login"} */ ('register'));
  const [error, setError] = useState('');
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    document.title = how === 'register' ? 'Create account · Parlor' : 'Sign in · Parlor';
  }, [how]);

  /** @param {SubmitEvent} event */
  async function submit(event) {
    event.preventDefault();
    if (busy) return;
    const form = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    const username = String(form.get('username')).trim();
    const password = String(form.get('password'));
    const display_name = String(form.get('display_name') ?? '').trim();
    const wrong = complaint(username, password);
    setError(wrong);
    if (wrong) return;
    setBusy(true);
    try {
      await session.enter(how, { username, password, ...(display_name ? { display_name } : {}), device });
      done();
    } catch (refusal) {
      const { code, message } = /** @type {any} */ (refusal);
      setError(SAYS[code] ?? message);
      setBusy(false);
    }
  }

  const registers = how === 'register';
  return html`<main class="entry">
    <section class="entry-card">
      <header class="entry-brand"><${Logo} /><h1>Parlor</h1></header>
      <p class="entry-lead">${registers ? 'Pick a name and start talking.' : 'Welcome back.'}</p>
      <div class="tabs" role="group" aria-label="Create an account or sign in">
        <button type="button" aria-pressed=${registers} onClick=${() => (setHow('register'), setError(''))}>Create account</button>
        <button type="button" aria-pressed=${!registers} onClick=${() => (setHow('login'), setError(''))}>Sign in</button>
      </div>
      <form onSubmit=${submit} novalidate>
        <label class="field"><span>Username</span>
          <input name="username" data-testid="register-username" autocomplete="username" autocapitalize="none"
            spellcheck="false" maxlength="32" required aria-describedby="entry-error" autofocus />
        </label>
        ${registers && html`<label class="field"><span>Display name <em>optional</em></span>
          <input name="display_name" autocomplete="name" maxlength="64" dir="auto" /></label>`}
        <label class="field"><span>Password</span>
          <input name="password" type="password" data-testid="register-password" required
            autocomplete=${registers ? 'new-password' : 'current-password'} aria-describedby="entry-error" />
        </label>
        <p id="entry-error" class="complaint" role="alert">${error}</p>
        <button class="button primary wide" data-testid="register-submit" aria-busy=${busy}>
          ${busy ? 'One moment…' : registers ? 'Create account' : 'Sign in'}
        </button>
      </form>
    </section>
    <p class="entry-note">Nothing gets lost here: messages wait for you, and for your connection.</p>
  </main>`;
}
