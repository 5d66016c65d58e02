import { join } from 'node:path';
import { bootQemu } from '../../../src/boot/qemu.ts';
import type { Firmware } from '../../../src/boot/types.ts';
import { hostMirror } from '../../../src/build/distributions/debian.ts';
import { digestFile } from '../../../src/bundle/digest.ts';
import type { Manifest } from '../../../src/bundle/types.ts';
import { createContext } from '../../../src/host/context.ts';
import { silentLog } from '../../../src/host/log.ts';
import { CHECKS } from '../../../src/verify/checks/index.ts';
import { runSuite } from '../../../src/verify/suite.ts';
import type { CheckResult, Report } from '../../../src/verify/types.ts';

const GIB = 1024 ** 3;
const SECURE_BOOT = 'secure-boot';
/** It takes longer than all others, and leaves another system behind. */
const CUSTOMER = 'customer';
const FAULTS = new Set(['failed', 'warned', 'flaky']);

/** Every check that a guest on a runner can be asked. */
export const GUEST_CHECKS = CHECKS.filter(
  ({ kind, places }) => kind === 'guest' && places.includes('runner'),
).map(({ name }) => name);

/** Those that are asked of every image. */
const USUAL = GUEST_CHECKS.filter(name => name !== CUSTOMER);

export interface Subject {
  /** Folder of the image, and its manifest. */
  readonly core: string;
  readonly manifest: Manifest;
}

export interface Boots {
  readonly firmware?: Firmware;
  /** Seconds from power-on to cloud-init finished, of a good image. */
  readonly earlier?: number;
  /** Seconds that it has at most. */
  readonly budget: number;
  readonly checks?: readonly string[];
}

/** What every check of a running guest says of an image, but those for another firmware. */
export async function boot(
  { core, manifest }: Subject,
  { firmware = 'bios', earlier, budget, checks = USUAL }: Boots,
): Promise<Report> {
  const context = createContext({ log: { ...silentLog, info: console.log, error: console.log } });
  const { image, version, diskDigest, diskSize, line } = manifest;
  const raw = manifest.files.find(({ form }) => form === 'raw')?.path ?? '';
  const work = join(core, '..');
  const { report } = await runSuite(
    context,
    {
      ...{ image, version, diskDigest, coreDigest: 'c', imageSize: diskSize, userName: line.user.name },
      file: await digestFile(context, core, raw),
      ...{ path: join(core, raw), form: 'raw', work, state: join(work, 'state') },
      checks: checks.filter(name => (name === SECURE_BOOT) === (firmware === 'uefi-secure')),
      ...{ place: 'qemu', placeKind: 'runner', job: 'host:1', quarantine: {} },
      bundle: { core, manifest, work, logins: line.user, line, allow: line.verify.allow ?? {} },
      packageMirror: hostMirror,
      ...(earlier !== undefined && { previousBoot: { version: 'earlier', seconds: () => earlier } }),
      boot: { accel: 'tcg', firmware, budget: budget * 1000, memory: GIB, cpus: 1 },
    },
    bootQemu,
  );
  return report;
}

/** What is wrong with it. */
export function alarms({ checks }: Pick<Report, 'checks'>): CheckResult[] {
  return checks.filter(({ outcome }) => FAULTS.has(outcome));
}
