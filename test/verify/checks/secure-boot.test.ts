import { expect, it } from 'vitest';
import { secureBoot } from '../../../src/verify/checks/secure-boot.ts';
import { guestUnderTest } from '../guest.ts';

const guest = (enforced: string, lockdown: string, by = 'UEFI\n') =>
  guestUnderTest({
    answers: [
      [/efivars/, enforced],
      [/lockdown/, lockdown],
      [/firmware\/efi \]/, by],
    ],
  });

it('passes where firmware and kernel both hold to signatures', async () => {
  expect(await secureBoot.run(guest('   1\n', 'none [integrity] confidentiality\n'))).toContain(
    '(integrity)',
  );
});

it('fails where either does not', async () => {
  const lockdown = '[none] integrity confidentiality\n';
  await expect(secureBoot.run(guest('   0\n', lockdown))).rejects.toThrow(/did not enforce/);
  await expect(secureBoot.run(guest('', lockdown))).rejects.toThrow(/did not enforce/);
  await expect(secureBoot.run(guest('   1\n', lockdown))).rejects.toThrow(/not locked down/);
  await expect(secureBoot.run(guest('   1\n', ''))).rejects.toThrow(/not locked down/);
});

it('fails a guest that no UEFI started', async () => {
  const wrong = guest('   1\n', 'none [integrity] confidentiality\n', 'BIOS\n');
  await expect(secureBoot.run(wrong)).rejects.toThrow('started by BIOS, not UEFI');
});
