import type { DiskBus, NetworkCard } from '../definition/hardware.ts';
import type { StaticNetwork } from './metadata/types.ts';
import { DISK } from './qemu-hardware.ts';
import type { Accelerator, DirectBoot, Firmware, MachineRequest } from './types.ts';

/** A virtual network that no image knows by heart, so that what a guest uses it was told. */
export interface VirtualNetwork {
  readonly net: string;
  readonly host: string;
  readonly resolver: string;
  /** What DHCP hands out. */
  readonly guest: string;
  readonly mac: string;
}

/** @param random two random bytes: the resolver's address differs from run to run */
export function virtualNetwork(random: Buffer): VirtualNetwork {
  const prefix = `10.${64 + (random.readUInt8(0) % 128)}.83`;
  // Addresses from 100 on are for guests.
  const resolver = `${prefix}.${10 + (random.readUInt8(1) % 80)}`;
  const mac = `52:54:00:83:${hex(random.readUInt8(0))}:${hex(random.readUInt8(1))}`;
  return { net: `${prefix}.0/24`, host: `${prefix}.2`, resolver, guest: `${prefix}.100`, mac };
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}

/** Addresses in such a network that its DHCP does not know, and a second card without a way out. */
export function staticNetwork({ host, resolver, mac, guest }: VirtualNetwork): StaticNetwork {
  const [one, two, three] = guest.split('.');
  const ipv6 = `fd${hex(Number(one))}:${hex(Number(two))}:${hex(Number(three))}::77`;
  const other = mac.replace(/^52:54:00:83/, '52:54:00:84');
  return {
    ...{ router: host, resolver },
    first: { mac, address: `${one}.${two}.${three}.77`, ipv6, mtu: 1400 },
    second: { mac: other, address: `${one}.${two}.84.77` },
  };
}

/** File names in the machine's directory, in which QEMU runs: no path of ours needs quoting for its options. */
export const FILES = {
  disk: 'disk.qcow2',
  seed: 'seed.img',
  vars: 'firmware-variables.fd',
  console: 'console.log',
  screen: 'screen.png',
} as const;

/** Firmware as Debian and Ubuntu package it (ovmf); the variables' file is a template to copy. */
export const FIRMWARE: Readonly<Record<Exclude<Firmware, 'bios'>, { code: string; variables: string }>> = {
  uefi: { code: '/usr/share/OVMF/OVMF_CODE_4M.fd', variables: '/usr/share/OVMF/OVMF_VARS_4M.fd' },
  'uefi-secure': {
    code: '/usr/share/OVMF/OVMF_CODE_4M.secboot.fd',
    variables: '/usr/share/OVMF/OVMF_VARS_4M.ms.fd',
  },
};

const MIB = 1024 * 1024;

/** The command line of one guest: no display, no default devices, one way out. */
export function qemuArgv(
  request: Pick<
    MachineRequest,
    'memory' | 'cpus' | 'firmware' | 'direct' | 'metadata' | 'restarts' | 'hardware'
  >,
  accelerator: Accelerator,
  network: VirtualNetwork,
  fixed?: StaticNetwork,
): string[] {
  const metadata = request.metadata ?? 'nocloud';
  const { disk = 'virtio', nic = 'virtio' } = request.hardware ?? {};
  return [
    ...['qemu-system-x86_64', '-nodefaults', '-no-user-config', '-display', 'none'],
    ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    ...['-m', `${Math.ceil(request.memory / MIB)}M`, '-smp', String(request.cpus)],
    ...accelerationArgv(accelerator, request.restarts),
    ...firmwareArgv(request.firmware),
    ...directArgv(request.direct),
    // The monitor is our pipe: it needs no name in any file system and ends with us.
    ...['-chardev', 'stdio,id=monitor,signal=off', '-mon', 'chardev=monitor,mode=control'],
    ...['-chardev', `file,id=serial,path=${FILES.console}`, '-serial', 'chardev:serial'],
    ...diskArgv(disk, { file: FILES.disk, seed: metadata === 'service' ? undefined : FILES.seed }),
    // By this cloud-init knows an OpenStack before it asks any service.
    ...(metadata === 'nocloud' ? [] : ['-smbios', 'type=1,product=OpenStack Nova']),
    ...['-device', 'virtio-rng-pci'],
    // A cloud's machines have one too; nobody looks at it until a boot fails.
    ...['-device', 'VGA'],
    ...networkArgv(nic, network, fixed?.first.address ?? network.guest, metadata === 'service'),
    ...(fixed === undefined ? [] : secondCard(nic, fixed)),
  ];
}

/** MiB of translated code of a guest that starts anew: what is stale then slows each write to memory that it was made of. */
const TRANSLATED = 64;

/** Under TCG no model boots measurably faster than `max`, and newer distributions need x86-64-v2. */
function accelerationArgv(accelerator: Accelerator, restarts = false): string[] {
  if (accelerator === 'kvm') return ['-accel', 'kvm', '-cpu', 'host'];
  return ['-accel', `tcg,thread=multi${restarts ? `,tb-size=${TRANSLATED}` : ''}`, '-cpu', 'max'];
}

function firmwareArgv(firmware: Firmware): string[] {
  if (firmware === 'bios') return ['-machine', 'q35'];
  const flash = (unit: number, file: string, more: string) => [
    '-drive',
    `if=pflash,unit=${unit},format=raw,file=${file}${more}`,
  ];
  const { code } = FIRMWARE[firmware];
  const drives = [...flash(0, code, ',readonly=on'), ...flash(1, FILES.vars, '')];
  if (firmware === 'uefi') return ['-machine', 'q35', ...drives];
  // Without SMM the guest could write the variables that say which signatures count.
  const secure = ['-global', 'driver=cfi.pflash01,property=secure,value=on'];
  return ['-machine', 'q35,smm=on', ...secure, ...drives];
}

function directArgv(direct: DirectBoot | undefined): string[] {
  if (direct === undefined) return [];
  const { kernel, initrd, parameters } = direct;
  return ['-kernel', kernel, '-initrd', initrd, '-append', parameters];
}

const SEED = 'seed';
/** The devices of a bus that the disk and the seed are. */
const DRIVES: Readonly<Record<DiskBus, readonly [disk: string, seed: string]>> = {
  virtio: ['virtio-blk-pci', 'virtio-blk-pci'],
  scsi: ['scsi-hd,bus=scsi.0', 'scsi-hd,bus=scsi.0'],
  sata: ['ide-hd,bus=ide.0', 'ide-hd,bus=ide.1'],
};

/** @param seed absent: the metadata is not on a disk */
function diskArgv(bus: DiskBus, { file, seed }: { file: string; seed: string | undefined }): string[] {
  const drive = (id: string, name: string, options: string, device: string) => [
    ...['-drive', `if=none,id=${id},file=${name},${options}`],
    ...['-device', `${device},drive=${id}`],
  ];
  const [disk, other] = DRIVES[bus];
  // A disk of SATA can be written to: what a guest writes to its seed goes with the machine.
  const access = bus === 'sata' ? '' : ',readonly=on';
  return [
    ...(bus === 'scsi' ? ['-device', 'virtio-scsi-pci,id=scsi'] : []),
    ...drive(DISK, file, 'format=qcow2,cache=unsafe,discard=unmap', disk),
    ...(seed === undefined ? [] : drive(SEED, seed, `format=raw${access}`, other)),
  ];
}

function cardArgv(card: NetworkCard, netdev: string, mac: string): string[] {
  const model = card === 'virtio' ? 'virtio-net-pci' : card;
  return ['-device', `${model},netdev=${netdev},mac=${mac},romfile=`];
}

/** Descriptors that QEMU inherits, each one end of a socket pair whose other end is the gate's. */
export const GATE_DESCRIPTORS = { fromGuest: 3, toNetwork: 4, toGuest: 5, fromNetwork: 6 } as const;

/**
 * Port 0 lets the kernel choose a free one. Without IPv6 there is one resolver that is handed out, and no
 * second by router advertisement. All that the guest sends goes through the gate; `restrict` would leave the
 * resolver out of what DHCP hands out.
 * @param reached the address at which the guest's ssh is
 * @param watched whether what the guest is sent goes through the gate as well
 */
function networkArgv(
  card: NetworkCard,
  { net, host, resolver, guest, mac }: VirtualNetwork,
  reached: string,
  watched: boolean,
): string[] {
  const settings = `net=${net},host=${host},dns=${resolver},dhcpstart=${guest}`;
  const sockets = Object.entries(GATE_DESCRIPTORS).flatMap(([id, descriptor]) => [
    '-chardev',
    `socket,id=${id},fd=${descriptor}`,
  ]);
  const redirect = (name: string, ends: string) => [
    '-object',
    `filter-redirector,id=${name},netdev=net,${ends}`,
  ];
  return [
    ...['-netdev', `user,id=net,ipv6=off,${settings},hostfwd=tcp:127.0.0.1:0-${reached}:22`],
    ...cardArgv(card, 'net', mac),
    ...sockets,
    // What the guest sends meets the last filter first: what passes must not come before the judge again.
    ...redirect('pass', 'queue=rx,indev=toNetwork'),
    ...redirect('judge', 'queue=rx,outdev=fromGuest'),
    // What is put in goes on behind what is taken out, and so does not come before the gate again.
    ...(watched ? redirect('watch', 'queue=tx,outdev=fromNetwork') : []),
    ...redirect('answer', 'queue=tx,indev=toGuest'),
  ];
}

function secondCard(card: NetworkCard, { second }: StaticNetwork): string[] {
  const net = second.address.replace(/\d+$/, '0/24');
  return [
    ...['-netdev', `user,id=second,ipv6=off,restrict=on,net=${net}`],
    ...cardArgv(card, 'second', second.mac),
  ];
}
