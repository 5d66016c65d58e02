import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { BootForm } from '../../src/definition/forms.ts';
import { createContext } from '../../src/host/context.ts';
import { CheckError } from '../../src/host/errors.ts';
import { checkOfTree } from '../../src/verify/tree-files.ts';
import { inTemporary } from '../host/support.ts';
import { manifest } from '../report/fixture.ts';

const digest = (name: string) => Buffer.from(name).toString('hex').padEnd(64, '0');

/** What an image with two kernels has in /boot; a digest is made of a name. */
const INVENTORY = ['vmlinuz-9', 'initrd.img-9', 'vmlinuz-10', 'initrd.img-10', 'vmlinuz-11']
  .map(name => JSON.stringify({ path: `/boot/${name}`, sha256: digest(name) }))
  .join('\n');

/** @param boot the name whose digest a file has */
function check(boot: Partial<Record<BootForm, string>>): Promise<string[]> {
  const files = Object.entries(boot).map(([form, name]) => ({
    ...{ path: `image.${form}`, form: form as BootForm, size: 1, sha256: digest(name), sha512: '' },
  }));
  return inTemporary(async core => {
    await writeFile(join(core, 'inventory.jsonl'), `{"formatVersion":1}\n${INVENTORY}\n`);
    return checkOfTree(createContext(), core, { ...manifest, files });
  });
}

it('takes a kernel and an initramfs of one version of the image, or none', async () => {
  expect(await check({})).toEqual([]);
  expect(await check({ kernel: 'vmlinuz-10', initrd: 'initrd.img-10' })).toEqual(['kernel and initrd of 10']);
});

it.each<[string, Partial<Record<BootForm, string>>]>([
  ['of two versions', { kernel: 'vmlinuz-10', initrd: 'initrd.img-9' }],
  ['of another image', { kernel: 'other', initrd: 'initrd.img-9' }],
  ['the other way round', { kernel: 'initrd.img-9', initrd: 'vmlinuz-9' }],
  ['without an initramfs', { kernel: 'vmlinuz-11' }],
  ['without a kernel', { initrd: 'initrd.img-9' }],
])('refuses them %s', async (_what, boot) => {
  await expect(check(boot)).rejects.toThrow(CheckError);
  await expect(check(boot)).rejects.toThrow(/not a kernel and its initramfs of the image/);
});
