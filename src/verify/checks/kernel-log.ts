import { CheckError } from '../../host/errors.ts';
import { askedLines } from '../asked.ts';
import { judgeFindings } from '../offline/allow.ts';
import type { GuestCheck } from '../types.ts';

const LOG = 'dmesg';
const MOST = 3;
/** Since the boot. */
const TIME = /^\[[ \d.]+\] /;

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
    const findings = lines
      .filter(line => SIGNS.some(sign => sign.test(line)))
      .map(line => ({ what: line.replace(TIME, ''), why: 'the kernel complains' }));
    const allow = guest.allow['kernel-log'] ?? {};
    const { wrong, excused } = judgeFindings(findings, allow, guest.context.now());
    const seen = `${lines.length} lines, none of which matters`;
    if (wrong.length === 0) return excused.length === 0 ? seen : `${seen}; allowed: ${excused.join(', ')}`;
    throw new CheckError(wrong.slice(0, MOST).join(' | '), {
      advice: 'mend it, or name the line under verify.allow.kernel-log with the reason',
    });
  },
};
