import { availableParallelism } from 'node:os';
import { basename, dirname } from 'node:path';
import { type BootMachine, MACHINES } from '../boot/machines.ts';
import type { CloudPlacement } from '../boot/nova/types.ts';
import type { DirectBoot, Firmware, Machine, MachineRequest } from '../boot/types.ts';
import { digestFile } from '../bundle/digest.ts';
import type { FileDigest } from '../bundle/types.ts';
import type { DiskForm } from '../definition/forms.ts';
import type { QemuHardware } from '../definition/hardware.ts';
import type { Quarantine } from '../definition/types.ts';
import type { Context } from '../host/context.ts';
import { TrustError } from '../host/errors.ts';
import { withWorkDirectory } from '../host/workdir.ts';
import { type BootParts, type BootResult, runBoots } from './boot.ts';
import { chooseChecks, requiredChecks } from './choose.ts';
import { elsewhere } from './judge.ts';
import { keepGuest } from './keep.ts';
import { runOffline } from './offline/run.ts';
import type { BundleUnderTest } from './offline/types.ts';
import type {
  Check,
  CheckResult,
  GuestCheck,
  OfflineCheck,
  PackageMirrorSource,
  PlaceKind,
  PreviousBoot,
  Report,
} from './types.ts';

/** What is tested, where, and how; sizes are bytes, times milliseconds. */
export interface SuiteRequest {
  /** Image line and version. */
  readonly image: string;
  readonly version: string;
  readonly coreDigest: string;
  readonly diskDigest: string;
  /** The file as the manifest names it, with the digests that its bytes must have. */
  readonly file: FileDigest;
  /** Absolute path of the bytes to boot: in the bundle, or in a store. */
  readonly path: string;
  readonly form: DiskForm;
  /** Absent: the disk boots by itself. */
  readonly direct?: DirectBoot;
  /** Size of the image's disk. */
  readonly imageSize: number;
  readonly userName: string;
  /** Names of the checks to run. */
  readonly checks: readonly string[];
  /** The user's own among them. */
  readonly own?: readonly GuestCheck[];
  /** By the name of a check; the factory file's word, not the manifest's. */
  readonly quarantine: Readonly<Record<string, Quarantine>>;
  /** The bundle that the bytes come from, for the checks that boot nothing. */
  readonly bundle: BundleUnderTest;
  readonly packageMirror?: PackageMirrorSource;
  readonly place: string;
  readonly placeKind: PlaceKind;
  readonly job: string;
  readonly previousBoot?: PreviousBoot;
  readonly boot: {
    readonly accel: MachineRequest['accel'];
    readonly firmware: Firmware;
    /** From power-on to cloud-init finished. */
    readonly budget: number;
    /** Bytes a second between guest and runner, at least. */
    readonly throughput?: number;
    readonly memory: number;
    readonly cpus: number;
    readonly hardware?: QemuHardware;
  };
  /** The cloud to start a server in; absent: the machine is ours. */
  readonly cloud?: CloudPlacement | undefined;
  /** Milliseconds for which the guest is left running when all has ended; absent: not at all. */
  readonly keep?: number;
  /** Called when every check has ended; only then does a kept guest's time begin. */
  readonly concluded?: (result: SuiteResult) => Promise<void>;
  /** Called with what the guest of a boot wrote, when the run is broken off: there will be no result. */
  readonly unfinished?: (boot: Pick<BootResult, 'name' | 'console'>) => Promise<void>;
  /** Directory for work files; nothing is left there. */
  readonly work: string;
  /** The user's state directory. */
  readonly state: string;
}

export interface SuiteResult {
  readonly report: Report;
  /** The boots, the one first that the report tells of; what their guests wrote is not cleaned. */
  readonly boots: readonly Pick<BootResult, 'name' | 'console' | 'screen'>[];
}

/**
 * Runs checks on an image: those that need no guest beside the boot that the others share. A guest that does
 * not come up gives a report whose checks failed.
 * @throws DefinitionError for a check that does not exist, HostError when this host cannot boot a guest,
 *   TrustError when the bytes are not the ones named or changed meanwhile, CancelledError
 */
export async function runSuite(
  context: Context,
  request: SuiteRequest,
  boot: BootMachine = request.cloud === undefined ? MACHINES.qemu : MACHINES.nova,
): Promise<SuiteResult> {
  const checks = chooseChecks(request.checks, request.own);
  const { placeKind: place, quarantine } = request;
  const required = requiredChecks({ place, checks: request.checks, quarantine }, context.now());
  await assertBytes(context, request, 'is not the file that was to be tested');
  return withWorkDirectory(context, request.work, async directory => {
    const kept: Machine[] = [];
    const keep = async (machine: Machine) => void kept.push(machine);
    const parts = { directory, boot, cores: availableParallelism(), ...(request.keep && { keep }) };
    try {
      const result = await testAll(context, request, { checks, required }, parts);
      await request.concluded?.(result);
      for (const machine of kept) await keepGuest(context, machine, request.keep ?? 0);
      return result;
    } finally {
      for (const machine of kept) await machine.close();
    }
  });
}

interface Chosen {
  readonly checks: readonly Check[];
  /** Names of those that must pass. */
  readonly required: readonly string[];
}

async function testAll(
  context: Context,
  request: SuiteRequest,
  { checks, required }: Chosen,
  parts: BootParts,
): Promise<SuiteResult> {
  const startedAt = context.now().toISOString();
  const { main, others, results } = await runChecks(context, request, checks, parts);
  await assertBytes(context, request, 'changed while it was tested');
  const { machine, bootSeconds, sharedSeconds, units } = main;
  const otherBoots = others.map(({ name, bootSeconds }) => ({ name, bootSeconds }));
  const report = {
    ...subject(request),
    ...{ machine, bootSeconds, sharedSeconds, required },
    ...(otherBoots.length > 0 && { otherBoots }),
    ...(units.length > 0 && { units }),
    run: runId(context),
    startedAt,
    finishedAt: context.now().toISOString(),
    checks: results,
    passed: required.every(name => results.some(each => each.name === name && each.outcome === 'passed')),
  };
  return { report, boots: [main, ...others] };
}

async function assertBytes(context: Context, { path, file }: SuiteRequest, complaint: string): Promise<void> {
  const { sha256, sha512 } = await digestFile(context, dirname(path), basename(path));
  if (sha256 === file.sha256 && sha512 === file.sha512) return;
  throw new TrustError(`${path} ${complaint}: its digest is not ${file.sha256.slice(0, 16)}...`);
}

interface Ran {
  readonly main: BootResult;
  readonly others: readonly BootResult[];
  /** In the order of the list of checks. */
  readonly results: readonly CheckResult[];
}

async function runChecks(
  context: Context,
  request: SuiteRequest,
  checks: readonly Check[],
  parts: BootParts,
): Promise<Ran> {
  const here = checks.filter(check => check.places.includes(request.placeKind));
  const away = checks.filter(check => !here.includes(check)).map(check => elsewhere(context, check));
  const guest = here.filter((check): check is GuestCheck => check.kind === 'guest');
  const offline = here.filter((check): check is OfflineCheck => check.kind === 'offline');
  const [{ main, others, unfit }, looked] = await both(
    runBoots(context, request, guest, parts),
    runOffline(context, request.bundle, offline, request.quarantine),
  );
  const found = [...away, ...unfit, ...[main, ...others].flatMap(each => each.results), ...looked];
  const results = checks.flatMap(({ name }) => found.filter(each => each.name === name));
  return { main, others, results };
}

/** Both have ended when it returns or throws: neither works on in a directory that is being removed. */
async function both<A, B>(one: Promise<A>, other: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([one, other]);
  return [await one, await other];
}

function subject(request: SuiteRequest) {
  const { image, version, place, job, coreDigest, diskDigest } = request;
  const { path, sha256, sha512 } = request.file;
  const bootedFile = { path, sha256, sha512 };
  return {
    formatVersion: 1 as const,
    image,
    version,
    place,
    job,
    coreDigest,
    diskDigest,
    bootedFile,
  };
}

/** `20261121T045500Z-1a2b3c4d`: sorts by time, and is the name of a folder. */
function runId(context: Context): string {
  const time = context
    .now()
    .toISOString()
    .replace(/[-:]|\.\d+/g, '');
  return `${time}-${context.random(4).toString('hex')}`;
}
