import { CheckError } from '../../host/errors.ts';
import { askedLines } from '../asked.ts';
import type { GuestCheck } from '../types.ts';

const LOG = 'dmesg';
const MOST = 3;

const SIGNS: readonly RegExp[] = [
  ...[/\bOops\b/, /\bBUG:/, /WARNING: CPU: /, /\bCall Trace:/, /general protection fault/, /kernel panic/i],
  ...[/invoked oom-killer|Out of memory:/, /\bsegfault at\b/, /hung_task|blocked for more than \d+ seconds/],
  ...[/I\/O error/, /EXT4-fs (?:error|warning)/, /XFS .*corrupt/i, /Remounting filesystem read-only/],
  ...[/Hardware Error/, /soft lockup|hard LOCKUP|self-detected stall/, /module verification failed/],
];

/** Without KVM, on a busy host, the guest's clock runs while its processors do not. */
const SLOW_HOST: readonly RegExp[] = [
  /soft lockup|self-detected stall|detected stalls|blocked for more than/,
];

export const kernelLog: GuestCheck = {
  kind: 'guest',
  name: 'kernel-log',
  protects: 'The kernel runs without oops, bug, I/O error or killed program.',
  severity: 'required',
  places: ['runner', 'store', 'cloud'],
  asks: () => [LOG],
  async run(guest) {
    const stalls = guest.machine.accelerator === 'kvm' ? [] : SLOW_HOST;
    const lines = (await askedLines(guest, LOG)).filter(line => !stalls.some(sign => sign.test(line)));
    const bad = lines.filter(line => SIGNS.some(sign => sign.test(line)));
    if (bad.length === 0) return `${lines.length} lines, none of which matters`;
    throw new CheckError(`the kernel complains: ${bad.slice(0, MOST).join(' | ')}`);
  },
};
