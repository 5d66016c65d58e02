import { expect, it } from 'vitest';
import { bootTime } from '../../../src/verify/checks/boot-time.ts';
import { guestUnderTest } from '../guest.ts';

const took = (bootSeconds: number, before?: number) => ({
  ...guestUnderTest(),
  bootSeconds,
  previousBoot: {
    version: '20261120.1',
    seconds: (accelerator: string) => (accelerator === 'tcg' ? before : 1),
  },
});

it('compares with the version before under the same accelerator', async () => {
  expect(await bootTime.run(took(60, 55))).toBe('ready after 60.0 s of 60 s; 20261120.1 took 55.0 s');
  expect(await bootTime.run(took(92, 55))).toContain('20261120.1 took 55.0 s');
  await expect(bootTime.run(took(93, 55))).rejects.toThrow(
    'ready after 93.0 s of 60 s; 20261120.1 took 55.0 s',
  );
});

it('says so where there is nothing to compare with', async () => {
  expect(await bootTime.run(took(60))).toContain('no boot of a version before');
  expect(await bootTime.run(guestUnderTest())).toContain('no boot of a version before');
});

it('has no time to tell of a guest that does not answer', async () => {
  const guest = guestUnderTest({ answers: [[/^true$/, 255]] });
  await expect(bootTime.run(guest)).rejects.toThrow('the guest does not answer');
});
