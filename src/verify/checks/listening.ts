import { CheckError } from '../../host/errors.ts';
import { askedLines } from '../asked.ts';
import { judgeFindings } from '../offline/allow.ts';
import type { GuestCheck } from '../types.ts';

const SOCKETS = 'ss -H -tuln';
const LOOPBACK = /^(?:127\.\S+|\[::1\]|\S+%lo):/;

/** What every image may listen on: ssh, and the clients of DHCP. */
const ALWAYS = new Set(['tcp/22', 'udp/68', 'udp/546']);

export const listening: GuestCheck = {
  kind: 'guest',
  name: 'listening',
  protects: 'Nothing listens on the network that the factory file does not name, with the reason.',
  severity: 'required',
  places: ['runner', 'store', 'cloud'],
  asks: () => [SOCKETS],
  async run(guest) {
    const open = [...new Set((await askedLines(guest, SOCKETS)).flatMap(outward))].sort();
    const findings = open
      .filter(what => !ALWAYS.has(what))
      .map(what => ({ what, why: 'something listens there' }));
    const { wrong, excused } = judgeFindings(findings, guest.allow.listening ?? {}, guest.context.now());
    const seen = `listening on ${open.join(', ') || 'nothing'}`;
    if (wrong.length === 0) return excused.length === 0 ? seen : `${seen}; allowed: ${excused.join(', ')}`;
    throw new CheckError(wrong.join('; '), {
      advice: 'stop it, or name it under verify.allow.listening with the reason',
    });
  },
};

/** `tcp/22`; nothing for what only the server itself can reach. */
function outward(line: string): string[] {
  const [protocol = '', , , , local = ''] = line.split(/\s+/);
  if (LOOPBACK.test(local)) return [];
  return [`${protocol}/${local.slice(local.lastIndexOf(':') + 1)}`];
}
