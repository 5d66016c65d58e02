import fc from 'fast-check';
import { expect, it } from 'vitest';
import { qemuArgv, staticNetwork, virtualNetwork } from '../../src/boot/qemu-argv.ts';

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

it('looks like an OpenStack where its metadata comes as from one, and takes out what the guest is sent', () => {
  const argv = qemuArgv({ ...guest, metadata: 'service' }, 'tcg', network);
  expect(argv.join(' ')).toContain('-smbios type=1,product=OpenStack Nova');
  expect(argv.join(' ')).not.toContain('seed.img');
  const filters = argv.filter(each => each.startsWith('filter-redirector'));
  expect(filters.map(each => /id=(\w+)/.exec(each)?.[1])).toEqual(['pass', 'judge', 'watch', 'answer']);
});

it('has two cards, and leads ssh to an address that no DHCP hands out', () => {
  const fixed = staticNetwork(network);
  const argv = qemuArgv({ ...guest, metadata: 'config-drive' }, 'tcg', network, fixed).join(' ');
  expect(argv).toContain(`-${fixed.first.address}:22`);
  for (const { mac } of [fixed.first, fixed.second]) expect(argv).toContain(`mac=${mac}`);
  expect(fixed.first.address).not.toBe(network.guest);
  expect(fixed.second.address.split('.')[2]).not.toBe(fixed.first.address.split('.')[2]);
});

it.each([
  [
    { disk: 'virtio', nic: 'virtio' },
    ['virtio-blk-pci,drive=disk', 'virtio-blk-pci,drive=seed'],
    'virtio-net-pci',
  ],
  [
    { disk: 'scsi', nic: 'e1000' },
    ['scsi-hd,bus=scsi.0,drive=disk', 'scsi-hd,bus=scsi.0,drive=seed'],
    'e1000',
  ],
  [
    { disk: 'sata', nic: 'rtl8139' },
    ['ide-hd,bus=ide.0,drive=disk', 'ide-hd,bus=ide.1,drive=seed'],
    'rtl8139',
  ],
] as const)('is made of what the factory file says: %o', (hardware, drives, card) => {
  const fixed = staticNetwork(network);
  const argv = qemuArgv({ ...guest, hardware, metadata: 'config-drive' }, 'tcg', network, fixed);
  const devices = argv.filter((_, index) => argv[index - 1] === '-device');
  expect(devices.filter(each => each.includes('drive='))).toEqual(drives);
  expect(devices.filter(each => each.includes('netdev=')).map(each => each.split(',')[0])).toEqual([
    card,
    card,
  ]);
  expect(devices.includes('virtio-scsi-pci,id=scsi')).toBe(hardware.disk === 'scsi');
});

it('keeps little translated code of a guest that will start anew, under TCG', () => {
  expect(qemuArgv({ ...guest, restarts: true }, 'tcg', network)).toContain('tcg,thread=multi,tb-size=64');
  expect(qemuArgv(guest, 'tcg', network)).toContain('tcg,thread=multi');
});
