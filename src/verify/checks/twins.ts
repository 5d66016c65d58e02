import { CheckError } from '../../host/errors.ts';
import { asked } from '../asked.ts';
import type { Answers } from '../facts.ts';
import type { GuestCheck } from '../types.ts';

/** What must differ between two instances, by what a person calls it. */
const OWN: Readonly<Record<string, string>> = {
  'ssh host keys': "cat /etc/ssh/ssh_host_*_key.pub | cut -d ' ' -f 1,2",
  'machine id': 'cat /etc/machine-id',
  'random seed': 'if test -s /var/lib/systemd/random-seed; then sha256sum < /var/lib/systemd/random-seed; fi',
  'host name': 'hostname',
};

/** A guest that keeps none lends no randomness to another. */
const MAY_BE_EMPTY = new Set(['random seed']);

export const twins: GuestCheck = {
  kind: 'guest',
  name: 'twins',
  protects: 'No two servers of one image have the same ssh host keys, machine id, random seed or name.',
  severity: 'required',
  places: ['runner'],
  boot: 'drive',
  compares: Object.values(OWN),
  asks: () => Object.values(OWN),
  async run(guest) {
    const other = (await guest.twin?.()) ?? new Map();
    const seen: string[] = [];
    for (const [what, command] of Object.entries(OWN)) {
      if (differs(what, await asked(guest, command), answerOf(other, command))) seen.push(what);
    }
    return `two instances have each their own ${seen.join(', ')}`;
  },
};

function answerOf(answers: Answers, command: string): string {
  const found = answers.get(command);
  if (found?.status === 0) return found.stdout.trim();
  throw new CheckError('the first instance did not answer, and there is nothing to compare with');
}

/** @returns whether there is one at all */
function differs(what: string, one: string, other: string): boolean {
  const mayBeEmpty = MAY_BE_EMPTY.has(what);
  if (mayBeEmpty && (one === '' || other === '')) return false;
  if (one === '') throw new CheckError(`an instance has no ${what}`);
  // One key of several that both have is one too many.
  const shared = one.split('\n').find(line => other.split('\n').includes(line));
  if (shared === undefined) return true;
  throw new CheckError(`two instances have the same ${what}: ${shared.slice(0, 60)}`);
}
