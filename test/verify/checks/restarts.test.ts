import { describe, expect, it } from 'vitest';
import { createContext } from '../../../src/host/context.ts';
import { CheckError } from '../../../src/host/errors.ts';
import { powerOff } from '../../../src/verify/checks/power-off.ts';
import { restart } from '../../../src/verify/checks/restart.ts';
import { NotApplicable } from '../../../src/verify/types.ts';
import { guestUnderTest } from '../guest.ts';

/** A clock that a sleep moves. */
function clock() {
  let now = 0;
  return createContext({
    now: () => new Date(now),
    sleep: async milliseconds => {
      now += milliseconds;
    },
  });
}

const GIB = 1024 ** 3;
const STATE: Readonly<Record<string, string>> = {
  'ip -4': '2: e inet 10.70.83.100/24',
  findmnt: '/ /dev/vda1 ext4',
  'resolv.conf': 'nameserver 10.70.83.53',
  ssh_host: 'ssh-ed25519 AAAA',
  'stat -f': `${3 * GIB} 1`,
};

/** Goes down when told, and is back after so many tries, with this changed. */
function restarting(
  tries: number,
  changed: Readonly<Record<string, string>> = {},
  status = 'running',
  more: Readonly<Record<string, string>> = {},
) {
  const guest = guestUnderTest();
  const { machine } = guest;
  let downFor = 0;
  let state: Readonly<Record<string, string>> = { ...STATE, ...more };
  let boot = 'first';
  machine.status = async () => status;
  machine.console = async () => '[ 1.0] Linux version 6';
  machine.ssh = async command => {
    const answer = (stdout: string) => ({ status: 0, stdout, stderr: '' });
    if (command.includes('systemctl reboot')) {
      [downFor, boot, state] = [tries, 'second', { ...STATE, ...changed }];
      return { status: 255, stdout: '', stderr: 'closed' };
    }
    if (downFor > 0 && command.includes('boot_id')) {
      downFor -= 1;
      if (downFor % 2 === 0) throw new CheckError('no answer over ssh');
      return answer('first\n');
    }
    if (command.includes('boot_id')) return answer(`${boot}\n`);
    return answer(Object.entries(state).find(([sign]) => command.includes(sign))?.[1] ?? '');
  };
  return { ...guest, machine, context: clock() };
}

describe('restart', () => {
  it('passes when all is as before', async () => {
    expect(await restart.run(restarting(5))).toBe(
      'back after 5.0 s with the same address, mounts, resolver, host keys',
    );
  });

  it('makes the disk larger meanwhile, and wants a root that follows', async () => {
    const enlarged: number[] = [];
    const withDisk = (size: number) => {
      const guest = restarting(5, { 'stat -f': `${size} 1` });
      const hardware = { powerButton: async () => {}, discarded: async () => 0 };
      const enlarge = async (bytes: number) => void enlarged.push(bytes / GIB);
      return { ...guest, machine: { ...guest.machine, hardware: { ...hardware, enlarge } } };
    };
    expect(await restart.run(withDisk(Math.floor(3.9 * GIB)))).toMatch(
      /^back .*, and a root that grew with its disk$/,
    );
    await expect(restart.run(withDisk(3 * GIB))).rejects.toThrow(/made 1024 MiB larger, and its root 0 MiB/);
    expect(enlarged).toEqual([5, 5]);
  });

  it.each([
    ['ip -4', 'address'],
    ['findmnt', 'mounts'],
    ['resolv.conf', 'resolver'],
    ['ssh_host', 'host keys'],
  ])('fails when the answer to %s is another', async (sign, name) => {
    await expect(restart.run(restarting(2, { [sign]: 'another' }))).rejects.toThrow(
      `after a reboot it has another ${name}`,
    );
  });

  it('fails when a unit failed that had not, and when user-data was carried out again', async () => {
    const before = { 'list-units': 'old.service loaded failed failed Old\n' };
    const after = { 'list-units': `${before['list-units']}new.service loaded failed failed New\n` };
    await expect(restart.run(restarting(2, after, 'running', before))).rejects.toThrow(
      'after a reboot new.service failed',
    );
    expect(await restart.run(restarting(2, before, 'running', before))).toMatch(/^back after/);
    const again = { 'ls /run': '/run/image-factory-user-data' };
    await expect(restart.run(restarting(2, again))).rejects.toThrow(/cloud-init took it for a new instance/);
  });

  it('takes no answer from before it for one from after it', async () => {
    const guest = restarting(2, { findmnt: 'another' });
    const answers = new Map(
      (restart.asks?.(guest) ?? []).map(each => [
        each,
        { status: 0, stdout: STATE.findmnt ?? '', stderr: '' },
      ]),
    );
    await expect(restart.run({ ...guest, answers })).rejects.toThrow(/another .*mounts/);
  });

  it('fails when the guest does not come back, and says where it stopped', async () => {
    await expect(restart.run(restarting(100_000))).rejects.toThrow(
      /it is not back 60 s after its reboot: it stopped in phase kernel/,
    );
  });

  it('counts for how long a guest stands still from its reboot, not from when it was idle before', async () => {
    const idle = (tries: number) => {
      const guest = restarting(tries);
      const life = () => ({ phase: 'login prompt' as const, still: 3_600_000 });
      return { ...guest, machine: { ...guest.machine, life } };
    };
    expect(await restart.run(idle(30))).toMatch(/^back after 30/);
    await expect(restart.run(idle(100_000))).rejects.toThrow(
      /it is not back 40 s after its reboot: it stopped in phase kernel 40 s ago/,
    );
  });

  it('fails when the machine ends', async () => {
    await expect(restart.run(restarting(9, {}, 'ended: QEMU ended with status 0'))).rejects.toThrow(
      /the machine ended: QEMU ended with status 0; it stopped in phase kernel/,
    );
  });
});

describe('power-off', () => {
  function pressed(...answers: string[]) {
    const guest = guestUnderTest({ discarded: [] });
    const { machine } = guest;
    machine.status = async () => (answers.length > 1 ? answers.shift() : answers[0]) ?? '';
    return { ...guest, machine, context: clock() };
  }

  it('passes when the guest goes down by itself', async () => {
    const guest = pressed('running', 'running', 'ended: QEMU ended with status 0');
    expect(await powerOff.run(guest)).toBe('off after 1.0 s');
  });

  it('fails when nobody hears the button', async () => {
    await expect(powerOff.run(pressed('running'))).rejects.toThrow(/still on 120 s after the power button/);
  });

  it('fails when the machine ends in another way', async () => {
    await expect(powerOff.run(pressed('ended: QEMU ended with SIGSEGV'))).rejects.toThrow(/SIGSEGV/);
  });

  it('does not apply where there is no button', async () => {
    await expect(powerOff.run(guestUnderTest())).rejects.toThrow(NotApplicable);
  });
});
