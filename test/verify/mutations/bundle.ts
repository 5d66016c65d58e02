import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../../src/host/process.ts';
import type { Mutation } from './types.ts';

const edited = (name: string, change: (text: string) => string) => async (core: string) => {
  const path = join(core, name);
  await writeFile(path, change(await readFile(path, 'utf8')));
};

const qcow2 = async (core: string, ...argv: string[]) => {
  const name = (await readdir(core)).find(each => each.endsWith('.qcow2')) ?? '';
  await run([...argv, join(core, name)]);
};

const defects: readonly [string, RegExp, (core: string) => Promise<unknown>][] = [
  [
    'a package that its package list leaves out',
    /packages\.txt/,
    edited('packages.txt', text => text.replace(/^openssh-server .*\n/m, '')),
  ],
  [
    'a file that its inventory tells of otherwise',
    /\/etc\/fstab has mode/,
    edited('inventory.jsonl', text => text.replace(/("path":"\/etc\/fstab".*?"mode":")0644/, '$10600')),
  ],
  [
    'an SBOM of another version',
    /sbom/,
    edited('sbom.spdx.json', text => text.replace(/"versionInfo": "/, '"versionInfo": "0')),
  ],
  [
    'a qcow2 with another disk in it',
    /holds another disk/,
    core => qcow2(core, 'qemu-io', '-f', 'qcow2', '-c', 'write -P 1 0 512'),
  ],
  [
    'a qcow2 that reads a backing file',
    /backing file/,
    core => qcow2(core, 'qemu-img', 'rebase', '-u', '-f', 'qcow2', '-F', 'raw', '-b', '/etc/passwd'),
  ],
];

/** Defects of the bundle around a good disk. */
export const BUNDLE_MUTATIONS: readonly Mutation[] = defects.map(([name, says, spoil]) => ({
  ...{ name, check: 'images', says, spoil },
}));
