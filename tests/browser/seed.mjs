// Fills a conversation with many messages, faster than hands could: a page that speaks the protocol itself.

/** Commands on their way at once. */
const UNDER_WAY = 300;

/** @typedef {import('./people.mjs').Page} Page */

/** Someone who writes `message 1`, `message 2` … into a group of their own with a reader. */
export class Writer {
  /** @param {import('./people.mjs').Person} person @param {string} reader @param {string} title */
  static async begin(person, reader, title) {
    const { page } = person;
    const conversation_id = await page.evaluate(async ({ reader, title }) => {
      const { access_token } = JSON.parse(localStorage.getItem('parlor.session') ?? '');
      const headers = { Authorization: `Bearer ${access_token}`, 'Content-Type': 'application/json', 'Idempotency-Key': crypto.randomUUID() };
      const user = await (await fetch(`/v1/users?username=${reader}`, { headers })).json();
      const body = JSON.stringify({ kind: 'group', title, member_ids: [user.user_id], history: 'all' });
      return (await (await fetch('/v1/conversations', { method: 'POST', headers, body })).json()).conversation_id;
    }, { reader, title });
    return new Writer(page, conversation_id);
  }

  /** @param {Page} page @param {string} conversation_id */
  constructor(page, conversation_id) {
    this.page = page;
    this.conversation_id = conversation_id;
    this.last = 0;
  }

  /** Writes so many more, in order of their numbers, and waits until all are acknowledged. @param {number} count */
  async write(count) {
    const from = this.last + 1;
    this.last += count;
    await this.page.evaluate(flood, { conversation_id: this.conversation_id, from, to: this.last, UNDER_WAY });
  }
}

/** In the page: sends with a window of commands under way. The server must allow such a speed (`edge.rates`, see dev/test).
 * @param {{conversation_id: string, from: number, to: number, UNDER_WAY: number}} of */
async function flood({ conversation_id, from, to, UNDER_WAY }) {
  const { access_token } = JSON.parse(localStorage.getItem('parlor.session') ?? '');
  const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/v1/ws`, ['parlor.v1']);
  const time = Date.now().toString(16).padStart(12, '0');
  let next = from;
  let acked = from - 1;
  const pump = () => {
    for (; next <= to && next - acked <= UNDER_WAY; next++) {
      const client_msg_id = `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${next.toString(16).padStart(12, '0')}`;
      socket.send(JSON.stringify({ type: 'send', id: String(next), conversation_id, client_msg_id, body: { text: `message ${next}` } }));
    }
  };
  await new Promise((resolve, reject) => {
    socket.onopen = () => socket.send(JSON.stringify({ type: 'auth', id: 'auth', token: access_token }));
    socket.onclose = (event) => reject(new Error(`closed: ${event.code} ${event.reason}`));
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.type === 'ready') pump();
      if (frame.type === 'error') reject(new Error(data));
      if (frame.type !== 'sequenced') return;
      acked++;
      if (acked === to) resolve(undefined);
      if (UNDER_WAY - (next - acked) > UNDER_WAY / 4) pump();
    };
  });
  socket.onclose = null;
  socket.close();
}
