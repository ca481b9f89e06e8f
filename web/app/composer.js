/** @import {Client} from '../sdk/index.js' */
import { html, useEffect, useLayoutEffect, useRef, useState } from './html.js';
import { Icon } from './icons.js';

/** PROTOCOL §1: a message's text, in bytes of UTF-8. */
const TEXT_MAX = 16_384;
const bytes = (/** @type {string} */ text) => new TextEncoder().encode(text).length;
/** What was typed and not sent, by conversation, for as long as the page lives. @type {Map<string, string>} */
const drafts = new Map();

/** @param {{client: Client, conversation_id: string, name: string, held: boolean}} props */
export function Composer({ client, conversation_id, name, held }) {
  const field = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  const [text, setText] = useState(drafts.get(conversation_id) ?? '');
  const over = text.length * 3 > TEXT_MAX ? bytes(text) - TEXT_MAX : 0;
  const ready = !held && text.trim() !== '' && over <= 0;

  // A touch keyboard that opens by itself hides half of the conversation.
  useEffect(() => void (matchMedia('(pointer: fine)').matches && field.current?.focus()), [conversation_id]);
  useLayoutEffect(() => {
    const area = field.current;
    if (!area) return;
    area.style.height = 'auto';
    area.style.height = `${area.scrollHeight}px`;
  }, [text]);

  /** @param {string} value */
  function type(value) {
    drafts.set(conversation_id, value);
    setText(value);
  }

  /** @param {Event} event */
  function submit(event) {
    event.preventDefault();
    if (!ready) return;
    client.send(conversation_id, text);
    type('');
    field.current?.focus();
  }

  /** Enter sends, Shift+Enter makes a line; an Enter that ends a composition (Japanese, Chinese) is neither.
   * @param {KeyboardEvent} event */
  function key(event) {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) submit(event);
  }

  return html`<form class="composer" onSubmit=${submit}>
    ${over > 0 && html`<p class="complaint" role="alert">That is ${over} bytes too long. Please make it two messages.</p>`}
    <div class="composer-field">
      <textarea ref=${field} rows="1" data-testid="message-input" aria-label=${`Message to ${name}`} placeholder="Write a message"
        dir="auto" enterkeyhint="send" disabled=${held} value=${text} onKeyDown=${key}
        onInput=${(/** @type {any} */ event) => type(event.currentTarget.value)}></textarea>
      <button class="send" data-testid="message-send" aria-label="Send" disabled=${!ready}><${Icon} name="send" /></button>
    </div>
  </form>`;
}
