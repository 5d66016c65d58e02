import type { BootMachine } from '../boot/machines.ts';
import type { Machine, MachineRequest } from '../boot/types.ts';
import type { Context } from '../host/context.ts';
import { CheckError } from '../host/errors.ts';
import { asRaw } from '../image/disk-file.ts';
import type { UnitTime } from './boot-chart.ts';
import { type BootPlan, planBoots, withinCores } from './boot-plan.ts';
import type { Answers } from './facts.ts';
import type { SuiteRequest } from './suite.ts';
import { judgeGuest, type NewGuest, testGuest } from './test-guest.ts';
import type { BootName, CheckResult, GuestCheck, Report } from './types.ts';
import { byFirmware } from './unfit.ts';
import { vendorData } from './user-data.ts';

const GIB = 1024 ** 3;

/** What a boot came to, and the checks that looked at it. */
export interface BootResult {
  readonly name: BootName;
  readonly machine: Report['machine'];
  /** From power-on to cloud-init finished; 0: it never was. */
  readonly bootSeconds: number;
  /** From then until the checks had ended that share the guest. */
  readonly sharedSeconds: number;
  readonly results: readonly CheckResult[];
  /** The units that took longest. */
  readonly units: readonly UnitTime[];
  readonly console: string;
  readonly screen?: Buffer;
}

export interface BootParts {
  /** Work directory of the suite. */
  readonly directory: string;
  readonly boot: BootMachine;
  /** Processors of this host. */
  readonly cores: number;
  /** Takes over the machine of the boot that the report tells of, which is then not closed. */
  readonly keep?: ((machine: Machine) => Promise<void>) | undefined;
}

/**
 * Boots the image as often as these checks need, side by side as far as there are processors; a guest that does not
 * come up gives failed checks.
 * @returns the boot that the report tells of, the others, and the checks that nothing was booted for
 * @throws HostError when this host cannot boot a guest, CancelledError
 */
export async function runBoots(
  context: Context,
  request: SuiteRequest,
  checks: readonly GuestCheck[],
  parts: BootParts,
): Promise<{ main: BootResult; others: readonly BootResult[]; unfit: readonly CheckResult[] }> {
  const { fit, unfit } = await byFirmware(context, request, checks);
  const { firmware } = request.boot;
  const plans = planBoots(fit, firmware);
  if (plans.length === 0)
    return { main: notBooted({ name: 'first', firmware }, 'none', []), others: [], unfit };
  const image = await machineImage(context, request, parts.directory);
  let tell = (_answers: Answers) => {};
  const told = new Promise<Answers>(resolve => {
    tell = resolve;
  });
  const jobs = plans.map((plan, index) => {
    const first = plan.name === 'first';
    const cpus = first ? request.boot.cpus : 1;
    const facts: BootFacts = { image, cpus, ...(first ? { tell } : { twin: () => told }) };
    return {
      cpus,
      run: () => runBoot(context, request, plan, facts, index === 0 ? parts : { ...parts, keep: undefined }),
    };
  });
  const [main, ...others] = await withinCores(parts.cores, jobs);
  if (main === undefined) throw new TypeError('no boot was planned');
  return { main, others, unfit };
}

interface BootFacts {
  readonly image: Pick<MachineRequest, 'image' | 'form'>;
  readonly cpus: number;
  readonly tell?: (answers: Answers) => void;
  readonly twin?: () => Promise<Answers>;
}

async function runBoot(
  context: Context,
  request: SuiteRequest,
  plan: BootPlan,
  { image, cpus, tell = () => {}, twin }: BootFacts,
  { directory, boot, keep = machine => machine.close() }: BootParts,
): Promise<BootResult> {
  const { name, checks } = plan;
  const nonce = context.random(16).toString('hex');
  const diskSize = largerDisk(request.imageSize);
  const machineRequest = {
    context,
    name,
    directory,
    diskSize,
    ...machineSettings(request, plan, nonce),
    ...image,
  };
  let machine: Machine;
  try {
    machine = await boot({ ...machineRequest, cpus });
  } catch (error) {
    tell(new Map());
    if (!(error instanceof CheckError)) throw error;
    const results = checks.map(check => judgeGuest(context, request, check, () => Promise.reject(error)));
    const kind = request.cloud === undefined ? 'qemu' : 'nova';
    return notBooted(plan, kind, await Promise.all(results));
  }
  try {
    const guest = { ...guestFacts(context, request, machine, nonce), ...(twin && { twin }) };
    const tested = await testGuest(context, request, plan, guest, tell);
    const passed = tested.results.every(({ outcome }) => outcome === 'passed');
    const screen = passed ? undefined : await machine.screen();
    return { name, ...tested, console: await machine.console(), ...(screen && { screen }) };
  } catch (error) {
    // What broke the run off is what is to be told.
    const console = await machine.console().catch(() => '');
    if (console !== '') await request.unfinished?.({ name, console }).catch(() => {});
    throw error;
  } finally {
    tell(new Map());
    await keep(machine);
  }
}

function guestFacts(
  context: Context,
  { userName, imageSize, bundle, boot, previousBoot, packageMirror }: SuiteRequest,
  machine: Machine,
  nonce: string,
): NewGuest {
  const { logins, allow } = bundle;
  const facts = { machine, userName, imageSize, diskSize: machine.diskSize, nonce, logins, allow, bundle };
  return {
    context,
    budget: boot.budget,
    ...(boot.throughput !== undefined && { throughput: boot.throughput }),
    ...facts,
    ...(previousBoot && { previousBoot }),
    ...(packageMirror && { packageMirror }),
  };
}

/** Twice the image at least, in whole GiB: a root filesystem that did not grow fills half of it at most. */
function largerDisk(imageSize: number): number {
  return Math.ceil((2 * imageSize) / GIB + 1) * GIB;
}

/** What a machine can boot from: an unpacked copy, where the file is in a form that it does not know. */
async function machineImage(
  context: Context,
  { path, form, imageSize }: SuiteRequest,
  directory: string,
): Promise<BootFacts['image']> {
  if (form === 'qcow2' || form === 'raw') return { image: path, form };
  const raw = await asRaw(context, { path, form }, imageSize, directory);
  return { image: raw.path, form: 'raw' as const };
}

function machineSettings(request: SuiteRequest, plan: BootPlan, nonce: string) {
  const { imageSize, userName, state, boot, direct, cloud } = request;
  const { accel, memory, hardware } = boot;
  const { firmware } = plan;
  const made = { accel, firmware, memory, ...(hardware && { hardware }) };
  const how = { ...made, cloud, ...plan.how, ...(direct === undefined ? {} : { direct }) };
  const restarts = plan.checks.some(check => check.restarts) && { restarts: true as const };
  const seeded = { userData: plan.userData(nonce), vendorData: vendorData(nonce) };
  return { imageSize, userName, state, ...how, ...seeded, ...restarts };
}

function notBooted(
  { name, firmware }: Pick<BootPlan, 'name' | 'firmware'>,
  kind: string,
  results: readonly CheckResult[],
): BootResult {
  const machine = { kind, accelerator: 'none', firmware };
  return { name, machine, bootSeconds: 0, sharedSeconds: 0, results, units: [], console: '' };
}
