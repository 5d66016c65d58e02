import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import type { Machine } from '../../../src/boot/types.ts';
import { throughput } from '../../../src/verify/checks/throughput.ts';
import { fakeMachine, guestUnderTest } from '../guest.ts';

const GIB = 1024 ** 3;

/** A guest that is this host: what is pushed is left out, and what is pushed runs as it is here. */
function here(seen: string[] = []): Machine {
  const machine = fakeMachine();
  const open = (port: number) => {
    seen.push(`open ${port > 0}`);
    return { address: '127.0.0.1', shut: () => void seen.push('shut') };
  };
  return {
    ...machine,
    ...(machine.network && { network: { ...machine.network, open } }),
    ssh: async command => {
      seen.push(command.replace(/.*(mkdir|rm -rf|--client).*/s, '$1'));
      const words = /iperf3 (--reverse )?(--client.*)'$/.exec(command);
      if (words === null) return { status: 0, stdout: '', stderr: '' };
      const [, reverse = '', rest = ''] = words;
      const client = `${reverse}${rest.replace('--time 5', '--time 1')}`.trim().split(' ');
      const { stdout } = await promisify(execFile)('iperf3', client).catch(error => error);
      return { status: 0, stdout, stderr: '' };
    },
  };
}

it('tells what iperf3 measures in both directions, and leaves nothing', { timeout: 60_000 }, async () => {
  const seen: string[] = [];
  const guest = { ...guestUnderTest(), machine: here(seen) };
  expect(await throughput.run(guest)).toMatch(
    /^\d+\.\d MiB\/s from the guest, \d+\.\d MiB\/s to the guest by iperf3$/,
  );
  expect(seen.filter(each => each !== 'mkdir')).toEqual([
    ...['open true', '--client', 'shut', 'open true', '--client', 'shut', 'rm -rf'],
  ]);
});

it('fails below what the factory file asks for', { timeout: 60_000 }, () => {
  const guest = { ...guestUnderTest(), machine: here(), throughput: 1024 * GIB };
  return expect(throughput.run(guest)).rejects.toThrow(/MiB\/s from the guest, less than the 1048576\.0/);
});

it('is told by whoever measured nothing', async () => {
  const machine = here();
  const mute = { ...machine, network: undefined };
  await expect(throughput.run({ ...guestUnderTest(), machine: mute })).rejects.toThrow(
    /no way to the runner/,
  );
  const broken: Machine = {
    ...machine,
    ssh: async () => ({ status: 0, stdout: '{"error": "unable to connect"}', stderr: '' }),
  };
  await expect(throughput.run({ ...guestUnderTest(), machine: broken })).rejects.toThrow(
    /iperf3 measured nothing: unable to connect/,
  );
});
