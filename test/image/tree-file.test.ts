import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createContext } from '../../src/host/context.ts';
import { CheckError } from '../../src/host/errors.ts';
import { run } from '../../src/host/process.ts';
import { readDocuments } from '../../src/image/documents.ts';
import type { InventoryLine } from '../../src/image/inventory-line.ts';
import { requireSameTree } from '../../src/image/tree-file.ts';
import { inTemporary } from './read/tree.ts';

const MAKE = `set -eu
mkdir -p etc usr/bin
echo one > etc/one; ln etc/one etc/uno; ln -s one etc/link; echo two > usr/bin/two; chmod 4755 usr/bin/two
find . -exec touch --no-dereference -d @1600000000 {} +`;

/** Squashfs and tar of one tree, and the inventory of a disk that mke2fs made of it. */
async function made(folder: string): Promise<{ inventory: string; tar: string; squashfs: string }> {
  const tree = join(folder, 'tree');
  await mkdir(tree);
  await run(['sh', '-c', MAKE], { cwd: tree });
  const [raw, tar, squashfs] = ['raw', 'tar', 'squashfs'].map(name => join(folder, name)) as [
    string,
    string,
    string,
  ];
  await run(['mke2fs', '-q', '-t', 'ext4', '-d', tree, raw, '8M']);
  await run(['tar', '-C', tree, '--format=pax', '--sort=name', '-cf', tar, '.']);
  await run(['mksquashfs', tree, squashfs, '-quiet', '-no-progress']);
  const filesystems = [{ partition: 0, mountPoint: '/' }];
  const subject = {
    image: 'i',
    version: '1',
    distribution: 'debian',
    release: '12',
    inputDigest: 'd',
    epoch: 0,
  };
  return { ...(await readDocuments({ raw, filesystems, ...subject })), tar, squashfs };
}

const context = createContext();
const disk = (inventory: string, points = ['/']) => ({ inventory, points });

function changed(inventory: string, path: string, change: (line: InventoryLine) => unknown): string {
  const rows = inventory.split('\n').flatMap(row => {
    const line = row === '' ? undefined : (JSON.parse(row) as InventoryLine);
    if (line?.path !== path) return [row];
    const after = change(line);
    return after === undefined ? [] : [JSON.stringify(after)];
  });
  return rows.join('\n');
}

const CHANGES: [string, string, (line: InventoryLine) => unknown, RegExp][] = [
  ['a file more', '/usr/bin/two', () => undefined, /\/usr\/bin\/two is in the image only/],
  ['a file less', '/etc/one', line => ({ ...line, path: '/etc/gone' }), /\/etc\/gone is not in the image/],
  [
    'another content',
    '/usr/bin/two',
    line => ({ ...line, sha256: '0'.repeat(64) }),
    /\/usr\/bin\/two has sha256/,
  ],
  ['other rights', '/usr/bin/two', line => ({ ...line, mode: '0755' }), /has mode 4755 and not 0755/],
  [
    'another owner',
    '/etc/one',
    line => ({ ...line, uid: line.uid + 7 }),
    /\/etc\/one has uid \d+ and not \d+/,
  ],
  ['another time', '/etc', line => ({ ...line, mtime: 1 }), /\/etc has mtime 1600000000 and not 1/],
  [
    'another target',
    '/etc/link',
    line => ({ ...line, target: 'two' }),
    /\/etc\/link has target one and not two/,
  ],
  [
    'an attribute less',
    '/etc',
    line => ({ ...line, attributes: { 'user.a': 'Yg==' } }),
    /\/etc has attributes none/,
  ],
  [
    'a link where two files are',
    '/etc/uno',
    ({ hardLink: _, ...line }) => line,
    /has hardLink \/etc\/one and not none/,
  ],
];

describe('a form of the tree', () => {
  it.each(['tar', 'squashfs'] as const)('as %s holds what the disk holds, or is refused', form =>
    inTemporary(async folder => {
      const { inventory, ...paths } = await made(folder);
      const file = { form, path: paths[form] };
      // The tree itself, two folders, and five names in them.
      expect(await requireSameTree(context, file, disk(inventory))).toBe(8);
      for (const [, path, change, message] of CHANGES) {
        const comparing = requireSameTree(context, file, disk(changed(inventory, path, change)));
        await expect(comparing).rejects.toThrow(CheckError);
        await expect(comparing).rejects.toThrow(message);
      }
      // On a disk with /etc apart it is another file that the same inode number has.
      const apart = changed(inventory, '/usr/bin/two', line => ({ ...line, hardLink: 99 }));
      const other = changed(apart, '/etc/uno', line => ({ ...line, hardLink: 99 }));
      await expect(requireSameTree(context, file, disk(other, ['/', '/etc']))).rejects.toThrow(/hardLink/);
    }),
  );

  it('is refused when it cannot be read to its end', () =>
    inTemporary(async folder => {
      const path = join(folder, 'squashfs');
      await writeFile(path, Buffer.alloc(5000));
      const reading = requireSameTree(context, { form: 'squashfs', path }, disk(''));
      await expect(reading).rejects.toThrow(/cannot be read to its end|is cut short/);
    }));
});
