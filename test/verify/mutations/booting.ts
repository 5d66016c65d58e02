import { join } from 'node:path';
import { bootQemu } from '../../../src/boot/qemu.ts';
import { hostMirror } from '../../../src/build/distributions/debian.ts';
import { digestFile } from '../../../src/bundle/digest.ts';
import type { Manifest } from '../../../src/bundle/types.ts';
import { createContext } from '../../../src/host/context.ts';
import { silentLog } from '../../../src/host/log.ts';
import { CHECKS } from '../../../src/verify/checks/index.ts';
import { runSuite, type SuiteRequest } from '../../../src/verify/suite.ts';
import type { CheckResult, Report } from '../../../src/verify/types.ts';

const GIB = 1024 ** 3;
/** They take longer than all others, and leave another system behind. */
const CUSTOMERS = ['customer', 'customer-uefi'];
/** Those of them that are about a firmware; each but the first needs one boot more. */
export const FIRMWARE_CHECKS = ['bios', 'uefi', 'secure-boot'] as const;
const FAULTS = new Set(['failed', 'warned', 'flaky']);

/** What the suite says goes to the test's output. */
const log = { ...silentLog, info: console.log, warn: console.log, error: console.log };
export const context = createContext({ log });

/** Every check that a guest on a runner can be asked. */
export const GUEST_CHECKS = CHECKS.filter(
  ({ kind, places }) => kind === 'guest' && places.includes('runner'),
).map(({ name }) => name);

/** Those that are asked of every good image. */
export const GOOD_CHECKS = GUEST_CHECKS.filter(name => !CUSTOMERS.includes(name));

/** Those that are asked of every bad one. */
const USUAL = GOOD_CHECKS.filter(name => name !== 'uefi' && name !== 'secure-boot');

export interface Subject {
  /** Folder of the image, and its manifest. */
  readonly core: string;
  readonly manifest: Manifest;
}

export interface Boots {
  /** Seconds from power-on to cloud-init finished, of a good image. */
  readonly earlier?: number;
  /** Seconds that it has at most. */
  readonly budget: number;
  readonly checks?: readonly string[];
}

/** What the checks of a running guest say of an image. */
export async function boot(subject: Subject, { earlier, budget, checks = USUAL }: Boots): Promise<Report> {
  const request = {
    ...(await requestFor(subject, budget)),
    ...{ checks, place: 'qemu', placeKind: 'runner' as const },
    packageMirror: hostMirror,
    ...(earlier !== undefined && { previousBoot: { version: 'earlier', seconds: () => earlier } }),
  };
  return (await runSuite(context, request, bootQemu)).report;
}

/** What the suite is asked, wherever the image boots. @param budget seconds */
export async function requestFor(
  { core, manifest }: Subject,
  budget: number,
): Promise<Omit<SuiteRequest, 'checks' | 'place' | 'placeKind'>> {
  const { image, version, diskDigest, diskSize, line } = manifest;
  const raw = manifest.files.find(({ form }) => form === 'raw')?.path ?? '';
  const work = join(core, '..');
  return {
    ...{ image, version, diskDigest, coreDigest: 'c', imageSize: diskSize, userName: line.user.name },
    file: await digestFile(context, core, raw),
    ...{ path: join(core, raw), form: 'raw', work, state: join(work, 'state') },
    ...{ job: 'host:1', quarantine: {} },
    bundle: { core, manifest, work, logins: line.user, line, allow: line.verify.allow ?? {} },
    boot: { accel: 'tcg', firmware: 'bios', budget: budget * 1000, memory: GIB, cpus: 1 },
  };
}

/** What is wrong with it. */
export function alarms({ checks }: Pick<Report, 'checks'>): CheckResult[] {
  return checks.filter(({ outcome }) => FAULTS.has(outcome));
}
