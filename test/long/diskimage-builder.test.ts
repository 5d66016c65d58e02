import { mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hostMirror } from '../../src/build/distributions/debian.ts';
import { corePath } from '../../src/bundle/names.ts';
import type { Manifest } from '../../src/bundle/types.ts';
import { createContext } from '../../src/host/context.ts';
import { run } from '../../src/host/process.ts';
import { rawDigest } from '../../src/image/disk-file.ts';
import { buildReference, installReference } from '../elements/builds.ts';
import { sharedImage } from '../end-to-end/shared-image.ts';
import { alarms, boot, GOOD_CHECKS } from '../verify/mutations/booting.ts';
import { document, look, withSpecimen } from '../verify/mutations/laboratory.ts';

/** Seconds that a boot on a busy host may take. */
const PATIENCE = 900;
const SECTOR = 512;
const BIOS_BOOT = '21686148-6449-6E6F-744E-656564454649';

/** A guest of a cloud; what its network is set up with is for the packages to say. */
const ELEMENTS = [
  ...['debian-minimal', 'vm', 'block-device-gpt', 'cloud-init', 'cloud-init-datasources'],
  ...['openssh-server', 'growroot', 'runtime-ssh-host-keys', 'enable-serial-console'],
];

/** It has no boot loader for UEFI. */
const BIOS_ONLY = new Set(['uefi', 'secure-boot']);

/** What apt and the accounts' tools left in the build, which is there in the guest too; an sshd as Debian's package has it. */
const LEFTOVERS = /^hygiene: sealed: [^:]+: leftovers of the build; sealed: /;
const TRUE_ALARMS = [/^password-login: sshd takes passwords/, /^sealed: [^:]+: leftovers of the build; /];
/** Everybody may write to the build's resolv.conf, of which a package keeps a copy. */
const COPY =
  /^world-writable: \/etc\/(?:resolvconf\/resolv\.conf\.d\/original|\.resolv\.conf\.systemd-resolved\.bak): /;

let work = '';

beforeAll(async () => {
  await installReference();
  work = process.env.IMAGE_FACTORY_TEST_REFERENCES ?? (await mkdtemp('/var/tmp/image-factory-references-'));
});

afterAll(async () => {
  if (process.env.IMAGE_FACTORY_TEST_REFERENCES === undefined)
    await rm(work, { recursive: true, force: true });
});

it.each([
  {
    release: '12',
    suite: 'bookworm',
    packages: 'ifupdown,isc-dhcp-client,iproute2,net-tools,resolvconf',
    trueAlarms: [LEFTOVERS, ...TRUE_ALARMS, COPY],
  },
  {
    release: '13',
    suite: 'trixie',
    // With ifupdown's client networking.service never ends; in Debian 12 resolved leaves the build without a resolver.
    packages: 'iproute2,netplan.io,systemd-resolved',
    trueAlarms: [
      // ssh-keygen no longer knows the DSA keys that an element of Debian 12's diskimage-builder asks it for.
      /^bios: 1 failed: ssh-keygen\.service/,
      LEFTOVERS,
      /^listening: tcp\/5355: .*; udp\/5355: /,
      ...TRUE_ALARMS,
      /^units: 1 failed: ssh-keygen\.service/,
      COPY,
    ],
  },
])(
  'a good image of Debian $release by disk-image-create raises the alarms that are true, and no other',
  async ({ release, suite, packages, trueAlarms }) => {
    const folder = join(work, release);
    await mkdir(folder, { recursive: true });
    const environment = {
      DIB_RELEASE: suite,
      DIB_CLOUD_INIT_DATASOURCES: 'NoCloud, ConfigDrive, OpenStack',
      // Which cards there are cloud-init says; without a word here they would be eth0 and eth1.
      DIB_NETWORK_INTERFACE_NAMES: ' ',
    };
    const elements = [...ELEMENTS, '-p', packages];
    const disk = await buildReference({ name: 'good', elements, environment }, folder);
    const core = await bundleAround(disk, folder, release);
    await withSpecimen(core, join(folder, 'specimen'), [], async specimen => {
      const checks = GOOD_CHECKS.filter(name => !BIOS_ONLY.has(name));
      const seen = [
        ...(await look(specimen)),
        ...(await boot(specimen, { budget: PATIENCE, checks })).checks,
      ];
      const told = alarms({ checks: seen }).map(({ name, detail }) => `${name}: ${detail}`);
      expect(told.sort()).toEqual(trueAlarms.map(says => expect.stringMatching(says)));
    });
  },
);

/** The documents that a build of ours would have made of this disk. @returns folder of the core */
async function bundleAround(disk: string, folder: string, release: string): Promise<string> {
  const core = join(folder, 'core');
  await rm(core, { recursive: true, force: true });
  await mkdir(core);
  const like = JSON.parse(
    await readFile(join(corePath((await sharedImage()).bundle), 'manifest.json'), 'utf8'),
  ) as Manifest;
  const raw = join(core, 'disk.raw');
  await run(['cp', '--sparse=always', '--reflink=auto', '--', disk, raw]);
  const { size } = await stat(raw);
  const line = {
    ...like.line,
    ...{ release, elements: [], forms: ['raw' as const] },
    disk: { ...like.line.disk, layout: 'gpt-bios' as const },
    mirror: { image: (await hostMirror())?.archive ?? '' },
  };
  const manifest = {
    ...like,
    ...{ line, diskSize: size },
    // Its files bear the times at which they were written.
    epoch: Math.ceil(Date.now() / 1000),
    diskDigest: await rawDigest(createContext(), raw),
    files: [{ ...like.files.find(({ form }) => form === 'raw'), path: 'disk.raw' }],
    volumes: await volumesOf(raw),
  } as Manifest;
  await document(core, raw, manifest);
  return core;
}

/** What stands on the disk: a boot loader's partition, and the root filesystem. */
async function volumesOf(raw: string): Promise<Manifest['volumes']> {
  const { stdout } = await run(['sfdisk', '--json', raw]);
  const { partitions } = JSON.parse(stdout).partitiontable as { partitions: Partition[] };
  return Promise.all(
    partitions.map(async ({ node, start, type }) => {
      const partition = Number(/(\d+)$/.exec(node)?.[1]);
      if (type === BIOS_BOOT) return { name: 'bios', partition, content: 'bios-boot', uuid: '' };
      const { stdout } = await run(['blkid', '-p', '-o', 'export', '-O', String(start * SECTOR), raw]);
      const said = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(stdout)?.[1] ?? '';
      const names = { uuid: said('UUID'), label: said('LABEL') };
      return { name: 'root', partition, content: said('TYPE'), mountPoint: '/', ...names };
    }),
  );
}

interface Partition {
  readonly node: string;
  readonly start: number;
  readonly type: string;
}
