import { useEffect, useState } from './html.js';

const ROUTE = /^#\/c\/([0-9a-f-]{36})(?:\/(\d+))?$/;

/** @param {string} conversation_id @param {number} [seq] the message to show */
export function go(conversation_id, seq) {
  location.hash = `#/c/${conversation_id}${seq ? `/${seq}` : ''}`;
  // The browser tells later, in a task of its own: until then keys would go to the conversation before.
  dispatchEvent(new Event('hashchange'));
}

/** What the address names: a conversation, and perhaps a message of it. */
export function useRoute() {
  const read = () => {
    const [, open = null, seq] = ROUTE.exec(location.hash) ?? [];
    return { open, jump: seq ? { seq: Number(seq) } : null };
  };
  const [route, setRoute] = useState(read);
  useEffect(() => {
    let last = location.hash;
    const follow = () => {
      // The event comes twice: once said by `go`, once by the browser.
      if (location.hash !== last) setRoute(read());
      last = location.hash;
    };
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  return route;
}
