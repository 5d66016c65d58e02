import type { Firmware, Machine } from '../boot/types.ts';
import type { Context } from '../host/context.ts';
import { CheckError } from '../host/errors.ts';
import type { BootResult } from './boot.ts';
import { CHART, readChart } from './boot-chart.ts';
import type { BootPlan } from './boot-plan.ts';
import { type Answers, gather } from './facts.ts';
import { awaitGuest, type BootedGuest } from './guest.ts';
import { judge } from './judge.ts';
import type { SuiteRequest } from './suite.ts';
import type { CheckResult, GuestCheck, GuestUnderTest, Report } from './types.ts';

/**
 * Waits for a guest and lets its checks at it.
 * @param tell called once with what it answered to the questions of all, if it came up
 */
export async function testGuest(
  context: Context,
  request: SuiteRequest,
  { name, checks, asks, firmware }: BootPlan,
  guest: NewGuest,
  tell: (answers: Answers) => void,
): Promise<Omit<BootResult, 'name' | 'console' | 'screen'>> {
  const { machine } = guest;
  const booted = await bootOrReason(context, name, machine, request.boot.budget);
  const start = context.now().getTime();
  const reached = !(booted instanceof CheckError);
  const subject = underTest(guest, booted);
  const answers = reached ? questions(context, subject, checks, asks) : undefined;
  void answers?.then(tell, () => {});
  const turn = (check: GuestCheck) => turnOf(context, request, check, { subject, booted, answers });
  const shared = checks.filter(check => !check.alone).map(turn);
  await Promise.allSettled([answers, ...shared]);
  const results = await Promise.all(shared);
  const units = readChart((await answers)?.get(CHART)?.stdout ?? '');
  const sharedSeconds = (context.now().getTime() - start) / 1000;
  for (const check of checks.filter(({ alone }) => alone)) results.push(await turn(check));
  return {
    machine: machineFacts(machine, firmware),
    bootSeconds: reached ? booted.bootSeconds : 0,
    sharedSeconds,
    results,
    units,
  };
}

/** A guest that was just switched on. */
export type NewGuest = Omit<GuestUnderTest, 'cloudInit' | 'bootSeconds'>;

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
  asks: readonly string[],
): Promise<Answers> {
  const commands = [...checks.flatMap(check => check.asks?.(guest) ?? []), ...asks, CHART];
  const mark = context.random(16).toString('hex');
  return gather(guest.machine, commands, mark);
}

/** One check of a guest, with the factory file's word on it. */
export function judgeGuest(
  context: Context,
  { quarantine }: SuiteRequest,
  check: GuestCheck,
  act: () => Promise<string>,
  again = false,
): Promise<CheckResult> {
  return judge(context, check, act, { quarantine: quarantine[check.name], again });
}

/** What the guest writes meanwhile is folded away where the log can do that. */
async function bootOrReason(
  context: Context,
  name: string,
  machine: Machine,
  budget: number,
): Promise<BootedGuest | CheckError> {
  const { log } = context;
  try {
    return await log.group(`boot ${name} under ${machine.accelerator}`, async () => {
      const booted = await awaitGuest(context, machine, budget);
      log.info(
        `boot ${name}: cloud-init ${booted.cloudInit.status} after ${booted.bootSeconds.toFixed(1)} s`,
      );
      return booted;
    });
  } catch (error) {
    if (error instanceof CheckError) return error;
    throw error;
  }
}

function machineFacts({ kind, accelerator, cloud }: Machine, firmware: Firmware): Report['machine'] {
  return { kind, accelerator, firmware, ...(cloud && { cloud: cloud.facts }) };
}

/** A guest that never came up is still worth the checks from outside; those inside all have one reason. */
function underTest(guest: NewGuest, booted: BootedGuest | CheckError): GuestUnderTest {
  if (!(booted instanceof CheckError)) return { ...guest, ...booted };
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
  return {
    ...guest,
    machine: closed,
    bootSeconds: 0,
    cloudInit: { status: 'error', detail: booted.message },
  };
}
