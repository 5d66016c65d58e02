import { constants } from 'node:fs';
import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../host/context.ts';
import { CancelledError } from '../host/errors.ts';
import type { Accelerator } from './types.ts';

/** A guest under KVM shows its kernel within a second or two; silence for so long is for ever. */
export const SILENCE = 20_000;
const POLL = 250;

const MEMORY = 'kvm-is-mute';

/** What choosing needs to know of a machine that was just switched on. */
export interface Trial {
  /** Whether the operating system, beyond firmware and boot loader, wrote to the console. */
  spoke(): boolean;
  /** Why it is gone; undefined: it runs. */
  ended(): string | undefined;
  close(): Promise<void>;
}

/** What this host says of KVM; handed in for tests. */
export interface KvmFacts {
  /** Whether /dev/kvm can be opened. */
  opens(): Promise<boolean>;
  /** Changes with every boot of the host. */
  bootId(): Promise<string>;
}

const hostFacts: KvmFacts = {
  opens: () =>
    access('/dev/kvm', constants.R_OK | constants.W_OK).then(
      () => true,
      () => false,
    ),
  bootId: async () => (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim(),
};

/**
 * Starts a machine with the accelerator that was asked for. `auto` tries KVM where it opens; a guest that
 * stays silent or dies under it is started anew under TCG, and when it speaks there, that is remembered
 * until this host boots again.
 * @param state directory for what is remembered
 * @param start makes and switches on a fresh machine
 */
export async function startAccelerated<T extends Trial>(
  context: Context,
  wanted: 'auto' | Accelerator,
  state: string,
  start: (accelerator: Accelerator) => Promise<T>,
  facts: KvmFacts = hostFacts,
): Promise<T> {
  if (wanted !== 'auto') return start(wanted);
  const reason = await reasonAgainstKvm(state, facts);
  if (reason !== undefined) {
    context.log.info(`${reason}: booting under TCG (software emulation)`);
    return start('tcg');
  }
  const trial = await tryKvm(context, start);
  if ('machine' in trial) return trial.machine;
  context.log.info(`KVM is there but does not run this guest (${trial.failure}): booting anew under TCG`);
  const machine = await start('tcg');
  rememberOnceItSpeaks(context, machine, state, facts);
  return machine;
}

async function reasonAgainstKvm(state: string, facts: KvmFacts): Promise<string | undefined> {
  if (!(await facts.opens())) return 'no KVM on this host';
  const remembered = await readFile(join(state, MEMORY), 'utf8').catch(() => undefined);
  if (remembered?.trim() !== (await facts.bootId())) return undefined;
  return 'KVM did not run a guest earlier on this host';
}

async function tryKvm<T extends Trial>(
  context: Context,
  start: (accelerator: Accelerator) => Promise<T>,
): Promise<{ machine: T } | { failure: string }> {
  let machine: T;
  try {
    machine = await start('kvm');
  } catch (error) {
    if (error instanceof CancelledError) throw error;
    return { failure: (error instanceof Error ? error.message : String(error)).slice(0, 160) };
  }
  try {
    const failure = await silenceOf(context, machine);
    if (failure === undefined) return { machine };
    await machine.close();
    return { failure };
  } catch (error) {
    await machine.close();
    throw error;
  }
}

/** Waits until it speaks; returns why it never will. */
async function silenceOf(context: Context, machine: Trial): Promise<string | undefined> {
  const deadline = context.now().getTime() + SILENCE;
  while (!machine.spoke()) {
    const ended = machine.ended();
    if (ended !== undefined) return ended;
    if (context.now().getTime() >= deadline) return `its kernel wrote nothing for ${SILENCE / 1000} s`;
    await context.sleep(POLL);
  }
  return undefined;
}

/** An image that is silent under TCG too says nothing about KVM. */
function rememberOnceItSpeaks(context: Context, machine: Trial, state: string, facts: KvmFacts): void {
  const watch = async () => {
    while (!machine.spoke()) {
      if (machine.ended() !== undefined) return;
      await context.sleep(POLL);
    }
    await mkdir(state, { recursive: true, mode: 0o700 });
    await writeFile(join(state, MEMORY), `${await facts.bootId()}\n`);
  };
  watch().catch(error => context.log.debug(`what KVM is worth here is not remembered: ${error}`));
}
