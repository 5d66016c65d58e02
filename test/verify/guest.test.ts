import { describe, expect, it } from 'vitest';
import type { Life } from '../../src/boot/life-signs.ts';
import { createContext } from '../../src/host/context.ts';
import { CheckError, HostError } from '../../src/host/errors.ts';
import { awaitGuest } from '../../src/verify/guest.ts';
import { type Behaviour, fakeMachine } from './guest.ts';

const BUDGET = 60_000;

/** Time passes only while somebody sleeps. */
function waiting(behaviour: Omit<Behaviour, 'life'> & { life?: (time: number) => Life }) {
  let time = 0;
  const { life, ...rest } = behaviour;
  const context = createContext({
    now: () => new Date(time),
    sleep: async milliseconds => {
      time += milliseconds;
    },
  });
  return awaitGuest(context, fakeMachine({ ...rest, ...(life && { life: () => life(time) }) }), BUDGET);
}

describe('awaitGuest', () => {
  it('waits for ssh and for cloud-init, and counts from power-on', async () => {
    let tries = 0;
    const refused = new CheckError('no answer yet');
    const pattern = { test: (command: string) => command === 'true' && ++tries < 6 } as RegExp;
    const { bootSeconds, cloudInit } = await waiting({ answers: [[pattern, refused]] });
    expect(bootSeconds).toBe(5);
    expect(cloudInit).toEqual({ status: 'done', detail: 'status: done' });
  });

  it.each([
    [2, 'degraded'],
    [1, 'error'],
    [127, 'error'],
  ])('takes exit status %i of cloud-init for %s', async (status, expected) => {
    const { cloudInit } = await waiting({ answers: [[/^cloud-init/, status]] });
    expect(cloudInit).toEqual({ status: expected, detail: 'it went wrong' });
  });

  it('says in which phase a guest stopped that never answers', async () => {
    const console = '[    0.000000] Linux version 6.1.0\r\n[    3.1] waiting\r\n';
    const failing = waiting({ answers: [[/^true$/, 255]], console });
    await expect(failing).rejects.toThrow(
      'no ssh within 60 s of power-on (it went wrong): it stopped in phase kernel, and its console ends: [    0.000000] Linux version 6.1.0 | [    3.1] waiting',
    );
  });

  it.each<[string, Behaviour, RegExp]>([
    ['panics', { console: 'Kernel panic - not syncing: no init\n' }, /gave up: Kernel panic .* no init/],
    ['is gone', { status: 'ended: QEMU ended with SIGSEGV' }, /ended: QEMU ended with SIGSEGV/],
  ])('does not wait for a guest that %s', (_how, behaviour, message) =>
    expect(waiting({ ...behaviour, answers: [[/^true$/, 255]] })).rejects.toThrow(message),
  );

  it('does not wait for cloud-init of a guest that is gone', async () => {
    const late = new CheckError('the machine ended');
    const gone = waiting({ answers: [[/^cloud-init/, late]], status: 'ended: QEMU ended with SIGKILL' });
    await expect(gone).rejects.toThrow('the machine ended: QEMU ended with SIGKILL; it stopped in phase');
  });

  it('says when cloud-init does not come to an end', () => {
    const late = new CheckError('no answer over ssh within 60 s');
    return expect(waiting({ answers: [[/^cloud-init/, late]] })).rejects.toThrow(
      /^cloud-init did not finish within 60 s of power-on: it stopped in phase login prompt/,
    );
  });

  it('ends with a phase in which a guest stands still, long before its budget', async () => {
    const console = 'GNU GRUB  version 2.06\r\n';
    const life = (time: number): Life => ({ phase: 'boot loader', still: Math.max(0, time - 7000) });
    await expect(waiting({ answers: [[/^true$/, 255]], console, life })).rejects.toThrow(
      /^no ssh within 27 s of power-on \(it went wrong\): it stopped in phase boot loader 20 s ago, and its console ends: GNU GRUB/,
    );
  });

  it('gives a guest that moves on all of its budget', async () => {
    const life = (time: number): Life => ({ phase: 'kernel', still: time % 19_000 });
    await expect(waiting({ answers: [[/^true$/, 255]], life })).rejects.toThrow(
      /^no ssh within 60 s of power-on \(it went wrong\): it stopped in phase login prompt, and/,
    );
  });

  it('waits on for a cloud-init that moves on, and no longer than a phase for one that does not', async () => {
    const late = new CheckError('no answer over ssh');
    const life = (time: number): Life => ({ phase: 'cloud-init', still: Math.max(0, time - 15_000) });
    await expect(waiting({ answers: [[/^cloud-init/, late]], life })).rejects.toThrow(
      /^cloud-init did not finish within 55 s of power-on: it stopped in phase login prompt 40 s ago/,
    );
  });

  it("does not take this host's failure for the guest's", () => {
    const missing = new HostError('ssh is not installed');
    return expect(waiting({ answers: [[/^true$/, missing]] })).rejects.toThrow(HostError);
  });
});
