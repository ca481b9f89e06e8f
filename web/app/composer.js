/** @import {Client} from '../sdk/index.js' */
/** @import {Message} from '../sdk/fold.js' */
/** @import {Row, User} from '../sdk/types.js' */
import { Attached, useFiles } from './attach.js';
import { draftOf, isTyped, keepDraft } from './drafts.js';
import { html, useEffect, useLayoutEffect, useRef, useState } from './html.js';
import { Icon } from './icons.js';
import { calling, candidates, mentionsIn, Suggestions } from './mentions.js';
import { powersOver } from './message_menu.js';
import { nameOf } from './names.js';
import { inBrief } from './text.js';
import { loaded } from './timeline.js';

/** PROTOCOL §1: a message's text, in bytes of UTF-8. */
const TEXT_MAX = 16_384;
/** PROTOCOL §3: `typing` is repeated so often while it lasts. */
const TYPING_MS = 3000;
const bytes = (/** @type {string} */ text) => new TextEncoder().encode(text).length;

/** What the composer is for. @typedef {{reply?: Message, edit?: Message} | null} Mode */

/** @param {{client: Client, row: Row, name: string, held: boolean, mode: Mode, setMode: (mode: Mode) => void}} props */
export function Composer({ client, row, name, held, mode, setMode }) {
  const { conversation_id } = row;
  const field = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  const [text, setText] = useState(() => draftOf(row));
  const [call, setCall] = useState(/** @type {ReturnType<typeof calling>} */ (null));
  const [chosen, setChosen] = useState(0);
  const files = useFiles(client);
  const typed = useRef(0);
  const edit = mode?.edit;
  const over = text.length * 3 > TEXT_MAX ? bytes(text) - TEXT_MAX : 0;
  const something = text.trim() !== '' || files.ready.length > 0 || !!edit?.body.media?.length;
  const ready = !held && something && over <= 0 && !files.busy;
  const users = call && row.kind === 'group' ? candidates(client, row, call.name) : [];

  // A touch keyboard that opens by itself hides half of the conversation.
  useEffect(() => void (matchMedia('(pointer: fine)').matches && field.current?.focus()), [conversation_id]);
  // Before the next key, which may come before the next frame.
  useLayoutEffect(() => {
    if (!mode) return;
    if (mode.edit) setText(mode.edit.text);
    field.current?.focus();
    field.current?.setSelectionRange(1e6, 1e6);
  }, [mode]);
  // What another device has typed. The effect comes late: by then something may have been typed here.
  useEffect(() => void (edit || isTyped(conversation_id) || setText(draftOf(row))), [row.view?.draft]);
  useLayoutEffect(() => {
    const area = field.current;
    if (!area) return;
    area.style.height = 'auto';
    area.style.height = `${area.scrollHeight}px`;
  }, [text]);

  /** @param {string} value */
  function type(value) {
    if (!edit) keepDraft(client, conversation_id, value);
    setText(value);
    if (edit || row.left) return;
    if (!value) stop();
    else if (Date.now() - typed.current >= TYPING_MS) {
      typed.current = Date.now();
      client.typing(conversation_id, true);
    }
  }
  function stop() {
    if (typed.current) client.typing(conversation_id, false);
    typed.current = 0;
  }
  useEffect(() => stop, [conversation_id]);

  function leave() {
    setMode(null);
    if (edit) setText(draftOf(row));
    field.current?.focus();
  }

  /** @param {Event} event */
  function submit(event) {
    event.preventDefault();
    if (!ready) return;
    const mentions = mentionsIn(client, row, text);
    if (edit) {
      if (text !== edit.text) client.edit(conversation_id, edit.record.seq, { text, ...(mentions.length ? { mentions } : {}), ...(edit.body.media ? { media: edit.body.media } : {}) });
      return leave();
    }
    const media = files.ready.map((media_id) => ({ media_id }));
    client.send(conversation_id, {
      ...(text.trim() ? { text } : {}), ...(mode?.reply ? { reply_to: mode.reply.record.seq } : {}),
      ...(mentions.length ? { mentions } : {}), ...(media.length ? { media } : {}),
    });
    stop();
    files.clear();
    setMode(null);
    keepDraft(client, conversation_id, '');
    setText('');
    setCall(null);
    field.current?.focus();
  }

  /** @param {User} user */
  function mention(user) {
    const area = field.current;
    if (!area || !call) return;
    const value = `${area.value.slice(0, call.from)}@${user.username} ${area.value.slice(call.to)}`;
    const caret = call.from + user.username.length + 2;
    // At once: the next key may come before the next frame.
    area.value = value;
    area.setSelectionRange(caret, caret);
    type(value);
    setCall(null);
  }

  /** Enter sends, Shift+Enter makes a line; an Enter that ends a composition (Japanese, Chinese) is neither.
   * @param {KeyboardEvent} event */
  function key(event) {
    if (event.isComposing) return;
    if (users.length) {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) setChosen((chosen + step + users.length) % users.length);
      else if (event.key === 'Enter' || event.key === 'Tab') mention(users[chosen] ?? users[0]);
      else if (event.key === 'Escape') setCall(null);
      else return;
      event.stopPropagation();
      return event.preventDefault();
    }
    if (event.key === 'Enter' && !event.shiftKey) return submit(event);
    if (event.key === 'Escape' && mode) {
      event.stopPropagation();
      return leave();
    }
    if (event.key !== 'ArrowUp' || text || mode) return;
    const last = ownLast(client, row);
    if (!last) return;
    event.preventDefault();
    setMode({ edit: last });
  }
  const look = () => {
    setCall(field.current && calling(field.current));
    setChosen(0);
  };

  return html`<form class="composer" onSubmit=${submit} onPaste=${files.pasted} onDragOver=${files.over} onDrop=${files.dropped}>
    ${over > 0 && html`<p class="complaint" role="alert">That is ${over} bytes too long. Please make it two messages.</p>`}
    ${users.length > 0 && html`<${Suggestions} users=${users} chosen=${chosen} choose=${mention} />`}
    ${mode && html`<div class="composer-mode"><${Icon} name=${edit ? 'edit' : 'reply'} />
      <p><strong dir="auto">${edit ? 'Edit message' : `Reply to ${mode.reply?.record.sender_id === client.me ? 'yourself' : nameOf(client, mode.reply?.record.sender_id ?? '')}`}</strong>
      <span dir="auto">${inBrief((edit ?? mode.reply)?.body)}</span></p>
      <button type="button" class="round plain small" aria-label=${edit ? 'Leave it as it was' : 'Don’t reply'} onClick=${leave}><${Icon} name="close" /></button></div>`}
    <${Attached} files=${files} />
    <div class="composer-field">
      ${!edit && html`<label class="round plain small attach" title="Attach a file"><${Icon} name="clip" /><span class="hidden">Attach a file</span>
        <input type="file" multiple class="hidden" data-testid="attach" onChange=${files.chosen} /></label>`}
      <textarea ref=${field} rows="1" data-testid="message-input" aria-label=${`Message to ${name}`} placeholder="Write a message"
        dir="auto" enterkeyhint="send" disabled=${held} value=${text} onKeyDown=${key} onKeyUp=${look} onClick=${look}
        aria-controls=${users.length ? 'suggestions' : undefined} aria-activedescendant=${users.length ? `suggestion-${chosen}` : undefined}
        onInput=${(/** @type {any} */ event) => (type(event.currentTarget.value), look())} onBlur=${() => setCall(null)}></textarea>
      <button class="send" data-testid="message-send" aria-label=${edit ? 'Save' : 'Send'} disabled=${!ready}><${Icon} name=${edit ? 'check' : 'send'} /></button>
    </div>
  </form>`;
}

/** The newest own message that may still be edited. @param {Client} client @param {Row} row @returns {Message | undefined} */
function ownLast(client, row) {
  const items = client.model.logs.get(row.conversation_id)?.items ?? [];
  for (let i = items.length - 1; i >= 0 && i > items.length - 200; i--) {
    const { kind, sender_id, seq } = items[i];
    const message = kind === 'message' && sender_id === client.me ? loaded(row.conversation_id, seq) : undefined;
    if (message && powersOver(client, row, message).edit) return message;
  }
  return undefined;
}
