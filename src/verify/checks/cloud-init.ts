import { CheckError } from '../../host/errors.ts';
import { clean } from '../../host/log.ts';
import { asked } from '../asked.ts';
import type { GuestCheck } from '../types.ts';

const STATUS = 'cat /run/cloud-init/status.json';
/** A deprecated word of ours or of the operator's is no fault of the image. */
const HARMLESS = new Set(['DEPRECATED', 'INFO', 'DEBUG']);
const MOST = 3;

export const cloudInit: GuestCheck = {
  kind: 'guest',
  name: 'cloud-init',
  protects:
    'Every stage of cloud-init ends without an error, so that what a customer configures is what he gets.',
  severity: 'required',
  places: ['runner', 'store', 'cloud'],
  asks: () => [STATUS],
  async run(guest) {
    const { status, detail } = guest.cloudInit;
    if (status === 'error') throw new CheckError(`cloud-init failed: ${detail}`);
    const complaints = complaintsIn(await asked(guest, STATUS));
    if (complaints.length === 0) return `cloud-init is ${status}, no stage complains`;
    throw new CheckError(`cloud-init complains: ${complaints.slice(0, MOST).map(clean).join('; ')}`);
  },
};

interface Stage {
  readonly errors?: readonly unknown[];
  /** By level, since cloud-init 23.4. */
  readonly recoverable_errors?: Readonly<Record<string, readonly unknown[]>>;
}

function complaintsIn(text: string): string[] {
  let stages: Readonly<Record<string, Stage | string | null>>;
  try {
    stages = (JSON.parse(text) as { v1: typeof stages }).v1;
  } catch (cause) {
    throw new CheckError('/run/cloud-init/status.json cannot be read', { cause });
  }
  return Object.entries(stages).flatMap(([name, stage]) =>
    typeof stage === 'object' && stage !== null ? complaintsOf(stage).map(each => `${name}: ${each}`) : [],
  );
}

function complaintsOf({ errors = [], recoverable_errors: recoverable = {} }: Stage): string[] {
  const levels = Object.keys(recoverable).filter(level => !HARMLESS.has(level));
  return [...errors, ...levels.flatMap(level => recoverable[level] ?? [])].map(String);
}
