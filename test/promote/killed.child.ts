// Started by execute.test.ts: promotes, and kills itself at the moment that is named.
import { promoteInto, type Trial } from './promotion.ts';

const [text = '', when = ''] = process.argv.slice(2);
const trial: Trial = JSON.parse(text);
await promoteInto({
  ...trial,
  moment: async name => {
    if (name !== when) return;
    process.kill(process.pid, 'SIGKILL');
    await new Promise(() => setInterval(() => {}, 1000));
  },
});
