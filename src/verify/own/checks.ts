import type { SshResult } from '../../boot/types.ts';
import type { OwnCheck } from '../../definition/types.ts';
import { rootPrefix } from '../../host/privilege.ts';
import { asRoot } from '../facts.ts';
import { onPath, piped } from '../pushed.ts';
import { type CheckFacts, type GuestCheck, type GuestUnderTest, NotApplicable } from '../types.ts';
import { outcomeOf } from './outcome.ts';
import { runUnprivileged } from './runner.ts';

const PATIENCE = 300_000;

/** What all checks of a user have in common; which of them count follows from their names alone. */
export function ownFacts(name: string): CheckFacts {
  return {
    name,
    protects: 'What the owner of the image asks of it.',
    severity: 'required',
    places: ['runner', 'store', 'cloud'],
  };
}

/** The check that runs a user's script, or goss on his file. */
export function ownCheck(check: OwnCheck): GuestCheck {
  const act = ACTS[check.kind];
  return {
    ...{ kind: 'guest', ...ownFacts(check.name) },
    alone: true,
    run: async guest => outcomeOf(await act(guest, check.path)),
  };
}

type Act = (guest: GuestUnderTest, path: string) => Promise<SshResult>;

const ACTS: Readonly<Record<OwnCheck['kind'], Act>> = {
  guest: inGuest,
  runner: async ({ context, machine }, path) => {
    const { host, port } = machine.address;
    const root = await rootPrefix();
    return runUnprivileged(context, { path, arguments: [host, String(port)], root, timeout: PATIENCE });
  },
  goss: async (guest, path) => {
    await bringGoss(guest);
    return piped(guest, path, `${GOSS} --gossfile - validate --no-color --format tap`, PATIENCE + 10_000);
  },
};

/** Root's home: /tmp and /run may be mounted without the right to execute. */
const IN_GUEST = `d=$(mktemp -d -p /root) && cat > "$d/check" && chmod 700 "$d/check" || exit 126
cd / && timeout ${PATIENCE / 1000} "$d/check" < /dev/null
status=$?
rm -r "$d"
exit $status`;

async function inGuest(guest: GuestUnderTest, path: string): Promise<SshResult> {
  return piped(guest, path, IN_GUEST, PATIENCE + 10_000);
}

const PUSHED = '/var/tmp/image-factory-goss';
/** The guest's own, else the one that was brought. */
const GOSS = `PATH="$PATH:/usr/local/bin"; g=$(command -v goss || echo ${PUSHED}); "$g"`;

/** @throws NotApplicable when neither guest nor runner has goss */
async function bringGoss(guest: GuestUnderTest): Promise<void> {
  const there = `PATH="$PATH:/usr/local/bin"; command -v goss || test -x ${PUSHED}`;
  if ((await guest.machine.ssh(asRoot(there))).status === 0) return;
  const program = await onPath('goss');
  if (program === undefined) throw new NotApplicable('goss is neither in the guest nor on the runner');
  await piped(guest, program, `cat > ${PUSHED} && chmod 755 ${PUSHED}`);
}
