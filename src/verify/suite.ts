import { basename, dirname } from 'node:path';
import { type BootMachine, MACHINES } from '../boot/machines.ts';
import type { Firmware, Machine, MachineRequest } from '../boot/types.ts';
import { digestFile } from '../bundle/digest.ts';
import type { FileDigest } from '../bundle/types.ts';
import type { DiskForm } from '../definition/types.ts';
import { closest } from '../definition/words.ts';
import type { Context } from '../host/context.ts';
import { CheckError, DefinitionError, TrustError } from '../host/errors.ts';
import { clean } from '../host/log.ts';
import { withWorkDirectory } from '../host/workdir.ts';
import { CHECKS } from './checks/index.ts';
import { awaitGuest, type BootedGuest } from './guest.ts';
import type { Check, CheckResult, GuestUnderTest, Report } from './types.ts';
import { userData } from './user-data.ts';

const GIB = 1024 ** 3;
const LONGEST_DETAIL = 600;

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
  /** Size of the image's disk. */
  readonly imageSize: number;
  readonly userName: string;
  readonly required: readonly string[];
  readonly place: string;
  readonly job: string;
  readonly boot: {
    readonly accel: MachineRequest['accel'];
    readonly firmware: Firmware;
    /** From power-on to cloud-init finished. */
    readonly budget: number;
    readonly memory: number;
    readonly cpus: number;
  };
  /** Directory for work files; nothing is left there. */
  readonly work: string;
  /** The user's state directory. */
  readonly state: string;
}

export interface SuiteResult {
  readonly report: Report;
  /** All that the guest wrote to its console, not cleaned. */
  readonly console: string;
  /** PNG of the screen at the end of a boot whose checks did not all pass. */
  readonly screen?: Buffer;
}

/**
 * Boots an image and runs the required checks on it. A guest that does not come up gives a report whose
 * checks failed.
 * @throws DefinitionError for a check that does not exist, HostError when this host cannot boot a guest,
 *   TrustError when the bytes are not the ones named or changed meanwhile, CancelledError
 */
export async function runSuite(
  context: Context,
  request: SuiteRequest,
  boot: BootMachine = MACHINES.qemu,
): Promise<SuiteResult> {
  const checks = chooseChecks(request.required);
  await assertBytes(context, request, 'is not the file that was to be tested');
  const startedAt = context.now().toISOString();
  const tested = await withWorkDirectory(context, request.work, directory =>
    testIn(context, request, checks, { directory, boot }),
  );
  await assertBytes(context, request, 'changed while it was tested');
  const { results, console, screen, ...found } = tested;
  const report = {
    ...subject(request),
    ...found,
    run: runId(context),
    startedAt,
    finishedAt: context.now().toISOString(),
    checks: results,
    passed: results.every(({ outcome }) => outcome === 'passed'),
  };
  return { report, console, ...(screen && { screen }) };
}

/**
 * The checks of these names, in the order of the list.
 * @throws DefinitionError for an unknown name, or for none at all
 */
export function chooseChecks(names: readonly string[]): Check[] {
  const known = CHECKS.map(check => check.name);
  for (const name of names) {
    if (known.includes(name)) continue;
    const near = closest(name, known);
    throw new DefinitionError(`there is no check ${JSON.stringify(name)}`, {
      advice: near === undefined ? `there are ${known.join(', ')}` : `did you mean ${near}?`,
    });
  }
  if (names.length === 0) throw new DefinitionError('no check is required', { advice: 'name one at least' });
  return CHECKS.filter(check => names.includes(check.name));
}

async function assertBytes(context: Context, { path, file }: SuiteRequest, complaint: string): Promise<void> {
  const { sha256, sha512 } = await digestFile(context, dirname(path), basename(path));
  if (sha256 === file.sha256 && sha512 === file.sha512) return;
  throw new TrustError(`${path} ${complaint}: its digest is not ${file.sha256.slice(0, 16)}...`);
}

interface Tested {
  readonly machine: Report['machine'];
  readonly bootSeconds: number;
  readonly results: readonly CheckResult[];
  readonly console: string;
  readonly screen?: Buffer;
}

async function testIn(
  context: Context,
  request: SuiteRequest,
  checks: readonly Check[],
  { directory, boot }: { directory: string; boot: BootMachine },
): Promise<Tested> {
  const nonce = context.random(16).toString('hex');
  const diskSize = largerDisk(request.imageSize);
  const machineRequest = { context, directory, diskSize, ...machineSettings(request, nonce) };
  let machine: Machine;
  try {
    machine = await boot(machineRequest);
  } catch (error) {
    if (!(error instanceof CheckError)) throw error;
    return notBooted(request, checks, error);
  }
  try {
    const guest = { machine, userName: request.userName, imageSize: request.imageSize, diskSize, nonce };
    const tested = await testGuest(context, request, checks, guest);
    const passed = tested.results.every(({ outcome }) => outcome === 'passed');
    const screen = passed ? undefined : await machine.screen();
    return { ...tested, console: await machine.console(), ...(screen && { screen }) };
  } finally {
    await machine.close();
  }
}

/** Twice the image at least, in whole GiB: a root filesystem that did not grow fills half of it at most. */
function largerDisk(imageSize: number): number {
  return Math.ceil((2 * imageSize) / GIB + 1) * GIB;
}

function machineSettings(request: SuiteRequest, nonce: string) {
  const { path: image, form, userName, state, boot } = request;
  const { accel, firmware, memory, cpus } = boot;
  return { image, form, userName, state, accel, firmware, memory, cpus, userData: userData(nonce) };
}

function notBooted({ boot }: SuiteRequest, checks: readonly Check[], error: CheckError): Tested {
  const machine = { kind: 'qemu', accelerator: 'none', firmware: boot.firmware };
  const results = checks.map(check => failure(check, 0, error));
  return { machine, bootSeconds: 0, results, console: '' };
}

async function testGuest(
  context: Context,
  request: SuiteRequest,
  checks: readonly Check[],
  guest: Omit<GuestUnderTest, 'cloudInit'>,
): Promise<Omit<Tested, 'console' | 'screen'>> {
  const { machine } = guest;
  const booted = await bootOrReason(context, machine, request.boot.budget);
  const results: CheckResult[] = [];
  for (const check of checks) {
    const result = await runCheck(context, check, underTest(guest, booted));
    context.log.info(`${result.outcome.padEnd(7)} ${check.name}: ${result.detail}`);
    results.push(result);
  }
  return {
    machine: { kind: machine.kind, accelerator: machine.accelerator, firmware: request.boot.firmware },
    bootSeconds: booted instanceof CheckError ? 0 : booted.bootSeconds,
    results,
  };
}

async function bootOrReason(
  context: Context,
  machine: Machine,
  budget: number,
): Promise<BootedGuest | CheckError> {
  const progress = context.log.progress(`booting under ${machine.accelerator}`);
  try {
    const booted = await awaitGuest(context, machine, budget);
    progress.end(`${booted.bootSeconds.toFixed(1)} s, cloud-init ${booted.cloudInit.status}`);
    return booted;
  } catch (error) {
    progress.end('failed');
    if (error instanceof CheckError) return error;
    throw error;
  }
}

/** A guest that never came up is still worth the checks from outside; those inside all have one reason. */
function underTest(
  guest: Omit<GuestUnderTest, 'cloudInit'>,
  booted: BootedGuest | CheckError,
): GuestUnderTest {
  if (!(booted instanceof CheckError)) return { ...guest, cloudInit: booted.cloudInit };
  const { machine } = guest;
  const closed: Machine = {
    kind: machine.kind,
    accelerator: machine.accelerator,
    poweredOn: machine.poweredOn,
    address: machine.address,
    network: machine.network,
    status: () => machine.status(),
    console: () => machine.console(),
    screen: () => machine.screen(),
    waitForConsole: (pattern, deadline, phase) => machine.waitForConsole(pattern, deadline, phase),
    ssh: () => Promise.reject(booted),
    close: () => machine.close(),
  };
  return { ...guest, machine: closed, cloudInit: { status: 'error', detail: booted.message } };
}

async function runCheck(context: Context, check: Check, guest: GuestUnderTest): Promise<CheckResult> {
  const start = context.now().getTime();
  const seconds = () => (context.now().getTime() - start) / 1000;
  try {
    const detail = oneLine(await check.run(guest));
    return { name: check.name, outcome: 'passed', seconds: seconds(), detail };
  } catch (error) {
    if (!(error instanceof CheckError)) throw error;
    return failure(check, seconds(), error);
  }
}

function failure({ name }: Check, seconds: number, error: CheckError): CheckResult {
  return { name, outcome: 'failed', seconds, detail: oneLine(error.line) };
}

function oneLine(text: string): string {
  return clean(text).slice(0, LONGEST_DETAIL);
}

function subject(request: SuiteRequest) {
  const { image, version, place, job, coreDigest, diskDigest, required } = request;
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
    required,
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
