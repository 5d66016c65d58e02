import { describe, expect, it } from 'vitest';
import { bios } from '../../../src/verify/checks/bios.ts';
import { uefi } from '../../../src/verify/checks/uefi.ts';
import { guestUnderTest } from '../guest.ts';

describe.each([
  [bios, 'BIOS', 'UEFI'],
  [uefi, 'UEFI', 'BIOS'],
])('$name', (check, own, other) => {
  const answers = (by: string, failed = '') =>
    [
      [/firmware\/efi \]/, `${by}\n`],
      [/list-units --state=failed/, failed],
    ] as const;

  it('passes a guest that this firmware started', async () => {
    expect(await check.run(guestUnderTest({ answers: answers(own) }))).toContain(`${own} started it`);
  });

  it('fails one that another started', async () => {
    const wrong = guestUnderTest({ answers: answers(other) });
    await expect(check.run(wrong)).rejects.toThrow(`started by ${other}, not ${own}`);
  });

  it('fails one that did not come up whole', async () => {
    const unit = guestUnderTest({ answers: answers(own, 'efi.mount loaded failed failed /boot/efi\n') });
    await expect(check.run(unit)).rejects.toThrow('1 failed: efi.mount');
    const unset = guestUnderTest({ answers: answers(own) }, { status: 'error', detail: 'no modules' });
    await expect(check.run(unset)).rejects.toThrow('cloud-init failed: no modules');
  });
});
