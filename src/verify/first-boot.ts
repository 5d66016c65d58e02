import type { BootMachine } from '../boot/machines.ts';
import type { Machine } from '../boot/types.ts';
import type { Context } from '../host/context.ts';
import { CheckError } from '../host/errors.ts';
import { asRaw } from '../image/disk-file.ts';
import { type Answers, gather } from './facts.ts';
import { awaitGuest, type BootedGuest } from './guest.ts';
import { judge } from './judge.ts';
import type { SuiteRequest } from './suite.ts';
import type { CheckResult, GuestCheck, GuestUnderTest, Report } from './types.ts';
import { userData, vendorData } from './user-data.ts';

const GIB = 1024 ** 3;

/** What the first boot, which all guest checks share, came to. */
export interface FirstBoot {
  readonly machine: Report['machine'];
  /** From power-on to cloud-init finished; 0: it never was. */
  readonly bootSeconds: number;
  /** From then until the checks had ended that share the guest. */
  readonly sharedSeconds: number;
  readonly results: readonly CheckResult[];
  readonly console: string;
  readonly screen?: Buffer;
}

export interface FirstBootParts {
  /** Work directory of the suite. */
  readonly directory: string;
  readonly boot: BootMachine;
}

/**
 * Boots the image and runs these checks on the guest; one that does not come up gives failed checks.
 * @throws HostError when this host cannot boot a guest, CancelledError
 */
export async function firstBoot(
  context: Context,
  request: SuiteRequest,
  checks: readonly GuestCheck[],
  { directory, boot }: FirstBootParts,
): Promise<FirstBoot> {
  if (checks.length === 0) return notBooted(request, 'none', []);
  const nonce = context.random(16).toString('hex');
  const diskSize = largerDisk(request.imageSize);
  const image = await machineImage(context, request, directory);
  const machineRequest = { context, directory, diskSize, ...machineSettings(request, nonce), ...image };
  let machine: Machine;
  try {
    machine = await boot(machineRequest);
  } catch (error) {
    if (!(error instanceof CheckError)) throw error;
    const results = checks.map(check => judgeGuest(context, request, check, () => Promise.reject(error)));
    const kind = request.cloud === undefined ? 'qemu' : 'nova';
    return notBooted(request, kind, await Promise.all(results));
  }
  try {
    const { userName, imageSize, bundle } = request;
    const { logins, allow } = bundle;
    const facts = { machine, userName, imageSize, diskSize: machine.diskSize, nonce, logins, allow };
    const guest = { context, budget: request.boot.budget, ...facts };
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

/** What a machine can boot from: an unpacked copy, where the file is in a form that it does not know. */
async function machineImage(context: Context, { path, form, imageSize }: SuiteRequest, directory: string) {
  if (form === 'qcow2' || form === 'raw') return { image: path, form };
  const raw = await asRaw(context, { path, form }, imageSize, directory);
  return { image: raw.path, form: 'raw' as const };
}

function machineSettings(request: SuiteRequest, nonce: string) {
  const { imageSize, userName, state, boot, direct, cloud } = request;
  const { accel, firmware, memory, cpus } = boot;
  const how = { accel, firmware, memory, cpus, cloud, ...(direct === undefined ? {} : { direct }) };
  const seeded = { userData: userData(nonce), vendorData: vendorData(nonce) };
  return { imageSize, userName, state, ...how, ...seeded };
}

function notBooted({ boot }: SuiteRequest, kind: string, results: readonly CheckResult[]): FirstBoot {
  const machine = { kind, accelerator: 'none', firmware: boot.firmware };
  return { machine, bootSeconds: 0, sharedSeconds: 0, results, console: '' };
}

async function testGuest(
  context: Context,
  request: SuiteRequest,
  checks: readonly GuestCheck[],
  guest: Omit<GuestUnderTest, 'cloudInit'>,
): Promise<Omit<FirstBoot, 'console' | 'screen'>> {
  const { machine } = guest;
  const booted = await bootOrReason(context, machine, request.boot.budget);
  const start = context.now().getTime();
  const reached = !(booted instanceof CheckError);
  const subject = underTest(guest, booted);
  const answers = reached ? questions(context, subject, checks) : undefined;
  const turn = (check: GuestCheck) => turnOf(context, request, check, { subject, booted, answers });
  const shared = checks.filter(check => !check.alone).map(turn);
  await Promise.allSettled([answers, ...shared]);
  const results = await Promise.all(shared);
  const sharedSeconds = (context.now().getTime() - start) / 1000;
  for (const check of checks.filter(({ alone }) => alone)) results.push(await turn(check));
  return {
    machine: machineFacts(machine, request),
    bootSeconds: reached ? booted.bootSeconds : 0,
    sharedSeconds,
    results,
  };
}

interface Asked {
  readonly subject: GuestUnderTest;
  readonly booted: BootedGuest | CheckError;
  /** What the guest is asked for all checks together; absent: it never came up. */
  readonly answers: Promise<Answers> | undefined;
}

async function turnOf(
  context: Context,
  request: SuiteRequest,
  check: GuestCheck,
  { subject, booted, answers }: Asked,
): Promise<CheckResult> {
  // Who looks from outside need not wait for what the guest answers.
  const told = check.asks === undefined ? undefined : await answers;
  // The second time a check asks anew; a guest that is not there will not be there then either.
  const tries = [told === undefined ? subject : { ...subject, answers: told }, subject];
  const act = async () => {
    // What would restart a guest has nothing to say of one that never came up.
    if (check.alone && booted instanceof CheckError) throw booted;
    return check.run(tries.shift() ?? subject);
  };
  return judgeGuest(context, request, check, act, answers !== undefined && !check.alone);
}

async function questions(
  context: Context,
  guest: GuestUnderTest,
  checks: readonly GuestCheck[],
): Promise<Answers> {
  const commands = checks.flatMap(check => check.asks?.(guest) ?? []);
  const mark = context.random(16).toString('hex');
  return gather(guest.machine, commands, mark);
}

function judgeGuest(
  context: Context,
  { quarantine }: SuiteRequest,
  check: GuestCheck,
  act: () => Promise<string>,
  again = false,
): Promise<CheckResult> {
  return judge(context, check, act, { quarantine: quarantine[check.name], again });
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

function machineFacts({ kind, accelerator, cloud }: Machine, { boot }: SuiteRequest): Report['machine'] {
  return { kind, accelerator, firmware: boot.firmware, ...(cloud && { cloud: cloud.facts }) };
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
    diskSize: machine.diskSize,
    ...(machine.cloud && { cloud: machine.cloud }),
    ...(machine.told && { told: machine.told }),
    ...(machine.hardware && { hardware: machine.hardware }),
    status: () => machine.status(),
    console: () => machine.console(),
    screen: () => machine.screen(),
    waitForConsole: (pattern, deadline, phase) => machine.waitForConsole(pattern, deadline, phase),
    ssh: () => Promise.reject(booted),
    close: () => machine.close(),
  };
  return { ...guest, machine: closed, cloudInit: { status: 'error', detail: booted.message } };
}
