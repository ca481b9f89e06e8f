// A bot that says everything back. Node 22: `node bot.mjs http://127.0.0.1:8080 echo a-long-password`
// (Node 20 knows WebSocket behind a flag: `node --experimental-websocket bot.mjs …`).
import { connect } from '../index.js'; // elsewhere: from 'parlor-sdk'

const [base, username, password] = process.argv.slice(2);
const bot = await connect(base, { username, password }).catch(() => connect(base, { username, password }, { register: true }));
bot.subscribe((change) => {
  if (change?.type !== 'applied') return;
  for (const { kind, sender_id, conversation_id, seq, body } of change.items) {
    if (kind !== 'message' || sender_id === bot.me || seq <= change.row.read_seq) continue;
    bot.send(conversation_id, { text: `You said: ${body.text}`, reply_to: seq });
    bot.read(conversation_id);
  }
});
console.log(`${username} is listening`);
