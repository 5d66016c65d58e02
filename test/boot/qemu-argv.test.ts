import fc from 'fast-check';
import { expect, it } from 'vitest';
import { qemuArgv, virtualNetwork } from '../../src/boot/qemu-argv.ts';

const network = virtualNetwork(Buffer.from([6, 43]));
const guest = { memory: 1024 ** 3, cpus: 2, firmware: 'bios' as const };

it("hands out a resolver inside the net, apart from the router's and the guests' addresses", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 2, maxLength: 2 }), bytes => {
      const { net, host, resolver } = virtualNetwork(Buffer.from(bytes));
      const prefix = net.replace(/0\/24$/, '');
      expect(resolver.startsWith(prefix)).toBe(true);
      const last = Number(resolver.slice(prefix.length));
      expect(last).toBeGreaterThan(Number(host.slice(prefix.length)));
      expect(last).toBeLessThan(100);
    }),
  );
});

it('puts the way on before the judge, whom the guest meets first', () => {
  const filters = qemuArgv(guest, 'tcg', network).filter(each => each.startsWith('filter-redirector'));
  expect(filters.map(each => /id=(\w+)/.exec(each)?.[1])).toEqual(['pass', 'judge', 'answer']);
});

it('opens nothing to other hosts', () => {
  const forward = qemuArgv(guest, 'tcg', network).filter(each => each.includes('hostfwd'));
  expect(forward).toEqual([expect.stringMatching(/hostfwd=tcp:127\.0\.0\.1:0-10\.70\.83\.100:22$/)]);
});

it('protects the variables of Secure Boot', () => {
  const argv = qemuArgv({ ...guest, firmware: 'uefi-secure' }, 'kvm', network).join(' ');
  expect(argv).toContain('-machine q35,smm=on');
  expect(argv).toContain('property=secure,value=on');
  expect(argv).toContain('.secboot.fd');
});
