import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SILENCE, startAccelerated, type Trial } from '../../src/boot/accel.ts';
import { createContext } from '../../src/host/context.ts';
import { CancelledError, HostError } from '../../src/host/errors.ts';
import { silentLog } from '../../src/host/log.ts';
import { temporary } from './temporary.ts';

/** A clock that moves only while somebody sleeps. */
function world(controller = new AbortController()) {
  let time = 0;
  const said: string[] = [];
  const context = createContext({
    signal: controller.signal,
    log: { ...silentLog, info: line => said.push(line) },
    now: () => new Date(time),
    sleep: async milliseconds => {
      if (controller.signal.aborted) throw new CancelledError();
      time += milliseconds;
      await new Promise(resolve => setImmediate(resolve));
    },
  });
  return { context, said, time: () => time };
}

interface FakeMachine extends Trial {
  readonly accelerator: string;
  closed: boolean;
}

function machine(accelerator: string, behaviour: { speaks?: boolean; ended?: string }): FakeMachine {
  return {
    accelerator,
    closed: false,
    spoke: () => behaviour.speaks ?? false,
    ended: () => behaviour.ended,
    async close() {
      this.closed = true;
    },
  };
}

const facts = { opens: async () => true, bootId: async () => 'boot-1' };

async function trial(kvm: { speaks?: boolean; ended?: string } | Error, state?: string, known = facts) {
  const started: FakeMachine[] = [];
  const { context, said, time } = world();
  const directory = state ?? (await temporary());
  const start = async (accelerator: string) => {
    if (accelerator === 'kvm' && kvm instanceof Error) throw kvm;
    const made = machine(accelerator, accelerator === 'kvm' ? (kvm as object) : { speaks: true });
    started.push(made);
    return made;
  };
  const result = await startAccelerated(context, 'auto', join(directory, 'state'), start, known);
  await new Promise(resolve => setTimeout(resolve, 50));
  return { result, started, said, time: time(), directory };
}

describe('auto', () => {
  it('stays with KVM when the guest speaks', async () => {
    const { result, said } = await trial({ speaks: true });
    expect(result.accelerator).toBe('kvm');
    expect(said).toEqual([]);
  });

  it('ends a guest that is silent, and starts it anew under TCG', async () => {
    const { result, started, said, time } = await trial({ speaks: false });
    expect(result.accelerator).toBe('tcg');
    expect(started[0]).toMatchObject({ accelerator: 'kvm', closed: true });
    expect(time).toBeGreaterThanOrEqual(SILENCE);
    expect(said).toHaveLength(1);
    expect(said[0]).toContain('TCG');
  });

  it.each([
    ['dies', { ended: 'QEMU ended with SIGABRT' }],
    ['cannot start', new HostError('the guest was not started: failed to initialize kvm')],
  ])('does not wait for a guest that %s under KVM', async (_how, behaviour) => {
    const { result, time } = await trial(behaviour);
    expect(result.accelerator).toBe('tcg');
    expect(time).toBeLessThan(SILENCE);
  });

  it('remembers until the host boots again', async () => {
    const first = await trial({ speaks: false });
    const second = await trial({ speaks: true }, first.directory);
    expect(second.started.map(each => each.accelerator)).toEqual(['tcg']);
    expect(second.said).toHaveLength(1);
    const later = await trial({ speaks: true }, first.directory, { ...facts, bootId: async () => 'boot-2' });
    expect(later.result.accelerator).toBe('kvm');
  });

  it('learns nothing about KVM from an image that is silent everywhere', async () => {
    const { context } = world();
    const directory = await temporary();
    const start = async (accelerator: string) =>
      machine(accelerator, accelerator === 'kvm' ? {} : { ended: 'QEMU ended' });
    await startAccelerated(context, 'auto', directory, start, facts);
    await new Promise(resolve => setTimeout(resolve, 50));
    expect(await readdir(directory)).toEqual([]);
  });

  it('takes TCG where there is no KVM', async () => {
    const { started } = await trial({ speaks: true }, undefined, { ...facts, opens: async () => false });
    expect(started.map(each => each.accelerator)).toEqual(['tcg']);
  });

  it('closes the guest when it is cancelled while it waits', async () => {
    const controller = new AbortController();
    const { context } = world(controller);
    const made = machine('kvm', {});
    const start = async () => {
      controller.abort();
      return made;
    };
    const running = startAccelerated(context, 'auto', await temporary(), start, facts);
    await expect(running).rejects.toThrow(CancelledError);
    expect(made.closed).toBe(true);
  });
});

it('does what it is told without asking', async () => {
  const { context } = world();
  const start = async (accelerator: string) => machine(accelerator, {});
  const forbidden = { opens: () => Promise.reject(new Error('asked')), bootId: facts.bootId };
  for (const wanted of ['kvm', 'tcg'] as const) {
    const made = await startAccelerated(context, wanted, '/nonexistent', start, forbidden);
    expect(made.accelerator).toBe(wanted);
  }
});
