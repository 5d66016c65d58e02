import { existsSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MACHINES } from '../../src/boot/machines.ts';
import type { Firmware } from '../../src/boot/types.ts';
import { bootableImage } from '../../src/bundle/core.ts';
import { readManifest } from '../../src/bundle/manifest.ts';
import { createContext } from '../../src/host/context.ts';
import { awaitGuest } from '../../src/verify/guest.ts';
import { userData } from '../../src/verify/user-data.ts';
import { run } from '../end-to-end/program.ts';

const MIB = 1024 ** 2;

/** Minutes under an emulated processor. */
const BOOT = 1800;

const ALL = 'forms: [qcow2, raw, raw.zst, squashfs, tar, kernel-initrd]';

/** A disk as the factory file asks for it, with what else its image is, and the firmwares that it boots from. */
const DISKS: [name: string, disk: string, more: string, firmwares: Firmware[]][] = [
  ['gpt-hybrid', 'layout: gpt-hybrid', ALL, ['bios', 'uefi', 'uefi-secure']],
  ['gpt-bios', 'layout: gpt-bios', 'forms: [raw.zst]', ['bios']],
  ['gpt-uefi', 'layout: gpt-uefi', '', ['uefi']],
  ['mbr', 'layout: mbr', '', ['bios']],
  ['mbr-hybrid', 'layout: mbr-hybrid', '', ['bios', 'uefi']],
  ['apart', 'partitions: {boot: 256MiB, var: 512MiB, swap: 64MiB}', '', ['bios', 'uefi']],
  ['xfs', 'filesystem: xfs', 'forms: [qcow2, squashfs, tar]', ['bios', 'uefi']],
  ['filesystem', 'layout: filesystem', 'forms: [raw, kernel-initrd]', ['bios', 'uefi']],
];

/** Each is built once and kept for the tests that follow. IMAGE_FACTORY_FORMS=FOLDER keeps them for the next run. */
const kept = process.env.IMAGE_FACTORY_FORMS;
let work = '';
let factory = '';

beforeAll(async () => {
  work = kept ?? (await mkdtemp('/var/tmp/image-factory-forms-'));
  await mkdir(work, { recursive: true });
  factory = join(work, 'factory.yaml');
  const images = DISKS.map(
    ([name, disk, more]) =>
      `  ${name}:\n    distribution: debian\n    releases: [12]\n    disk: {${disk}}\n${more === '' ? '' : `    ${more}\n`}`,
  );
  const defaults = `defaults:\n  verify: {boot: ${BOOT}s, memory: 1GiB}\n`;
  await writeFile(factory, `version: 1\n${defaults}images:\n${images.join('')}`);
});

afterAll(async () => {
  if (kept === undefined) await rm(work, { recursive: true, force: true });
});

const VERSION = '20261121.1';

async function bundleOf(name: string): Promise<string> {
  const output = join(work, 'out');
  const bundle = join(output, `${name}-12`, `${VERSION}-amd64`);
  if (existsSync(bundle)) return bundle;
  const words = ['build', `${name}-12`, '--factory', factory, '--output', output, '--version', VERSION];
  const ended = await run(words);
  expect(ended.status, ended.output).toBe(0);
  return bundle;
}

describe.each(DISKS)('%s', (name, _disk, _more, firmwares) => {
  it.each(firmwares)('boots under %s, grows, and is what its documents tell', async firmware => {
    const bundle = await bundleOf(name);
    const words = ['verify', bundle, '--factory', factory, '--firmware', firmware];
    const { status, output } = await run(words);
    expect(status, output).toBe(0);
    await appendFile(join(work, 'booted.txt'), `${name} ${firmware}\n${output}\n`);
  });
});

describe('the least machine', () => {
  it('has the memory of the manifest, and a disk a hundred times as large', async () => {
    const bundle = await bundleOf('gpt-hybrid');
    const manifest = await readManifest(bundle);
    const file = bootableImage(manifest);
    if (file.form === 'raw.zst') throw new Error('no machine boots that');
    const diskSize = 100 * manifest.diskSize;
    const machine = await MACHINES.qemu({
      context: createContext({ env: process.env }),
      ...{
        image: join(bundle, 'core', file.path),
        form: file.form,
        diskSize,
        firmware: 'uefi',
        accel: 'auto',
      },
      imageSize: manifest.diskSize,
      ...{ memory: manifest.minimum.memory * MIB, cpus: 1, userName: 'debian', userData: userData('nonce') },
      ...{ directory: work, state: join(work, 'state') },
    });
    try {
      const { cloudInit } = await awaitGuest(createContext(), machine, BOOT * 1000);
      expect(cloudInit.status).toBe('done');
      const told = await machine.ssh(
        'df --block-size=1 --output=size / | tail -n 1; free -m; dmesg | grep -ci "out of memory"',
      );
      expect(Number.parseInt(told.stdout, 10)).toBeGreaterThan(95 * manifest.diskSize);
      expect(told.stdout.trim().split('\n').at(-1)).toBe('0');
      await writeFile(join(work, 'least.txt'), told.stdout);
    } finally {
      await machine.close();
    }
  });
});
